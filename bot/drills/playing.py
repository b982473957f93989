"""Playing a script in a simulated hospital: the clock jumps from due moment to due moment, and the commander, the
providers and the staff do their part."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from sqlmodel import func, select

from bot import exercises, outages, outbox, timers
from bot.clock import MovedClock
from bot.db import Database, Tx
from bot.drills.hospital import ACCOUNT
from bot.simulator import Fault, Simulator

GRAIN = timedelta(seconds=1)  # what is due within the same one is done together; a sender's rate is by the second
MEND = timedelta(seconds=5)  # between two looks at leases, doubt and providers that come back
LONGEST = timedelta(minutes=1)  # between two steps: receipts that stay away are asked for
PROMISE = timedelta(minutes=2)  # how long before a promised update the commander writes it
MOST_ROUNDS = 500  # until all is quiet; more means that something never ends
NEWS = ("vendor works on it, no time yet", "still no time from the vendor", "vendor has found the cause")
RISK = "9 cannot find the allergies"

Act = Callable[[], Awaitable[object]]
#: What a script turns off at the providers → how that fails
FAILS = {
    "texts": Fault("outage", on="sms"),
    "calls": Fault("failed", on="call", code=31005),
    "receipts": Fault("receipts_withheld", on="sms"),
}


class Running(Protocol):
    """The app, as far as a drill needs it."""

    db: Database

    async def beat(self) -> int: ...
    async def mend(self) -> int: ...
    async def seal(self) -> int: ...


@dataclass(frozen=True)
class Look:
    """What is due: when the next timer is, whether anything waits to be sent, when an update was promised."""

    timer: datetime | None
    waiting: bool
    doubtful: bool
    promised: datetime | None
    code: str


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

    async def run(self, drill: exercises.Drill) -> None:
        """From the moment the drill was started to its end."""
        self.acts = [(drill.starts_at + each.at, getattr(self, each.do)) for each in self.scenario.injects
                     if hasattr(self, each.do)]  # fmt: skip
        end = drill.ends_at
        while True:
            look = await self._settle()
            due = self._next(look, end)
            self.tell((self.clock.now() - drill.starts_at) / timedelta(minutes=1))
            if self.clock.now() >= end:
                return
            await self._wait(due)
            self.clock.set(due)
            await self._act(look)

    async def _settle(self) -> Look:
        """Let everything that is due happen, here and at the providers, until all is quiet."""
        for _ in range(MOST_ROUNDS):
            done = await self.app.beat() + await self.sim.settle()
            if not done:
                break
        else:
            raise RuntimeError("something in the drill never comes to an end")
        if self.mended is None or self.clock.now() - self.mended >= MEND:
            self.mended = self.clock.now()
            if await self.app.mend():
                return await self._settle()
        return await self.app.db.read(_look)

    def _next(self, look: Look, end: datetime) -> datetime:
        """When to look again, on a whole second."""
        now = self.clock.now()
        due = [end, now + LONGEST, *(at for at, _ in self.acts[:1])]
        due += [at for at in (look.timer, self.sim.next_due()) if at]
        due += [now + GRAIN] if look.waiting else []
        due += [now + MEND] if look.doubtful else []
        due += [look.promised - PROMISE] if look.promised and look.promised - PROMISE > now else []
        soonest = max(min(due), now)
        return (
            min(soonest + (-soonest.replace(tzinfo=None).microsecond % 1_000_000) * timedelta(microseconds=1), end)
            if soonest > now
            else now + GRAIN
        )

    async def _wait(self, due: datetime) -> None:
        if self.pace:
            await asyncio.sleep((due - self.clock.now()).total_seconds() / self.pace)

    async def _act(self, look: Look) -> None:
        """What the script does to the providers now, and what the commander has promised."""
        while self.acts and self.acts[0][0] <= self.clock.now():
            await self.acts.pop(0)[1]()
        if look.promised and timedelta() < look.promised - self.clock.now() <= PROMISE:
            self.said += 1
            await self.sim.slack.command(ACCOUNT, "/outage", f"update {look.code} {NEWS[self.said % len(NEWS)]}")

    # --- what an inject does, by its name ---

    async def texts_off(self) -> None:
        self.sim.twilio.faults.add(FAILS["texts"])

    async def texts_on(self) -> None:
        self.sim.twilio.faults.remove(FAILS["texts"])

    async def calls_off(self) -> None:
        self.sim.twilio.faults.add(FAILS["calls"])

    async def calls_on(self) -> None:
        self.sim.twilio.faults.remove(FAILS["calls"])

    async def receipts_off(self) -> None:
        self.sim.twilio.faults.add(FAILS["receipts"])

    async def receipts_on(self) -> None:
        self.sim.twilio.faults.remove(FAILS["receipts"])

    async def risk(self) -> None:
        await self.sim.phone(self.bedside[0]).text(RISK)


def _look(tx: Tx) -> Look:
    def any_in(state: outbox.State) -> bool:
        return tx.exec(select(func.count()).select_from(outbox.Message).where(outbox.Message.state == state)).one() > 0

    running = next(iter(outages.running(tx)), None)
    return Look(
        timers.next_due(tx), any_in(outbox.State.QUEUED), any_in(outbox.State.DOUBTFUL),
        running.next_update_at if running else None, running.code if running else "",
    )  # fmt: skip
