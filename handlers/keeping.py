"""What has to wait goes to the disk, in the order in which it came."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from bot.inbox import Kept, Spool

T = TypeVar("T")

GLANCE = 0.02  # seconds for which a look at what is kept holds


@dataclass(eq=False)
class Came:
    """Something that came in, and whether it is on the disk yet."""

    number: int  # in this process
    what: Kept
    away_since: datetime | None = None
    is_waited_for: bool = True  # by whoever sent it; false once they were told that it is kept
    written: "asyncio.Future[None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def tell(self, problem: OSError | None) -> None:
        if self.written.done():
            return
        if problem:
            self.written.set_exception(problem)
        else:
            self.written.set_result(None)


class Keeping:
    """Writes for a whole process: whatever waits for the disk is written, and made to last, at once."""

    def __init__(self, folder: str):
        self.spool = Spool(folder)
        self._waiting: list[Came] = []
        self._writing: asyncio.Task[None] | None = None
        self._looked, self._some = 0.0, False
        # A thread of its own: those that everybody shares may all be waiting for the database.
        self._thread = ThreadPoolExecutor(1, "spool")

    def has_some(self) -> bool:
        """Is there anything that has not been taken in, on the disk or on its way?"""
        return bool(self._waiting) or self._is_writing() or self._on_disk()

    async def keep(self, came: Came, earlier: Callable[[], bool]) -> None:
        """Returns once it is on the disk; raises OSError. It is not written while `earlier` says that there is
        something that came before and may have to be kept, too."""
        self._waiting.append(came)
        if not self._is_writing():
            self._writing = asyncio.create_task(self._write(earlier))
        await came.written

    def _on_disk(self) -> bool:
        """As the last look said: asking the disk at each of a thousand requests takes longer than they do."""
        now = time.monotonic()
        if now - self._looked > GLANCE:
            self._looked, self._some = now, self.spool.waits()
        return self._some

    async def on_disk(self, act: Callable[..., T], *args: Any) -> T:
        """Something that waits for the disk."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, act, *args)

    def close(self) -> None:
        self._thread.shutdown()

    def _is_writing(self) -> bool:
        return self._writing is not None and not self._writing.done()

    async def _write(self, earlier: Callable[[], bool]) -> None:
        while earlier():
            await asyncio.sleep(0)
        while self._waiting:
            some, self._waiting = sorted(self._waiting, key=lambda came: came.number), []
            away_since = next((came.away_since for came in some if came.away_since), None)
            problem: OSError | None = None
            try:
                await self.on_disk(self.spool.append, [came.what for came in some], away_since)
            except OSError as found:
                problem = found
            self._some = True  # whoever comes next comes behind it
            for came in some:
                came.tell(problem)
