"""One channel's line: claims ahead, sends many at a time, settles in batches. It shares nothing with other lines."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from heapq import heappop, heappush
from typing import Any

import structlog

from bot import outbox
from bot.channels import Channel, SendError
from bot.command import delivery
from bot.command.delivery import Settlement
from bot.db import Away, Database
from bot.dispatcher.outcomes import envelope, given_back, refused, taken, unforeseen
from bot.outbox import Lane, Outcome

AT_ONCE = 100  # messages on the wire
NARROW = 25  # messages on the wire while more comes in than is taken in
KEPT = 10  # more, for life safety alone
AHEAD = 200  # messages claimed beyond those on the wire
SETTLE = 0.04  # seconds between two settlements while messages are on the wire
LOOK = 0.25  # seconds between two looks at the queue while messages are on the wire and nothing was due
FRESH = timedelta(seconds=15)  # a claim this old is given back unsent: its lease must outlast the POST
AGAIN = 0.25  # seconds until a settlement is tried again

log = structlog.get_logger()


class Line:
    """What is due on one channel, to its first provider whose circuit lets it through."""

    def __init__(self, db: Database, name: str, providers: Sequence[Channel], per_second: float, worker: str):
        self.db, self.name, self.per_second, self.worker = db, name, per_second, worker
        self.providers = {provider.name: provider for provider in providers}
        self._ready: list[tuple[int, Any, int, Any]] = []  # a heap: lane, last contacted, id, row
        self._back: dict[str, list[Outcome]] = {}  # by provider, to be settled
        self._senders: set[asyncio.Task[None]] = set()
        self.is_pressed: Callable[[], bool] = lambda: False  # does more come in than is taken in?
        self._dry = False  # the last full look found little, so it took all that was due or allowed; and no ring since
        self._rung = False  # since the last look, of either kind
        self._bell = asyncio.Event()  # something may be due, or there is room for more
        self._landed = asyncio.Event()  # something is to be settled at once
        self._unheard: list[str] = []  # claims of which nobody knows whether they were made; nothing of them was sent
        self._over = self._stopped = self._closing = False

    def ring(self) -> None:
        """Something may be due that was not."""
        self._rung, self._dry = True, False
        self._bell.set()

    def close(self) -> None:
        """Claim nothing more; what was claimed and not sent is given back."""
        self._closing = True
        self._bell.set()

    async def run(self) -> int:
        """Send until nothing is due and nothing is on the wire; returns how many were claimed."""
        self._over = self._dry = False
        settling = asyncio.create_task(self._settling())
        try:
            return await self._claiming()
        finally:
            while self._senders:
                await asyncio.wait(self._senders)
            self._over = True
            self._landed.set()
            await settling

    async def _claiming(self) -> int:
        claimed = 0
        while True:
            self._bell.clear()
            rows = await self._next()
            claimed += len(rows)
            self._launch(rows)
            if self._closing or self._stopped:
                self._give_back()
            if not self._senders and self._dry:
                return claimed
            if self._senders and (not rows or self._dry):
                await _first(self._bell, LOOK)

    async def _next(self) -> list[Any]:
        """What there is room for; where there is none, what must overtake those that were claimed before."""
        room = AT_ONCE + AHEAD - len(self._senders) - len(self._ready)
        if self._dry and not self._senders:
            return []
        if room >= AHEAD // 2 or not self._senders:
            rows = await self._claim(room)
            self._dry = len(rows) < room // 2 and not self._rung  # it may have rung for what this look did not see
            return rows
        last = max((lane for lane, *_ in self._ready), default=Lane.LIFE_SAFETY)
        return await self._claim(KEPT, before=last) if last > Lane.LIFE_SAFETY and self._rung else []

    async def _claim(self, room: int, before: int | None = None) -> list[Any]:
        self._rung = False
        if self._closing or self._stopped:
            return []
        while self._unheard:
            await self.db.at_once(outbox.give_back, self._unheard[-1])
            self._unheard.pop()
        worker, providers = f"{self.worker}-{secrets.token_hex(3)}", list(self.providers)
        try:
            return await self.db.at_once(outbox.claim, self.name, worker, room, self.per_second, providers, before)
        except Exception:
            self._unheard.append(worker)
            raise

    def _launch(self, rows: list[Any]) -> None:
        for row in rows:
            heappush(self._ready, (row.lane, row.last_contacted_at, row.id, row))
        while self._next_may_go(len(self._senders)):
            sender = asyncio.create_task(self._send_on())
            self._senders.add(sender)
            sender.add_done_callback(self._ended)

    def _next_may_go(self, senders: int) -> bool:
        if not self._ready or senders >= min(len(self._ready) + len(self._senders), AT_ONCE + KEPT):
            return False
        return senders < self._width() or self._ready[0][0] == Lane.LIFE_SAFETY

    def _width(self) -> int:
        """What leaves brings answers and receipts in, and a receipt that waits too long is never told again."""
        return NARROW if self.is_pressed() else AT_ONCE

    async def _send_on(self) -> None:
        """Send one after another, the most urgent first, while there is something for this sender."""
        while self._ready and (len(self._senders) <= self._width() or self._ready[0][0] == Lane.LIFE_SAFETY):
            row = heappop(self._ready)[-1]
            self._settle(row, await self._send(row))
        if len(self._ready) <= AHEAD // 2 and not self._dry:
            self._bell.set()

    def _ended(self, sender: asyncio.Task[None]) -> None:
        self._senders.discard(sender)
        if not self._senders:
            self._bell.set()

    async def _send(self, row: Any) -> Outcome:
        if self.db.clock.now() - row.claimed_at > FRESH:
            return given_back(row)
        provider = self.providers[row.provider]
        try:
            return taken(row, await provider.send(envelope(row)), provider.askable)
        except SendError as problem:
            return refused(row, problem)
        except Exception as problem:
            log.exception("send failed in an unexpected way", message=row.id)
            return unforeseen(row, problem)

    def _give_back(self) -> None:
        while self._ready:
            row = heappop(self._ready)[-1]
            self._settle(row, given_back(row))

    def _settle(self, row: Any, outcome: Outcome) -> None:
        self._back.setdefault(row.provider, []).append(outcome)
        if outcome.stop and not self._stopped:  # all that follows would meet the same
            self._stopped = True
            self._give_back()
            self._landed.set()

    async def _settling(self) -> None:
        """Write down in batches what became of what was sent, until the line ends."""
        while not self._over or self._back:
            await _first(self._landed, SETTLE)
            self._landed.clear()
            back, self._back = self._back, {}
            for provider, outcomes in back.items():
                await self._write(Settlement(provider, self.name, outcomes))
            self._stopped = False

    async def _write(self, settlement: Settlement) -> None:
        """It is written as soon as the database can be reached: what is on the wire must not become doubt for that."""
        while True:
            try:
                await self.db.together(delivery.settle, settlement)
                return
            except Away:
                if self._closing:
                    return  # the lease runs out, and the provider is asked
                await asyncio.sleep(AGAIN)
            except Exception:
                await self._write_each(settlement)
                return

    async def _write_each(self, settlement: Settlement) -> None:
        """One of them cannot be written: the others are, and of that one the provider is asked."""
        for outcome in settlement.outcomes:
            try:
                await self.db.together(delivery.settle, replace(settlement, outcomes=[outcome]))
            except Exception:
                log.exception("what became of a message cannot be written down", message=outcome.id)


async def _first(event: asyncio.Event, seconds: float) -> None:
    """Until the event, or until so much time has passed."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
