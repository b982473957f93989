"""`make chaos`, or `python -m tests.chaos --help`: Muster is killed with -9 over and over, and both sides compared.

Real processes, real databases, simulated providers, nothing but 127.0.0.1. Ends with 1 when anything was lost or came
twice, and leaves nothing behind.
"""

import argparse
import asyncio
import contextlib
import random
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.chaos import databases, migration, report, stories
from tests.chaos.truth import Tally

STORIES = (*stories.STORIES, "migration")
MOST_KILLS = 200  # of one story on one database
LONGEST = 1500.0  # seconds for one story on one database

err = Console(stderr=True)


def main() -> int:
    given = _arguments()
    err.print(f"The seed is {given.seed}; the same kills again: --seed {given.seed}", highlight=False)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err) as bars, _places(given.database) as servers:
        tallies = asyncio.run(_all(given, servers, bars))
    out = Console() if sys.stdout.isatty() else Console(width=120)
    found = report.tell(tallies, given.seed, out)
    return int(found > 0)


async def _all(given: argparse.Namespace, servers: dict[str, str], bars: Progress) -> list[Tally]:
    """Story after story, each on all databases side by side."""
    tallies: list[Tally] = []
    for name in given.story:
        side_by_side = (_one(name, given, database, server, bars) for database, server in servers.items())
        played = await asyncio.gather(*side_by_side)
        for tally in played:
            report.one(tally, err)
        tallies += played
    return tallies


async def _one(name: str, given: argparse.Namespace, database: str, server: str, bars: Progress) -> Tally:
    """One story on one database, in a folder of its own. What goes wrong with the story itself is a finding."""
    bar = bars.add_task(f"{name} on {database}", total=given.kills + 1)  # the last step is the end

    def says(text: str, kills: int) -> None:
        bars.update(bar, completed=kills, description=f"{name} on {database}: {text}")

    seed = f"{given.seed} {name} {database}"
    with _folder(given.keep, f"{name}-{database}") as folder:
        try:
            async with asyncio.timeout(LONGEST):
                if name == "migration":
                    return await migration.play(database, server, folder, seed, given.kills, says)
                url = await asyncio.to_thread(databases.fresh, server, folder)
                return await stories.play(stories.STORIES[name], database, url, folder, seed, given.kills, says)
        except Exception as broken:
            tally = Tally(name, database)
            tally.found("stuck", f"the story broke off: {''.join(traceback.format_exception(broken))}")
            return tally
        finally:
            says("done", given.kills + 1)


@contextlib.contextmanager
def _places(wanted: list[str]) -> Iterator[dict[str, str]]:
    """By database, the address of its server; SQLite has none."""
    if "postgresql" not in wanted:
        yield {"sqlite": ""}
        return
    with databases.server() as server:
        yield {name: server if name == "postgresql" else "" for name in wanted}


@contextlib.contextmanager
def _folder(keep: Path | None, name: str) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="muster-chaos-", ignore_cleanup_errors=True) as folder:
            yield Path(folder)
        return
    shutil.rmtree(keep / name, ignore_errors=True)
    (keep / name).mkdir(parents=True)
    yield keep / name


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20, help="of each story on each database (default %(default)s)")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="of the moments")
    parser.add_argument("--story", action="append", choices=STORIES, help="default: all")
    parser.add_argument("--database", action="append", choices=databases.DATABASES, help="default: both")
    parser.add_argument("--keep", type=Path, help="a folder for the databases and logs, to look into them afterwards")
    given = parser.parse_args()
    if not 1 <= given.kills <= MOST_KILLS:
        parser.error(f"--kills takes 1 to {MOST_KILLS}")
    given.story, given.database = given.story or list(STORIES), given.database or list(databases.DATABASES)
    return given


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("Stopped; nothing is left behind.")
