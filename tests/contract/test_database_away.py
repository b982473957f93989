"""A night with real processes: the database goes away while the house answers, and a web process is killed in it.

Two web processes stand behind one address, as behind a load balancer. What got no answer is sent again, as a provider
or a person would. In the end everything that was sent counts, once, in the order in which it was sent.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import text
from sqlmodel import col, select
from twilio.request_validator import RequestValidator

from bot import journal, outbox, tasks
from bot.clock import Clock
from bot.db import Database, Tx
from bot.inbox import Arrival, Spool
from bot.render import Render
from bot.settings import Settings
from bot.simulator.webhooks import FORM, Answer, NotReached, Webhooks
from tests import away as ways
from tests.away import Server, Trouble
from tests.people import CAST, hire, kept_port

MUSTER = Path(sys.executable).with_name("muster")
PATIENCE = 60.0  # seconds; more means that it never happens
EVENTS = 200
PUBLIC = "https://muster.example.org"
NUMBERS = [f"+120255501{digits}" for _, _, _, digits, *_ in CAST]
BODIES = ("2", "9 bed 4", "1", "who has the key", "DONE T7", "STATUS")

Event = tuple[str, dict[str, str]]


@dataclass
class Web:
    """A `muster web` of its own."""

    settings: dict[str, str]
    folder: Path
    kept: socket.socket = field(default_factory=kept_port)

    def start(self) -> "Web":
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(
                [MUSTER, "web"], cwd=self.folder, env=self.settings | {"PORT": str(self.port)}, stdout=log, stderr=log
            )
        return self

    @property
    def port(self) -> int:
        return int(self.kept.getsockname()[1])

    def listens(self) -> bool:
        assert self.process.poll() is None, (self.folder / "log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.kept.close()


class Night:
    """A house in an outage, on a database that can go away, and all that is sent to it."""

    def __init__(self, trouble: Trouble, folder: Path):
        self.trouble, self.folder, self.webs = trouble, folder, list[Web]()
        given = {
            "database_url": trouble.url, "public_url": PUBLIC, "org_short": "MERCY", "callback_number": "5555",
            "twilio_account_sid": "AC1", "twilio_auth_token": "token", "twilio_from": "+12025550199",
            "twilio_voice_from": "+12025550199", "spool_dir": str(folder / "spool"),
        }  # fmt: skip
        self.environment = {"PATH": os.environ["PATH"], **{name.upper(): said for name, said in given.items()}}
        if "PYTHONPATH" in os.environ:
            self.environment["PYTHONPATH"] = os.environ["PYTHONPATH"]
        settings = Settings.load(None, **given)
        self.spool = Spool(settings.spool_dir)
        self.db = Database(settings, Clock(), Render.of(settings))
        self.db.run(hire)
        self.messages = self.db.run(queue)
        self.phone_network = Webhooks("", "token", Clock().now)

    def web(self) -> Web:
        self.webs.append(Web(self.environment, self.folder).start())
        return self.webs[-1]

    def close(self) -> None:
        for web in self.webs:
            web.kill()
        self.db.close()

    async def send(self, event: Event, web: Web) -> Answer | None:
        """As the provider sends it, through the one address. None if nobody answered."""
        path, form = event
        signed = RequestValidator("token").compute_signature(f"{PUBLIC}{path}", form)
        headers = {"X-Twilio-Signature": signed, "Content-Type": FORM}
        try:
            return await self.phone_network.post(f"http://127.0.0.1:{web.port}{path}", urlencode(form), headers, 15)
        except NotReached:
            return None

    def ask(self, query: Callable[[Tx], Any]) -> Any:
        return self.db.read_now(query)


@pytest.fixture(scope="module")
def servers() -> Iterator[list[Server]]:
    made: list[Server] = []
    yield made
    for server in made:
        server.close()


@pytest.fixture(params=["locked", "stopped"])
def night(request: pytest.FixtureRequest, servers: list[Server], migrated: Path, tmp_path: Path) -> Iterator[Night]:
    def server() -> Server:
        if not servers:
            servers.append(Server())
        return servers[0]

    made = Night(ways.trouble(request.param, server, migrated, tmp_path), tmp_path)
    yield made
    made.close()


def queue(tx: Tx) -> list[int]:
    """Texts of which the provider will report."""
    said = outbox.notice(tx, "alert")
    drafts = [
        outbox.Draft(person_id=id, channel="sms", address=f"+120255501{digits}", lane=1, body="EHR DOWN", round=round)
        for id, _, _, digits, *_ in CAST
        for round in range(4)
    ]
    outbox.enqueue(tx, said, drafts)
    return list(tx.exec(select(outbox.Message.id).order_by(col(outbox.Message.id))))  # type: ignore[arg-type]


def events(messages: list[int]) -> list[Event]:
    """Texts, receipts and keys, mixed."""
    found: list[Event] = []
    for n in range(EVENTS):
        number = NUMBERS[n % len(NUMBERS)]
        text = {"MessageSid": f"SM{n}", "From": number, "Body": BODIES[n % len(BODIES)]}
        key = {"CallSid": f"CA{n}", "From": number, "Digits": "29"[n % 2]}
        receipt = {"MessageSid": f"SMout{n}", "MessageStatus": "delivered"}
        kinds: list[Event] = [
            ("/twilio/sms", text),
            (f"/twilio/receipts/{messages[n // 4]}", receipt),
            ("/twilio/sms", text),
            ("/twilio/call", key),
        ]
        found.append(kinds[n % 4])
    return found


def test_a_night_in_which_the_database_goes_away_and_a_process_is_killed(night: Night) -> None:
    sent = events(night.messages)
    asyncio.run(through(night, sent))
    everything_counts_once(night, sent)


async def through(night: Night, sent: list[Event]) -> None:
    """A quarter while all is well; then the database goes; in the middle one of the two processes is killed."""
    first, second = night.web(), night.web()
    await night.phone_network.start()
    try:
        await until(lambda: first.listens() and second.listens())
        for n, event in enumerate(sent):
            web = first if n % 2 and n < 100 else second
            if n == 50:
                night.trouble.begin()
            flying = asyncio.create_task(night.send(event, web))
            if n == 99:
                await asyncio.sleep(0)
                first.kill()
            answer = await flying or await night.send(event, second)
            assert answer and answer.ok, (n, answer)
        assert night.spool.count() >= EVENTS - 50
        night.trouble.end()
        await until(lambda: not night.spool.waits())
    finally:
        await night.phone_network.stop()


def test_a_kill_while_it_is_taken_in_loses_nothing_and_repeats_nothing(night: Night) -> None:
    sent = events(night.messages)
    asyncio.run(killed_while_taking_in(night, sent))
    everything_counts_once(night, sent)


async def killed_while_taking_in(night: Night, sent: list[Event]) -> None:
    web = night.web()
    await night.phone_network.start()
    try:
        await until(web.listens)
        night.trouble.begin()
        for event in sent:
            answer = await night.send(event, web)
            assert answer and answer.ok
        night.spool.file.write_bytes(night.spool.file.read_bytes() * 4)  # all came four times, so that it takes a while
        night.trouble.end()
        await until(lambda: arrived(night) >= 20)
        web.kill()
        assert night.spool.waits(), "it was killed too late"
        night.web()
        await until(lambda: not night.spool.waits())
    finally:
        await night.phone_network.stop()


def everything_counts_once(night: Night, sent: list[Event]) -> None:
    assert night.spool.aside() == 0, (night.folder / "log").read_text()  # first: what is set aside is missing below
    came = [form.get("CallSid") or form["MessageSid"] for path, form in sent if "receipts" not in path]
    assert night.ask(arrivals) == came, "each once, in the order in which it was sent"
    nines = sum(form.get("Body", form.get("Digits", "")).startswith("9") for _, form in sent)
    kinds = night.ask(lambda tx: Counter(tx.exec(select(tasks.Task.kind))))
    assert kinds[tasks.Kind.RISK] == nines
    states = night.ask(lambda tx: list(tx.exec(select(outbox.Message.state).where(outbox.Message.kind == "alert"))))
    assert states.count("delivered") == EVENTS // 4
    lines = night.ask(lambda tx: list(tx.exec(select(journal.Line))))
    assert not [line for line in lines if line.what in ("set_aside", "timer_failed")]
    assert [line.detail["taken_in"] > 100 for line in lines if line.what == "database_was_away"] == [True]


def arrivals(tx: Tx) -> list[str]:
    rows = select(Arrival.external_id).where(col(Arrival.source).in_(["sms", "call"])).order_by(col(Arrival.id))
    return [id.partition(":")[0] for id in tx.exec(rows)]


def arrived(night: Night) -> int:
    try:
        return len(night.ask(arrivals))
    except Exception:
        return 0


def test_a_start_while_the_database_is_away_keeps_what_comes(night: Night) -> None:
    asyncio.run(started_without_it(night))
    assert night.ask(arrivals) == ["SM1"]


async def started_without_it(night: Night) -> None:
    night.trouble.begin()
    web = night.web()
    await night.phone_network.start()
    try:
        await until(web.listens)
        answer = await night.send(("/twilio/sms", {"MessageSid": "SM1", "From": NUMBERS[0], "Body": "2"}), web)
        assert answer and answer.ok
        assert night.spool.count() == 1
        night.trouble.end()
        await until(lambda: not night.spool.waits())
    finally:
        await night.phone_network.stop()


@pytest.mark.parametrize("night", ["stopped"], indirect=True)
def test_a_schema_that_turns_out_not_to_fit_ends_the_process(night: Night) -> None:
    version = text("update alembic_version set version_num = :it")
    newest = night.ask(lambda tx: tx.execute(text("select version_num from alembic_version")).scalar_one())
    night.db.run(lambda tx: tx.execute(version, {"it": "0001"}))
    night.trouble.begin()
    web = night.web()
    asyncio.run(until(web.listens))
    night.trouble.end()
    assert web.process.wait(PATIENCE) != 0
    assert "run `muster migrate`" in (night.folder / "log").read_text()
    asyncio.run(until(lambda: arrived(night) == 0 and night.db.away_since is None))
    night.db.run(lambda tx: tx.execute(version, {"it": newest}))


async def until(it_is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not it_is_so():
            await asyncio.sleep(0.02)


def test_a_folder_that_cannot_be_written_stops_the_start_with_one_sentence(migrated: Path, tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "DATABASE_URL": f"sqlite:///{tmp_path}/muster.db", "SPOOL_DIR": "/dev/null"}
    env |= {name: said for name, said in os.environ.items() if name == "PYTHONPATH"}
    for command in ("run", "web"):
        done = subprocess.run([MUSTER, command], cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("SPOOL_DIR: /dev/null cannot be written (")
        assert done.stderr.count("\n") == 1
    assert not (tmp_path / "muster.db").exists()
