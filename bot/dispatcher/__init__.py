"""Claim → send → settle, channel by channel, with no session open while a message is on the wire."""

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

from bot import outbox
from bot.channels import Channel, Handed, Misconfigured, Receipt, SendError, Sent
from bot.command import delivery
from bot.db import Database
from bot.dispatcher.line import Line
from bot.dispatcher.outcomes import envelope
from bot.outbox import circuits

ASKED = 20  # doubtful messages that are asked about at once


class Dispatcher:
    """Sends what is due. Each channel has its own line: trouble on one never delays another."""

    def __init__(self, db: Database, channels: Mapping[str, Sequence[Channel]], rates: Mapping[str, float]):
        self.db, self.channels = db, channels
        self.providers = {provider.name: provider for provider in chain(*channels.values())}
        worker = secrets.token_hex(4)
        self._lines = {
            name: Line(db, name, providers, rates.get(name, 0), worker) for name, providers in channels.items()
        }
        self._running: dict[str, asyncio.Task[int]] = {}

    def heed(self, is_pressed: Callable[[], bool]) -> None:
        """Send little at a time while `is_pressed` says that more comes in than is taken in."""
        for line in self._lines.values():
            line.is_pressed = is_pressed

    def ring(self) -> None:
        """Something may be due: lines that are at work look at once whether it must overtake."""
        for line in self._lines.values():
            line.ring()

    async def dispatch(self) -> int:
        """Send until nothing is due on any channel; returns how many were claimed.

        Whoever stops waiting for it stops only that: what is on the wire is settled all the same.
        """
        return sum(await asyncio.gather(*(self.line(name) for name in self.channels)))

    async def line(self, name: str) -> int:
        """The same for one channel; a pass that is under way looks again and is waited for, not doubled."""
        running = self._running.get(name)
        if running is None or running.done():
            running = self._running[name] = asyncio.create_task(self._lines[name].run())
        self._lines[name].ring()
        return await asyncio.shield(running)

    async def reconcile(self) -> int:
        """Ask the providers about the messages of which nobody knows whether they were taken."""
        rows = await self.db.at_once(outbox.doubtful, ASKED)
        await asyncio.gather(*(self._ask(row) for row in rows))
        return len(rows)

    async def confirm(self) -> int:
        """Ask the providers, in batches, what became of messages whose receipts stay away; returns how many."""
        asked = 0
        for name in self.channels:
            rows = await self.db.read(outbox.unconfirmed, [name])
            asked += len(rows)
            if rows:
                await self._confirm(rows)
        return asked

    async def probe(self) -> int:
        """See whether providers that were in trouble answer again; returns of how many there is news."""
        due = await self.db.at_once(circuits.due_for_probe, list(self.providers))
        return sum(await asyncio.gather(*(self._probe(name) for name in due)))

    async def close(self) -> None:
        """Settle what is on the wire, give back what was claimed beyond that, and let go of the connections."""
        for line in self._lines.values():
            line.close()
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        for provider in self.providers.values():
            await provider.close()

    async def _ask(self, row: Any) -> None:
        found, can_ask = await self._look_for(row)
        await self.db.at_once(outbox.resolve, row.id, found, can_ask)

    async def _look_for(self, row: Any) -> tuple[list[Sent], bool]:
        provider = self.providers.get(row.provider or row.channel)
        if provider is None or not provider.askable:
            return [], False  # set up no longer, or one that only says yes or no
        try:
            return await provider.look_for(envelope(row)), True
        except SendError:
            return [], False

    async def _confirm(self, rows: list[Any]) -> None:
        by_provider: dict[str, list[Any]] = {}
        for row in rows:
            by_provider.setdefault(row.provider or row.channel, []).append(row)
        for name, some in by_provider.items():
            told = await self._told(name, some)
            if told is not None:
                await self.db.transact(delivery.confirmed, some, told)

    async def _told(self, name: str, rows: list[Any]) -> dict[int, Receipt] | None:
        """What the provider says of them; None when it cannot be asked now."""
        provider = self.providers.get(name)
        if provider is None:
            return {}
        handed = [Handed(id=row.id, provider_id=row.provider_id, to=row.address, handed_at=row.handed_at)
                  for row in rows]  # fmt: skip
        try:
            return await provider.receipts(handed)
        except SendError:
            return None

    async def _probe(self, name: str) -> bool:
        try:
            await self.providers[name].probe()
            what = circuits.Found(answered=True)
        except SendError as problem:
            what = circuits.Found(answered=False, stop=isinstance(problem, Misconfigured), reason=problem.says)
        channel = next(channel for channel, some in self.channels.items() if self.providers[name] in some)
        return await self.db.transact(delivery.probed, name, channel, what)
