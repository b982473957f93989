"""How fast a durable outbox empties into the provider, against the SDK in a loop that keeps nothing."""

from bench.databases import Rows, enqueue
from bench.processes import Muster, Progress, cpu_seconds
from bench.report import Figure, middle
from bench.stage import Speed, Stage, bare

MESSAGES, RUNS = 10_000, 3
TARGETS = {"sqlite": 0.90, "postgresql": 0.80}


def measure(stage: Stage, database: str) -> list[Figure]:
    """Bare, ours, bare, ours: texts a second of one worker, and what it lost or doubled."""
    count, bares, ours, lost = stage.load(MESSAGES), list[Speed](), list[Speed](), 0
    with stage.bar("fanout", database) as bar:
        for run in range(1, stage.times(RUNS) + 1):
            bares.append(bare(stage, count, bar.says(f"bare SDK, run {run}")))
            with stage.database(database) as (url, rows):
                enqueue(url, count)
                speed, lost_now = empty(stage, stage.muster(url), rows, count, bar.says(f"one worker, run {run}"))
                ours.append(speed)
                lost += lost_now
    ratios = [mine.rate / other.rate for mine, other in zip(ours, bares, strict=True)]
    return [
        middle("fanout", database, "bare async SDK", [speed.rate for speed in bares], "/s",
               says=f"{count:,} texts, 100 connections, uvloop"),
        middle("fanout", database, "one worker", [speed.rate for speed in ours], "/s",
               says="first POST to last row settled"),
        middle("fanout", database, "ratio", ratios, "x", target=TARGETS[database]),
        middle("fanout", database, "bare, CPU of 1,000", [speed.cpu for speed in bares], "ms"),
        middle("fanout", database, "one worker, CPU of 1,000", [speed.cpu for speed in ours], "ms"),
        Figure("fanout", database, "lost or doubled", lost, "texts", 0, "="),
    ]  # fmt: skip


def empty(stage: Stage, muster: Muster, rows: Rows, count: int, progress: Progress) -> tuple[Speed, int]:
    """Let one worker send what is queued; how fast, and how many were lost or doubled."""
    stage.provider.begin()
    with muster.works() as pid:
        stage.provider.takes(1, stage.limit)
        before = cpu_seconds(pid)
        stage.provider.takes(count, stage.limit, progress)
        ended, computed = rows.settled(stage.limit), cpu_seconds(pid) - before
        taken = stage.provider.taken()
    return Speed(count / (ended - taken["first"]), computed / count * 1e6), wrong(taken, rows, count)


def wrong(taken: dict[str, int], rows: Rows, count: int) -> int:
    """Texts that the provider has twice or not at all, and rows that do not say that they were handed over."""
    unhanded = rows.one("select count(*) from message where handed_at is null")
    return abs(count - taken["people"]) + taken["doubled"] + int(unhanded)
