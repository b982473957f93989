"""Claim, send, settle: what is on the wire is settled whatever happens, and trouble on one channel is that one's."""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import select
from structlog.testing import capture_logs

from bot import outbox
from bot.channels import BadAddress, Envelope, Handed, Misconfigured, OptedOut, Receipt, Sent, Throttled, Unavailable
from bot.clock import MovedClock
from bot.db import Database, Tx
from bot.dispatcher import ASKED, Dispatcher
from bot.dispatcher.line import AT_ONCE
from bot.outbox import Draft, Health, Lane, Message, State


class Wire:
    """A provider that takes what it is given only when it is let."""

    askable = True

    def __init__(self, name: str, answer: Exception | None = None):
        self.name, self.answer = name, answer
        self.took: list[int] = []
        self.asked: list[int] = []
        self.open = asyncio.Event()
        self.reached = asyncio.Event()
        self.closed = False

    async def send(self, envelope: Envelope) -> Sent:
        self.reached.set()
        await self.open.wait()
        self.took.append(envelope.id)
        if self.answer:
            raise self.answer
        return Sent(provider_id=f"SM{envelope.id}")

    async def look_for(self, envelope: Envelope) -> list[Sent]:
        self.asked.append(envelope.id)
        if len(self.asked) == ASKED:
            self.open.set()
        await self.open.wait()
        if self.answer:
            raise self.answer
        return []

    async def receipts(self, handed: Sequence[Handed]) -> dict[int, Receipt]:
        return {}

    async def probe(self) -> None:
        if self.answer:
            raise self.answer

    async def close(self) -> None:
        self.closed = True


def queued(tx: Tx, count: int = 1, channel: str = "sms") -> None:
    drafts = [
        Draft(person_id=f"{channel}{n}", channel=channel, address=f"+1202555{n:04}", lane=Lane.ALERT, body="EHR DOWN")
        for n in range(count)
    ]
    outbox.enqueue(tx, outbox.notice(tx, "alert"), drafts)


def states(db: Database) -> Counter[str]:
    return db.read_now(lambda tx: Counter(tx.exec(select(Message.state))))


def only(db: Database) -> Message:
    return db.read_now(lambda tx: tx.exec(select(Message)).one())


def play(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scene, 20))


def test_who_stops_waiting_leaves_nothing_in_the_air(db: Database) -> None:
    async def scene() -> None:
        sms = Wire("sms")
        dispatcher = Dispatcher(db, {"sms": [sms]}, {})
        waiting = asyncio.create_task(dispatcher.dispatch())
        await sms.reached.wait()
        waiting.cancel()
        sms.open.set()
        await dispatcher.close()
        assert sms.closed

    db.run(queued)
    play(scene())
    assert states(db) == {State.SENT: 1}


def test_closing_claims_nothing_more(db: Database) -> None:
    async def scene() -> None:
        sms = Wire("sms")
        dispatcher = Dispatcher(db, {"sms": [sms]}, {})
        waiting = asyncio.create_task(dispatcher.dispatch())
        await sms.reached.wait()
        closing = asyncio.create_task(dispatcher.close())
        await asyncio.sleep(0)
        sms.open.set()
        await closing
        await waiting

    db.run(queued, AT_ONCE + 50)
    play(scene())
    assert states(db) == {State.SENT: AT_ONCE, State.QUEUED: 50}


def test_a_channel_that_hangs_holds_up_no_other(db: Database) -> None:
    async def scene() -> None:
        sms, voice = Wire("sms"), Wire("voice")
        dispatcher = Dispatcher(db, {"sms": [sms], "voice": [voice]}, {})
        voice.open.set()
        hanging = asyncio.create_task(dispatcher.line("sms"))
        await sms.reached.wait()
        assert await dispatcher.line("voice") == 1
        assert states(db) == {State.SENDING: 1, State.SENT: 1}
        sms.open.set()
        assert await hanging == 1
        await dispatcher.close()

    db.run(queued)
    db.run(queued, 1, "voice")
    play(scene())


def test_two_who_dispatch_at_once_share_the_pass(db: Database) -> None:
    async def scene() -> None:
        sms = Wire("sms")
        sms.open.set()
        dispatcher = Dispatcher(db, {"sms": [sms]}, {})
        await asyncio.gather(*(dispatcher.dispatch() for _ in range(5)))
        assert len(sms.took) == len(set(sms.took)) == 250
        await dispatcher.close()

    db.run(queued, 250)
    play(scene())


def test_a_queue_that_was_emptied_is_looked_at_again_only_when_it_rings(db: Database) -> None:
    looks = list[str]()

    @event.listens_for(db.engine, "before_cursor_execute")
    def on_execute(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        looks.extend(["look"] if "picked" in statement else [])

    async def scene() -> None:
        sms = Wire("sms")
        sms.open.set()
        dispatcher = Dispatcher(db, {"sms": [sms]}, {})
        assert await dispatcher.line("sms") == 50
        assert len(looks) == 1
        sms.open.clear()
        sms.reached.clear()
        await db.transact(queued, 1)
        under_way = asyncio.create_task(dispatcher.line("sms"))
        await sms.reached.wait()
        await db.transact(queued, 1)
        dispatcher.ring()
        sms.open.set()
        assert await under_way == 2
        await dispatcher.close()

    db.run(queued, 50)
    play(scene())
    assert states(db) == {State.SENT: 52}


def test_what_comes_in_while_the_line_is_full_is_sent_too(db: Database) -> None:
    """The bell then asks for what must overtake alone: what is not that urgent is still to be looked for."""
    looks = list[str]()

    @event.listens_for(db.engine, "before_cursor_execute")
    def on_execute(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        looks.extend(["look"] if "picked" in statement else [])

    async def scene() -> None:
        sms = Wire("sms")
        dispatcher = Dispatcher(db, {"sms": [sms]}, {})
        under_way = asyncio.create_task(dispatcher.line("sms"))
        await sms.reached.wait()
        await db.transact(queued, 150)
        dispatcher.ring()
        while len(looks) < 2:  # the second asks for what must overtake
            await asyncio.sleep(0)
        sms.open.set()
        assert await under_way == 400
        await dispatcher.close()

    db.run(queued, 250)
    play(scene())
    assert states(db) == {State.SENT: 400}


def test_several_workers_send_each_message_once(db: Database) -> None:
    async def scene() -> None:
        wires = [Wire("sms") for _ in range(3)]
        workers = [Dispatcher(db, {"sms": [wire]}, {}) for wire in wires]
        for wire in wires:
            wire.open.set()
        await asyncio.gather(*(worker.dispatch() for worker in workers))
        took = [id for wire in wires for id in wire.took]
        assert len(took) == len(set(took)) == 300

    db.run(queued, 300)
    play(scene())
    assert states(db) == {State.SENT: 300}


@pytest.mark.parametrize(
    ("answer", "state", "channel"),
    [
        (Throttled(retry_after=5), State.QUEUED, "ok"),
        (Misconfigured(), State.QUEUED, "stopped"),
        (Unavailable(), State.DOUBTFUL, "trouble"),
        (BadAddress("no such number", code="21211"), State.FAILED, "ok"),
        (OptedOut(code="21610"), State.FAILED, "ok"),
        (ValueError("nobody thought of this"), State.DOUBTFUL, "trouble"),
    ],
    ids=lambda given: type(given).__name__ if isinstance(given, Exception) else None,
)
def test_what_a_send_error_makes_of_a_message(
    db: Database, clock: MovedClock, answer: Exception, state: State, channel: str
) -> None:
    async def scene() -> None:
        sms = Wire("sms", answer)
        sms.open.set()
        dispatcher = Dispatcher(db, {"sms": [sms]}, {})
        await dispatcher.dispatch()
        await dispatcher.close()

    db.run(queued)
    with capture_logs():
        play(scene())
    found = only(db)
    assert found.state == state
    assert found.reason
    assert db.read_now(lambda tx: tx.exec(select(Health.state)).first() or "ok") == channel
    if isinstance(answer, Throttled):
        assert found.due_at >= clock.now() + timedelta(seconds=5)


def test_the_provider_is_asked_about_many_at_once(db: Database, clock: MovedClock) -> None:
    """One after another would take minutes, when each question hangs until its timeout."""

    async def scene() -> None:
        sms = Wire("sms")
        dispatcher = Dispatcher(db, {"sms": [sms]}, {})
        assert await dispatcher.reconcile() == ASKED
        await dispatcher.close()

    in_doubt(db, clock, ASKED)
    play(scene())
    assert states(db) == {State.DOUBTFUL: ASKED}, "asked once; twice is needed"


def test_a_doubt_on_a_channel_that_is_set_up_no_longer_waits(db: Database, clock: MovedClock) -> None:
    async def scene() -> None:
        dispatcher = Dispatcher(db, {}, {})
        assert await dispatcher.reconcile() == 1

    in_doubt(db, clock, 1)
    play(scene())
    assert states(db) == {State.DOUBTFUL: 1}


def in_doubt(db: Database, clock: MovedClock, count: int) -> None:
    """So many were claimed by a worker that died."""
    db.run(queued, count)
    asyncio.run(db.at_once(outbox.claim, "sms", "dead", count))
    clock.forward(seconds=31)
    db.run(outbox.sweep)
    clock.forward(seconds=3)
