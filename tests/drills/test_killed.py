"""The process is killed in the middle of telling the house: nobody is forgotten, and nobody is told twice."""

import asyncio
import os
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlmodel import select

from bot import journal, outbox, roster
from bot.clock import Clock, MovedClock
from bot.db import Tx
from bot.simulator import Fault
from tests.conftest import fresh_sqlite
from tests.people import CAST, Stage, slack_id

MUSTER = Path(sys.executable).with_name("muster")
MORE = 50  # people beside the cast
PER_SECOND = 20  # of the sender, so that some still wait when the end comes
HALF = 30  # texts that the provider has taken by then
PATIENCE = 20.0  # seconds; more means that it never happens


@pytest.fixture
def night(migrated: Path, tmp_path: Path) -> Iterator[Stage]:
    """A full house on SQLite, with the process not running yet; at the provider everything takes a moment."""
    stage = Stage(fresh_sqlite(migrated, tmp_path), MovedClock(Clock().now()))
    stage.tell(hire_more)
    stage.sim.twilio.latency = 0.15
    stage.sim.twilio.faults.add(Fault("slow", on="sms", seconds=0.5, share=0.3))
    stage.sim.twilio.faults.add(Fault("hangup_after_accept", on="sms", share=0.2))
    stage.sim.twilio.faults.add(Fault("receipts_withheld", on="sms", share=0.5))
    yield stage
    stage.close()


def test_a_kill_in_the_middle_loses_nobody_and_tells_nobody_twice(night: Stage, tmp_path: Path) -> None:
    settings = as_environment(night)
    night.stop()
    night.do(killed_half_way(night, settings, tmp_path))
    night.clock.set(Clock().now())
    night.start()
    before = Counter(message.state for message in night.ask(alerts))
    for _ in range(6):  # leases run out, the provider is asked twice, what it never saw is sent again
        night.forward(seconds=10)
    told, texts = night.ask(alerts), Counter((text.to, text.body) for text in night.sim.twilio.messages)
    assert before["queued"] and before["sending"] and before["delivered"], f"it was killed at an idle moment: {before}"
    assert len(told) == MORE + len(CAST)
    assert [message.person_id for message in told if not texts[message.address, message.body]] == []
    assert [text for text, count in texts.items() if count > 1] == []
    assert {message.state for message in told} <= {"delivered", "sent"}  # not every receipt comes
    assert night.tell(journal.verify).broken_at is None


async def killed_half_way(stage: Stage, settings: dict[str, str], folder: Path) -> None:
    """Muster runs as a process and Eve declares; it is killed when half of the texts are out and more on the wire."""
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([MUSTER, "run"], cwd=folder, env=settings, stdout=log, stderr=log)
    texts, receipts = stage.sim.twilio.messages, asyncio.create_task(stage.sim.run())
    try:
        await until(lambda: listens(stage.port))
        said = await stage.sim.slack.command(slack_id("eve"), "/outage", "declare level:3 ehr Epic is down")
        assert "O-1" in said.text, said
        await until(lambda: len(list(texts)) >= HALF)
    finally:
        process.kill()
        await asyncio.to_thread(process.wait)
        receipts.cancel()
    await until(lambda: len(list(texts)) == stage.sim.twilio.requests)  # what was on the wire arrives all the same
    stage.sim.twilio.faults.clear()


async def until(it_is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        await asyncio.sleep(0.01)
        while not it_is_so():
            await asyncio.sleep(0.01)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def as_environment(stage: Stage) -> dict[str, str]:
    """The stage's own settings as a process is given them."""
    assert stage.app
    said = stage.app.settings.model_dump(exclude_unset=True) | {"port": stage.port, "sms_per_second": PER_SECOND}
    return dict(os.environ) | {name.upper(): str(value) for name, value in said.items()}


def hire_more(tx: Tx) -> None:
    for n in range(MORE):
        tx.add(roster.Person(id=f"more{n}", name=f"More {n}", unit="5W", site="MAIN", mobile=f"+1303555{100 + n:04}"))
    roster.forget(tx)


def alerts(tx: Tx) -> list[outbox.Message]:
    """What the declaration says to people, each once."""
    said = (
        select(outbox.Message).join(outbox.Notice).where(outbox.Notice.kind == "alert", outbox.Message.channel == "sms")
    )
    return list(tx.exec(said))
