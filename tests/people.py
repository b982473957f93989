"""The cast and the stage: drills read like a shift, and whatever nobody expected fails them.

The hospital, the simulated providers and the web server live in one event loop that only runs while somebody acts.
Alma is bedside in 5W; Ben is in charge there, Cho in 3W; Dana is the house supervisor, Eve the commander.
"""

import asyncio
import re
import socket
import tempfile
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import uvicorn

from bot import board, journal, roster, timers
from bot.app import App
from bot.clock import MovedClock
from bot.db import Tx
from bot.settings import Settings
from bot.simulator import SLACK_SECRET, SLACK_TOKEN, TWILIO_SID, TWILIO_TOKEN, Simulator
from bot.simulator.call import Call
from bot.simulator.phones import Phone, Text
from bot.simulator.slack_people import Said

T = TypeVar("T")
NUMBER = "+12025550199"
COMMAND_CHANNEL = "C0COMMAND"
PATIENCE = 20.0  # times as long as the providers wait: how busy the machine is is not what a drill is about
MOST_ROUNDS = 200  # of beats until all is quiet; more means that something never ends

#: id, name, unit, phone's last two digits, roles, permissions, has Slack
CAST = (
    ("alma", "Alma Quill", "5W", "11", "", "", False),
    ("abe", "Abe Loom", "5W", "12", "", "", False),
    ("ben", "Ben Ode", "5W", "13", "unit_charge", "", True),
    ("cho", "Cho Fern", "3W", "14", "unit_charge", "", False),
    ("dana", "Dana Reed", "OPS", "15", "house_supervisor", "declare;manage;close", True),
    ("eve", "Eve Sand", "OPS", "16", "incident_commander", "declare;manage;close", True),
    ("finn", "Finn Brook", "IT", "17", "it_unit_leader;service_desk", "declare;manage", True),
    ("gwen", "Gwen Holt", "OPS", "18", "medical_care_director", "", False),
    ("hugo", "Hugo Vale", "OPS", "19", "safety", "", False),
    ("iris", "Iris Moor", "OPS", "20", "labor_pool_leader", "", False),
    ("jon", "Jon Pike", "OPS", "21", "logistics_chief", "", False),
    ("kit", "Kit Rowan", "OPS", "22", "pharmacist_in_charge", "", False),
    ("lea", "Lea Marsh", "OPS", "23", "pharmacist_in_charge", "", False),
)
UNITS = {"5W": "+12025550151", "3W": "+12025550152"}


class Stage:
    """A hospital in the middle of the night, with phones and Slack that can be looked at."""

    def __init__(self, database_url: str, clock: MovedClock, staff: Callable[[Tx], object] | None = None, **more: Any):
        self.clock, self.database_url, self.more, self.staff = clock, database_url, more, staff or hire
        self.runner = asyncio.Runner()
        self.sim = Simulator(now=clock.now, numbers=[NUMBER])
        self.sim.slack.patience *= PATIENCE
        self.kept = kept_port()
        self.port = self.kept.getsockname()[1]
        self.spool = tempfile.TemporaryDirectory(prefix="muster-spool-")  # of its own: stages may share a server
        self.app: App | None = None
        self.do(self._open())

    def do(self, act: Awaitable[T]) -> T:
        async def run() -> T:
            return await act

        return self.runner.run(run())

    def settle(self) -> None:
        """Let everything that is due happen, here and at the providers, until all is quiet."""
        self.do(self._settle())

    def forward(self, **by: float) -> None:
        """Move the clock, stopping at every moment at which something is due."""
        end = self.clock.now() + timedelta(**by)
        self.settle()
        while True:
            due = [moment for moment in (self.do(self._next_due()), self.sim.next_due()) if moment and moment <= end]
            if not due:
                break
            self.clock.set(max(min(due), self.clock.now()))
            self.settle()
        self.clock.set(end)
        self.settle()

    def stop(self) -> None:
        """The process ends."""
        self.do(self._stop_app())

    def start(self) -> None:
        """The process starts again, on the same database."""
        self.do(self._start_app())

    def close(self) -> None:
        self.do(self._close())
        self.runner.close()
        self.kept.close()
        self.spool.cleanup()

    def status(self) -> dict[str, Any]:
        assert self.app
        return self.do(self.app.db.read(board.status))

    def ask(self, query: Callable[[Tx], T]) -> T:
        assert self.app
        return self.do(self.app.db.read(query))

    def tell(self, verb: Callable[[Tx], T]) -> T:
        assert self.app
        done = self.do(self.app.db.transact(verb))
        self.settle()
        return done

    def outage(self) -> dict[str, Any]:
        return self.status()["outages"][0]  # type: ignore[no-any-return]

    def unexpected(self) -> list[str]:
        return [f"{getattr(thing, 'at', '')} {_where(thing)}: {_words(thing)}" for thing in self.sim.unseen()]

    def seen(self) -> None:
        """What has come so far is expected."""
        self.settle()
        for thing in self.sim.unseen():
            thing.seen = True

    async def _open(self) -> None:
        await self.sim.start()
        for id, name, *_, slack in CAST:
            if slack:
                self.sim.slack.add_user(slack_id(id), name)
        for channel in (COMMAND_CHANNEL, "C05W"):
            self.sim.slack.add_channel(channel)
        await self._start_app()
        assert self.app
        await self.app.db.transact(self.staff)

    async def _start_app(self) -> None:
        settings = Settings.load(
            None,
            **{
                "database_url": self.database_url,
                "spool_dir": self.spool.name,
                "public_url": f"http://127.0.0.1:{self.port}",
                "org_name": "Mercy Hospital",
                "org_short": "MERCY",
                "callback_number": "5555",
                "sms_per_second": 0,
                "calls_per_second": 0,
                "twilio_account_sid": TWILIO_SID,
                "twilio_auth_token": TWILIO_TOKEN,
                "twilio_from": NUMBER,
                "twilio_voice_from": NUMBER,
                "twilio_api_url": self.sim.url,
                "slack_bot_token": SLACK_TOKEN,
                "slack_signing_secret": SLACK_SECRET,
                "slack_api_url": f"{self.sim.url}/api/",
                "slack_command_channel": COMMAND_CHANNEL,
            }
            | self.more,
        )
        self.app = App(settings, self.clock, PATIENCE)
        await self.app.start()
        self._server = uvicorn.Server(
            uvicorn.Config(self.app.web, host="127.0.0.1", port=self.port, log_level="warning", lifespan="off")
        )
        self._serving = asyncio.create_task(self._server.serve())
        while not self._server.started:
            await asyncio.sleep(0)
        self.sim.app_url = f"http://127.0.0.1:{self.port}"

    async def _stop_app(self) -> None:
        assert self.app
        self._server.should_exit = True
        await self._serving
        await self.app.stop()
        self.app = None

    async def _close(self) -> None:
        if self.app:
            await self._stop_app()
        await self.sim.stop()

    async def _settle(self) -> None:
        for _ in range(MOST_ROUNDS):
            done = await self.app.beat() + await self.app.mend() if self.app else 0
            if not done + await self.sim.settle():
                break
        else:
            raise AssertionError("something never comes to an end")
        if self.app:
            await self.app.seal()

    async def _next_due(self) -> Any:
        return await self.app.db.read(timers.next_due) if self.app else None


@dataclass
class Person:
    """Somebody of the cast, with a phone and perhaps a Slack account."""

    stage: Stage
    id: str
    number: str

    @property
    def phone(self) -> Phone:
        return self.stage.sim.phone(self.number)

    @property
    def slack(self) -> str:
        return slack_id(self.id)

    def gets_sms(self, *words: str) -> "Person":
        """The oldest text not yet expected has these words; of those of one moment, which have no order, any one."""
        self.stage.settle()
        unseen = [text for text in self.phone.inbox if not text.seen]
        assert unseen, f"{self.id} got no text with {words}; texts so far: {[text.body for text in self.phone.inbox]}"
        together = [text for text in unseen if text.at == unseen[0].at]
        text = next((text for text in together if _says(text.body, words)), unseen[0])
        return self._has(text, text.body, words)

    def has_sms(self, *words: str) -> "Person":
        """Among the texts so far is one with these words."""
        self.stage.settle()
        texts = [text.body for text in self.phone.inbox]
        assert any(all(word.casefold() in text.casefold() for word in words) for text in texts), (
            f"{self.id} has {texts}, none with {words}"
        )
        return self

    def gets_call(self, *words: str) -> "Person":
        """The phone rings, or rang and was heard; with words it is picked up and they are spoken."""
        self.stage.settle()
        calls = [call for call in self.stage.sim.twilio.calls if call.to == self.number and not call.seen]
        assert calls, f"{self.id} got no call about {words}"
        call = min(calls, key=lambda call: call.created)
        if words and call.status == "ringing":
            self.stage.do(self.phone.pick_up())
        return self._has(call, call.said, words)

    def is_left_alone(self, **by: float) -> "Person":
        """No text, no call: nothing has come that was not expected, and nothing comes while time passes."""
        self.stage.forward(**by)
        texts = [text.body for text in self.phone.inbox if not text.seen]
        calls = [call.created for call in self.stage.sim.twilio.calls if call.to == self.number and not call.seen]
        assert not texts and not calls, f"{self.id} was disturbed by {texts} {calls}"
        return self

    def gets_slack(self, *words: str) -> "Person":
        """A direct message with these words."""
        self.stage.settle()
        message = next((message for message in self.stage.sim.slack.messages(self.slack) if not message.seen), None)
        assert message, f"{self.id} got no Slack message with {words}"
        return self._has(message, message.text, words)

    def replies(self, text: str) -> "Person":
        self.stage.do(self.phone.text(text))
        self.stage.settle()
        return self

    def takes_tasks(self) -> "Person":
        """Everything that has been offered by text is taken."""
        self.stage.settle()
        offered = re.findall(r"\bT\d+\b", " ".join(text.body for text in self.phone.inbox if "=I have it" in text.body))
        for code in dict.fromkeys(offered):
            self.stage.do(self.phone.text(f"1 {code}"))
        self.stage.seen()
        return self

    def presses(self, digits: str) -> "Person":
        self.stage.do(self.phone.press(digits))
        self.stage.settle()
        return self

    def lets_it_ring(self) -> "Person":
        self.phone.set_voice("ignores")
        return self

    def runs(self, command: str) -> Said:
        """A slash command, answered in time."""
        name, _, text = command.partition(" ")
        said = self.stage.do(self.stage.sim.slack.command(self.slack, name, text))
        for message in self.stage.sim.slack.ephemerals(self.slack):
            message.seen = True
        assert said.in_time, f"{command} was answered {said.status} after {said.elapsed:.1f} s: {said.body[:300]}"
        self.stage.settle()
        return said

    def clicks(self, action: str, where: str = "", value: str | None = None) -> Said:
        """A button under the newest message that has it, in the direct messages or in a channel."""
        said = self.stage.do(self.stage.sim.slack.click(self.slack, where or self.slack, None, action, value))
        self.stage.settle()
        for message in self.stage.sim.slack.ephemerals(self.slack):
            message.seen = True
        assert said.in_time, said.body[:300]
        return said

    def _has(self, thing: Any, said: str, words: Iterable[str]) -> "Person":
        missing = [word for word in words if word.casefold() not in said.casefold()]
        assert not missing, f"{self.id} got {said!r}, without {missing}"
        thing.seen = True
        return self


def _says(said: str, words: Iterable[str]) -> bool:
    return all(word.casefold() in said.casefold() for word in words)


class Channel:
    """A Slack channel."""

    def __init__(self, stage: Stage, id: str):
        self.stage, self.id = stage, id

    def shows(self, *words: str) -> "Channel":
        self.stage.settle()
        for message in self.stage.sim.slack.messages(self.id):
            if not message.seen and all(word.casefold() in message.text.casefold() for word in words):
                message.seen = True
                return self
        raise AssertionError(
            f"{self.id} shows nothing with {words}: {[m.text for m in self.stage.sim.slack.messages(self.id)]}"
        )


def hire(tx: Tx) -> None:
    """The cast, on a hospital without a rota: everybody is on shift."""
    tx.add(roster.Site(code="MAIN", name="Main house"))
    for code, landline in UNITS.items():
        tx.add(
            roster.Unit(
                code=code, name=code, site="MAIN", landline=landline, slack_channel="C05W" if code == "5W" else ""
            )
        )
    for place, (id, name, unit, digits, roles, permissions, slack) in enumerate(CAST):
        tx.add(
            roster.Person(
                id=id,
                name=name,
                unit=unit,
                site="MAIN",
                mobile=f"+120255501{digits}",
                slack_id=slack_id(id) if slack else "",
                roles=[role for role in roles.split(";") if role],
                permissions=[each for each in permissions.split(";") if each],
                place=place,
            )
        )
    roster.forget(tx)


def slack_id(id: str) -> str:
    return f"U0{id.upper()}"


def nobody_is_disturbed(stage: Stage, **by: float) -> None:
    """Whatever came and nobody expected fails; time may pass first."""
    stage.forward(**by)
    assert not stage.unexpected(), "\n".join(stage.unexpected())


def whole(stage: Stage) -> None:
    """The journal verifies and no timer failed."""
    verdict = stage.tell(journal.verify)
    assert verdict.broken_at is None
    failed = stage.ask(
        lambda tx: [
            line.detail for line in tx.exec(journal.select(journal.Line).where(journal.Line.what == "timer_failed"))
        ]
    )
    assert not failed, failed
    assert not stage.sim.complaints, list(stage.sim.complaints)


def kept_port() -> socket.socket:
    """A port that nobody else is given until this is closed; a server of ours may listen on it meanwhile, and again."""
    kept = socket.socket()
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    kept.bind(("127.0.0.1", 0))
    return kept


def _where(thing: Any) -> str:
    return str(getattr(thing, "to", "") or getattr(thing, "channel", "") or "phone")


def _words(thing: Any) -> str:
    return str(thing.body if isinstance(thing, Text) else thing.said if isinstance(thing, Call) else thing.text)
