"""Tasks one by one: needs, proofs, what is skipped, given on, and how much one person has."""

import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from bot import escalations, journal, roster, tasks, timers
from bot.access import Refused
from bot.command import digest, end, errands, tasking, tell
from bot.db import Tx
from bot.outages import Outage
from bot.tasks import Kind, Task, TaskState
from handlers.timers import HANDLERS
from tests.domain.test_escalations_who import ask, by_id, journaled, texts


def forward(tx: Tx, minutes: int) -> None:
    """What is due in these minutes happens at its time."""
    stop = tx.now + timedelta(minutes=minutes)
    while (due := timers.next_due(tx)) and due <= stop:
        tx.now = max(due, tx.now)  # type: ignore[misc]
        timers.fire_due(tx, HANDLERS)
    tx.now = stop  # type: ignore[misc]


def says(tx: Tx, who: str, verb: str, code: str, words: str = "") -> str:
    kind, facts = errands.act(tx, by_id(tx, who), verb, code, words, "sms") or ("", {})
    return tx.render.sms(kind, "en", False, **facts) if kind else ""


# --- when


def test_what_is_due_on_another_day_says_which(tx: Tx, outage: Outage) -> None:
    tx.now = datetime(2026, 12, 21, 4, 11, tzinfo=UTC)  # type: ignore[misc]
    task = ask(tx, outage)
    for hours, by in ((20, "00:11"), (24, "Tue 22 Dec"), (15 * 24, "Tue 5 Jan")):
        task.due_at = tx.now + timedelta(hours=hours)
        assert f"by {by}: open the cabinets" in says(tx, "kit", "have", task.code)


def test_what_is_offered_hours_too_late_has_as_long_as_it_was_to_have(tx: Tx, outage: Outage) -> None:
    """As after a restart: one text, with a time that is still to come."""
    tx.now = datetime(2026, 12, 21, 4, 0, tzinfo=UTC)  # type: ignore[misc]
    common: dict[str, Any] = {"outage_id": outage.id, "role": "pharmacist_in_charge", "prio": 1, "text": "Count"}
    tx.add(Task(**common, sms="count", offer_at=tx.now, due_at=tx.now + timedelta(minutes=30)))
    tx.flush()
    tx.now += timedelta(hours=5)  # type: ignore[misc]
    tasks.watch(tx, outage.id or 0)
    said = texts(tx, "kit")
    assert len(said) == 1 and "by 09:30: count" in said[0]


def test_nobody_is_reminded_of_an_update_that_goes_out_now(tx: Tx, outage: Outage) -> None:
    tell.promise(tx, outage)
    tx.now += timedelta(hours=5)  # type: ignore[misc]
    timers.fire_due(tx, HANDLERS)
    assert journaled(tx, "held") and not journaled(tx, "reminded")


# --- needs


def test_what_waits_for_a_task_is_offered_when_that_is_done(tx: Tx, outage: Outage) -> None:
    first = ask(tx, outage, step="X-1")
    second = ask(tx, outage, step="X-2", needs=["X-1"], role="labor_pool_leader")
    assert second.state == TaskState.WAITING
    says(tx, "kit", "have", first.code)
    assert timers.due_at(tx, tasks.WATCH, str(outage.id)) != tx.now
    says(tx, "kit", "done", first.code)
    assert timers.due_at(tx, tasks.WATCH, str(outage.id)) == tx.now, "it is its time, so it is offered at once"
    tasks.watch(tx, outage.id or 0)
    assert (second.state, second.owner) == (TaskState.OFFERED, "iris")


def test_a_need_that_nobody_can_meet_holds_nothing_up_for_ever(tx: Tx, outage: Outage) -> None:
    first = ask(tx, outage, step="X-1")
    second = ask(tx, outage, step="X-2", needs=["X-1"], role="labor_pool_leader")
    errands.skip(tx, by_id(tx, "eve"), first.code, "no pharmacy here", "slack")
    tasks.watch(tx, outage.id or 0)
    assert second.state == TaskState.OFFERED


def a_list(tx: Tx, outage: Outage, unit: str, *steps: tuple[str, list[str]]) -> Task:
    """The list of a unit: each line with its step and what it needs."""
    common: dict[str, Any] = {"outage_id": outage.id, "offer_at": tx.now, "due_at": tx.now + timedelta(minutes=30)}
    common |= {"prio": 1, "unit": unit, "role": "unit_charge"}
    needs = sorted({need for _, some in steps for need in some})
    whole = Task(**common, kind=Kind.CARD, text="list", sms="list", needs=needs)
    tx.add(whole)
    tx.flush()
    for number, (step, some) in enumerate(steps, start=1):
        line = {"step": step, "text": step, "sms": f"do {step}", "card_id": whole.id, "line": number, "needs": some}
        tx.add(Task(**common, **line))
    tasks.watch(tx, outage.id or 0)
    return whole


def test_a_line_that_needs_another_comes_later_with_all_that_is_free_by_then(tx: Tx, outage: Outage) -> None:
    first = ask(tx, outage, step="X-1")
    steps = [("U-1", []), ("U-2", ["U-1"]), ("U-3", ["X-1"]), ("U-4", ["U-3"])]
    mine, other = (a_list(tx, outage, unit, *steps) for unit in ("5W", "3W"))
    assert [len(texts(tx, who)) for who in ("ben", "cho")] == [1, 1]
    assert "do U-1. Text DONE" in texts(tx, "ben")[0] and len(tasks.lines(tx, mine)) == 1
    says(tx, "ben", "done", mine.code)
    forward(tx, 9)
    assert len(texts(tx, "ben")) == 1, "a unit gets a list every ten minutes at most"
    says(tx, "kit", "done", first.code)
    forward(tx, 2)
    assert len(texts(tx, "ben")) == 2 and "do U-2; do U-3. Text DONE" in texts(tx, "ben")[-1]
    assert "do U-3. Text DONE" in texts(tx, "cho")[-1], "U-1 of another unit is none of theirs"
    says(tx, "cho", "done", other.code)
    forward(tx, 60)
    listed = [text for text in texts(tx, "ben") if "LIST" in text]
    assert len(listed) == 2, "nobody hears of U-4 before U-3 is done"
    says(tx, "ben", "done", tasks.mine(tx, by_id(tx, "ben"))[0].code)
    forward(tx, 0)
    last = tasks.mine(tx, by_id(tx, "ben"))[0]
    assert "do U-4. Text DONE" in texts(tx, "ben")[-1]
    assert last.due_at == tx.now + timedelta(minutes=30), "it has as long as it was to have"


def test_a_list_that_was_offered_before_and_waited_keeps_its_code_to_itself(tx: Tx, outage: Outage) -> None:
    first = ask(tx, outage, step="X-1")
    mine = a_list(tx, outage, "5W", ("U-1", []), ("U-2", ["X-1"]))
    (later,) = [task for task in tasks.of_outage(tx, outage.id or 0, lines=False) if task.kind == Kind.CARD][1:]
    # it was offered once, and refused while the next person slept: it waits with a code of its own
    later.number, later.offer, later.giver, later.refused_by = 77, "offer:old", "ben", ["ben"]
    later.offered_at = later.warned_at = tx.now
    line = Task(outage_id=outage.id, step="U-3", text="U-3", sms="do U-3", card_id=later.id, line=2, prio=1,
                unit="5W", role="unit_charge", offer_at=tx.now, due_at=later.due_at)  # fmt: skip
    tx.add(line)
    forward(tx, 11)
    every = [task for task in tasks.of_outage(tx, outage.id or 0, lines=False) if task.kind == Kind.CARD]
    assert first.is_open() and len(every) == 3 and mine in every
    (last,) = [task for task in every if task.state == TaskState.WAITING]
    assert (later.number, last.number) == (77, 0)
    assert (last.offer, last.giver, last.refused_by, last.offered_at, last.warned_at) == ("", "", [], None, None)


def test_what_the_update_is_to_tell_waits_for_what_it_needs(tx: Tx, outage: Outage) -> None:
    first = ask(tx, outage, step="X-1")
    news = ask(tx, outage, role="pio", tells=True, needs=["X-1"])
    assert tell.to_be_told(tx, outage) is None
    says(tx, "kit", "cannot", first.code)
    assert tell.to_be_told(tx, outage) is None, "somebody else is asked for it"
    errands.skip(tx, by_id(tx, "eve"), first.code, "not here", "slack")
    assert tell.to_be_told(tx, outage) is news


# --- proofs


@pytest.mark.parametrize(
    ("proof", "wrong", "right"),
    [("number", "all of them", "12 patients"), ("time", "just before", "at 0405"), ("time", "25:70", "now"),
     ("text", "...", "vendor says 06:00")],
)  # fmt: skip
def test_a_proof_of_the_wrong_sort_is_asked_for_once_and_then_what_comes_is_taken(
    tx: Tx, outage: Outage, proof: str, wrong: str, right: str
) -> None:
    task, other = ask(tx, outage, proof=proof), ask(tx, outage, proof=proof)
    assert f"Please text {task.code} and" in says(tx, "kit", "done", task.code, wrong)
    assert (task.state, task.given) == (TaskState.IN_PROGRESS, wrong)
    assert says(tx, "kit", "proof", task.code, "no idea") == f"MERCY: {task.code} done" and task.given == "no idea"
    assert says(tx, "kit", "done", other.code, right) == f"MERCY: {other.code} done" and other.given == right


def test_without_the_proof_it_is_done_ten_minutes_later_and_nobody_is_chased(tx: Tx, outage: Outage) -> None:
    task = ask(tx, outage, proof="number")
    says(tx, "kit", "done", task.code)
    before = len(texts(tx, "kit"))
    due = timers.due_at(tx, tasks.WATCH, str(outage.id))
    assert due == tx.now + timedelta(minutes=10)
    tx.now = due  # type: ignore[misc]
    tasks.watch(tx, outage.id or 0)
    assert task.state == TaskState.DONE and len(texts(tx, "kit")) == before
    says(tx, "kit", "proof", task.code, "12")
    assert task.given == "12", "a late proof is taken all the same"


def test_without_the_proof_it_is_done_by_whoever_said_so(tx: Tx, outage: Outage) -> None:
    task = ask(tx, outage, proof="number")
    says(tx, "eve", "done", task.code)
    tx.now += timedelta(minutes=10)  # type: ignore[misc]
    tasks.watch(tx, outage.id or 0)
    assert task.owner == "kit" and tx.exec(select(journal.Line.who).where(journal.Line.what == "done")).one() == "eve"


# --- made up on the spot


def errand(tx: Tx, outage: Outage) -> Task:
    eve, alma = by_id(tx, "eve"), by_id(tx, "alma")
    errands.errand(tx, eve, alma, "bring radios to the ED", 900)
    return tx.exec(select(Task).where(Task.kind == Kind.ADHOC)).one()


def test_nothing_is_made_up_in_an_outage_that_has_ended(tx: Tx, outage: Outage) -> None:
    end.void(tx, by_id(tx, "eve"), outage.code, "cli")
    with pytest.raises(Refused, match="O-1 is voided"):
        tasking.task(tx, by_id(tx, "eve"), "O-1 alma due:15m bring radios", "cli")
    assert not tx.exec(select(Task).where(Task.kind == Kind.ADHOC)).all()


def heard(tx: Tx, outage: Outage) -> str:
    """Eve's next digest."""
    digest.send(tx, f"{outage.id}:eve")
    return texts(tx, "eve")[-1]


def test_whoever_made_a_task_up_reads_that_it_is_blocked_and_that_it_is_done(tx: Tx, outage: Outage) -> None:
    task = errand(tx, outage)
    says(tx, "alma", "blocked", task.code, "no key")
    assert f"STUCK {task.code} 5W bring radios to the ED (Alma Quill): no key" in heard(tx, outage)
    says(tx, "alma", "done", task.code, "six brought")
    assert f"Done: {task.code} 5W bring radios to the ED: six brought" in heard(tx, outage)
    before = len(texts(tx, "eve"))
    digest.send(tx, f"{outage.id}:eve")
    assert len(texts(tx, "eve")) == before


def test_whoever_made_a_task_up_reads_that_nobody_can(tx: Tx, outage: Outage) -> None:
    task = errand(tx, outage)
    while task.is_open():
        errands.refuse(tx, task, by_id(tx, task.owner), "busy", "sms")
    assert f"STUCK {task.code}" in heard(tx, outage)


def test_who_does_the_task_they_made_up_is_told_nothing(tx: Tx, outage: Outage) -> None:
    task = errand(tx, outage)
    says(tx, "eve", "done", task.code)
    assert timers.due_at(tx, digest.DIGEST, f"{outage.id}:eve") is None


# --- skipped


def test_a_manager_skips_with_a_reason_and_the_owner_hears_of_it(tx: Tx, outage: Outage) -> None:
    task = ask(tx, outage)
    eve = by_id(tx, "eve")
    with pytest.raises(Refused, match="Say why"):
        errands.skip(tx, eve, task.code, " ", "slack")
    errands.skip(tx, eve, task.code, "no cabinets here", "slack")
    assert (task.state, task.note) == (TaskState.CANCELLED, "no cabinets here")
    assert f"{task.code} is not needed any more: no cabinets here" in texts(tx, "kit")[-1]
    assert journaled(tx, "cancelled") == [task.code]


def test_only_a_manager_or_the_superior_may_skip(tx: Tx, outage: Outage) -> None:
    task = ask(tx, outage)
    for who in ("kit", "alma"):
        with pytest.raises(Refused, match="may be skipped by"):
            errands.skip(tx, by_id(tx, who), task.code, "no time", "slack")
    errands.skip(tx, by_id(tx, "gwen"), task.code, "I say so", "slack")
    assert task.state == TaskState.CANCELLED


# --- given on


def test_given_on_it_stays_with_its_owner_until_the_other_takes_it(tx: Tx, outage: Outage) -> None:
    task = ask(tx, outage)
    says(tx, "kit", "have", task.code)
    tasks.give(tx, task, by_id(tx, "hugo"), by_id(tx, "eve"), "slack")
    assert (task.owner, task.giver, task.state) == ("hugo", "kit", TaskState.OFFERED)
    assert "from Kit Rowan" in texts(tx, "hugo")[-1]
    says(tx, "hugo", "have", task.code)
    past = tx.exec(select(Task).where(Task.state == TaskState.HANDED_OVER)).one()
    assert (past.number, past.owner, task.owner, task.giver) == (task.number, "kit", "hugo", "")
    assert tasks.find(tx, task.code, by_id(tx, "hugo")) is task, "the code is that of the task that goes on"


def test_who_had_it_may_take_it_back(tx: Tx, outage: Outage) -> None:
    task = ask(tx, outage)
    says(tx, "kit", "have", task.code)
    tasks.give(tx, task, by_id(tx, "hugo"), by_id(tx, "eve"), "slack")
    says(tx, "kit", "have", task.code)
    assert (task.owner, task.state) == ("kit", TaskState.ACCEPTED) and not journaled(tx, "handed_over")


def test_the_ladder_of_a_refused_call_for_help_goes_with_it(tx: Tx, outage: Outage) -> None:
    task = tasks.open_new(tx, outage, Kind.HELP, "5W needs help", "5W needs help", prio=1, due_s=600, unit="5W",
                          owner="ben")  # fmt: skip
    escalations.start(tx, "help", task.offer, outage.ladders["untaken_1"], outage_id=outage.id, person_id="ben")
    first = task.owner
    errands.refuse(tx, task, by_id(tx, first), "alone", "sms")
    chased = {ladder.person_id for ladder in escalations.active(tx, f"task:{task.number}")}
    assert task.owner != first and first not in chased


# --- any order


SAID = st.tuples(
    st.sampled_from(["kit", "lea", "gwen", "eve"]),
    st.sampled_from(["have", "start", "done", "cannot", "blocked", "give"]),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=st.lists(SAID, max_size=8))
@example(said=[("kit", "have"), ("lea", "give"), ("lea", "cannot")])
def test_whatever_is_said_in_whatever_order_a_task_has_one_owner_or_an_end(
    tx: Tx, outage: Outage, said: list[tuple[str, str]]
) -> None:
    task = ask(tx, outage)
    for who, verb in said:
        with contextlib.suppress(Refused), tx.begin_nested():
            if verb == "give":
                tasks.give(tx, task, by_id(tx, who), by_id(tx, "eve"), "slack")
            else:
                errands.act(tx, by_id(tx, who), verb, task.code, "", "sms")
        assert (task.ended_at is not None) == (task.state in tasks.ENDED)
        assert task.owner and task.giver != task.owner
        past = tx.exec(select(Task).where(Task.number == task.number, Task.id != task.id)).all()
        assert all(each.state == TaskState.HANDED_OVER for each in past)


# --- at Slack's door and at the server's


def test_all_that_slack_does_with_a_task_is_done_at_the_server_too(tx: Tx, outage: Outage) -> None:
    eve = by_id(tx, "eve")
    made = tasking.task(tx, eve, "O-1 alma due:20m fetch paper", "cli")
    code = made.split()[0]
    assert made.startswith(f"{code} offered to Alma") and "fetch paper" in texts(tx, "alma")[-1]
    assert f"{code} fetch paper · offered" in tasking.listed(tx, eve, "cli")
    assert "offered to Hugo" in tasking.task(tx, eve, f"give {code} hugo", "cli")
    assert "fetch paper" in texts(tx, "hugo")[-1]
    assert "is told" in tasking.task(tx, by_id(tx, "hugo"), f"escalate {code}", "cli")
    assert "skipped: found some" in tasking.task(tx, eve, f"skip {code} found some", "cli")
    assert "already cancelled" in refusal(tx, f"done {code}")
    assert "muster task give T7 STAFF_ID" in refusal(tx, f"give {code}")
    assert "nobody-here is not on the staff list" in refusal(tx, "nobody-here x")
    assert "accept, have, start, done" in refusal(tx, "")


def refusal(tx: Tx, said: str) -> str:
    with pytest.raises(Refused) as refused:
        tasking.task(tx, by_id(tx, "eve"), said, "cli")
    return str(refused.value)


# --- how much


def test_the_list_shows_managers_who_has_how_much(tx: Tx, outage: Outage) -> None:
    for _ in range(7):
        ask(tx, outage)
    ask(tx, outage, role="labor_pool_leader")
    shown = tasking.listed(tx, by_id(tx, "eve"), "slack").splitlines()
    assert shown[0].startswith("Kit Rowan: 7 open") and "too many" in shown[0]
    assert any(line == "Iris Moor: 1 open" for line in shown)
    assert tasking.listed(tx, by_id(tx, "kit"), "cli").count("open the cabinets".capitalize()) == 7


def test_a_charge_nurses_other_tasks_stand_on_her_list(tx: Tx, outage: Outage) -> None:
    by_id(tx, "ben").roles = ["unit_charge", "pharmacist_in_charge"]
    for id in ("kit", "lea"):
        by_id(tx, id).roles = []
    roster.forget(tx)
    card: dict[str, Any] = {"outage_id": outage.id, "phase": "immediate", "offer_at": tx.now, "text": "list"}
    card |= {"due_at": tx.now + timedelta(minutes=15), "prio": 1}
    whole = Task(**card, kind=Kind.CARD, role="unit_charge", unit="5W", sms="list")
    tx.add(whole)
    tx.flush()
    tx.add(Task(**card, role="unit_charge", unit="5W", sms="tell all staff", card_id=whole.id, line=1))
    hers = Task(**card, role="pharmacist_in_charge", sms="open the cabinets")
    proved = Task(**card, role="pharmacist_in_charge", sms="count the carts", proof="number")
    tx.add_all([hers, proved])
    tx.flush()
    tasks.offer_due(tx, outage.id or 0)
    assert (hers.card_id, hers.line, hers.owner, hers.number) == (whole.id, 2, "ben", 0)
    assert proved.card_id is None and proved.owner == "ben"
    assert any("tell all staff; open the cabinets" in text for text in texts(tx, "ben"))
    says(tx, "ben", "done", f"{whole.code}.1")
    assert whole.state == TaskState.IN_PROGRESS
    says(tx, "ben", "done", whole.code)
    assert hers.state == TaskState.DONE


