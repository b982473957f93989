"""Messages are claimed once, in order, within the rate, and settled only by who owns them. On both databases."""

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from bot import journal, outbox
from bot.channels import Receipt, Sent
from bot.clock import MovedClock
from bot.command import delivery
from bot.command.delivery import Settlement
from bot.db import Database, Tx
from bot.outbox import RANK, Draft, Lane, Message, Notice, Outcome, State
from tests.conftest import START

SID = "SM1"


def texts(tx: Tx, count: int, *, lane: int = Lane.ALERT, body: str = "MERCY: EHR DOWN", **more: Any) -> Notice:
    """A notice to so many people, one text each."""
    said = outbox.notice(tx, "alert", subject="outage:1")
    drafts = [
        Draft(person_id=f"p{number}", channel="sms", address=f"+1202555{number:04}", lane=lane, body=body, **more)
        for number in range(count)
    ]
    assert outbox.enqueue(tx, said, drafts) == count
    return said


def one(tx: Tx, **more: Any) -> int:
    """One text, not claimed yet; its id."""
    said = texts(tx, 1, **more)
    return tx.exec(select(Message.id).where(Message.notice_id == said.id)).one() or 0


def claimed(db: Database, limit: int = 100, worker: str = "w1", per_second: float = 0) -> list[Any]:
    return asyncio.run(db.at_once(outbox.claim, "sms", worker, limit, per_second))


def row(db: Database, id: int) -> Message:
    found = db.read_now(lambda tx: tx.get(Message, id))
    assert found
    return found


def settled(id: int, state: State = State.SENT, claim: str = "w1", **more: Any) -> Outcome:
    return Outcome(id=id, claim=claim, state=state, provider_id=more.pop("provider_id", SID), **more)


def got(state: str, sid: str = SID, **more: Any) -> Receipt:
    return Receipt(provider_id=sid, state=state, rank=0, **more)


def lines(db: Database, what: str) -> list[journal.Line]:
    return db.read_now(lambda tx: list(tx.exec(select(journal.Line).where(journal.Line.what == what))))


# Claiming


def test_four_claimers_never_overlap_and_nobody_is_lost(db: Database) -> None:
    db.run(texts, 400)

    def take(worker: int) -> list[int]:
        async def all_of_it() -> list[int]:
            mine: list[int] = []
            while rows := await db.at_once(outbox.claim, "sms", f"w{worker}", 13):
                mine += [row.id for row in rows]
            return mine

        return asyncio.run(all_of_it())

    with ThreadPoolExecutor(4) as pool:
        taken = [id for mine in pool.map(take, range(4)) for id in mine]
    assert sorted(taken) == sorted(set(taken))
    assert len(taken) == 400
    assert db.read_now(lambda tx: len(tx.exec(select(Message).where(Message.state == State.SENDING)).all())) == 400


def test_the_order_is_lane_then_least_recently_contacted_then_id(db: Database, clock: MovedClock) -> None:
    def queue(tx: Tx) -> None:
        said = outbox.notice(tx, "alert")
        lanes = [("d", Lane.BULK), ("c", Lane.ALERT), ("b", Lane.ALERT), ("a", Lane.LIFE_SAFETY), ("e", Lane.ALERT)]
        outbox.enqueue(tx, said, [draft(name, lane) for name, lane in lanes])

    first = db.run(one_to, "c")
    claimed(db)
    db.run(outbox.settle, [settled(first)])
    clock.forward(minutes=1)
    db.run(queue)
    assert [row.person_id for row in claimed(db)] == ["a", "b", "e", "c", "d"]


def test_a_batch_is_in_order_too(db: Database) -> None:
    db.run(texts, 30)
    ids = [row.id for _ in range(3) for row in claimed(db, limit=10)]
    assert ids == sorted(ids)


def test_a_claimed_row_is_leased(db: Database) -> None:
    id = db.run(one)
    (taken,) = claimed(db, worker="w7")
    found = row(db, id)
    assert (taken.id, found.state, found.claim) == (id, State.SENDING, "w7")
    assert found.claimed_at == START
    assert found.lease_until == START + timedelta(seconds=30)
    assert claimed(db) == []


def test_what_is_not_due_and_what_is_no_longer_worth_it_waits(db: Database, clock: MovedClock) -> None:
    later = db.run(one)
    db.run(lambda tx: tx.execute(update(Message).where(col(Message.id) == later).values(due_at=START + timedelta(1))))
    db.run(one, not_after=START)
    assert claimed(db) == []
    clock.forward(days=1)
    assert [row.id for row in claimed(db)] == [later]


def test_other_channels_are_left_alone(db: Database) -> None:
    db.run(one)
    assert asyncio.run(db.at_once(outbox.claim, "voice", "w1", 10)) == []


def test_a_closed_notice_is_passed_over(db: Database) -> None:
    said = db.run(texts, 3)
    db.run(lambda tx: tx.execute(update(Notice).where(col(Notice.id) == said.id).values(closed_at=START)))
    assert claimed(db) == []


def test_the_same_person_and_the_same_phone_are_queued_once(db: Database) -> None:
    def twice(tx: Tx) -> tuple[int, int, int]:
        said = outbox.notice(tx, "alert")
        first = outbox.enqueue(tx, said, [draft("alma"), draft("abe", address="+12025550111")])
        shared = outbox.enqueue(tx, said, [draft("bea", address="+12025550111")])
        return first, shared, outbox.enqueue(tx, said, [draft("alma")])

    assert db.run(twice) == (2, 0, 0)
    heard = db.read_now(lambda tx: sorted(tx.exec(select(outbox.Recipient.person_id))))
    assert heard == ["abe", "alma", "bea"]


def test_nobody_unreachable_is_ever_claimed(db: Database) -> None:
    def queue(tx: Tx) -> None:
        nobody = draft("eve", channel="none", address="nobody:eve", reason="no phone")
        outbox.enqueue(tx, outbox.notice(tx, "alert"), [nobody])

    db.run(queue)
    assert asyncio.run(db.at_once(outbox.claim, "none", "w1", 10)) == []
    assert db.read_now(lambda tx: tx.exec(select(Message.state, Message.reason)).one()) == ("unreachable", "no phone")


# Rate


def test_the_rate_holds_over_several_workers(db: Database, clock: MovedClock) -> None:
    db.run(texts, 200)
    sent = 0
    with ThreadPoolExecutor(4) as pool:
        for second in range(5):
            taken = list(pool.map(lambda n: len(claimed(db, 50, f"w{n}", per_second=10)), range(8)))
            sent += sum(taken)
            assert sent <= 10 * (second + 1), f"more than its rate in second {second}"
            clock.forward(seconds=1)
    assert sent == 50


def test_only_the_last_message_overdraws_the_rate(db: Database, clock: MovedClock) -> None:
    db.run(texts, 20, body="x" * 400)  # three segments each
    taken = claimed(db, 50, per_second=10)
    assert sum(row.segments for row in taken) == 12
    assert claimed(db, 50, per_second=10) == []
    clock.forward(seconds=0.2)
    assert claimed(db, 50, per_second=10) == [], "what was overdrawn is paid back first"
    clock.forward(seconds=0.1)
    assert len(claimed(db, 50, per_second=10)) == 1


def test_what_the_rate_does_not_allow_stays_in_the_queue(db: Database) -> None:
    db.run(texts, 20)
    claimed(db, 50, per_second=5)
    states = db.read_now(lambda tx: Counter(tx.exec(select(Message.state))))
    assert states == {"sending": 5, "queued": 15}
    assert {row.claim for row in claimed(db, 50, "w2")} == {"w2"}, "what was put back belongs to nobody"


def test_a_rate_below_one_a_second_still_sends(db: Database, clock: MovedClock) -> None:
    db.run(texts, 20)
    sent = 0
    for _ in range(10):
        sent += len(claimed(db, 10, per_second=0.5))
        clock.forward(seconds=1)
    assert sent == 6  # one that was saved up, and five


def test_a_pause_saves_up_no_more_than_a_second(db: Database, clock: MovedClock) -> None:
    db.run(texts, 100)
    claimed(db, 100, per_second=10)
    clock.forward(hours=1)
    assert len(claimed(db, 100, per_second=10)) == 10


def test_no_rate_has_no_limit_but_the_batch(db: Database) -> None:
    db.run(texts, 100)
    assert len(claimed(db, 60)) == 60


# Settling


@pytest.mark.parametrize("state", [State.SENT, State.DELIVERED, State.FAILED, State.DOUBTFUL, State.QUEUED])
def test_a_claimed_message_is_settled(db: Database, state: State) -> None:
    id = db.run(one)
    claimed(db)
    outcome = settled(id, state, reason="because", code="21610")
    assert db.run(outbox.settle, [outcome]) == [outcome]
    found = row(db, id)
    assert (found.state, found.provider_id, found.tries) == (state, SID, 1)
    assert (found.reason, found.code) == ("because", "21610")
    assert (found.handed_at is not None) is (state in (State.SENT, State.DELIVERED))
    assert (found.delivered_at is not None) is (state is State.DELIVERED)


def test_another_claim_settles_nothing(db: Database) -> None:
    id = db.run(one)
    claimed(db, worker="w2")
    assert db.run(outbox.settle, [settled(id, claim="w1")]) == []
    assert (row(db, id).state, row(db, id).provider_id) == (State.SENDING, "")


def test_a_claim_that_was_given_up_settles_nothing(db: Database, clock: MovedClock) -> None:
    """Its message was found to be unseen, queued again, and is another worker's by now."""
    id = db.run(one)
    claimed(db, worker="w1")
    never_seen(db, clock, id)
    claimed(db, worker="w2")
    assert db.run(outbox.settle, [settled(id, State.FAILED, claim="w1")]) == []
    assert row(db, id).state == State.SENDING


def test_a_failure_that_is_no_longer_ours_sets_nothing_off(db: Database, clock: MovedClock) -> None:
    id = db.run(one)
    claimed(db, worker="w1")
    never_seen(db, clock, id)
    claimed(db, worker="w2")
    db.run(delivery.settle, [Settlement("sms", "sms", [settled(id, State.FAILED, claim="w1", other_channel=True)])])
    assert lines(db, "failed") == []


def test_many_are_settled_at_once(db: Database) -> None:
    db.run(texts, 100)
    rows = claimed(db)
    db.run(outbox.settle, [settled(row.id, provider_id=f"SM{row.id}") for row in rows])
    assert db.read_now(lambda tx: Counter(tx.exec(select(Message.state)))) == {"sent": 100}


def test_a_late_answer_settles_a_message_in_doubt(db: Database, clock: MovedClock) -> None:
    id = db.run(one)
    claimed(db)
    clock.forward(seconds=31)
    db.run(outbox.sweep)
    assert row(db, id).state == State.DOUBTFUL
    db.run(outbox.settle, [settled(id)])
    assert row(db, id).state == State.SENT


def test_a_message_that_is_queued_again_waits_for_its_time(db: Database, clock: MovedClock) -> None:
    id = db.run(one)
    claimed(db)
    db.run(outbox.settle, [settled(id, State.QUEUED, provider_id="", due_at=START + timedelta(seconds=5))])
    assert claimed(db, worker="w2") == []
    clock.forward(seconds=5)
    assert [row.id for row in claimed(db, worker="w2")] == [id]


# Withdrawing


def test_what_waits_is_withdrawn(db: Database) -> None:
    said = db.run(texts, 3)
    assert db.run(outbox.withdraw, [said.id], "p1") == 1
    assert db.read_now(lambda tx: Counter(tx.exec(select(Message.state)))) == {"queued": 2, "withdrawn": 1}


@pytest.mark.parametrize("way", ["answered", "closed"])
def test_what_was_under_way_when_withdrawn_is_never_sent_again(db: Database, clock: MovedClock, way: str) -> None:
    id = db.run(one, not_after=START + timedelta(hours=1))
    claimed(db)
    withdrawn(db, id, way)
    assert row(db, id).state == State.SENDING
    db.run(outbox.settle, [settled(id, State.QUEUED, provider_id="", due_at=START)])
    assert claimed(db, worker="w2") == []
    assert db.run(delivery.sweep) == 0, "it did not expire, and sets nothing off"
    assert (row(db, id).state, row(db, id).reason) == (State.WITHDRAWN, "no longer needed")


@pytest.mark.parametrize("way", ["answered", "closed"])
def test_a_doubt_about_what_was_withdrawn_ends_there(db: Database, clock: MovedClock, way: str) -> None:
    id = db.run(one, not_after=START + timedelta(hours=1))
    claimed(db)
    withdrawn(db, id, way)
    never_seen(db, clock, id)
    assert claimed(db, worker="w2") == []
    db.run(outbox.sweep)
    assert row(db, id).state == State.WITHDRAWN


def test_what_was_handed_over_stays_what_it_is(db: Database) -> None:
    id = db.run(one)
    claimed(db)
    db.run(outbox.settle, [settled(id)])
    withdrawn(db, id, "closed")
    db.run(outbox.sweep)
    assert row(db, id).state == State.SENT


# Leases, validity


def test_a_lease_that_ran_out_is_doubt(db: Database, clock: MovedClock) -> None:
    id = db.run(one)
    claimed(db)
    clock.forward(seconds=30)
    db.run(outbox.sweep)
    assert row(db, id).state == State.SENDING
    clock.forward(seconds=1)
    db.run(outbox.sweep)
    assert row(db, id).state == State.DOUBTFUL
    assert claimed(db) == [], "what is in doubt is never simply sent again"


def test_what_waited_too_long_expires_with_its_reason(db: Database, clock: MovedClock) -> None:
    id = db.run(one, not_after=START + timedelta(minutes=10))
    clock.forward(minutes=10)
    assert [row.id for row in db.run(outbox.sweep)] == [id]
    assert row(db, id).state == State.EXPIRED
    assert "longer" in row(db, id).reason


# Receipts


@pytest.mark.parametrize(
    ("before", "receipt", "after"),
    [
        ("queued", "sent", "sent"),
        ("queued", "delivered", "delivered"),
        ("sending", "sent", "sent"),
        ("sending", "delivered", "delivered"),
        ("sending", "failed", "failed"),
        ("doubtful", "sent", "sent"),
        ("doubtful", "delivered", "delivered"),
        ("sent", "sent", "sent"),
        ("sent", "delivered", "delivered"),
        ("sent", "failed", "failed"),
        ("delivered", "sent", "delivered"),
        ("delivered", "failed", "delivered"),
        ("failed", "sent", "failed"),
        ("failed", "delivered", "delivered"),
        ("withdrawn", "sent", "withdrawn"),
        ("withdrawn", "delivered", "delivered"),
        ("expired", "failed", "expired"),
        ("expired", "delivered", "delivered"),
    ],
)
def test_a_receipt_moves_a_message_on_and_never_back(db: Database, before: str, receipt: str, after: str) -> None:
    id = db.run(one)
    db.run(lambda tx: tx.execute(update(Message).where(col(Message.id) == id).values(state=before)))
    db.run(outbox.receipts, [(id, got(receipt))])
    assert row(db, id).state == after


def test_a_receipt_before_the_settlement_counts(db: Database) -> None:
    """The provider may be faster than our own next statement."""
    id = db.run(one)
    claimed(db)
    db.run(outbox.receipts, [(id, got("delivered"))])
    assert db.run(outbox.settle, [settled(id)]) == []
    found = row(db, id)
    assert (found.state, found.provider_id) == (State.DELIVERED, SID)
    assert found.handed_at is not None
    assert found.delivered_at is not None


def test_a_receipt_settles_a_message_whose_sender_died(db: Database, clock: MovedClock) -> None:
    id = db.run(one)
    claimed(db)
    clock.forward(seconds=31)
    db.run(outbox.sweep)
    db.run(outbox.receipts, [(id, got("sent"))])
    assert (row(db, id).state, row(db, id).provider_id) == (State.SENT, SID)
    assert asyncio.run(db.at_once(outbox.doubtful)) == []


def test_a_receipt_twice_is_a_receipt_once(db: Database, clock: MovedClock) -> None:
    id = db.run(one)
    claimed(db)
    db.run(outbox.settle, [settled(id)])
    db.run(delivery.receipts, [(id, got("failed", code="30003", reason="the phone is off"))])
    clock.forward(minutes=1)
    db.run(delivery.receipts, [(id, got("failed", code="30003", reason="the phone is off"))])
    assert [line.detail["code"] for line in lines(db, "failed")] == ["30003"]


def test_a_receipt_of_another_text_is_journaled_and_changes_nothing(db: Database) -> None:
    id = db.run(one)
    claimed(db)
    db.run(outbox.settle, [settled(id)])
    db.run(delivery.receipts, [(id, got("failed", sid="SM2"))])
    assert row(db, id).state == State.SENT
    assert [line.about for line in lines(db, "receipt_unknown")] == [f"message {id}"]


def test_a_receipt_for_no_message_is_journaled(db: Database) -> None:
    db.run(delivery.receipts, [(4711, got("delivered"))])
    assert [line.detail["provider"] for line in lines(db, "receipt_unknown")] == [SID]


# Doubt


def in_doubt(db: Database, clock: MovedClock, **more: Any) -> int:
    id = db.run(one, **more)
    claimed(db)
    db.run(outbox.settle, [settled(id, State.DOUBTFUL, provider_id="")])
    clock.forward(seconds=3)
    return id


def test_the_provider_is_asked_after_three_and_after_ten_seconds(db: Database, clock: MovedClock) -> None:
    id = db.run(one)
    claimed(db)
    db.run(outbox.settle, [settled(id, State.DOUBTFUL, provider_id="")])
    asked_at = []
    for second in range(1, 12):
        clock.forward(seconds=1)
        for each in asyncio.run(db.at_once(outbox.doubtful)):
            asked_at.append(second)
            db.run(outbox.resolve, each.id, [], True)
    assert asked_at == [3, 10]
    assert row(db, id).state == State.QUEUED


def test_two_do_not_ask_about_the_same_message(db: Database, clock: MovedClock) -> None:
    in_doubt(db, clock)
    assert len(asyncio.run(db.at_once(outbox.doubtful))) == 1
    assert asyncio.run(db.at_once(outbox.doubtful)) == []
    clock.forward(seconds=31)
    assert len(asyncio.run(db.at_once(outbox.doubtful))) == 1, "whoever asked may have died"


def test_what_is_found_at_the_provider_was_sent(db: Database, clock: MovedClock) -> None:
    id = in_doubt(db, clock)
    assert db.run(outbox.resolve, id, [Sent(provider_id=SID)], True) == State.SENT
    found = row(db, id)
    assert (found.state, found.provider_id, found.handed_at) == (State.SENT, SID, START)


def test_what_is_found_delivered_was_delivered(db: Database, clock: MovedClock) -> None:
    """Slack sends no receipts: that it has the message is all that will ever be known."""
    id = in_doubt(db, clock)
    db.run(outbox.resolve, id, [Sent(provider_id="C1:17.01", delivered=True)], True)
    assert row(db, id).state == State.DELIVERED
    assert row(db, id).delivered_at is not None


def test_what_was_never_seen_is_queued_again(db: Database, clock: MovedClock) -> None:
    id = in_doubt(db, clock)
    assert db.run(outbox.resolve, id, [], True) == State.DOUBTFUL, "once is not enough"
    assert db.run(outbox.resolve, id, [], True) == State.QUEUED
    assert [row.id for row in claimed(db, worker="w2")] == [id]


def test_an_id_settles_one_message_only(db: Database, clock: MovedClock) -> None:
    """Two texts with the same words to one phone, one at the provider: the second is not taken for the first."""
    first, second = in_doubt(db, clock), in_doubt(db, clock)
    found = [Sent(provider_id=SID)]
    assert db.run(outbox.resolve, first, found, True) == State.SENT
    db.run(outbox.resolve, second, found, True)
    assert db.run(outbox.resolve, second, found, True) == State.QUEUED


def test_an_id_settles_one_message_only_when_two_ask_at_once(db: Database, clock: MovedClock) -> None:
    ids = [in_doubt(db, clock) for _ in range(6)]
    found = [Sent(provider_id="SM1"), Sent(provider_id="SM2")]

    def ask(id: int) -> State:
        return asyncio.run(db.at_once(outbox.resolve, id, found, True))

    with ThreadPoolExecutor(6) as pool:
        states = Counter(pool.map(ask, ids))
    assert states == {State.SENT: 2, State.DOUBTFUL: 4}
    taken = db.read_now(lambda tx: sorted(tx.exec(select(Message.provider_id).where(Message.state == State.SENT))))
    assert taken == ["SM1", "SM2"]


def test_what_another_may_be_sending_just_now_is_not_taken(db: Database, clock: MovedClock) -> None:
    """The text that was found may be the other's, whose sender has not recorded it yet."""
    doubted = in_doubt(db, clock)
    other = db.run(one)
    claimed(db, worker="w2")
    assert db.run(outbox.resolve, doubted, [Sent(provider_id=SID)], True) == State.DOUBTFUL
    db.run(outbox.settle, [settled(other, claim="w2")])
    db.run(outbox.resolve, doubted, [Sent(provider_id=SID)], True)
    assert db.run(outbox.resolve, doubted, [Sent(provider_id=SID)], True) == State.QUEUED


def test_a_receipt_that_came_meanwhile_wins(db: Database, clock: MovedClock) -> None:
    id = in_doubt(db, clock)
    db.run(outbox.receipts, [(id, got("delivered"))])
    assert db.run(outbox.resolve, id, [], True) == State.DELIVERED


@pytest.mark.parametrize(
    ("lane", "ends", "duplicates"),
    [(Lane.LIFE_SAFETY, State.QUEUED, 1), (Lane.ALERT, State.QUEUED, 1), (Lane.QUESTION, State.QUEUED, 1),
     (Lane.UPDATE, State.FAILED, 0), (Lane.BULK, State.FAILED, 0)],
)  # fmt: skip
def test_a_provider_that_cannot_be_asked(
    db: Database, clock: MovedClock, lane: int, ends: State, duplicates: int
) -> None:
    """After five minutes what is urgent goes again, perhaps twice, and the journal says so; the rest does not."""
    id = in_doubt(db, clock, lane=lane)
    assert db.run(outbox.resolve, id, [], False) == State.DOUBTFUL
    clock.forward(minutes=4)
    assert db.run(outbox.resolve, id, [], False) == State.DOUBTFUL
    clock.forward(minutes=1)
    assert db.run(outbox.resolve, id, [], False) == ends
    assert len(lines(db, "possible_duplicate")) == duplicates


def test_the_ranks_say_what_the_design_says() -> None:
    assert RANK[State.QUEUED] < RANK[State.SENDING] == RANK[State.DOUBTFUL] < RANK[State.SENT] < RANK[State.FAILED]
    assert max(RANK, key=lambda state: RANK[state]) is State.DELIVERED


def draft(name: str, lane: int = Lane.ALERT, **more: Any) -> Draft:
    given = {"channel": "sms", "address": f"+1202555{sum(map(ord, name)):04}"} | more
    return Draft(person_id=name, lane=lane, body="MERCY: EHR DOWN", **given)


def one_to(tx: Tx, name: str) -> int:
    said = outbox.notice(tx, "alert")
    outbox.enqueue(tx, said, [draft(name)])
    return tx.exec(select(Message.id).where(Message.notice_id == said.id)).one() or 0


def withdrawn(db: Database, id: int, way: str) -> None:
    """Because the person answered, or because all is over."""
    found = row(db, id)
    if way == "answered":
        db.run(outbox.withdraw, [found.notice_id], found.person_id)
    else:
        db.run(outbox.close_notices, "outage:1")


def never_seen(db: Database, clock: MovedClock, id: int) -> datetime:
    """The sender died, and the provider was asked twice."""
    clock.forward(seconds=31)
    db.run(outbox.sweep)
    for _ in range(2):
        db.run(outbox.resolve, id, [], True)
    return clock.now()
