"""Muster is killed in the middle of a shift: nobody is forgotten, and nobody is told twice (`make chaos` for hours)."""

import asyncio
from pathlib import Path

import pytest

from tests.chaos import migration, stories
from tests.chaos.databases import DATABASES, fresh

KILLS = 3
OF_A_MIGRATION = {"sqlite": 2, "postgresql": 1}  # on SQLite `muster migrate` and `muster run`
ROWS = 10_000
SEED = "in the test"
on_both = pytest.mark.parametrize("database", DATABASES)


@pytest.fixture
def server(database: str, request: pytest.FixtureRequest) -> str:
    """Where databases are made; SQLite needs none."""
    return "" if database == "sqlite" else str(request.getfixturevalue("postgres"))


@on_both
def test_kills_in_the_middle_lose_nobody_and_tell_nobody_twice(database: str, server: str, tmp_path: Path) -> None:
    url = fresh(server, tmp_path)
    done = asyncio.run(stories.play(stories.SHIFT, database, url, tmp_path, SEED, KILLS, quietly, hurry=True))
    assert done.kills == KILLS and done.messages > stories.SHIFT.people and done.caught, done
    assert not done.bad, "\n".join(done.says)


@on_both
def test_a_kill_in_a_migration_leaves_the_old_schema_or_the_new_one(database: str, server: str, tmp_path: Path) -> None:
    done = asyncio.run(migration.play(database, server, tmp_path, SEED, OF_A_MIGRATION[database], quietly, ROWS))
    assert not done.bad, "\n".join(done.says)


def quietly(doing: str, kills: int) -> None:
    """Nobody watches."""
