"""Command at the end of a shift: the relief is asked, and the commander commands until somebody accepts."""

from datetime import timedelta

import pytest
from sqlmodel import select

from bot import escalations, outages, outbox, roster, tasks, timers
from bot.access import Refused
from bot.command import course, lapses, opening, words
from bot.db import Tx
from bot.outages import Outage
from handlers.timers import HANDLERS
from tests.domain.test_escalations_who import by_id, texts
from tests.domain.test_tasks import says
from tests.people import CAST, hire


@pytest.fixture
def outage(tx: Tx) -> Outage:
    """Eve commands and goes home in an hour; then Nia comes, who may command as well. All others work on."""
    hire(tx)
    roles = ["incident_commander"]
    tx.add(roster.Person(id="nia", name="Nia Vane", unit="OPS", site="MAIN", mobile="+12025550181", roles=roles))
    tx.flush()
    start, change, end = (tx.now + timedelta(hours=hours) for hours in (-8, 1, 13))
    for id in [*(row[0] for row in CAST), "nia"]:
        since, until = {"eve": (start, change), "nia": (change, end)}.get(id, (start, end))
        tx.add(roster.Shift(person_id=id, starts_at=since, ends_at=until))
    roster.forget(tx)
    done = opening.declare(tx, by_id(tx, "eve"), words.Request(services=["ehr"], text="x"), "cli")
    return outages.find(tx, done.code)


def asked(tx: Tx) -> list[tasks.Task]:
    return list(tx.exec(select(tasks.Task).where(tasks.Task.step == "COMMAND").order_by(tasks.Task.id)))


def passes(tx: Tx, **time: float) -> None:
    """The time goes by, and every message leaves at once: a ladder waits for its own."""
    stop = tx.now + timedelta(**time)
    while (due := timers.next_due(tx)) and due <= stop:
        tx.now = max(tx.now, due)
        for message in tx.exec(select(outbox.Message).where(outbox.Message.state == outbox.State.QUEUED)):
            message.state, message.handed_at = outbox.State.SENT, tx.now
            tx.add(message)
        timers.fire_due(tx, HANDLERS)
    tx.now = stop


def at_the_change(tx: Tx, **later: float) -> tasks.Task:
    passes(tx, **{"hours": 1} | later)
    [task] = asked(tx)
    return task


def climbs(tx: Tx, task: tasks.Task, rungs: int) -> None:
    for _ in range(rungs):
        [ladder] = escalations.active(tx, task.offer)
        escalations.skip_wait(tx, ladder)
        passes(tx)


def test_the_relief_is_asked_and_commands_once_she_accepts(tx: Tx, outage: Outage) -> None:
    task = at_the_change(tx)
    assert any(f"{task.code}" in text and "take command of O-1" in text for text in texts(tx, "nia"))
    assert (task.owner, outage.commander) == ("nia", "eve")
    assert "you command O-1 until relieved" in says(tx, "nia", "have", task.code)
    assert (task.state, outage.commander) == (tasks.TaskState.DONE, "nia")
    assert "Nia Vane commands O-1 now" in texts(tx, "eve")[-1]
    passes(tx, hours=11)
    assert asked(tx) == [task]


def test_until_somebody_accepts_it_climbs_and_the_commander_stays(tx: Tx, outage: Outage) -> None:
    task = at_the_change(tx)
    climbs(tx, task, 1)
    assert any("take command" in text for text in texts(tx, "eve")), "nobody took it: she hears first"
    climbs(tx, task, 2)
    assert task.owner not in ("nia", "eve") and any("take command" in text for text in texts(tx, task.owner))
    assert outage.commander == "eve"
    assert "you command O-1 until relieved" in says(tx, task.owner, "have", task.code)
    assert outage.commander == task.owner


def test_who_refuses_passes_it_on_and_the_commander_stays(tx: Tx, outage: Outage) -> None:
    task = at_the_change(tx)
    says(tx, "nia", "cannot", task.code)
    assert (task.owner, outage.commander) == ("dana", "eve"), "the house supervisor stands in"


def test_command_that_goes_otherwise_is_no_question_any_more(tx: Tx, outage: Outage) -> None:
    task = at_the_change(tx)
    course.hand_over(tx, by_id(tx, "dana"), "", None, "cli")
    assert (task.state, outage.commander) == (tasks.TaskState.DONE, "dana")


def test_a_commander_who_says_away_is_relieved_too_and_is_asked_about_once(tx: Tx, outage: Outage) -> None:
    for _ in range(2):
        lapses.not_on_shift(tx, by_id(tx, "eve"), "sms")
    [task] = asked(tx)
    assert (task.owner, outage.commander) == ("dana", "eve")


def test_who_commands_from_home_is_not_taken_for_gone(tx: Tx, outage: Outage) -> None:
    passes(tx, minutes=50)
    course.hand_over(tx, by_id(tx, "dana"), "", None, "cli")
    passes(tx, hours=2)
    course.hand_over(tx, by_id(tx, "eve"), "", None, "cli")
    passes(tx, hours=11)
    assert asked(tx) == []


def test_who_took_over_and_leaves_soon_is_relieved_too(tx: Tx, outage: Outage) -> None:
    says(tx, "nia", "have", at_the_change(tx).code)
    passes(tx, hours=2)
    lapses.not_on_shift(tx, by_id(tx, "nia"), "sms")
    assert [task.owner for task in asked(tx)] == ["nia", "dana"]


def test_only_whoever_it_is_offered_to_ends_it_by_done(tx: Tx, outage: Outage) -> None:
    task = at_the_change(tx)
    with pytest.raises(Refused, match=f"say 1 {task.code}"):
        says(tx, "finn", "done", task.code)
    assert outage.commander == "eve"


def test_who_leaves_is_not_asked_to_relieve_themselves(tx: Tx, outage: Outage) -> None:
    task = at_the_change(tx)
    while task.is_open():
        assert task.owner != "eve"
        says(tx, task.owner, "cannot", task.code)
