"""Timers: each fires once, in the transaction of its effect; one that fails comes back later."""

from datetime import timedelta
from typing import Any

from sqlmodel import select

from bot import journal, timers
from bot.clock import MovedClock
from bot.db import Database, Tx
from bot.timers import LATER, Timer
from tests.conftest import START

MINUTE = timedelta(minutes=1)


class Fired(list[tuple[str, dict[str, Any]]]):
    """What fired, with its data."""

    def __call__(self, tx: Tx, subject: str, data: dict[str, Any]) -> None:
        self.append((subject, data))


def fails(tx: Tx, subject: str, data: dict[str, Any]) -> None:
    journal.write(tx, "half_done", about=subject)
    raise ValueError(subject)


def fire(db: Database, **handlers: Any) -> int:
    return db.run(timers.fire_due, handlers)


def waits(db: Database) -> list[tuple[str, str]]:
    return db.read_now(lambda tx: sorted((row.kind, row.subject) for row in tx.exec(select(Timer))))


def test_it_fires_when_it_is_due_and_once(db: Database, clock: MovedClock) -> None:
    fired = Fired()
    db.run(timers.set_for, "climb", "7", START + MINUTE, rung=2)
    assert fire(db, climb=fired) == 0
    clock.forward(minutes=1)
    assert fire(db, climb=fired) == 1
    assert fire(db, climb=fired) == 0
    assert fired == [("7", {"rung": 2})]


def test_the_oldest_fires_first(db: Database, clock: MovedClock) -> None:
    fired = Fired()
    for name, after in (("c", 3), ("a", 1), ("b", 2)):
        db.run(timers.set_for, "climb", name, START + after * MINUTE)
    clock.forward(minutes=3)
    fire(db, climb=fired)
    assert [subject for subject, _ in fired] == ["a", "b", "c"]


def test_setting_it_again_replaces_it(db: Database, clock: MovedClock) -> None:
    fired = Fired()
    db.run(timers.set_for, "climb", "7", START + MINUTE, rung=1)
    db.run(timers.set_for, "climb", "7", START + 2 * MINUTE, rung=2)
    clock.forward(minutes=1)
    assert fire(db, climb=fired) == 0
    clock.forward(minutes=1)
    assert fire(db, climb=fired) == 1
    assert fired == [("7", {"rung": 2})]


def test_another_kind_for_the_same_subject_is_another_timer(db: Database) -> None:
    db.run(timers.set_for, "climb", "7", START)
    db.run(timers.set_for, "remind", "7", START)
    assert waits(db) == [("climb", "7"), ("remind", "7")]


def test_a_cancelled_one_does_not_fire(db: Database) -> None:
    db.run(timers.set_for, "climb", "7", START)
    db.run(timers.cancel, "climb", "7")
    assert fire(db, climb=Fired()) == 0
    assert db.read_now(timers.due_at, "climb", "7") is None


def test_it_says_when_it_is_due(db: Database) -> None:
    db.run(timers.set_for, "climb", "7", START + 2 * MINUTE)
    db.run(timers.set_for, "climb", "8", START + MINUTE)
    assert db.read_now(timers.due_at, "climb", "7") == START + 2 * MINUTE
    assert db.read_now(timers.next_due) == START + MINUTE


def test_a_handler_may_set_its_own_timer_anew(db: Database, clock: MovedClock) -> None:
    def again(tx: Tx, subject: str, data: dict[str, Any]) -> None:
        timers.set_for(tx, "climb", subject, tx.now + MINUTE)

    db.run(timers.set_for, "climb", "7", START)
    assert fire(db, climb=again) == 1
    assert db.read_now(timers.due_at, "climb", "7") == START + MINUTE


def test_a_handler_may_cancel_one_that_is_due_with_it(db: Database) -> None:
    """It was taken in the same batch: whatever it does must see for itself whether it is still wanted."""
    fired = Fired()

    def cancels(tx: Tx, subject: str, data: dict[str, Any]) -> None:
        timers.cancel(tx, "climb", "8")

    db.run(timers.set_for, "stop", "7", START)
    db.run(timers.set_for, "climb", "8", START)
    fire(db, stop=cancels, climb=fired)
    assert waits(db) == []


def test_one_that_fails_comes_back_later_each_time_later(db: Database, clock: MovedClock) -> None:
    db.run(timers.set_for, "climb", "7", START)
    waited = []
    for _ in range(4):
        assert fire(db, climb=fails) == 1
        due = db.read_now(timers.due_at, "climb", "7")
        assert due
        waited.append(due - clock.now())
        clock.set(due)
    assert waited == [LATER, 2 * LATER, 4 * LATER, 8 * LATER]
    lines = db.read_now(lambda tx: [line.what for line in tx.exec(select(journal.Line))])
    assert lines == ["timer_failed"] * 4, "what the handler had begun is undone"


def test_one_that_fails_does_not_hold_up_the_others(db: Database) -> None:
    fired = Fired()
    db.run(timers.set_for, "bad", "1", START)
    db.run(timers.set_for, "climb", "2", START)
    assert fire(db, bad=fails, climb=fired) == 2
    assert fired == [("2", {})]
    assert waits(db) == [("bad", "1")]


def test_one_that_nobody_knows_is_kept(db: Database) -> None:
    """An older program must not throw away the timers of a newer one."""
    db.run(timers.set_for, "of_tomorrow", "7", START)
    fire(db)
    assert waits(db) == [("of_tomorrow", "7")]


def test_one_that_fails_and_was_set_anew_meanwhile_stays_as_it_was_set(db: Database) -> None:
    def sets_and_fails(tx: Tx, subject: str, data: dict[str, Any]) -> None:
        timers.set_for(tx, "climb", subject, tx.now + MINUTE)
        raise ValueError

    db.run(timers.set_for, "climb", "7", START)
    fire(db, climb=sets_and_fails)
    assert db.read_now(timers.due_at, "climb", "7") == START + LATER, "its own setting is undone with the rest of it"


def test_a_timer_that_is_due_wakes_the_worker(db: Database) -> None:
    woken: list[bool] = []
    db.wake = lambda: woken.append(True)
    db.run(timers.set_for, "climb", "7", START + MINUTE)
    assert woken == []
    db.run(timers.set_for, "climb", "8", START)
    assert woken == [True]


def test_more_than_a_batch_fires_in_several(db: Database) -> None:
    fired = Fired()
    for name in range(timers.AT_ONCE + 1):
        db.run(timers.set_for, "climb", str(name), START)
    assert fire(db, climb=fired) == timers.AT_ONCE
    assert fire(db, climb=fired) == 1
    assert len({subject for subject, _ in fired}) == timers.AT_ONCE + 1
