"""Everything that the simulator does later (receipts, ringing, what staff answer), ordered by a clock."""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

Act = Callable[[], Awaitable[object]]

RUNAWAY = 500_000  # acts in one settling; more than that can only be two robots answering each other
GLANCE = 0.25  # seconds between looks at the clock in live mode, since a clock may also be moved or run fast

log = logging.getLogger("simulator")


@dataclass(order=True)
class Entry:
    """One thing to do at its time; first come, first served within the same moment."""

    due: datetime
    number: int
    act: Act = field(compare=False)
    in_turn: bool = field(default=False, compare=False)
    cancelled: bool = field(default=False, compare=False)


class Agenda:
    """What is to be done when. Stepped by `settle()`, or left to itself by `run()`.

    `width` is how many acts may be under way at once: 1 is the same in every run, more is faster. Acts that come
    `in_turn` are alone while `settle()` does them, so that what people do has an order also where receipts have none.
    """

    def __init__(self, now: Callable[[], datetime], width: int = 1) -> None:
        self.now = now
        self.width = width
        self._entries: list[Entry] = []
        self._acting: set[asyncio.Task[object]] = set()
        self._alone: asyncio.Task[object] | None = None  # under way, and nothing beside it
        self._failures: list[BaseException] = []
        self._stirred = asyncio.Event()
        self._number = 0

    def at(self, due: datetime, act: Act, in_turn: bool = False) -> Entry:
        """Does `act` at `due`, or as soon as possible when that has passed."""
        self._number += 1
        entry = Entry(due, self._number, act, in_turn)
        heapq.heappush(self._entries, entry)
        self._stirred.set()
        return entry

    def after(self, seconds: float, act: Act, in_turn: bool = False) -> Entry:
        """Does `act` in so many seconds."""
        return self.at(self.now() + timedelta(seconds=seconds), act, in_turn)

    def next_due(self) -> datetime | None:
        """When the next thing is due; None when nothing is planned."""
        self._drop_cancelled()
        return self._entries[0].due if self._entries else None

    @property
    def busy(self) -> bool:
        """Whether something is under way or due now."""
        due = self.next_due()
        return bool(self._acting) or (due is not None and due <= self.now())

    async def settle(self) -> int:
        """Does everything that is due now, and what that makes due, until nothing is; returns how many acts that took.

        An act that fails fails the settling. RuntimeError when it never comes to rest.
        """
        started = 0
        while True:
            started += self._start_due(turns=True)
            if started > RUNAWAY:
                raise RuntimeError("The simulator never comes to rest: do two robots answer each other?")
            if not self._acting:
                return started
            await asyncio.wait(self._acting, return_when=asyncio.FIRST_COMPLETED)
            self._raise_failures()

    async def run(self) -> None:
        """Live mode: does things when they are due, until it is cancelled."""
        while True:
            self._stirred.clear()
            self._start_due()
            self._log_failures()
            alarm = asyncio.get_running_loop().call_later(self._pause(), self._stirred.set)
            try:
                await self._stirred.wait()
            finally:
                alarm.cancel()

    async def clear(self) -> None:
        """Forgets what is planned and stops what is under way."""
        self._entries.clear()
        acting = [task for task in self._acting if task is not asyncio.current_task()]
        for task in acting:
            task.cancel()
        await asyncio.gather(*acting, return_exceptions=True)
        self._failures.clear()

    def _start_due(self, turns: bool = False) -> int:
        started = 0
        while len(self._acting) < self.width and (due := self.next_due()) and due <= self.now():
            alone = turns and self._entries[0].in_turn
            if self._alone or (alone and self._acting):
                break
            entry = heapq.heappop(self._entries)
            task = asyncio.ensure_future(_awaited(entry.act))
            self._alone = task if alone else None
            self._acting.add(task)
            task.add_done_callback(self._finished)
            started += 1
        return started

    def _finished(self, task: asyncio.Task[object]) -> None:
        self._acting.discard(task)
        self._alone = None if self._alone is task else self._alone
        if not task.cancelled() and (failure := task.exception()):
            self._failures.append(failure)
        self._stirred.set()

    def _raise_failures(self) -> None:
        if self._failures:
            failure, self._failures = self._failures[0], []
            raise failure

    def _log_failures(self) -> None:
        for failure in self._failures:
            log.error("the simulator failed", exc_info=failure)
        self._failures.clear()

    def _pause(self) -> float:
        """How long nothing needs to be looked at; with all hands full, until one is free, which stirs."""
        due = self.next_due()
        if due is None or len(self._acting) >= self.width:
            return GLANCE
        return min(max((due - self.now()).total_seconds(), 0.001), GLANCE)

    def _drop_cancelled(self) -> None:
        while self._entries and self._entries[0].cancelled:
            heapq.heappop(self._entries)


async def _awaited(act: Act) -> object:
    return await act()
