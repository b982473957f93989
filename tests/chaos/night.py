"""One night: a hospital's processes on one database, the providers, and what both sides were told."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from bot.clock import Clock, FastClock
from bot.db import Database, Tx
from bot.render import Render
from bot.settings import Settings
from bot.simulator import NUMBER, TWILIO_SID, Simulator
from tests.chaos.databases import Rows
from tests.chaos.hospital import COMMANDER_SLACK, Person
from tests.chaos.processes import Process, does

T = TypeVar("T")

SOON = timedelta(seconds=45)  # a ladder's timer that is due by then is waited for
UNDER_WAY = ("queued", "sending", "doubtful")
QUIET = 3  # looks in a row at which nothing was under way
KEPT = "Kept."  # how an answer begins that promises to do it later
RECEIPT = re.compile(r"/twilio/receipts/(\d+)")


@dataclass
class Reply:
    """A text from one of the staff; `word` is in no other one. `heard` = it was answered with a 2xx."""

    person: Person
    digit: str
    word: str
    heard: bool = False


@dataclass
class Night:
    """What one story is played on. `commands` are the words of what was declared or updated: was it answered?"""

    folder: Path
    database_url: str
    people: list[Person]
    dice: Random  # of what goes on
    moments: Random  # of the kills, apart, so that a seed gives the same ones
    rows: Rows
    clock: FastClock
    sim: Simulator
    environment: dict[str, str] = field(default_factory=dict)
    processes: list[Process] = field(default_factory=list)
    kills: int = 0
    caught: set[str] = field(default_factory=set)  # claims that were on the wire at the moment of a kill
    begun: asyncio.Event = field(default_factory=asyncio.Event)  # from now on there are kills
    over: asyncio.Event = field(default_factory=asyncio.Event)  # no more kills
    commands: dict[str, bool] = field(default_factory=dict)
    replies: list[Reply] = field(default_factory=list)
    receipts: dict[int, set[str]] = field(default_factory=dict)  # by our number: the statuses that we answered with 2xx

    @property
    def on_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")

    async def does(self, *words: str, say: str = "") -> str:
        return await does(words, self.folder, self.environment, say)

    async def runs(self, verb: Callable[[Tx], T]) -> T:
        """One verb in a transaction, beside the processes."""

        def run() -> T:
            settings = self.settings()
            base = Database(settings, Clock(), Render.of(settings))
            try:
                return base.run(verb)
            finally:
                base.close()

        return await asyncio.to_thread(run)

    async def commands_slack(self, text: str, word: str) -> bool:
        """`/outage …` from the commander; whether it was answered as done, or as kept until the database is back.

        Raises RuntimeError when it was refused.
        """
        self.commands[word] = False
        said = await self.sim.slack.command(COMMANDER_SLACK, "/outage", text)
        if said.status == 200 and word not in said.text and not said.text.startswith(KEPT):
            raise RuntimeError(f"/outage {text} was answered: {said.text[:300]}")
        self.commands[word] = said.status == 200
        return self.commands[word]

    async def texts_in(self, number: str, body: str, sid: str) -> int:
        """A person's text at our webhook, as Twilio posts it; the status, 0 when nobody answered."""
        form = {
            "MessageSid": sid, "SmsMessageSid": sid, "SmsSid": sid, "From": number, "To": NUMBER, "Body": body,
            "AccountSid": TWILIO_SID, "SmsStatus": "received", "NumMedia": "0", "NumSegments": "1",
            "ApiVersion": "2010-04-01",
        }  # fmt: skip
        answer = await self.sim.webhooks.signed_post("/twilio/sms", form)
        return answer.status if answer else 0

    def word(self) -> str:
        """Letters that stand in no other word: no unit, no task, nothing that looks like a patient."""
        return "zq" + "".join(self.dice.choices("bcdfghjklmnpqrstvwxz", k=8))

    async def waiting(self, *states: str) -> int:
        """Messages in these states (else all that are not with the provider yet), and audiences not all written."""
        wanted = ", ".join(f"'{state}'" for state in states or UNDER_WAY)
        left = await self.rows.one(f"select count(*) from message where state in ({wanted})")
        if self.rows.has("expansion"):
            left += await self.rows.one("select count(*) from expansion where done_at is null")
        return int(left)

    def spooled(self, name: str = "kept.jsonl") -> int:
        """Lines of what came in while the database was away, and was not taken in."""
        return sum(path.read_bytes().count(b"\n") for path in self.folder.glob(f"*/{name}"))

    async def is_quiet(self) -> bool:
        """Nothing waits, nothing is spooled, no ladder is about to climb, and the providers have nothing to do."""
        soon = self.clock.now() + SOON
        query = "select count(*) from timer where kind = 'ladder.climb' and due_at < :soon"
        due = await self.rows.one(query, soon=soon if not self.on_sqlite else f"{soon:%Y-%m-%d %H:%M:%S.%f}")
        later = self.sim.next_due()
        if due or await self.waiting() or self.spooled():
            return False
        return (later is None or later > soon) and not self.sim.busy

    async def until_quiet(self, seconds: float, says: Callable[[str], None]) -> None:
        """Until nothing more happens, or so many seconds of the clock have passed."""
        end, calm = self.clock.now() + timedelta(seconds=seconds), 0
        while calm < QUIET and self.clock.now() < end:
            says(f"until all is quiet ({await self.waiting()} under way)")
            calm = calm + 1 if await self.is_quiet() else 0
            await asyncio.sleep(0.3)

    async def until_later(self, seconds: float) -> None:
        """So many seconds of the clock pass."""
        end = self.clock.now() + timedelta(seconds=seconds)
        while self.clock.now() < end:
            await asyncio.sleep(0.3)

    async def kill_all(self) -> None:
        for process in self.processes:
            await process.kill()

    def settings(self) -> Settings:
        """The environment's, as the processes read them in their folder."""
        given: dict[str, Any] = {name.lower(): value for name, value in self.environment.items()}
        given |= {} if self.on_sqlite else {"spool_dir": str(self.folder / "spool")}
        return Settings.load(None, **{name: given[name] for name in Settings.model_fields if name in given})
