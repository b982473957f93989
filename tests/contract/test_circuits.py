"""A provider in trouble: the circuit opens, the next provider takes over, a probe brings the first one back."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest
from sqlmodel import select
from structlog.testing import capture_logs

from bot import outbox, roster, timers
from bot.channels import Envelope, Handed, Misconfigured, Receipt, SendError, Sent, Throttled, Unavailable
from bot.clock import MovedClock
from bot.command import delivery, lapses
from bot.command.delivery import Settlement
from bot.db import Database, Tx
from bot.dispatcher import Dispatcher
from bot.dispatcher.line import AHEAD, AT_ONCE, FRESH, KEPT
from bot.outbox import Draft, Health, Lane, Message, Outcome, State, circuits
from bot.outbox.circuits import TRIP
from handlers.timers import HANDLERS


class Provider:
    """Takes what it is given, or raises what it was told to."""

    askable = True

    def __init__(self, name: str):
        self.name = name
        self.trouble: SendError | None = None
        self.probed_trouble: SendError | None = None
        self.took: list[Envelope] = []
        self.tried = 0
        self.spoils = 0  # the message whose id comes back unreadable
        self.probes = 0
        self.open = asyncio.Event()
        self.open.set()

    def fails(self, trouble: SendError | None) -> None:
        self.trouble = self.probed_trouble = trouble

    async def send(self, envelope: Envelope) -> Sent:
        self.tried += 1
        await self.open.wait()
        if self.trouble:
            raise self.trouble
        self.took.append(envelope)
        nul = "\0" if envelope.id == self.spoils else ""
        return Sent(provider_id=f"{self.name}-{envelope.id}{nul}")

    async def look_for(self, envelope: Envelope) -> list[Sent]:
        if self.trouble:
            raise Unavailable()
        return []

    async def receipts(self, handed: Sequence[Handed]) -> dict[int, Receipt]:
        return {}

    async def probe(self) -> None:
        self.probes += 1
        if self.probed_trouble:
            raise self.probed_trouble

    async def close(self) -> None:
        pass


def queued(tx: Tx, count: int = 1, lane: int = Lane.ALERT, kind: str = "alert") -> int:
    drafts = [
        Draft(person_id=f"{kind}{n}", channel="sms", address=f"+1202555{n:04}", lane=lane, body="EHR DOWN")
        for n in range(count)
    ]
    said = outbox.notice(tx, kind)
    outbox.enqueue(tx, said, drafts)
    return said.id or 0


def states(db: Database) -> Counter[str]:
    return db.read_now(lambda tx: Counter(tx.exec(select(Message.state))))


def health(db: Database, name: str = "sms") -> tuple[str, str]:
    row = db.read_now(circuits.states).get(name)
    return (row.state, row.circuit) if row else ("ok", "closed")


async def tripped(db: Database) -> tuple[Provider, Dispatcher]:
    """A provider that has just failed often enough."""
    sms = Provider("sms")
    sms.fails(Unavailable())
    dispatcher = Dispatcher(db, {"sms": [sms]}, {})
    await db.transact(queued, TRIP)
    await dispatcher.dispatch()
    return sms, dispatcher


def play(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(scene(), 20))


def test_failures_in_a_row_open_the_circuit_and_withdraw_nothing(db: Database) -> None:
    async def scene() -> None:
        sms = Provider("sms")
        sms.fails(Unavailable())
        dispatcher = Dispatcher(db, {"sms": [sms]}, {})
        for _ in range(TRIP):
            await db.transact(queued, 1)
            await dispatcher.dispatch()
        assert health(db) == ("trouble", "open")
        await db.transact(queued, 10)
        assert await dispatcher.dispatch() == 0
        assert sms.tried == TRIP

    play(scene)
    assert states(db) == {State.DOUBTFUL: TRIP, State.QUEUED: 10}


def test_one_that_works_in_between_keeps_it_closed(db: Database) -> None:
    async def scene() -> None:
        sms = Provider("sms")
        dispatcher = Dispatcher(db, {"sms": [sms]}, {})
        for number in range(3 * TRIP):
            sms.fails(None if number % TRIP == 0 else Unavailable())
            await db.transact(queued, 1)
            await dispatcher.dispatch()
        assert health(db)[1] == "closed"

    play(scene)


def test_being_throttled_is_no_trouble(db: Database) -> None:
    async def scene() -> None:
        sms = Provider("sms")
        sms.fails(Throttled(retry_after=5))
        await db.transact(queued, 2 * TRIP)
        await Dispatcher(db, {"sms": [sms]}, {}).dispatch()
        assert health(db) == ("ok", "closed")

    play(scene)
    assert states(db) == {State.QUEUED: 2 * TRIP}


def test_the_next_provider_takes_over_and_the_first_comes_back(db: Database, clock: MovedClock) -> None:
    async def scene() -> None:
        first, second = Provider("sms"), Provider("others-1")
        dispatcher = Dispatcher(db, {"sms": [first, second]}, {})
        first.fails(Unavailable(doubt=False, retry=True))
        await db.transact(queued, TRIP)
        await dispatcher.dispatch()
        assert health(db)[1] == "open"
        await db.transact(queued, 20)
        await dispatcher.dispatch()
        assert len(second.took) == 20
        first.fails(None)
        clock.forward(seconds=5)
        assert await dispatcher.probe() == 1
        assert health(db)[1] == "half_open"
        await dispatcher.dispatch()
        assert len(first.took) >= 1, "one message, to see"
        assert health(db) == ("ok", "closed")
        await db.transact(queued, 5)
        await dispatcher.dispatch()
        assert len(second.took) < 20 + 5 + TRIP

    play(scene)
    assert set(states(db)) == {State.SENT}


def test_a_provider_that_still_fails_gets_one_message_every_five_seconds(db: Database, clock: MovedClock) -> None:
    async def scene() -> None:
        sms = Provider("sms")
        sms.fails(Unavailable(doubt=False, retry=True))
        dispatcher = Dispatcher(db, {"sms": [sms]}, {})
        await db.transact(queued, TRIP)
        await dispatcher.dispatch()
        sms.probed_trouble = None  # it answers questions, and takes no message
        for tries in range(3):
            clock.forward(seconds=5)
            await dispatcher.probe()
            await db.transact(queued, 10)
            await dispatcher.dispatch()
            assert sms.tried == TRIP + tries + 1
            assert health(db)[1] == "open"

    play(scene)


def test_a_provider_that_is_well_again_while_nothing_waits_is_simply_well(db: Database, clock: MovedClock) -> None:
    async def scene() -> None:
        sms, dispatcher = await tripped(db)
        sms.fails(None)
        assert await dispatcher.probe() == 0, "not before its time"
        clock.forward(seconds=5)
        await dispatcher.probe()
        assert health(db) == ("trouble", "half_open"), "what is in doubt may be queued again"
        await db.transact(lambda tx: [tx.delete(row) for row in tx.exec(select(Message))])
        await dispatcher.probe()
        assert health(db) == ("ok", "closed")

    play(scene)


def test_wrong_settings_stop_the_channel_and_nothing_is_marked_failed(db: Database, clock: MovedClock) -> None:
    async def scene() -> None:
        sms, slack = Provider("sms"), Provider("slack")
        sms.fails(Misconfigured("Twilio does not accept our sign-in"))
        dispatcher = Dispatcher(db, {"sms": [sms], "slack": [slack]}, {})
        await db.transact(_hire)
        await db.transact(queued, 500)
        await dispatcher.dispatch()
        assert health(db) == ("stopped", "open")
        assert sms.tried <= AT_ONCE + KEPT, "what was on the wire when it was noticed, and no more"
        assert await db.alone(timers.fire_due, HANDLERS) == 1
        await dispatcher.dispatch()
        assert [(each.to, "Texts cannot leave" in each.body) for each in slack.took] == [("U0EVE", True)]
        clock.forward(seconds=5)
        await dispatcher.probe()
        assert health(db) == ("stopped", "open"), "not mended yet"
        sms.fails(None)
        clock.forward(seconds=5)
        await dispatcher.probe()
        assert await dispatcher.dispatch() == 1, "one message, to see"
        assert health(db) == ("ok", "closed")
        await dispatcher.dispatch()
        assert len(sms.took) == 500

    play(scene)
    assert set(states(db)) <= {State.SENT, State.DELIVERED}


def _hire(tx: Tx) -> None:
    tx.add(roster.Person(id="eve", name="Eve", mobile="+12025550116", slack_id="U0EVE", permissions=["manage"]))
    tx.add(roster.Person(id="abe", name="Abe", mobile="+12025550112", slack_id="U0ABE"))
    roster.forget(tx)


def test_one_success_among_many_failures_does_not_hide_them(db: Database) -> None:
    def settled(tx: Tx, *answered: bool) -> None:
        outcomes = [Outcome(id=0, claim="none", state=State.DOUBTFUL, answered=each) for each in answered]
        delivery.settle(tx, [Settlement("sms", "sms", outcomes)])

    db.run(settled, True, *[False] * (TRIP - 1), True)
    assert health(db)[1] == "closed"
    db.run(settled, True, *[False] * TRIP, True)
    assert health(db) == ("trouble", "open")


def test_a_probe_that_is_refused_for_our_settings_stops_the_channel(db: Database, clock: MovedClock) -> None:
    async def scene() -> None:
        sms, dispatcher = await tripped(db)
        sms.fails(Misconfigured("Twilio does not accept our sign-in"))
        clock.forward(seconds=5)
        await dispatcher.probe()
        assert health(db) == ("stopped", "open")

    play(scene)
    assert db.read_now(timers.next_due) == clock.now(), "managers are told"


def test_while_all_is_in_doubt_the_circuit_does_not_close(db: Database, clock: MovedClock) -> None:
    """Lists work and texts do not: whoever waits is called, as soon as that has lasted."""

    async def scene() -> None:
        sms, dispatcher = await tripped(db)
        opened = db.read_now(circuits.states)["sms"].opened_at
        sms.probed_trouble = None
        for _ in range(6):
            clock.forward(seconds=5)
            await dispatcher.probe()
            await dispatcher.dispatch()
        assert db.read_now(circuits.states)["sms"].opened_at == opened

    play(scene)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_one_that_cannot_be_written_down_harms_no_other(db: Database) -> None:
    """PostgreSQL has no place for a NUL."""

    async def scene() -> None:
        sms = Provider("sms")
        sms.spoils = 7
        with capture_logs():
            await Dispatcher(db, {"sms": [sms]}, {}).dispatch()

    db.run(queued, 20)
    play(scene)
    assert states(db) == {State.SENT: 19, State.SENDING: 1}


def test_several_workers_share_what_they_find(db: Database) -> None:
    async def scene() -> None:
        one, other = Provider("sms"), Provider("sms")
        one.fails(Unavailable())
        await db.transact(queued, TRIP)
        await Dispatcher(db, {"sms": [one]}, {}).dispatch()
        await db.transact(queued, 5)
        assert await Dispatcher(db, {"sms": [other]}, {}).dispatch() == 0
        assert other.tried == 0

    play(scene)


# Texts cannot leave, and nobody else carries them


def told(tx: Tx) -> None:
    said = outbox.notice(tx, "told_you")
    for id, digits, no_voice in (("alma", "11", False), ("abe", "12", True)):
        person = roster.Person(id=id, name=id, mobile=f"+120255501{digits}", no_voice=no_voice)
        tx.add(person)
        tx.flush()
        route = outbox.best(tx, person)
        outbox.enqueue(tx, said, [outbox.draft(tx, person, route, "told_you", {"text": "stay on paper"},
                                               lane=Lane.QUESTION, exercise=False)])  # fmt: skip
    roster.forget(tx)


def calls(db: Database) -> dict[str, str]:
    query = select(Message.person_id, Message.state).where(Message.channel == "voice")
    return db.read_now(lambda tx: dict(tx.exec(query).all()))


def shut(db: Database) -> None:
    db.run(circuits.found, "sms", circuits.Found(answered=False, failures=TRIP, reason="no answer"))


def test_who_waits_for_an_urgent_text_is_called_after_a_while(db: Database, clock: MovedClock) -> None:
    db.run(told)
    shut(db)
    db.run(lapses.stand_in)
    assert calls(db) == {}
    clock.forward(seconds=30)
    assert db.run(lapses.stand_in) == 2
    assert db.run(lapses.stand_in) == 0
    assert calls(db) == {"alma": State.QUEUED}, "abe takes no calls"
    assert states(db)[State.QUEUED] == 3, "no text is withdrawn"


def test_a_call_that_has_not_begun_is_taken_back_when_texts_leave_again(db: Database, clock: MovedClock) -> None:
    async def scene() -> None:
        dispatcher = Dispatcher(db, {"sms": [Provider("sms")]}, {})
        assert await dispatcher.dispatch() == 1, "one message, to see"
        await dispatcher.dispatch()

    db.run(told)
    shut(db)
    clock.forward(seconds=30)
    db.run(lapses.stand_in)
    db.run(circuits.probed, "sms", "sms", circuits.Found(answered=True))
    play(scene)
    assert calls(db) == {"alma": State.WITHDRAWN}
    assert states(db) == {State.SENT: 2, State.WITHDRAWN: 1}


# What a line claims ahead


def test_life_safety_overtakes_bulk_when_every_connection_is_taken(db: Database) -> None:
    async def scene() -> None:
        sms = Provider("sms")
        sms.open.clear()
        dispatcher = Dispatcher(db, {"sms": [sms]}, {})
        await db.transact(queued, 2 * AT_ONCE + AHEAD, Lane.BULK)
        sending = asyncio.create_task(dispatcher.dispatch())
        await until(lambda: sms.tried == AT_ONCE)
        await db.transact(queued, KEPT, Lane.LIFE_SAFETY, "risk")
        dispatcher.ring()
        await until(lambda: sms.tried == AT_ONCE + KEPT)
        sms.open.set()
        await sending

    play(scene)
    assert set(states(db)) == {State.SENT}


def test_what_is_urgent_goes_before_what_was_claimed_ahead(db: Database) -> None:
    async def scene() -> None:
        sms = Provider("sms")
        sms.open.clear()
        dispatcher = Dispatcher(db, {"sms": [sms]}, {})
        await db.transact(queued, AT_ONCE + AHEAD, Lane.BULK)
        sending = asyncio.create_task(dispatcher.dispatch())
        await until(lambda: sms.tried == AT_ONCE)
        await db.transact(queued, 5, Lane.QUESTION, "check")
        dispatcher.ring()
        await until(lambda: len(dispatcher._lines["sms"]._ready) == AHEAD + 5)
        sms.open.set()
        await sending
        place = [number for number, each in enumerate(sms.took) if each.id > AT_ONCE + AHEAD]
        assert max(place) < AT_ONCE + 10

    play(scene)


def test_a_claim_that_waited_too_long_is_given_back_unsent(db: Database, clock: MovedClock) -> None:
    async def scene() -> None:
        sms = Provider("sms")
        sms.open.clear()
        dispatcher = Dispatcher(db, {"sms": [sms]}, {})
        await db.transact(queued, AT_ONCE + 10)
        sending = asyncio.create_task(dispatcher.dispatch())
        await until(lambda: sms.tried == AT_ONCE)
        clock.forward(seconds=FRESH.total_seconds() + 1)
        sms.open.set()
        await sending
        assert await dispatcher.dispatch() == 10

    play(scene)
    assert states(db) == {State.SENT: AT_ONCE + 10}
    tries = db.read_now(lambda tx: Counter(tx.exec(select(Message.tries))))
    assert set(tries) == {1}, "what never left was not tried"
    assert db.read_now(lambda tx: tx.exec(select(Health)).all()) == []


async def until(it_is_so: Callable[[], bool]) -> None:
    while not it_is_so():
        await asyncio.sleep(0.001)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_expired_message_is_asked_about_and_sent_when_it_is_still_wanted(db: Database, clock: MovedClock) -> None:
    """The whole story is told as a drill; here only that it is queued again."""
    db.run(queued, 3)
    db.run(lambda tx: [setattr(row, "not_after", tx.now) for row in tx.exec(select(Message))])
    clock.forward(seconds=1)
    assert len(db.run(outbox.sweep)) == 3
    assert states(db) == {State.EXPIRED: 3}
