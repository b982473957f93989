"""From a committed declaration to the first text at the provider, for few people and for many.

Committed means: another connection sees the outage, looked for every millisecond.
"""

import threading
import time

from bench.databases import Rows
from bench.report import Figure, middle
from bench.stage import Stage, slash

FEW, MANY, RUNS = 10, 100_000, 5
FIRST = {FEW: 100.0, MANY: 500.0}  # ms
ANSWERED = 3.0  # seconds
SETTLED = 0.5  # seconds that a start is given to calm down
DECLARED = "select count(*) from outage"


def measure(stage: Stage, database: str) -> list[Figure]:
    figures = []
    for people, usual in ((FEW, FEW), (stage.load(MANY), MANY)):
        first, answered, whole = list[float](), list[float](), list[float]()
        with stage.bar("declare", database) as bar:
            for run in range(1, stage.times(RUNS) + 1):
                progress = bar.says(f"{people:,} people, run {run}")
                with stage.database(database, people) as (url, rows):
                    times = _declared(stage, url, rows)
                for runs, time_taken in zip((first, answered, whole), times, strict=True):
                    runs.append(time_taken)
                progress(run, run)
        to = f"{people:,} people"
        figures += [
            middle("declare", database, f"commit to first POST, {to}", first, "ms", target=FIRST[usual], sense="<"),
            middle("declare", database, f"answered, {to}", answered, "s", target=ANSWERED, sense="<"),
            middle("declare", database, f"command to first POST, {to}", whole, "s"),
        ]  # fmt: skip
    return figures


def _declared(stage: Stage, url: str, rows: Rows) -> tuple[float, float, float]:
    """From the commit to the first text in ms; from the command to its answer and to the first text in seconds."""
    stage.provider.begin()
    muster, answers = stage.muster(url), list[float]()
    with muster.runs():
        time.sleep(SETTLED)
        asked = time.time()
        command = threading.Thread(
            target=lambda: answers.append(slash(muster, stage.provider, "declare new ehr level:4 Epic is down"))
        )
        command.start()
        committed = rows.seen(DECLARED)
        command.join()
        stage.provider.takes(1, stage.limit)
        first = stage.provider.taken()["first"]
    if not answers:
        raise RuntimeError("the declaration was not answered")
    return max(first - committed, 0.0) * 1000, answers[0], first - asked
