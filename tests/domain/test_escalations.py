"""Ladders: a rung when it is due, counted from the hand-over, and none after an answer."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from bot import escalations, journal, outbox, timers
from bot.clock import MovedClock
from bot.db import Database, Tx
from bot.escalations import CLIMB, HAND_OVER, Ladder, LadderState
from bot.outbox import Draft, Lane, Message, State
from tests.conftest import START

RUNGS = [{"after": 300, "do": "call"}, {"after": 480, "do": "landline"}, {"after": 600, "do": "visit"}]


class Climbed(list[str]):
    """What the performers did."""

    def performers(self) -> dict[str, Any]:
        return {name: lambda tx, ladder, rung, name=name: self.append(name) for name in ("call", "landline", "visit")}


def started(tx: Tx, **more: Any) -> int:
    return escalations.start(tx, "silence", "unit:1:5W", RUNGS, outage_id=1, **more).id or 0


def waits_on_text(tx: Tx) -> tuple[int, int]:
    """A ladder that waits on a text to ben; its id and the notice's."""
    said = outbox.notice(tx, "alert")
    drafted = Draft(person_id="ben", channel="sms", address="+12025550113", lane=Lane.ALERT, body="EHR DOWN")
    outbox.enqueue(tx, said, [drafted])
    return started(tx, notice_id=said.id, person_id="ben"), said.id or 0


def becomes(tx: Tx, **fields: Any) -> None:
    tx.execute(update(Message).where(col(Message.id) > 0).values(**fields))


def fire(db: Database, climbed: Climbed) -> None:
    def climb(tx: Tx, subject: str, data: dict[str, Any]) -> None:
        escalations.climb(tx, int(subject), climbed.performers())

    while db.run(timers.fire_due, {CLIMB: climb}):
        pass


def state(db: Database, id: int) -> tuple[str, int]:
    found = db.read_now(lambda tx: tx.get(Ladder, id))
    assert found
    return found.state, found.position


def test_each_rung_is_climbed_at_its_time(db: Database, clock: MovedClock) -> None:
    climbed, seen = Climbed(), []
    id = db.run(started)
    for minute in range(1, 15):
        clock.forward(minutes=1)
        fire(db, climbed)
        seen.append((minute, len(climbed)))
    assert climbed == ["call", "landline", "visit"]
    assert [minute for minute, count in seen if count == 1] == [5, 6, 7]
    assert [minute for minute, count in seen if count == 2] == [8, 9]
    assert state(db, id) == (LadderState.EXHAUSTED, 3)
    assert db.read_now(timers.next_due) is None


def test_each_rung_is_journaled(db: Database, clock: MovedClock) -> None:
    db.run(started)
    clock.forward(minutes=5)
    fire(db, Climbed())
    line = db.read_now(lambda tx: tx.exec(select(journal.Line)).one())
    assert (line.what, line.about, line.detail) == (
        "climbed",
        "unit:1:5W",
        {"ladder": "silence", "rung": "call", "number": 1},
    )


def test_after_a_long_sleep_the_rungs_follow_in_order(db: Database, clock: MovedClock) -> None:
    """The process was stopped: what is overdue is climbed, each rung once."""
    climbed = Climbed()
    db.run(started)
    clock.forward(hours=3)
    fire(db, climbed)
    assert climbed == ["call", "landline", "visit"]


def test_an_answer_stops_it(db: Database, clock: MovedClock) -> None:
    climbed = Climbed()
    id = db.run(started)
    assert db.run(escalations.stop, "unit:1:5W", "answered") == 1
    clock.forward(hours=1)
    fire(db, climbed)
    assert climbed == []
    assert state(db, id) == (LadderState.STOPPED, 0)
    assert db.run(escalations.stop, "unit:1:5W", "answered") == 0


def test_a_climb_that_is_already_under_way_finds_it_stopped(db: Database, clock: MovedClock) -> None:
    climbed = Climbed()
    id = db.run(started)
    db.run(escalations.stop, "unit:1:5W", "answered")
    clock.forward(hours=1)
    db.run(escalations.climb, id, climbed.performers())
    assert climbed == []


def test_only_the_kind_that_is_named_stops(db: Database) -> None:
    db.run(started)
    db.run(lambda tx: escalations.start(tx, "untaken", "unit:1:5W", RUNGS, outage_id=1).id)
    assert db.run(escalations.stop, "unit:1:5W", "taken", "untaken") == 1
    assert [ladder.kind for ladder in db.read_now(escalations.active, "unit:1:5W")] == ["silence"]


def test_the_end_of_an_outage_stops_all_of_its_ladders(db: Database) -> None:
    db.run(started)
    other = db.run(lambda tx: escalations.start(tx, "silence", "unit:2:5W", RUNGS, outage_id=2).id)
    assert db.run(escalations.stop_outage, 1, "closed") == 1
    assert state(db, other or 0)[0] == LadderState.ACTIVE


def test_the_clock_begins_at_the_hand_over(db: Database, clock: MovedClock) -> None:
    """Nobody is silent before they were asked."""
    climbed = Climbed()
    db.run(waits_on_text)
    clock.forward(minutes=6)
    fire(db, climbed)
    assert climbed == [], "the text still waits"
    db.run(becomes, state=State.SENT, handed_at=clock.now())
    clock.forward(minutes=4, seconds=59)
    fire(db, climbed)
    assert climbed == []
    clock.forward(seconds=1)
    fire(db, climbed)
    assert climbed == ["call"]


def test_while_its_message_is_on_the_way_it_looks_again_shortly(db: Database, clock: MovedClock) -> None:
    id, _ = db.run(waits_on_text)
    clock.forward(minutes=5)
    fire(db, Climbed())
    assert db.read_now(timers.due_at, CLIMB, str(id)) == clock.now() + HAND_OVER


@pytest.mark.parametrize("lost", [State.FAILED, State.EXPIRED, State.WITHDRAWN, State.UNREACHABLE])
def test_a_message_that_never_leaves_does_not_hold_it_up(db: Database, clock: MovedClock, lost: State) -> None:
    climbed = Climbed()
    db.run(waits_on_text)
    db.run(becomes, state=lost)
    clock.forward(minutes=5)
    fire(db, climbed)
    assert climbed == ["call"]


def test_what_did_not_arrive_is_followed_at_once(db: Database, clock: MovedClock) -> None:
    climbed = Climbed()
    id = db.run(started)
    clock.forward(minutes=1)
    db.run(lambda tx: escalations.skip_wait(tx, tx.get(Ladder, id)))  # type: ignore[arg-type]
    fire(db, climbed)
    assert climbed == ["call"]
    clock.forward(minutes=3)
    fire(db, climbed)
    assert climbed == ["call", "landline"], "the next rung comes as long after the first as ever"


def test_it_keeps_the_rungs_that_it_began_with(db: Database, clock: MovedClock) -> None:
    climbed, rungs = Climbed(), [dict(rung) for rung in RUNGS]
    db.run(lambda tx: escalations.start(tx, "silence", "unit:1:5W", rungs, outage_id=1).id)
    rungs[0]["do"] = "visit"
    clock.forward(minutes=5)
    fire(db, climbed)
    assert climbed == ["call"]


def test_without_rungs_nothing_is_ever_due(db: Database) -> None:
    db.run(lambda tx: escalations.start(tx, "silence", "unit:1:5W", [], outage_id=1).id)
    assert db.read_now(timers.next_due) is None


def test_the_ladders_that_wait_on_a_notice_are_found(db: Database) -> None:
    id, notice = db.run(waits_on_text)
    assert [ladder.id for ladder in db.read_now(escalations.waiting_on, notice)] == [id]
    db.run(escalations.stop, "unit:1:5W", "answered")
    assert db.read_now(escalations.waiting_on, notice) == []


def test_a_rung_that_fails_is_tried_again_and_not_skipped(db: Database, clock: MovedClock) -> None:
    def broken(tx: Tx, ladder: Ladder, rung: dict[str, Any]) -> None:
        raise ValueError

    def climb(tx: Tx, subject: str, data: dict[str, Any]) -> None:
        escalations.climb(tx, int(subject), {"call": broken})

    climbed = Climbed()
    id = db.run(started)
    clock.forward(minutes=5)
    db.run(timers.fire_due, {CLIMB: climb})
    assert state(db, id) == (LadderState.ACTIVE, 0)
    clock.forward(seconds=timers.LATER / timedelta(seconds=1))
    fire(db, climbed)
    assert climbed == ["call"]


def test_it_began_when_it_was_started(db: Database) -> None:
    id = db.run(started)
    assert db.read_now(timers.due_at, CLIMB, str(id)) == START + timedelta(minutes=5)
