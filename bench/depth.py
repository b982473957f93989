"""Whether a long queue is as fast at its end as at its beginning."""

from bench.databases import enqueue
from bench.fanout import wrong
from bench.processes import cpu_seconds
from bench.report import Figure
from bench.stage import Stage

MESSAGES = 100_000
PART = 10  # the first and the last tenth are compared
TARGET = 0.95


def measure(stage: Stage, database: str) -> list[Figure]:
    count = stage.load(MESSAGES)
    part, computed = count // PART, list[float]()
    with stage.bar("depth", database) as bar, stage.database(database) as (url, rows):
        bar.says(f"{count:,} texts are written")
        enqueue(url, count)
        stage.provider.begin()
        progress = bar.says("one worker")
        with stage.muster(url).works() as pid:
            for reached in (1, part, count - part, count):
                stage.provider.takes(reached, stage.limit, lambda done, total: progress(done, count))
                computed.append(cpu_seconds(pid))
            rows.settled(stage.limit)
            taken, times = stage.provider.taken(), stage.provider.ask("times")
        lost = wrong(taken, rows, count)
    first, last = part / (times[part] - times[0]), part / (times[-1] - times[-part - 1])
    cpu = [(computed[n + 1] - computed[n]) / part * 1e6 for n in (0, 2)]
    return [
        Figure("depth", database, f"the first {part:,} of {count:,}", first, "/s"),
        Figure("depth", database, f"the last {part:,}", last, "/s"),
        Figure("depth", database, "ratio", last / first, "x", TARGET),
        Figure("depth", database, "CPU of 1,000, the first", cpu[0], "ms"),
        Figure("depth", database, "CPU of 1,000, the last", cpu[1], "ms"),
        Figure("depth", database, "lost or doubled", lost, "texts", 0, "="),
    ]
