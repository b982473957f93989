"""Every drill plays on both databases, and ends with a look at the journal."""

from collections.abc import Iterator

import pytest

from bot.clock import MovedClock
from tests.people import CAST, COMMAND_CHANNEL, Channel, Person, Stage, whole


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
