"""What becomes of a task whose holder leaves, is stuck with it, sleeps or cannot be reached."""

from datetime import timedelta

import pytest

from bot import checkins, escalations, outages, roster, tasks, timers
from bot.access import Refused
from bot.command import lapses, levels, optouts, risks, rungs
from bot.db import Tx
from bot.escalations import LadderState
from bot.outages import Outage
from bot.tasks import Kind, Task, TaskState
from bot.texting import parse_reply
from handlers.sms import hear
from tests.domain.test_escalations_who import ask, at_home, by_id, texts
from tests.domain.test_tasks import forward, says


def card(tx: Tx, outage: Outage) -> Task:
    """The list of 5W, two lines long, before its charge nurse."""
    whole = Task(outage_id=outage.id, kind=Kind.CARD, unit="5W", role="unit_charge", text="list", sms="list", prio=1,
                 offer_at=tx.now, due_at=tx.now + timedelta(minutes=30))  # fmt: skip
    tx.add(whole)
    tx.flush()
    for number, what in enumerate(("stop entering", "print the MAR"), start=1):
        tx.add(Task(outage_id=outage.id, unit="5W", text=what, sms=what, card_id=whole.id, line=number, prio=1))
    tx.flush()
    tasks.offer_due(tx, outage.id or 0)
    return whole


# --- a patient risk


def test_a_patient_risk_is_called_on_when_its_holder_goes_away(tx: Tx, outage: Outage) -> None:
    task = risks.report(tx, outage, by_id(tx, "ben"), "5W", "")
    assert task.owner == "dana" and len(texts(tx, "dana", "voice")) == 1
    lapses.not_on_shift(tx, by_id(tx, "dana"), "sms")
    forward(tx, 0)
    called = task.owner
    assert called not in ("dana", "") and "PATIENT RISK" in texts(tx, called)[-1] and texts(tx, called, "voice")
    assert [ladder.kind for ladder in escalations.active(tx, f"task:{task.number}")] == ["risk"]
    says(tx, called, "have", task.code)
    assert (task.owner, task.state) == (called, TaskState.ACCEPTED)


def test_a_patient_risk_that_somebody_had_is_passed_to_the_relief(tx: Tx, outage: Outage) -> None:
    task = risks.report(tx, outage, by_id(tx, "ben"), "5W", "")
    says(tx, "dana", "have", task.code)
    lapses.not_on_shift(tx, by_id(tx, "dana"), "sms")
    assert task.owner != "dana" and task.code in texts(tx, task.owner)[-1]


def test_a_patient_risk_is_not_given_on(tx: Tx, outage: Outage) -> None:
    task = risks.report(tx, outage, by_id(tx, "ben"), "5W", "")
    with pytest.raises(Refused, match="people are called until one has it"):
        tasks.give(tx, task, by_id(tx, "finn"), by_id(tx, "eve"), "slack")
    assert escalations.active(tx, f"task:{task.number}") and task.owner == "dana"


# --- a new charge nurse


def test_who_takes_charge_is_offered_the_list_and_whoever_had_it_is_told_once(tx: Tx, outage: Outage) -> None:
    whole = card(tx, outage)
    says(tx, "ben", "have", whole.code)
    for _ in range(2):
        tx.now += timedelta(minutes=1)  # type: ignore[misc]
        hear(tx, f"SM{tx.now}", by_id(tx, "alma").mobile, "CHARGE 5W", parse_reply("CHARGE 5W"))
    assert whole.owner == "alma" and {line.owner for line in tasks.lines(tx, whole)} == {"alma"}
    assert len([text for text in texts(tx, "alma") if whole.code in text]) == 1
    assert [text for text in texts(tx, "ben") if "Alma Quill is in charge of 5W now" in text and "CHARGE 5W" in text]
    assert len([text for text in texts(tx, "ben") if "in charge" in text]) == 1


# --- one line of a list


def test_to_be_stuck_with_a_line_is_to_be_stuck_with_the_list(tx: Tx, outage: Outage) -> None:
    whole = card(tx, outage)
    assert f"{whole.code} blocked" in says(tx, "ben", "blocked", f"{whole.code}.2", "no printer")
    assert (whole.state, whole.note) == (TaskState.BLOCKED, "print the MAR: no printer")
    assert f"{whole.code} blocked: print the MAR: no printer" in texts(tx, "dana")[-1]
    assert escalations.active(tx, f"task:{whole.number}") and not escalations.active(tx, "task:0")


def test_help_with_a_line_is_asked_for_under_the_code_of_the_list(tx: Tx, outage: Outage) -> None:
    whole = card(tx, outage)
    assert f"help for {whole.code}" in says(tx, "ben", "need", f"{whole.code}.2")
    assert f"{whole.code} needs help: print the MAR" in texts(tx, "dana")[-1]


def test_who_cannot_do_a_line_passes_on_the_list_and_not_the_line(tx: Tx, outage: Outage) -> None:
    whole = card(tx, outage)
    says(tx, "ben", "cannot", f"{whole.code}.1")
    assert whole.owner != "ben" and {line.owner for line in tasks.lines(tx, whole)} == {whole.owner}
    assert len(tasks.lines(tx, whole)) == 2


def test_no_task_goes_by_the_code_zero(tx: Tx, outage: Outage) -> None:
    card(tx, outage)
    assert tasks.coded(tx, "T0") is None


# --- clocks


def test_who_takes_a_task_is_warned_before_it_is_due(tx: Tx, outage: Outage) -> None:
    task = ask(tx, outage)
    tasks.set_clock(tx, outage.id or 0)
    says(tx, "kit", "have", task.code)
    forward(tx, 26)
    assert task.warned_at and task.due_at and task.warned_at == task.due_at - timedelta(minutes=5)


def test_what_was_blocked_and_is_taken_again_is_chased(tx: Tx, outage: Outage) -> None:
    task = ask(tx, outage)
    says(tx, "kit", "blocked", task.code, "no key")
    tasks.watch(tx, outage.id or 0)
    says(tx, "kit", "have", task.code)
    forward(tx, 31)
    assert task.late_at == task.due_at


def test_what_is_taken_too_late_is_chased_at_once(tx: Tx, outage: Outage) -> None:
    task = ask(tx, outage)
    says(tx, "kit", "blocked", task.code, "no key")
    tasks.watch(tx, outage.id or 0)
    forward(tx, 60)
    assert task.late_at and not any("OVERDUE" in text for text in texts(tx, "kit")), "it is with those above"
    says(tx, "kit", "have", task.code)
    assert [ladder.kind for ladder in escalations.active(tx, f"task:{task.number}")] == ["undone"]


def test_what_is_blocked_after_all_is_not_done_for_want_of_a_proof(tx: Tx, outage: Outage) -> None:
    task = ask(tx, outage, proof="number")
    says(tx, "kit", "done", task.code)
    says(tx, "kit", "blocked", task.code, "not at all done")
    forward(tx, 15)
    says(tx, "kit", "start", task.code)
    forward(tx, 15)
    assert task.state == TaskState.IN_PROGRESS
    says(tx, "kit", "done", task.code)
    assert task.asked_at == tx.now, "the proof is asked for once more"


def test_what_was_given_on_is_not_done_for_want_of_a_proof(tx: Tx, outage: Outage) -> None:
    task = ask(tx, outage, proof="number")
    says(tx, "kit", "done", task.code)
    tasks.give(tx, task, by_id(tx, "lea"), by_id(tx, "eve"), "slack")
    says(tx, "lea", "start", task.code)
    forward(tx, 11)
    assert (task.state, task.owner) == (TaskState.IN_PROGRESS, "lea")


def test_a_ladder_with_no_rung_left_is_at_its_end(tx: Tx, outage: Outage) -> None:
    ladder = escalations.start(tx, "silence", "unit:1:5W", [{"after": 300, "do": "call"}], outage_id=outage.id)
    escalations.leave_out(tx, ladder, "call")
    assert ladder.state == LadderState.EXHAUSTED and not timers.due_at(tx, escalations.CLIMB, str(ladder.id))
    escalations.climb(tx, ladder.id or 0, rungs.PERFORMERS)


# --- who sleeps or cannot be reached


def test_a_superior_at_home_is_not_woken_for_a_priority_3(tx: Tx, outage: Outage) -> None:
    at_home(tx, "dana", "eve", "kit", "lea")
    by_id(tx, "kit").roles, by_id(tx, "lea").roles = [], []
    roster.forget(tx)
    task = ask(tx, outage, prio=3)
    assert task.state == TaskState.WAITING and not texts(tx, "dana")
    assert task.offer_at and task.due_at == task.offer_at + timedelta(minutes=30), "as long as it was to take"


def test_a_superior_at_home_is_called_at_once_for_a_priority_1(tx: Tx, outage: Outage) -> None:
    at_home(tx, "dana")
    by_id(tx, "kit").roles, by_id(tx, "lea").roles = [], []
    roster.forget(tx)
    task = ask(tx, outage, prio=1)
    assert task.owner == "dana" and escalations.active(tx, task.offer)[0].rungs[0] == {"after": 0, "do": "call"}


def test_what_waits_for_the_morning_may_be_taken_at_night(tx: Tx, outage: Outage) -> None:
    at_home(tx, "lea")
    task = ask(tx, outage, prio=3)
    says(tx, "kit", "cannot", task.code)
    assert task.state == TaskState.WAITING and task.offer_at and task.due_at
    assert task.due_at == task.offer_at + timedelta(minutes=30)
    says(tx, "eve", "have", task.code)
    assert (task.owner, task.state) == ("eve", TaskState.ACCEPTED)


def test_who_has_no_address_is_passed_over_when_it_is_refused_too(tx: Tx, outage: Outage) -> None:
    by_id(tx, "lea").no_sms = by_id(tx, "lea").no_voice = True
    tx.flush()
    task = ask(tx, outage)
    says(tx, "kit", "cannot", task.code)
    assert task.owner not in ("kit", "lea") and texts(tx, task.owner)


def test_what_somebody_leaves_reaches_the_next_three_to_a_text(tx: Tx, outage: Outage) -> None:
    left = [ask(tx, outage, prio=2) for _ in range(5)]
    optouts.opted_out(tx, by_id(tx, "kit").mobile)
    assert len(texts(tx, "lea")) == 2 and all(any(task.code in text for text in texts(tx, "lea")) for task in left)
    assert {task.owner for task in left} == {"lea"} and len({task.offer for task in left}) == 1


def test_a_silent_unit_is_visited_though_the_house_supervisor_reads_no_texts_any_more(tx: Tx, outage: Outage) -> None:
    tx.add(checkins.UnitCheck(outage_id=outage.id, unit="5W", asked="ben", standing=checkins.Standing.SILENT))
    visit = tasks.open_new(tx, outage, Kind.VISIT, "Send a person to 5W", "go and see 5W", prio=1, due_s=600,
                           unit="5W", owner="dana")  # fmt: skip
    optouts.opted_out(tx, by_id(tx, "dana").mobile)
    assert visit.owner == "eve"
    forward(tx, 1)
    assert any("NO ANSWER 5W" in text for text in texts(tx, "eve"))


def test_whether_to_raise_the_level_is_asked_of_somebody_who_reads_it(tx: Tx, outage: Outage) -> None:
    outage.state, outage.level = outages.OutageState.DECLARED, 1
    outage.levels = [{"from": 1, "to": 2, "services": 0, "after": 0, "ask": "house_supervisor", "acts_after": 600}]
    levels.ask(tx, f"{outage.id}:0")
    (asked,) = [task for task in tasks.of_outage(tx, outage.id or 0) if task.kind == Kind.DECIDE]
    assert asked.owner == "dana"
    optouts.opted_out(tx, by_id(tx, "dana").mobile)
    assert asked.owner == "eve" and any(f"1 {asked.code}" in text for text in texts(tx, "eve"))
