"""What a page shows beyond the counts: names instead of ids, and of long lists the part that matters."""

from datetime import timedelta

import pytest
from sqlalchemy import insert

from bot import board, outages, outbox, roster, tasks
from bot.board import details
from bot.checkins import UnitCheck
from bot.db import Tx
from bot.outages import Outage
from bot.outbox import Draft, Lane
from bot.tasks import Task, TaskState

TASK = Task.__table__  # type: ignore[attr-defined]


@pytest.fixture
def outage(tx: Tx) -> Outage:
    tx.add_all([roster.Person(id="eve", name="Eve Sand", unit="OPS"), roster.Person(id="ben", name="Ben Ode")])
    given = {"level": 2, "sites": [], "by": "eve", "commander": "eve", "summary": "", "exercise": False}
    begun = outages.begin(tx, **given)  # type: ignore[arg-type]
    begun.notice_id = outbox.notice(tx, "alert", outage_id=begun.id).id
    tx.flush()
    return begun


def test_units_tasks_and_the_commander_have_names(tx: Tx, outage: Outage) -> None:
    tx.add_all([UnitCheck(outage_id=outage.id, unit=unit, asked=who) for unit, who in [("5W", "ben"), ("3W", "")]])
    tx.execute(insert(TASK), [task(outage, 7, owner="ben"), task(outage, 8), task(outage, 0, owner="eve")])
    tx.flush()
    shown = board.detail(tx, outage)
    assert shown["commander"] == "Eve Sand"
    assert [(row["unit"], row["asked"]) for row in shown["units"]] == [("3W", ""), ("5W", "Ben Ode")]
    assert [(row["code"], row["owner"]) for row in shown["tasks"]] == [("T7", "Ben Ode"), ("T8", "")]


def test_of_many_tasks_the_late_ones_come_first_and_the_rest_are_counted(
    tx: Tx, outage: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(details, "TASKS", 3)
    rows = [task(outage, number, due_at=tx.now + timedelta(minutes=number - 6)) for number in range(3, 9)]
    done = task(outage, 9, due_at=tx.now - timedelta(minutes=9), state=TaskState.DONE)
    tx.execute(insert(TASK), [*reversed(rows), done])
    shown = board.detail(tx, outage)
    assert [(row["code"], row["late"]) for row in shown["tasks"]] == [("T3", True), ("T4", True), ("T5", True)]
    assert shown["tasks_more"] == 3


def test_of_many_who_were_not_reached_some_are_named_and_the_rest_counted(
    tx: Tx, outage: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(details, "PEOPLE", 2)
    unreachable(tx, outage, "zoe", "yan", "xia")
    shown = board.detail(tx, outage)
    assert [(row["name"], row["reason"]) for row in shown["unreached"]] == [("Zoe", "no phone"), ("Yan", "no phone")]
    assert shown["unreached_more"] == 1
    assert [row["id"] for row in board.unreached(tx, outage)] == ["zoe", "yan", "xia"]


def test_where_there_is_nothing_nothing_is_cut(tx: Tx, outage: Outage) -> None:
    shown = board.detail(tx, outage)
    assert (shown["tasks"], shown["tasks_more"], shown["unreached"], shown["unreached_more"]) == ([], 0, [], 0)


def task(outage: Outage, number: int, **more: object) -> dict[str, object]:
    """The row of a task that is offered; without a number it has no code of its own."""
    given = {"outage_id": outage.id, "number": number, "text": "Do it", "sms": "do it", "state": TaskState.OFFERED}
    return Task(**given | more).model_dump(exclude={"id"})  # type: ignore[arg-type]


def unreachable(tx: Tx, outage: Outage, *people: str) -> None:
    """People without an address, in this order."""
    said = tx.get(outbox.Notice, outage.notice_id)
    assert said
    drafts = []
    for place, who in enumerate(people):
        tx.add(roster.Person(id=who, name=who.title(), place=place))
        drafts.append(
            Draft(person_id=who, channel="none", address=f"nobody:{who}", lane=Lane.ALERT, body="", reason="no phone")
        )
    outbox.enqueue(tx, said, drafts)
    tx.flush()


def test_late_is_what_is_due(tx: Tx, outage: Outage) -> None:
    """At its minute a task is late, before it is not; one without a time never is."""
    due = {1: tx.now, 2: tx.now + timedelta(seconds=1), 3: None}
    tx.execute(insert(TASK), [task(outage, number, due_at=at) for number, at in due.items()])
    assert {row["code"]: row["late"] for row in board.detail(tx, outage)["tasks"]} == {
        "T1": True, "T2": False, "T3": False,
    }  # fmt: skip
    assert board.task_counts(tx, outage)["overdue"] == 1
    assert board.task_counts(tx, outage)["offered"] == len(tasks.of_outage(tx, outage.id or 0)) == 3
