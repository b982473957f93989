"""A drill plays on SQLite, one marked `both_databases` on PostgreSQL too, and ends with a look at the journal.

Marked are those in which the database itself has a part: who writes first, what a crash leaves, who is found by SQL;
and one whole shift. The verbs that the others play run on both databases in `tests/domain` and `tests/handlers`.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.clock import MovedClock
from tests.conftest import fresh
from tests.people import CAST, COMMAND_CHANNEL, Channel, Person, Stage, whole


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database_url" in metafunc.fixturenames:
        both = metafunc.definition.get_closest_marker("both_databases")
        metafunc.parametrize("database_url", ["sqlite", "postgresql"] if both else ["sqlite"], indirect=True)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, migrated: Path, tmp_path: Path) -> str:
    return fresh(request, migrated, tmp_path)


@pytest.fixture
def stage(database_url: str, clock: MovedClock) -> Iterator[Stage]:
    made = Stage(database_url, clock)
    yield made
    if made.app is None:
        made.start()
    whole(made)
    made.close()


@pytest.fixture
def command_centre(stage: Stage) -> Channel:
    return Channel(stage, COMMAND_CHANNEL)


@pytest.fixture
def ward(stage: Stage) -> Channel:
    return Channel(stage, "C05W")


def _person(id: str, digits: str):  # type: ignore[no-untyped-def]
    @pytest.fixture(name=id)
    def person(stage: Stage) -> Person:
        return Person(stage, id, f"+120255501{digits}")

    return person


for _id, _, _, _digits, *_ in CAST:
    globals()[_id] = _person(_id, _digits)
