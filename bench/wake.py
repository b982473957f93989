"""How long a committed message waits until it is posted: written by the same process, and by another one."""

import threading
import time

from bench.databases import Rows, enqueue
from bench.inbound import tell_all
from bench.processes import Muster
from bench.report import Figure, middle
from bench.stage import Stage, slash

PEOPLE, TIMES = 10, 20
PAUSE = 0.4  # seconds, so that nothing is under way
FIRST_OTHER = 1_000  # the number of the first person of another process; nobody on the staff list
NET = {"sqlite": "poll", "postgresql": "LISTEN/NOTIFY"}


def measure(stage: Stage, database: str) -> list[Figure]:
    own, other, count = list[float](), list[float](), stage.load(TIMES) or 1
    with stage.bar("wake", database) as bar, stage.database(database, PEOPLE) as (url, rows):
        muster = stage.muster(url)
        with muster.runs():
            tell_all(stage, muster, rows, PEOPLE, bar.says("a declaration"))
            progress = bar.says("wakes")
            for number in range(count):
                own.append(_same_process(stage, muster, rows, number))
                other.append(_other_process(stage, url, rows, number))
                progress(number + 1, count)
    return [
        middle("wake", database, "commit to POST, in one process", own, "ms", says=f"{count} updates from Slack"),
        middle("wake", database, "commit to POST, from another", other, "ms", says=f"{count} texts, {NET[database]}"),
        Figure("wake", database, "the slowest from another", max(other), "ms"),
    ]


def _same_process(stage: Stage, muster: Muster, rows: Rows, number: int) -> float:
    """ms from an update's commit, as another connection sees it, to its first text."""
    _calm(stage, rows)
    last = rows.one("select max(id) from notice")
    command = threading.Thread(target=slash, args=(muster, stage.provider, f"update We work on it, {number}"))
    command.start()
    committed = rows.seen("select count(*) from notice where id > :last", last=last)
    command.join()
    stage.provider.takes(1, stage.limit)
    return max(stage.provider.taken()["first"] - committed, 0.0) * 1000


def _other_process(stage: Stage, url: str, rows: Rows, number: int) -> float:
    _calm(stage, rows)
    committed = enqueue(url, 1, FIRST_OTHER + number)
    stage.provider.takes(1, stage.limit)
    return max(stage.provider.taken()["first"] - committed, 0.0) * 1000


def _calm(stage: Stage, rows: Rows) -> None:
    time.sleep(PAUSE)
    rows.settled(stage.limit)
    stage.provider.begin()
