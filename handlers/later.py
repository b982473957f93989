"""What was kept while the database was away is taken in: in order, each once, and its answer goes out as a message."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from bot import inbox, journal
from bot.db import Away, Tx
from bot.inbox import Kept, Taking, spool

if TYPE_CHECKING:
    from handlers.intake import Door, Intake

Line = tuple[Kept | None, bytes]  # what it says, and as it stands in the file

log = structlog.get_logger()


class Unreadable(Exception):
    """A line says nothing that this program understands."""


async def take_in(intake: "Intake", taking: Taking) -> int:
    """All that is kept, to its end; then the file is emptied, unless more has come meanwhile.

    Raises Away, DBAPIError and OSError: then it begins anew another time, and what was taken in has no second effect.
    """
    taken, away_since, back = 0, None, intake.db.clock.now()
    while True:
        lines = await intake.keeping.on_disk(taking.next)
        away_since = away_since or next((it.at for it, _ in lines if it and it.door == spool.AWAY), None)
        taken += await _lines(intake, taking, lines)
        if lines:
            continue
        if away_since:
            await intake.db.transact(came_back, away_since, back, taken)
        if await intake.keeping.on_disk(taking.empty):
            return taken


async def _lines(intake: "Intake", taking: Taking, lines: Sequence[Line]) -> int:
    """They are handed over at once and stand in the database's one line in their order, so that they share commits.
    What takes no turn there must not get past what does."""
    taken = 0
    for _, some in groupby(lines, key=lambda line: _is_many(intake, line[0])):
        told = await asyncio.gather(*(_one(intake, taking, *line) for line in some), return_exceptions=True)
        for each in told:
            if isinstance(each, BaseException):
                raise each
            taken += each
    return taken


def _is_many(intake: "Intake", it: Kept | None) -> bool:
    return it is not None and it.door in intake.doors and intake.doors[it.door].many is not None


async def _one(intake: "Intake", taking: Taking, it: Kept | None, line: bytes) -> bool:
    """What fails for a reason of its own must not hold up the rest: it is set aside for a person to look at."""
    if it and it.door == spool.AWAY:
        return False
    try:
        await _do(intake, it)
        return True
    except Away:
        raise
    except Exception as problem:
        if isinstance(problem, DBAPIError) and not isinstance(problem, DataError | IntegrityError):
            raise
        log.exception("what was kept cannot be taken in and is set aside", door=it.door if it else "")
        await intake.db.transact(put_aside, it, problem)
        await intake.keeping.on_disk(taking.set_aside, line)
        return False


async def _do(intake: "Intake", it: Kept | None) -> None:
    if it is None or it.door not in intake.doors:
        raise Unreadable
    await intake.do(it)


def do(tx: Tx, door: "Door", it: Kept, is_waited_for: Callable[[], bool] = lambda: False) -> Any:
    """Do what came in. Whoever does not wait for the answer, or not any longer, gets it as a message."""
    said = door.verb(tx, **it.facts)
    if not is_waited_for():
        door.later(tx, said, it.at, it.facts)
    return said


def came_back(tx: Tx, away_since: datetime, back: datetime, taken_in: int) -> None:
    if inbox.accept(tx, spool.AWAY, away_since.isoformat()):
        journal.write(tx, "database_was_away", since=away_since, until=back, taken_in=taken_in)


def put_aside(tx: Tx, it: Kept | None, problem: Exception) -> None:
    journal.write(tx, "set_aside", about=it.door if it else "", came=it.at if it else None, why=type(problem).__name__)
