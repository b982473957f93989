"""Whom a ladder reaches: a floor where nobody holds a role, a ceiling, rounds, and the sleep of those off shift."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from bot import escalations, journal, outbox, roster, tasks, timers
from bot.command import digest, errands, lapses, rungs
from bot.db import Tx
from bot.escalations import LadderState
from bot.outages import Outage
from bot.outbox.rows import Health
from bot.tasks import Task, TaskState

KIT, LEA = "kit", "lea"


def ask(tx: Tx, outage: Outage, role: str = "pharmacist_in_charge", prio: int = 1, **more: Any) -> Task:
    """A task of the role, offered to whoever holds it now."""
    task = Task(outage_id=outage.id, text="Open the cabinets", sms="open the cabinets", role=role, prio=prio,
                offer_at=tx.now, due_at=tx.now + timedelta(minutes=30), **more)  # fmt: skip
    tx.add(task)
    tx.flush()
    tasks.offer_due(tx, outage.id or 0)
    return task


def by_id(tx: Tx, id: str) -> roster.Person:
    found = tx.get(roster.Person, id)
    assert found
    return found


def climb(tx: Tx, task: Task, do: str) -> None:
    """The rung of this sort, at once."""
    ladder = escalations.active(tx, task.offer)[0]
    rungs.PERFORMERS[do](tx, ladder, {"do": do})
    tx.flush()


def texts(tx: Tx, person: str, channel: str = "sms") -> list[str]:
    query = select(outbox.Message.body).where(outbox.Message.person_id == person, outbox.Message.channel == channel)
    return list(tx.exec(query))


def concerns(tx: Tx, person: str) -> list[tuple[str, str]]:
    return list(tx.exec(select(digest.Concern.about, digest.Concern.what).where(digest.Concern.person_id == person)))


def journaled(tx: Tx, what: str) -> list[str]:
    return list(tx.exec(select(journal.Line.about).where(journal.Line.what == what)))


def at_home(tx: Tx, *people: str) -> None:
    """A rota on which these are on call at home, and everybody else is in the house."""
    for person in tx.exec(select(roster.Person)).all():
        kind = "oncall" if person.id in people else "shift"
        hours = {"starts_at": tx.now - timedelta(hours=6), "ends_at": tx.now + timedelta(hours=6)}
        tx.add(roster.Shift(person_id=person.id, kind=kind, **hours))
    tx.flush()
    roster.forget(tx)


# --- the floor


def test_where_nobody_holds_a_role_nor_any_above_it_the_commander_is_asked(tx: Tx, outage: Outage) -> None:
    for person in tx.exec(select(roster.Person)):
        person.roles = []
    roster.forget(tx)
    task = ask(tx, outage)
    assert (task.owner, task.via, journaled(tx, "fell_back")) == ("eve", "commander", [task.code])


def test_where_there_is_nobody_at_all_it_is_tried_again_and_said_once(tx: Tx, outage: Outage) -> None:
    for person in tx.exec(select(roster.Person)):
        person.active = False
    roster.forget(tx)
    task = ask(tx, outage)
    assert task.state == TaskState.WAITING and task.offer_at and task.offer_at > tx.now
    task.offer_at = tx.now
    tasks.offer_due(tx, outage.id or 0)
    assert len(journaled(tx, "nobody_to_ask")) == 1


def test_a_holder_without_any_way_to_be_reached_is_passed_over(tx: Tx, outage: Outage) -> None:
    by_id(tx, KIT).opted_out_at = tx.now
    assert ask(tx, outage).owner == LEA


def test_a_holder_who_opted_out_but_has_slack_is_asked_there(tx: Tx, outage: Outage) -> None:
    finn = by_id(tx, "finn")
    finn.opted_out_at = tx.now
    task = ask(tx, outage, role="it_unit_leader")
    assert task.owner == "finn" and texts(tx, "finn", "slack") and not texts(tx, "finn")


def test_who_calls_for_help_is_not_asked_to_give_it(tx: Tx, outage: Outage) -> None:
    task = ask(tx, outage, refused_by=[KIT])
    assert task.owner == LEA
    errands.refuse(tx, task, by_id(tx, LEA), "alone", "sms")
    assert task.owner not in (KIT, LEA) and task.state == TaskState.OFFERED


# --- the ceiling


def test_what_everybody_refuses_ends_and_the_coordinator_hears_at_once(tx: Tx, outage: Outage) -> None:
    task = ask(tx, outage)
    asked = []
    while task.is_open():
        asked.append(task.owner)
        errands.refuse(tx, task, by_id(tx, task.owner), "cannot", "sms")
    assert asked[:2] == [KIT, LEA] and len(asked) == len(set(asked)) and asked[-1] == "eve", "each once, up to the top"
    assert task.state == TaskState.CANNOT_DO and journaled(tx, "cannot_do") == [task.code]
    assert "nobody can" in texts(tx, "eve")[-1] and f"Text 1 {task.code}" in texts(tx, "eve")[-1]
    errands.act(tx, by_id(tx, "eve"), "have", task.code, "", "sms")
    assert (task.owner, task.state, task.ended_at) == ("eve", TaskState.ACCEPTED, None)


def test_of_what_nobody_can_at_a_lower_priority_the_coordinator_reads_in_the_digest(tx: Tx, outage: Outage) -> None:
    task = ask(tx, outage, prio=2)
    while task.is_open():
        errands.refuse(tx, task, by_id(tx, task.owner), "cannot", "sms")
    assert concerns(tx, "eve") == [(task.code, "nobody can")]
    digest.send(tx, f"{outage.id}:eve")
    assert f"STUCK {task.code}" in texts(tx, "eve")[-1]
    tasks.give(tx, task, by_id(tx, "hugo"), by_id(tx, "eve"), "slack")
    assert (task.owner, task.state) == ("hugo", TaskState.OFFERED)


def test_nobody_is_the_superior_of_themselves(tx: Tx, outage: Outage) -> None:
    task = ask(tx, outage, role="incident_commander")
    assert task.owner == "eve"
    climb(tx, task, "commander")
    climb(tx, task, "superior")
    assert not concerns(tx, "eve") and concerns(tx, "dana")


def test_a_superior_who_cannot_be_reached_is_passed_over(tx: Tx, outage: Outage) -> None:
    for who in ("gwen", "eve"):  # the one above kit, and the commander
        by_id(tx, who).opted_out_at, by_id(tx, who).slack_id = tx.now, ""
    task = ask(tx, outage)
    climb(tx, task, "superior")
    climb(tx, task, "commander")
    heard = set(tx.exec(select(digest.Concern.person_id)))
    assert heard and not heard & {"gwen", "eve", KIT} and all(outbox.routes(tx, by_id(tx, who)) for who in heard)


@pytest.mark.parametrize(
    ("verb", "state", "owner", "asked", "heard"),
    [
        ("have", TaskState.ACCEPTED, KIT, set(), False),  # recorded, and nobody is asked any more
        ("start", TaskState.IN_PROGRESS, KIT, set(), False),
        ("done", TaskState.DONE, KIT, set(), False),
        ("cannot", TaskState.OFFERED, LEA, {LEA}, False),  # this person is left alone, the next one has it
        ("blocked", TaskState.BLOCKED, KIT, {KIT}, True),  # above them somebody hears of it now
        ("need", TaskState.OFFERED, KIT, {KIT}, True),  # the same, and it stays where it is
    ],
)
def test_each_word_about_a_task_does_what_it_says(
    tx: Tx, outage: Outage, verb: str, state: str, owner: str, asked: set[str], heard: bool
) -> None:
    task = ask(tx, outage)
    climb(tx, task, "backup")
    errands.act(tx, by_id(tx, KIT), verb, task.code, "", "sms")
    running = select(escalations.Ladder.person_id).where(escalations.Ladder.state == LadderState.ACTIVE)
    assert (task.state, task.owner, set(tx.exec(running))) == (state, owner, asked)
    assert bool(texts(tx, "gwen")) == heard
    waits = select(outbox.Message.person_id).where(outbox.Message.state == "queued", outbox.Message.channel == "sms")
    assert {LEA, KIT} & set(tx.exec(waits)) == ({LEA, KIT} if verb == "need" else {LEA} if verb == "cannot" else set())


def test_a_circle_in_the_hr_line_comes_to_an_end(tx: Tx, outage: Outage) -> None:
    by_id(tx, "alma").reports_to, by_id(tx, "abe").reports_to = "abe", "alma"
    ben, cho, dana, eve = (by_id(tx, id) for id in ("ben", "cho", "dana", "eve"))
    for person in (ben, cho, dana, eve):
        person.roles = []
    roster.forget(tx)
    assert roster.superior(tx, by_id(tx, "alma"), unit="5W", excluding=frozenset(["abe"])) in (None, by_id(tx, "gwen"))


# --- rounds


def test_a_ladder_begins_again_as_often_as_it_says(tx: Tx, outage: Outage) -> None:
    climbed: list[str] = []
    rows = [{"after": 60, "do": "call"}, {"after": 120, "do": "superior"}, {"after": 180, "do": "repeat", "times": 2}]
    ladder = escalations.start(tx, "silence", "unit:1:5W", rows, outage_id=outage.id)
    table = {do: lambda tx, ladder, rung: climbed.append(rung["do"]) for do in ("call", "superior")}
    began = tx.now
    while ladder.state == LadderState.ACTIVE:
        due = timers.due_at(tx, escalations.CLIMB, str(ladder.id))
        assert due and due > tx.now
        tx.now = due  # type: ignore[misc]
        escalations.climb(tx, ladder.id or 0, table)
    assert climbed == ["call", "superior"] * 3 and tx.now - began == timedelta(minutes=9)
    assert ladder.state == LadderState.EXHAUSTED


# --- sleep


def test_before_seven_nobody_at_home_is_called_for_a_priority_2(tx: Tx, outage: Outage) -> None:
    at_home(tx, KIT, LEA)
    task = ask(tx, outage, prio=2)
    assert task.owner == KIT and task.via == "oncall" and len(texts(tx, KIT)) == 1
    climb(tx, task, "call")
    assert texts(tx, KIT, "voice") == [], "a text only"
    climb(tx, task, "backup")
    assert len(texts(tx, LEA)) == 1


def test_for_a_priority_1_they_are_called_at_once(tx: Tx, outage: Outage) -> None:
    at_home(tx, KIT)
    by_id(tx, LEA).roles = []
    task = ask(tx, outage, prio=1)
    ladder = escalations.active(tx, task.offer)[0]
    assert (ladder.rungs[0]["do"], ladder.rungs[0]["after"]) == ("call", 0)
    climb(tx, task, "call")
    assert len(texts(tx, KIT, "voice")) == 1


def test_for_a_priority_3_nobody_at_home_hears_anything_before_seven(tx: Tx, outage: Outage) -> None:
    at_home(tx, KIT, LEA, "gwen", "eve")
    task = ask(tx, outage, prio=3)
    assert task.state == TaskState.WAITING and task.offer_at and task.offer_at.hour == 7
    lab = ask(tx, outage, role="labor_pool_leader", prio=3)
    assert lab.owner == "iris"
    lab.backup = KIT
    climb(tx, lab, "backup")
    assert not texts(tx, KIT)
    above = escalations.active(tx, lab.offer)[0]
    rungs._concern(tx, above, by_id(tx, "gwen"))
    waits = timers.due_at(tx, digest.DIGEST, f"{outage.id}:gwen")
    assert waits and waits.hour == 7, "it is in the morning's digest"


@pytest.mark.parametrize(("prio", "calls"), [(1, 1), (2, 0)])
def test_a_text_that_fails_at_night_becomes_a_call_for_a_priority_1_only(
    tx: Tx, outage: Outage, prio: int, calls: int
) -> None:
    """Whether it does not arrive or no text can leave at all."""
    at_home(tx, KIT)
    task = ask(tx, outage, prio=prio)
    errands.act(tx, by_id(tx, KIT), "have", task.code, "", "sms")
    before = len(texts(tx, KIT, "voice"))
    tx.now = task.due_at  # type: ignore[misc,assignment]
    tasks.watch(tx, outage.id or 0)
    late = tx.exec(select(outbox.Message).where(outbox.Message.body.contains("OVERDUE"))).one()  # type: ignore[attr-defined]
    opened = tx.now - timedelta(minutes=1)
    tx.add(Health(name="sms", state="trouble", circuit="open", at=tx.now, opened_at=opened))
    tx.flush()
    lapses.stand_in(tx)
    assert len(texts(tx, KIT, "voice")) - before == calls
    lapses.undelivered(tx, late, "no such number")
    assert len(texts(tx, KIT, "voice")) - before == calls


def test_who_can_only_be_called_is_not_called_at_night_for_a_priority_2(tx: Tx, outage: Outage) -> None:
    at_home(tx, KIT, LEA, "gwen", "eve")
    for who in (KIT, LEA):
        by_id(tx, who).no_sms, by_id(tx, who).slack_id = True, ""
    task = ask(tx, outage, prio=2)
    assert task.state == TaskState.WAITING and not texts(tx, KIT, "voice")
    assert ask(tx, outage, prio=1).owner == KIT and texts(tx, KIT, "voice")


def test_what_is_late_wakes_nobody_for_a_priority_3(tx: Tx, outage: Outage) -> None:
    task = ask(tx, outage, prio=3)
    errands.act(tx, by_id(tx, KIT), "have", task.code, "", "sms")
    at_home(tx, KIT)
    before = len(texts(tx, KIT))
    tx.now = task.due_at  # type: ignore[misc,assignment]
    tasks.watch(tx, outage.id or 0)
    assert len(texts(tx, KIT)) == before and task.late_at
    assert [ladder.kind for ladder in escalations.active(tx, f"task:{task.number}")] == ["undone"]


def test_a_refused_priority_3_waits_for_the_morning_of_whoever_is_next(tx: Tx, outage: Outage) -> None:
    at_home(tx, LEA, "gwen", "eve", "dana")
    task = ask(tx, outage, prio=3)
    errands.refuse(tx, task, by_id(tx, KIT), "busy", "sms")
    assert task.state == TaskState.WAITING and task.offer_at and task.offer_at.hour == 7
    due = timers.due_at(tx, tasks.WATCH, str(outage.id))
    assert due and due <= task.offer_at and not texts(tx, LEA)


def test_what_has_no_relief_that_is_awake_stays_and_the_coordinator_reads_so(tx: Tx, outage: Outage) -> None:
    at_home(tx, LEA)
    task = ask(tx, outage, prio=3)
    errands.act(tx, by_id(tx, KIT), "have", task.code, "", "sms")
    lapses.not_on_shift(tx, by_id(tx, KIT), "sms")
    assert (task.owner, task.state) == (KIT, TaskState.ACCEPTED)
    assert concerns(tx, "eve") == [(task.code, "no relief")]


def test_in_the_house_everybody_is_awake(tx: Tx, outage: Outage) -> None:
    task = ask(tx, outage, prio=2)
    climb(tx, task, "call")
    assert len(texts(tx, KIT, "voice")) == 1


# --- clocks


def test_a_blocked_priority_1_reaches_the_superior_at_once_and_then_the_commander(tx: Tx, outage: Outage) -> None:
    task = ask(tx, outage)
    errands.act(tx, by_id(tx, KIT), "have", task.code, "", "sms")
    errands.act(tx, by_id(tx, KIT), "blocked", task.code, "no key", "sms")
    assert "blocked: no key, Kit Rowan" in texts(tx, "gwen")[-1]
    ladder = escalations.active(tx, f"task:{task.number}")[0]
    assert ladder.kind == "blocked" and [rung["do"] for rung in ladder.rungs] == ["superior", "commander"]
    rungs.PERFORMERS["commander"](tx, ladder, {})
    assert "no key" in texts(tx, "eve")[-1]
    errands.act(tx, by_id(tx, "gwen"), "have", task.code, "", "sms")
    assert task.owner == "gwen" and not escalations.active(tx, f"task:{task.number}")


def test_a_blocked_priority_2_waits_for_the_digest(tx: Tx, outage: Outage) -> None:
    task = ask(tx, outage, prio=2)
    errands.act(tx, by_id(tx, KIT), "blocked", task.code, "", "sms")
    assert concerns(tx, "gwen") == [(task.code, "blocked")] and not texts(tx, "gwen")


def test_a_digest_says_the_first_in_words_and_the_rest_by_code(tx: Tx, outage: Outage) -> None:
    late, other, stuck = ask(tx, outage), ask(tx, outage), ask(tx, outage, prio=2)
    errands.act(tx, by_id(tx, KIT), "blocked", stuck.code, "no key", "sms")
    for task in (late, other):
        digest.add(tx, outage, by_id(tx, "gwen"), task.code, "late")
    digest.send(tx, f"{outage.id}:gwen")
    said = texts(tx, "gwen")[-1]
    assert f"LATE {late.code} open the cabinets (Kit Rowan), {other.code}. " in said
    assert f"STUCK {stuck.code} open the cabinets (Kit Rowan): no key. " in said


def test_what_nobody_has_taken_the_superior_reads_of_before_it_is_late_too(tx: Tx, outage: Outage) -> None:
    task = ask(tx, outage, prio=2)
    tx.now = task.due_at - timedelta(minutes=10)  # type: ignore[misc,operator]
    tasks.watch(tx, outage.id or 0)
    escalations.climb(tx, escalations.active(tx, f"task:{task.number}")[0].id or 0, rungs.PERFORMERS)
    assert concerns(tx, "gwen") == [(task.code, "due soon")] and len(texts(tx, KIT)) == 1
    errands.act(tx, by_id(tx, KIT), "have", task.code, "", "sms")
    assert not escalations.active(tx, f"task:{task.number}")


def test_taken_and_not_begun_the_superior_reads_of_it_before_it_is_late(tx: Tx, outage: Outage) -> None:
    begun, idle = ask(tx, outage), ask(tx, outage)
    for task in (begun, idle):
        errands.act(tx, by_id(tx, KIT), "have", task.code, "", "sms")
    errands.act(tx, by_id(tx, KIT), "have", begun.code, "", "sms")
    assert begun.state == TaskState.IN_PROGRESS
    tx.now = idle.due_at - timedelta(minutes=5)  # type: ignore[misc,operator]
    tasks.watch(tx, outage.id or 0)
    assert [ladder.kind for ladder in escalations.active(tx, f"task:{idle.number}")] == ["unstarted"]
    assert not escalations.active(tx, f"task:{begun.number}")
    escalations.climb(tx, escalations.active(tx, f"task:{idle.number}")[0].id or 0, rungs.PERFORMERS)
    digest.send(tx, f"{outage.id}:gwen")
    assert f"DUE SOON {idle.code}" in texts(tx, "gwen")[-1]
