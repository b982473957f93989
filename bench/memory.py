"""The most memory that one process ever held while it told few and many people."""

from bench.inbound import tell_all
from bench.processes import peak_memory
from bench.report import Figure
from bench.stage import Stage

FEW, MANY = 10_000, 100_000
TARGET = 300.0  # MB


def measure(stage: Stage, database: str) -> list[Figure]:
    many, figures = stage.load(MANY), list[Figure]()
    for people in [many] if stage.quick else [stage.load(FEW), many]:
        idle, peak, twice = _peak(stage, database, people)
        figures += [
            Figure("memory", database, f"idle, {people:,} on the staff list", idle, "MB"),
            Figure("memory", database, f"peak, {people:,} declared to and sent", peak, "MB", TARGET, "<"),
            Figure("memory", database, "doubled", twice, "texts", 0, "="),
        ]
    return figures


def _peak(stage: Stage, database: str, people: int) -> tuple[float, float, int]:
    """Of `muster run` in MB, once it is up and after everybody was told; and what somebody got twice."""
    with stage.bar("memory", database) as bar, stage.database(database, people) as (url, rows):
        muster = stage.muster(url)
        with muster.runs() as pid:
            idle = peak_memory(pid)
            tell_all(stage, muster, rows, people, bar.says(f"{people:,} people"))
            return idle, peak_memory(pid), stage.provider.taken()["doubled"]
