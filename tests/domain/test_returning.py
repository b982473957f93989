"""The order of return: it never sticks at a unit that has nothing to do, and never outlives the restore."""

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from bot import outages, tasks
from bot.access import Refused
from bot.command import end, errands, lapses, opening, returning, words
from bot.db import Tx
from bot.outages import Outage
from bot.outbox import Message, State
from bot.tasks import Task, TaskState
from tests.domain.test_escalations_who import by_id, concerns, journaled, texts
from tests.domain.test_tasks import forward, says
from tests.people import hire


def restored(tx: Tx, *back: str) -> Outage:
    """Epic and email were down; this is back, or all of it."""
    hire(tx)
    request = words.Request(services=["ehr", "email_documents"], text="x")
    outage = outages.find(tx, opening.declare(tx, by_id(tx, "eve"), request, "cli").code)
    end.restore(tx, by_id(tx, "eve"), outage.code, list(back), "", "cli")
    return outage


def urgent(tx: Tx, outage: Outage, unit: str) -> list[Task]:
    found = tasks.of_outage(tx, outage.id or 0, lines=False)
    return [task for task in found if (task.unit, task.phase, task.prio) == (unit, "recovery", 1)]


def order(tx: Tx, outage: Outage) -> str:
    return returning.order(tx, by_id(tx, "eve"), outage.code, ["3W", "5W"], "cli")


def handed_over(tx: Tx) -> None:
    """All that waits is with the provider now, so the clocks of silence begin."""
    waiting = update(Message).where(col(Message.state) == State.QUEUED)
    tx.execute(waiting.values(state=State.SENT, handed_at=tx.now))


def turns(tx: Tx, person: str) -> int:
    return sum("YOUR TURN" in text for text in texts(tx, person))


def test_a_unit_that_has_returned_already_is_passed_over(tx: Tx) -> None:
    outage = restored(tx)
    for task in urgent(tx, outage, "3W"):
        says(tx, "cho", "done", task.code, "34")
    assert "5W returns now" in order(tx, outage)
    assert not outage.return_order and turns(tx, "ben") == 1 and turns(tx, "cho") == 0


def test_a_list_that_is_skipped_ends_the_turn(tx: Tx) -> None:
    outage = restored(tx)
    order(tx, outage)
    for task in urgent(tx, outage, "3W"):
        errands.skip(tx, by_id(tx, "eve"), task.code, "unit empty", "cli")
    assert not outage.return_order and turns(tx, "ben") == 1


def test_who_takes_no_texts_any_more_holds_nobody_up(tx: Tx) -> None:
    outage = restored(tx)
    order(tx, outage)
    forward(tx, 1)
    while left := [task.owner for task in urgent(tx, outage, "3W") if task.is_open()]:
        lapses.hand_on_tasks(tx, by_id(tx, left[0]), "opted out of texts")
    assert not outage.return_order and turns(tx, "ben") == 1


def test_whom_no_text_reaches_is_called_that_it_is_their_turn(tx: Tx) -> None:
    outage = restored(tx)
    order(tx, outage)
    forward(tx, 3)
    handed_over(tx)
    (text,) = tx.exec(select(Message).where(Message.person_id == "cho", col(Message.body).contains("YOUR TURN")))
    lapses.undelivered(tx, text, "30003")
    forward(tx, 1)
    assert any("your turn" in said.lower() for said in texts(tx, "cho", "voice"))
    assert turns(tx, "cho") == 1, "the same number is not texted again at once"
    forward(tx, 30)
    assert urgent(tx, outage, "3W")[0].code in {about for about, what in concerns(tx, "dana") if what == "not taken"}


def test_who_waits_for_a_turn_waits_with_what_comes_back_later_too(tx: Tx) -> None:
    outage = restored(tx, "ehr")
    order(tx, outage)
    end.restore(tx, by_id(tx, "eve"), outage.code, [], "", "cli")
    assert outage.return_order == ["5W"]
    assert {(task.state, task.due_at) for task in urgent(tx, outage, "5W")} == {(TaskState.WAITING, None)}


def test_down_again_nobody_has_a_turn(tx: Tx) -> None:
    outage = restored(tx)
    order(tx, outage)
    opening.declare(tx, by_id(tx, "eve"), words.Request(services=["ehr"], text="again"), "cli")
    for task in urgent(tx, outage, "3W"):
        says(tx, "cho", "done", task.code, "34")
    assert not outage.return_order and turns(tx, "ben") == 0


def test_the_order_alone_is_given_where_something_is_back_and_brings_nothing_else_back(tx: Tx) -> None:
    outage = restored(tx, "ehr")
    said = end.restore_words(tx, by_id(tx, "eve"), outage.code, "order: 5W, 3W", "sms")
    assert "5W returns now. Then 3W" in said
    assert [service.service for service in outages.down(tx, outage)] == ["email_documents"]


def test_before_anything_is_back_an_order_is_refused_in_the_words_of_the_door(tx: Tx) -> None:
    hire(tx)
    opening.declare(tx, by_id(tx, "eve"), words.Request(services=["ehr"], text="x"), "cli")
    with pytest.raises(Refused, match="first RESTORE O-1 and your PIN"):
        returning.order_words(tx, by_id(tx, "eve"), "", "3W, 5W", "sms")


def test_a_unit_that_stalls_is_reminded_then_passed_over_and_stays_open(tx: Tx) -> None:
    outage = restored(tx)
    order(tx, outage)
    forward(tx, 3)
    handed_over(tx)
    forward(tx, 19)
    assert turns(tx, "cho") == 1, "the clock begins when the text has left"
    forward(tx, 2)
    assert turns(tx, "cho") == 2, "the same once more"
    forward(tx, 10)
    stalled = urgent(tx, outage, "3W")
    assert (stalled[0].code, "not taken") in concerns(tx, "dana"), "her superior reads of it"
    assert turns(tx, "ben") == 0 and outage.return_order == ["5W"]
    forward(tx, 30)
    assert turns(tx, "ben") == 1 and journaled(tx, "turn_stalled") == ["3W"] and not outage.return_order
    assert all(task.is_open() for task in stalled)
    for task in stalled:
        assert "done" in says(tx, "cho", "done", task.code, "34")
    for task in urgent(tx, outage, "5W"):
        says(tx, "ben", "done", task.code, "12")
    seen = turns(tx, "ben")
    forward(tx, 90)
    assert (turns(tx, "ben"), turns(tx, "cho")) == (seen, 2) and journaled(tx, "turn_stalled") == ["3W"]


def test_a_unit_at_work_is_not_reminded_and_a_new_order_waits_anew(tx: Tx) -> None:
    outage = restored(tx)
    order(tx, outage)
    forward(tx, 3)
    handed_over(tx)
    forward(tx, 5)
    for task in urgent(tx, outage, "3W"):
        says(tx, "cho", "start", task.code)
    forward(tx, 40)
    codes = {task.code for task in urgent(tx, outage, "3W")}
    assert turns(tx, "cho") == 1 and not codes & {about for about, what in concerns(tx, "dana") if what == "not taken"}
    returning.order(tx, by_id(tx, "eve"), outage.code, ["5W", "3W"], "cli")
    forward(tx, 30)
    assert outage.return_order == ["3W"] and not journaled(tx, "turn_stalled"), "the clock of 3W ended with its turn"
