"""Claim → send → settle, channel by channel, with no session open while a message is on the wire."""

import asyncio
import random
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog

from bot import outbox
from bot.channels import Channel, Envelope, Misconfigured, OptedOut, SendError, Sent
from bot.command import delivery
from bot.db import Database
from bot.outbox import Outcome, State

AT_ONCE = 100  # messages on the wire for one channel
ASKED = 20  # doubtful messages that are asked about at once
LOOK = 0.02  # seconds between two looks at the queue while messages are on the wire
LONGEST = 300.0  # seconds between two tries of a message
STOP_CODE = "stopped"  # of a message that waits for better settings
STOPPED = 30.0  # seconds until a channel with wrong settings is tried again

log = structlog.get_logger()


class Dispatcher:
    """Sends what is due. Each channel has its own line: trouble on one never delays another."""

    def __init__(self, db: Database, channels: Mapping[str, Channel], rates: Mapping[str, float]):
        self.db, self.channels, self.rates = db, channels, rates
        self.worker = secrets.token_hex(4)
        self._said: dict[str, str] = {}  # what was last reported of each channel
        self._lines: dict[str, asyncio.Task[int]] = {}
        self._closing = False

    async def dispatch(self) -> int:
        """Send until nothing is due on any channel; returns how many were claimed.

        Whoever stops waiting for it stops only that: what is on the wire is settled all the same.
        """
        return sum(await asyncio.gather(*(self.line(name) for name in self.channels)))

    async def line(self, name: str) -> int:
        """The same for one channel; a pass that is under way is waited for, not doubled."""
        return await asyncio.shield(self._running(name))

    async def reconcile(self) -> int:
        """Ask the providers about the messages of which nobody knows whether they were taken."""
        rows = await self.db.at_once(outbox.doubtful, ASKED)
        await asyncio.gather(*(self._ask(row) for row in rows))
        return len(rows)

    async def close(self) -> None:
        """Settle what is on the wire, claim nothing more, and let go of the connections."""
        self._closing = True
        await asyncio.gather(*self._lines.values(), return_exceptions=True)
        for channel in self.channels.values():
            await channel.close()

    def _running(self, name: str) -> asyncio.Task[int]:
        """The pass that is at this channel, or a new one."""
        if name not in self._lines or self._lines[name].done():
            self._lines[name] = asyncio.create_task(self._line(name))
        return self._lines[name]

    async def _line(self, name: str) -> int:
        """One channel: claim the next batch while this one is in flight, settle what has come back."""
        flying: set[asyncio.Task[Outcome]] = set()
        claimed = 0
        try:
            while True:
                rows = await self._claim(name, AT_ONCE - len(flying))
                claimed += len(rows)
                flying |= {asyncio.create_task(self._send(name, row)) for row in rows}
                if not flying:
                    return claimed
                done, flying = await asyncio.wait(flying, timeout=LOOK, return_when=asyncio.FIRST_COMPLETED)
                if done:
                    await self._settle(name, [task.result() for task in done])
        finally:
            if flying:  # the database was away for a moment: what is on the wire must not become doubt for that
                await self._settle(name, list(await asyncio.gather(*flying)))

    async def _claim(self, name: str, room: int) -> list[Any]:
        if self._closing or room < AT_ONCE // 4:
            return []
        worker = f"{self.worker}-{secrets.token_hex(3)}"
        return await self.db.at_once(outbox.claim, name, worker, room, self.rates.get(name, 0))

    async def _send(self, name: str, row: Any) -> Outcome:
        try:
            sent = await self.channels[name].send(envelope(row))
        except SendError as problem:
            return outcome(row, problem)
        except Exception as problem:  # nobody knows what happened, so nobody may simply send again
            log.exception("send failed in an unexpected way", message=row.id)
            return Outcome(id=row.id, claim=row.claim, state=State.DOUBTFUL, reason=repr(problem)[:200])
        state = State.DELIVERED if sent.delivered else State.SENT
        return Outcome(id=row.id, claim=row.claim, state=state, provider_id=sent.provider_id)

    async def _settle(self, name: str, outcomes: list[Outcome]) -> None:
        await self.db.transact(delivery.settle, outcomes)
        bad = [outcome for outcome in outcomes if outcome.state in (State.QUEUED, State.DOUBTFUL)]
        if len(bad) < len(outcomes):
            await self._report(name, "ok")
        else:
            await self._report(name, "stopped" if bad[-1].code == STOP_CODE else "trouble", bad[-1].reason)

    async def _report(self, name: str, state: str, reason: str = "") -> None:
        if self._said.get(name) != state:
            self._said[name] = state
            await self.db.transact(delivery.health, name, state, reason)

    async def _ask(self, row: Any) -> None:
        found, can_ask = await self._look_for(row)
        await self.db.transact(outbox.resolve, row.id, found, can_ask)

    async def _look_for(self, row: Any) -> tuple[list[Sent], bool]:
        channel = self.channels.get(row.channel)
        if channel is None:
            return [], False  # set up no longer, or in another process only
        try:
            return await channel.look_for(envelope(row)), True
        except SendError:
            return [], False


def envelope(row: Any) -> Envelope:
    return Envelope(
        id=row.id,
        channel=row.channel,
        to=row.address,
        body=row.body,
        claimed_at=row.claimed_at,
        not_after=row.not_after,
        buttons=tuple((label, action, value) for label, action, value in row.buttons),
    )


def outcome(row: Any, problem: SendError) -> Outcome:
    """What a send error makes of its message: doubt, another try later, or a failure that another channel may mend."""
    if problem.doubt:
        return Outcome(id=row.id, claim=row.claim, state=State.DOUBTFUL, reason=problem.says, code=problem.code)
    if problem.retry or problem.stop:
        wait = STOPPED if isinstance(problem, Misconfigured) else problem.retry_after or backoff(row.tries)
        code = STOP_CODE if problem.stop else problem.code
        return Outcome(id=row.id, claim=row.claim, state=State.QUEUED, reason=problem.says, code=code,
                       due_at=row.claimed_at + timedelta(seconds=wait))  # fmt: skip
    return Outcome(id=row.id, claim=row.claim, state=State.FAILED, reason=problem.says, code=problem.code,
                   other_channel=problem.other_channel, opted_out=isinstance(problem, OptedOut))  # fmt: skip


def backoff(tries: int) -> float:
    """Seconds until the next try: doubling, with jitter so that a crowd does not come back at once."""
    return min(LONGEST, 2.0 ** min(tries, 8)) * random.uniform(0.8, 1.2)
