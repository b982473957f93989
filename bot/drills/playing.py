"""Playing a script in a simulated hospital: the clock jumps from due moment to due moment, and the commander, the
providers and the staff do their part."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import exists, or_
from sqlmodel import col, func, select

from bot import exercises, outages, outbox, recalls, roster, timers
from bot.clock import MovedClock
from bot.db import Database, Tx
from bot.drills.hospital import ACCOUNT
from bot.playbooks.shelf import CORE
from bot.simulator import Fault, Simulator

GRAIN = timedelta(seconds=1)  # what is due within the same one is done together; a sender's rate is by the second
MEND = timedelta(seconds=15)  # between two looks at leases, doubt and providers that come back
LONGEST = timedelta(minutes=1)  # between two steps: receipts that stay away are asked for
PROMISE = timedelta(minutes=2)  # how long before a promised update the commander writes it
MOST_ROUNDS = 500  # until all is quiet; more means that something never ends
NEWS = ("vendor works on it, no time yet", "still no time from the vendor", "vendor has found the cause")
NO_NEWS = "no change"  # where nobody else's system is down, or none any more
RISK = "9 cannot find the allergies"

_M, _H = outbox.Message, outbox.Health
_DOUBT = exists().where(col(_M.state) == outbox.State.DOUBTFUL)
_BROKEN = exists().where(col(_H.circuit) != outbox.CircuitState.CLOSED)
_URGENT = col(_M.lane) <= outbox.Lane.QUESTION  # of the others no provider is asked
_UNHEARD = exists().where(col(_M.state) == outbox.State.SENT, col(_M.asked) == 0, _URGENT)
QUEUED = (
    select(_M.channel, func.min(_M.due_at)).where(_M.state == outbox.State.QUEUED).group_by(_M.channel)
    .order_by(_M.channel)
)  # fmt: skip
UNSURE = select(or_(_DOUBT, _BROKEN), _UNHEARD)

Act = Callable[[], Awaitable[object]]


class Running(Protocol):
    """The app, as far as a drill needs it."""

    db: Database

    async def fire(self) -> int: ...
    async def send(self, channel: str) -> int: ...
    async def mend(self) -> int: ...


@dataclass(frozen=True)
class Look:
    """What is due: when the next timer is, since or from when something waits on each channel, whether a provider is
    in trouble, whether it may still be heard of something that was sent."""

    timer: datetime | None
    queued: dict[str, datetime]
    trouble: bool
    unheard: bool

    def waiting(self, now: datetime) -> list[str]:
        """The channels on which something is due."""
        return [channel for channel, due in self.queued.items() if due <= now]


@dataclass(frozen=True)
class Promise:
    """When the next update was promised, and whether a vendor's system is still down."""

    at: datetime
    code: str
    vendor: bool


@dataclass
class Play:
    """One drill in a simulated hospital. `pace` is how many times faster than real time it is shown; 0: as fast as the
    machine can."""

    app: Running
    sim: Simulator
    clock: MovedClock
    scenario: exercises.Scenario
    bedside: list[str]  # their phones
    pace: float = 0.0
    tell: Callable[[float], None] = lambda minutes: None  # how far it has come
    acts: list[tuple[datetime, Act]] = field(default_factory=list)  # what the script does to the providers, in order
    mended: datetime | None = None
    said: int = 0  # updates that the commander wrote

    def __post_init__(self) -> None:
        self.texts = Fault("outage", on="sms")
        self.calls = Fault("failed", on="call", code=31005)
        self.receipts = Fault("receipts_withheld", on="sms")

    async def run(self, drill: exercises.Drill) -> None:
        """From the moment the drill was started to its end."""
        does = [each for each in self.scenario.injects if hasattr(self, each.do)]
        self.acts = [(drill.starts_at + each.at, getattr(self, each.do)) for each in does]
        await self._act(None)  # before anything leaves
        while True:
            look = await self._settle()
            promise = await self.app.db.read(_promise)
            self.tell((self.clock.now() - drill.starts_at) / timedelta(minutes=1))
            if self.clock.now() >= drill.ends_at:
                return
            due = min(self._next(look, promise), drill.ends_at)
            await self._wait(due)
            self.clock.set(due)
            await self._act(promise)

    async def _settle(self) -> Look:
        """Let everything that is due happen, here and at the providers, until all is quiet."""
        for _ in range(MOST_ROUNDS):
            look, now = await self.app.db.read(_look), self.clock.now()
            done = await self.app.fire() if look.timer and look.timer <= now else 0
            done += sum([await self.app.send(channel) for channel in look.waiting(now)])
            done += await self.sim.settle() if self.sim.busy else 0
            done += 0 if done else await self._mend(look)
            if not done:
                return look
        raise RuntimeError("something in the drill never comes to an end")

    async def _mend(self, look: Look) -> int:
        """Leases, doubt, providers that come back, receipts that stay away."""
        now, every = self.clock.now(), MEND if look.trouble else LONGEST
        if not (look.queued or look.trouble or look.unheard) or (self.mended and now - self.mended < every):
            return 0
        self.mended = now
        return await self.app.mend()

    def _next(self, look: Look, promise: Promise | None) -> datetime:
        """When to look again, on a whole second."""
        now = self.clock.now()
        due = [now + LONGEST, *(at for at, _ in self.acts[:1])]
        due += [at for at in (look.timer, self.sim.next_due()) if at]
        due += [now + MEND] if look.trouble else look.queued.values()
        due += [promise.at - PROMISE] if promise and promise.at - PROMISE > now else []
        return max(_whole_second(min(due)), now + GRAIN)

    async def _wait(self, due: datetime) -> None:
        if self.pace:
            await asyncio.sleep((due - self.clock.now()).total_seconds() / self.pace)

    async def _act(self, promise: Promise | None) -> None:
        """What the script does to the providers now, and what the commander has promised."""
        while self.acts and self.acts[0][0] <= self.clock.now():
            await self.acts.pop(0)[1]()
        if promise and timedelta() < promise.at - self.clock.now() <= PROMISE:
            self.said += 1
            news = NEWS[self.said % len(NEWS)] if promise.vendor else NO_NEWS
            await self.sim.slack.command(ACCOUNT, "/outage", f"update {promise.code} {news}")

    # --- what an inject does, by its name ---

    async def texts_off(self) -> None:
        self.sim.twilio.faults.add(self.texts)

    async def texts_on(self) -> None:
        self.sim.twilio.faults.remove(self.texts)

    async def calls_off(self) -> None:
        self.sim.twilio.faults.add(self.calls)

    async def calls_on(self) -> None:
        self.sim.twilio.faults.remove(self.calls)

    async def receipts_off(self) -> None:
        self.sim.twilio.faults.add(self.receipts)

    async def receipts_on(self) -> None:
        self.sim.twilio.faults.remove(self.receipts)

    async def drop_out(self) -> None:
        """Two who had said that they come cannot after all."""
        for mobile, code in await self.app.db.read(_coming, 2):
            await self.sim.phone(mobile).text(f"4 {code}")

    async def risk(self) -> None:
        await self.sim.phone(self.bedside[0]).text(RISK)


def _look(tx: Tx) -> Look:
    queued = {channel: due for channel, due in tx.execute(QUEUED)}
    trouble, unheard = tx.execute(UNSURE).one()
    return Look(timers.next_due(tx), queued, trouble, unheard)


def _promise(tx: Tx) -> Promise | None:
    running = next(iter(outages.running(tx)), None)
    if running is None or running.next_update_at is None:
        return None
    return Promise(running.next_update_at, running.code, _is_down(tx, running))


def _is_down(tx: Tx, outage: outages.Outage) -> bool:
    """It is declared, nothing of it is restored, and it has a service beside core."""
    services = {each.service for each in outages.services(tx, outage)}
    return outage.state == outages.OutageState.DECLARED and bool(services - {CORE})


def _coming(tx: Tx, most: int) -> list[tuple[str, str]]:
    """The phones of those who said first that they come in, each with the code of the staff call."""
    made, call = recalls.Recall, recalls.RecallCall
    query = select(roster.Person.mobile, made.code).join(call, col(call.person_id) == roster.Person.id).join(made)
    coming = query.where(call.state == recalls.CallState.COMING, roster.Person.mobile != "")
    return list(tx.exec(coming.order_by(col(call.accepted_at), col(call.person_id)).limit(most)))


def _whole_second(at: datetime) -> datetime:
    return at if not at.microsecond else at.replace(microsecond=0) + GRAIN
