"""What comes in is committed before it is answered or, while the database is away, kept on disk and taken in later.

This is the one place that knows of the two ways. A door says what came in as plain facts; its verb does it, now or
later, and doing it twice must do no harm: whoever gave up waiting does not know whether it was done.
"""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

import structlog
from fastapi import HTTPException
from sqlalchemy.exc import DBAPIError

from bot.db import Away, Database, Tx
from bot.inbox import Kept
from handlers import later
from handlers.keeping import Came, Keeping

T = TypeVar("T")
Facts = dict[str, Any]  # what JSON has words for

TWILIO_WAITS = 10.0  # seconds for our answer at most; it hangs up after 15
SLACK_WAITS = 2.4  # seconds; after 3 it tells the person that nothing was done
LOOK = 0.02  # seconds between two looks whether what is kept has been taken in
LEFT = object()  # what `many` says of something that has to be done alone
NOT_KEPT = "The database cannot be reached and the disk takes nothing either. Nothing was done: try again."

log = structlog.get_logger()


def as_it_is(facts: Facts) -> Facts:
    """Nothing that a person wrote is among the facts."""
    return facts


def silence(tx: Tx, said: Any, at: datetime, facts: Facts) -> None:
    """Nobody waits for an answer."""


@dataclass(frozen=True)
class Door:
    """What is done with what came in, and how the answer gets to a person who was not answered at once."""

    verb: Callable[..., Any]  # (tx, **facts)
    later: Callable[[Tx, Any, datetime, Facts], None] = silence
    many: Callable[[Tx, list[Facts]], list[Any]] | None = None  # tried first: with others, in any order; or LEFT
    screened: Callable[[Facts], Facts] = as_it_is  # the facts as they may lie on the disk: no patient's name among them
    waits: float = TWILIO_WAITS  # how long the database may take; after that it counts as away


class Intake:
    """All doors of one process, over one database and one spool."""

    def __init__(self, db: Database, doors: Mapping[str, Door], patience: float = 1.0):
        """`patience`: how many times as long as the providers allow everything may take; for where none of them waits
        by the clock."""
        self.db, self.doors, self.keeping = db, doors, Keeping(db.settings.spool_dir)
        self._patience = patience
        self._numbers = itertools.count()
        self._in_hand: dict[int, asyncio.Timeout] = {}  # what the database is asked to do just now
        self._noted: datetime | None = None

    async def commit(self, door: str, facts: Facts, instead: Callable[[], T]) -> T:
        """Do it and return its answer; while the database is away keep it and return `instead`.

        Behind what is kept already it is kept, too, so that the order holds. Raises HTTPException 503 if neither the
        database nor the disk takes it.
        """
        came = Came(next(self._numbers), Kept(door, self.db.clock.now(), facts), self.db.away_since)
        if not self.db.away_since and await self._has_taken_in(self._waits(door)):
            try:
                return await self._in_time(came)
            except (Away, TimeoutError):
                came.is_waited_for, came.away_since = False, self.db.away_since or came.what.at
        await self._keep(came)
        return instead()

    async def ask(self, answer: Awaitable[T], instead: Callable[[], T], waits: float = TWILIO_WAITS) -> T:
        """What the database says to a question, or `instead` while it is away. A question is not worth keeping."""
        try:
            async with asyncio.timeout(waits * self._patience):
                return await answer
        except (Away, TimeoutError):
            return instead()

    async def do(self, what: Kept, is_waited_for: Callable[[], bool] = lambda: False) -> Any:
        """Have it done. Raises Away, and whatever the verb raises."""
        door = self.doors[what.door]
        done = await self.db.together(door.many, what.facts) if door.many else LEFT
        return await self.db.transact(later.do, door, what, is_waited_for) if done is LEFT else done

    async def take_in(self) -> int:
        """Take in what is kept, in order, once the database is back; returns how much that was. Any number of
        processes may try: one does it."""
        try:
            if self.db.away_since:
                await self._note(self.db.away_since)
                return 0
            if not self.keeping.spool.waits():
                return 0
            with self.keeping.spool.taking() as taking:
                return await later.take_in(self, taking) if taking else 0
        except (Away, DBAPIError, OSError) as trouble:
            log.warning("what is kept on disk waits", why=str(trouble).partition("\n")[0])
            return 0

    async def state(self) -> dict[str, Any]:
        """Since when the database is away, how much waits, and how much could not be taken in."""
        since, spool = self.db.away_since, self.keeping.spool
        kept, aside = await self.keeping.on_disk(spool.count), await self.keeping.on_disk(spool.aside)
        return {"away_since": since.isoformat() if since else None, "kept": kept, "set_aside": aside}

    def close(self) -> None:
        self.keeping.close()

    def _waits(self, door: str) -> float:
        return self.doors[door].waits * self._patience

    async def _has_taken_in(self, waits: float) -> bool:
        """Is nothing kept that came before? What comes while the last of it is being taken in waits for that, or it
        would be kept behind it, and what comes next behind that, for as long as anything comes."""
        until = time.monotonic() + waits / 2
        while self.keeping.has_some():
            if self.db.away_since or time.monotonic() > until:
                return False
            await asyncio.sleep(LOOK)
        return True

    async def _in_time(self, came: Came) -> Any:
        try:
            async with asyncio.timeout(self._waits(came.what.door)) as limit:
                self._in_hand[came.number] = limit
                return await self.do(came.what, lambda: came.is_waited_for)
        finally:
            self._in_hand.pop(came.number, None)

    async def _keep(self, came: Came) -> None:
        """Keep it, screened, and with it all that is in hand: what came later must not be done before it."""
        for limit in list(self._in_hand.values()):
            if not limit.expired():
                limit.reschedule(0)
        came.what = replace(came.what, facts=self.doors[came.what.door].screened(came.what.facts))
        try:
            await self.keeping.keep(came, earlier=lambda: bool(self._in_hand))
        except OSError as problem:
            log.error("the database is away and nothing can be kept", why=str(problem), door=came.what.door)
            raise HTTPException(503, NOT_KEPT) from None

    async def _note(self, since: datetime) -> None:
        """Note once that the database is away, even if nothing comes in, so that the journal hears of it."""
        if self._noted != since and not self.keeping.has_some():
            await self.keeping.on_disk(self.keeping.spool.append, [], since)
        self._noted = since
