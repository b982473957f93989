"""Two workers on one PostgreSQL against one, at a provider that takes its time: neither stands in the other's way."""

import contextlib
import time

from bench.databases import Rows, enqueue
from bench.fanout import wrong
from bench.processes import GLANCE, PATIENCE, Muster, Progress, Stuck
from bench.report import Figure, middle
from bench.stage import Stage

MESSAGES, RUNS = 10_000, 3
LATENCY = 0.1  # seconds in which the provider answers; each worker has at most 100 messages on the wire
TARGET = 1.8
SETTLING = 1.0  # seconds in which a worker that is connected begins to listen
HERE = "select count(distinct application_name) from pg_stat_activity where application_name like 'worker-%'"


def measure(stage: Stage, database: str) -> list[Figure]:
    if database != "postgresql":
        return []  # one process is all that SQLite takes
    count, one, two, lost = stage.load(MESSAGES), list[float](), list[float](), 0
    with stage.bar("workers", database) as bar:
        for run in range(1, stage.times(RUNS) + 1):
            for workers, rates in ((1, one), (2, two)):
                with stage.database(database) as (url, rows):
                    progress = bar.says(f"{workers} at work, run {run}")
                    rate, wrong_now = together(stage, stage.muster(url), rows, workers, count, progress)
                    rates.append(rate)
                    lost += wrong_now
    ratios = [both / alone for both, alone in zip(two, one, strict=True)]
    says = f"{count:,} texts, a provider that takes {LATENCY * 1000:g} ms, 100 connections each"
    return [
        middle("workers", database, "one worker", one, "/s", says=says),
        middle("workers", database, "two workers", two, "/s"),
        middle("workers", database, "ratio", ratios, "x", target=TARGET),
        Figure("workers", database, "lost or doubled", lost, "texts", 0, "="),
    ]


def together(
    stage: Stage, muster: Muster, rows: Rows, workers: int, count: int, progress: Progress
) -> tuple[float, int]:
    """So many workers, up before there is anything to do, empty an outbox: texts a second; what was lost or doubled."""
    stage.provider.begin(latency=LATENCY)
    with contextlib.ExitStack() as at_work:
        for number in range(workers):
            at_work.enter_context(muster.works(f"worker-{number}"))
        _are_up(rows, workers)
        enqueue(muster.database_url, count)
        stage.provider.takes(count, stage.limit, progress)
        ended = rows.settled(stage.limit)
        taken = stage.provider.taken()
    return count / (ended - taken["first"]), wrong(taken, rows, count)


def _are_up(rows: Rows, workers: int) -> None:
    until = time.monotonic() + PATIENCE
    while rows.one(HERE) < workers:
        if time.monotonic() > until:
            raise Stuck(f"{workers} workers were not connected after {PATIENCE:g} s")
        time.sleep(GLANCE)
    time.sleep(SETTLING)
