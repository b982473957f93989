"""What a user would pick instead, at the same provider with the same texts. What matters is the rate, so the slow get
fewer texts."""

import contextlib
import importlib.util
import shutil
import subprocess
from collections.abc import Callable, Iterator
from typing import NamedTuple

from bench.databases import enqueue
from bench.fanout import empty
from bench.processes import ROOT, Progress, bare_environment, ending, free_port, python
from bench.report import Figure, middle
from bench.stage import Stage, bare

MESSAGES, FEWER, RUNS = 10_000, 2_000, 3
CELERY, PROCRASTINATE = 5.0, 8.0
THREADS, COROUTINES = "20", "100"
LOG = "rivals.log"
Sends = Callable[[Stage, str, int, Progress], float]  # texts a second


class Rival(NamedTuple):
    name: str
    sends: Sends
    target: float | None = None  # so many times as fast must we be


def measure(stage: Stage, database: str) -> list[Figure]:
    many, few = stage.load(MESSAGES), stage.load(FEWER)
    rivals = _rivals(stage, database)
    ours, theirs = list[float](), {rival.name: list[float]() for rival in rivals}
    with stage.bar("rivals", database) as bar:
        for run in range(1, stage.times(RUNS) + 1):
            for rival in rivals:
                theirs[rival.name].append(rival.sends(stage, database, few, bar.says(f"{rival.name}, run {run}")))
            with stage.database(database) as (url, rows):
                enqueue(url, many)
                speed, _ = empty(stage, stage.muster(url), rows, many, bar.says(f"ours, run {run}"))
                ours.append(speed.rate)
    return [
        middle("rivals", database, "Muster, one worker", ours, "/s", says=f"{many:,} texts"),
        *(figure for rival in rivals for figure in _beside(database, rival, ours, theirs[rival.name], few)),
    ]


def _rivals(stage: Stage, database: str) -> list[Rival]:
    """Whoever is here; a word about whoever is not."""
    here = [Rival("twilio's sync SDK in a loop", _sync)]
    if importlib.util.find_spec("celery") and importlib.util.find_spec("redis") and shutil.which("redis-server"):
        here.append(Rival(f"Celery + Redis, {THREADS} threads", _celery, CELERY))
    else:
        stage.notes.append("Celery is left out: it needs redis-server, and pip install 'muster[bench]'.")
    if database == "postgresql" and importlib.util.find_spec("procrastinate"):
        here.append(Rival(f"Procrastinate + PostgreSQL, {COROUTINES} coroutines", _procrastinate, PROCRASTINATE))
    elif database == "postgresql":
        stage.notes.append("Procrastinate is left out: it needs pip install 'muster[bench]'.")
    return here


def _beside(database: str, rival: Rival, ours: list[float], theirs: list[float], few: int) -> Iterator[Figure]:
    yield middle("rivals", database, rival.name, theirs, "/s", says=f"{few:,} texts")
    if rival.target:
        times = [mine / other for mine, other in zip(ours, theirs, strict=True)]
        name = f"Muster to {rival.name.partition(' ')[0]}"
        yield middle("rivals", database, name, times, "x", target=rival.target)


def _sync(stage: Stage, database: str, count: int, progress: Progress) -> float:
    return bare(stage, count, progress, sync=True).rate


def _celery(stage: Stage, database: str, count: int, progress: Progress) -> float:
    """A worker with threads and twilio's sync SDK; the tasks wait in Redis before it starts."""
    with _redis(stage) as broker:
        told = {"BENCH_BROKER": broker, "BENCH_PROVIDER": stage.provider.url}
        _ends(python("bench.celery_rival", str(count), log=stage.folder / LOG, **told), stage)
        stage.provider.begin()
        words = ("-A", "bench.celery_rival", "worker", "--pool", "threads", "-c", THREADS, "-l", "error",
                 "--without-gossip", "--without-mingle")  # fmt: skip
        with ending(python("celery", *words, log=stage.folder / LOG, **told)):
            stage.provider.takes(count, stage.limit, progress)
            return _rate(stage, count)


def _procrastinate(stage: Stage, database: str, count: int, progress: Progress) -> float:
    """A worker with coroutines and twilio's async SDK; the jobs wait in PostgreSQL before it starts."""
    with stage.shelf.empty(database) as url:
        told = {"BENCH_DATABASE": url.replace("+psycopg", "", 1), "BENCH_PROVIDER": stage.provider.url}
        _ends(python("bench.procrastinate_rival", "defer", str(count), log=stage.folder / LOG, **told), stage)
        stage.provider.begin()
        with ending(python("bench.procrastinate_rival", "work", COROUTINES, log=stage.folder / LOG, **told)):
            stage.provider.takes(count, stage.limit, progress)
            return _rate(stage, count)


def _rate(stage: Stage, count: int) -> float:
    """From the first POST to the last: when a rival has noted that it is done is not counted, in its favour."""
    taken = stage.provider.taken()
    return count / (taken["last"] - taken["first"])


@contextlib.contextmanager
def _redis(stage: Stage) -> Iterator[str]:
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(stage.folder)]
    process = subprocess.Popen(command, cwd=ROOT, env=bare_environment(), stdout=subprocess.DEVNULL)
    with ending(process):
        yield f"redis://127.0.0.1:{port}/0"


def _ends(process: "subprocess.Popen[str]", stage: Stage) -> None:
    process.communicate(timeout=stage.limit)
    if process.returncode:
        raise RuntimeError(f"a rival could not be prepared: {(stage.folder / LOG).read_text()[-1000:]}")
