"""What people do with tasks: take, begin, finish, block, skip. Each returns what to answer them."""

import re
from datetime import timedelta

from sqlmodel import col, select

from bot import escalations, journal, outages, roster
from bot.access import Refused
from bot.db import Tx
from bot.outages import Outage
from bot.tasks import marks, offers, passing, shifts
from bot.tasks.marks import Answer
from bot.tasks.rows import ENDED, OPEN, Kind, Task, TaskState, at, of_outage

PROOF_WAIT = timedelta(minutes=10)  # for a proof that was asked for; then the task is done without it
#: How long it may take whoever came at a call
AT_CALL: dict[str, timedelta] = {Kind.RISK: timedelta(minutes=10), Kind.HELP: timedelta(minutes=10)}
#: What somebody may take: nobody has begun it, or nobody could, or it waits for the morning of whoever is next
TO_TAKE = (TaskState.OFFERED, TaskState.BLOCKED, TaskState.CANNOT_DO, TaskState.WAITING)
#: What a proof must have in it, by its kind
PROOFS = {"number": r"\d", "time": r"(?<!\d)([01]?\d|2[0-3])[:.h ]?[0-5]\d(?!\d)|\bnow\b", "text": r"\w"}


def accept(tx: Tx, task: Task, person: roster.Person, channel: str) -> Answer:
    """I have it. A backup or superior who takes it becomes its owner; the owner who says it again has begun."""
    if task.state != TaskState.CANNOT_DO:
        marks.still_open(task)
    if task.state in TO_TAKE:
        passing.taken(tx, task, person)
        marks.note(tx, task, "accepted", person, channel)
        marks.settle_offer(tx, task)
        marks.settle_single(tx, task)
        _from_now(tx, task)
        passing.still_late(tx, task)
        marks.watch(tx, task)
        shifts.watch(tx, task)
    elif task.owner != person.id:
        owner = tx.get(roster.Person, task.owner)
        return "echo", {"text": f"{task.code} is already with {owner.name if owner else 'somebody else'}"}
    else:
        begin(tx, task, person, channel)
    return "echo_taken", {"code": task.code, "text": task.sms, "by": at(tx, task.due_at)}


def _from_now(tx: Tx, task: Task) -> None:
    """Whoever was called has time from when they came: the clock until then was for finding somebody."""
    if task.kind in AT_CALL and task.due_at:
        task.due_at = max(task.due_at, tx.now + AT_CALL[task.kind])
        tx.add(task)


def begin(tx: Tx, task: Task, person: roster.Person, channel: str) -> Answer:
    """It is under way: the clock for "not started" stops."""
    marks.still_open(task)
    if task.state != TaskState.IN_PROGRESS:
        if task.state != TaskState.ACCEPTED:
            accept(tx, task, person, channel)
        task.state = TaskState.IN_PROGRESS
        marks.note(tx, task, "started", person, channel)
        escalations.stop(tx, f"task:{task.number}", "started", kind="unstarted")
    return "echo", {"text": f"{task.code} is under way"}


def done(tx: Tx, task: Task, person: roster.Person, given: str, channel: str) -> Answer:
    """Done. A proof that is missing or of the wrong sort is asked for once; a card takes its open lines with it."""
    marks.still_open(task)
    wants = task.kind == Kind.PLAYBOOK and not task.card_id and task.asked_at is None
    if wants and not _proves(task.proof, given):
        task.asked_at, task.state, task.given = tx.now, TaskState.IN_PROGRESS, given
        task.said_by = person.id
        marks.note(tx, task, "proof_asked", person, channel, proof=task.proof, given=given)
        marks.settle_offer(tx, task)
        marks.settle_single(tx, task)
        offers.look_at(tx, task.outage_id, tx.now + PROOF_WAIT)
        return "echo_proof", {"code": task.code, "proof": task.proof}
    marks.finish(tx, task, TaskState.DONE, person.id, channel, given or task.given)
    if task.card_id:
        _card_of(tx, task, person, channel)
    return "echo", {"text": f"{marks.name(tx, task)} done"}


def unproved(tx: Tx, task: Task) -> None:
    """Its proof was asked for and never came: it is done as somebody said."""
    marks.finish(tx, task, TaskState.DONE, task.said_by or task.owner, "", task.given)


def _card_of(tx: Tx, line: Task, person: roster.Person, channel: str) -> None:
    """A line was ended: its card is under way, or done with the last of them."""
    card = tx.get(Task, line.card_id)
    if card is None or not card.is_open():
        return
    if not [other for other in marks.lines_of(tx, line) if other.is_open()]:
        marks.finish(tx, card, TaskState.DONE, person.id, channel, "")
    elif card.state == TaskState.OFFERED:
        card.state = TaskState.IN_PROGRESS
        tx.add(card)


def _proves(proof: str, given: str) -> bool:
    return proof == "none" or bool(re.search(PROOFS[proof], given, re.IGNORECASE))


def prove(tx: Tx, task: Task, person: roster.Person, given: str, channel: str) -> Answer:
    """`T7 12`: the proof that was asked for; it also closes the task."""
    if task.state == TaskState.DONE and not task.given and given:
        task.given = given
        marks.note(tx, task, "proved", person, channel, given=given)
        return "echo", {"text": f"{task.code}: {given}"}
    return done(tx, task, person, given, channel)


def block(tx: Tx, task: Task, person: roster.Person, why: str, channel: str) -> Answer:
    """Blocked: recorded here; whom that concerns is told by the commander's verbs."""
    marks.still_open(task)
    task.state, task.note, task.asked_at = TaskState.BLOCKED, why, None
    marks.note(tx, task, "blocked", person, channel, why=why)
    marks.settle_offer(tx, task)
    marks.settle_single(tx, task)
    return "echo", {"text": f"{marks.name(tx, task)} blocked"}


def skip(tx: Tx, task: Task, person: roster.Person, why: str, channel: str) -> Answer:
    """Not needed here: cancelled with the reason, by a manager or the owner's superior. Raises Refused."""
    marks.still_open(task)
    owner = roster.person(tx, task.owner) if task.owner else None
    above = roster.superior(tx, owner, unit=task.unit) if owner else None
    if not (roster.may(person, "manage") or (above and above.id == person.id)):
        raise Refused(f"{task.code} may be skipped by a manager or by its owner's superior. Nothing was changed.")
    if not why.strip():
        raise Refused(f"Say why {task.code} is not needed: skip {task.code} and the reason. Nothing was changed.")
    task.note = why
    marks.finish(tx, task, TaskState.CANCELLED, person.id, channel, why)
    if task.card_id:
        _card_of(tx, task, person, channel)
    return "echo", {"text": f"{marks.name(tx, task)} skipped: {why}"}


def open_new(tx: Tx, outage: Outage | None, kind: Kind, text: str, sms: str, *, prio: int, due_s: int, unit: str = "",
             role: str = "", owner: str = "", backup: str = "", note: str = "") -> Task:  # fmt: skip
    """A task of its own, outside any playbook: help, patient risk, a visit, an errand."""
    task = Task(
        outage_id=outage.id if outage else None, kind=kind, text=text, sms=sms[:40], prio=prio, unit=unit, role=role,
        phase="adhoc", due_after_s=due_s, note=note, offer_at=tx.now,
    )  # fmt: skip
    task.due_at = offers.later(tx, due_s)
    task.number = outages.number(tx, "T")
    task.offer = f"task:{task.number}"
    if owner:
        offers.take(tx, task, owner, backup, "shift")
    tx.add(task)
    tx.flush()
    return task


def told(tx: Tx, outage: Outage, task: Task) -> None:
    """A task that tells the staff is done by the update that carried it."""
    marks.finish(tx, task, TaskState.DONE, journal.SYSTEM, "", "in the update")


def settle(tx: Tx, task: Task, who: str, given: str, channel: str = "") -> None:
    """A question that was put as a task has its answer: `given` is what was decided."""
    marks.finish(tx, task, TaskState.DONE, who, channel, given)


def check_done(tx: Tx, outage_id: int, unit: str, digit: str, who: str) -> None:
    """CORE-I1 is the unit check itself: an answer finishes it; the last one finishes the search for silent units."""
    for task in _unfinished(tx, outage_id, Kind.CHECK, unit, ""):
        if task.unit or not _unfinished_elsewhere(tx, outage_id, unit):
            marks.finish(tx, task, TaskState.DONE, who, "", digit)
    for visit in _unfinished(tx, outage_id, Kind.VISIT, unit):
        marks.finish(tx, visit, TaskState.DONE, who, "", "answered")


def at_risk(tx: Tx, outage_id: int, unit: str) -> bool:
    """Is a patient risk in this unit still being seen to?"""
    return any(task.is_open() for task in _unfinished(tx, outage_id, Kind.RISK, unit))


def risks(tx: Tx, outage_id: int) -> list[str]:
    """The offers of the patient risks that are still being seen to."""
    return [task.offer for task in of_outage(tx, outage_id, *OPEN) if task.kind == Kind.RISK]


def is_visited(tx: Tx, outage_id: int, unit: str) -> bool:
    """Has somebody been asked already to go and see this unit?"""
    return any(task.is_open() for task in _unfinished(tx, outage_id, Kind.VISIT, unit))


def _unfinished(tx: Tx, outage_id: int, kind: Kind, *units: str) -> list[Task]:
    """Asked for by the thousand while an alert goes out, so the database looks them up and reads nothing else."""
    found = select(Task).where(Task.outage_id == outage_id, Task.kind == kind, col(Task.unit).in_(units))
    return list(tx.exec(found.where(col(Task.state).not_in(ENDED)).order_by(col(Task.id))))


def _unfinished_elsewhere(tx: Tx, outage_id: int, unit: str) -> bool:
    """Is any other unit still to be heard from?"""
    found = select(Task.id).where(Task.outage_id == outage_id, Task.kind == Kind.CHECK)
    found = found.where(col(Task.state).not_in(ENDED), col(Task.unit).not_in((unit, "")))
    return tx.exec(found.limit(1)).first() is not None


def open_help(tx: Tx, key: str) -> Task | None:
    """The call for help of this sort from this person or unit that is still open."""
    query = select(Task).where(Task.kind == Kind.HELP, Task.step == key, col(Task.state).in_(OPEN))
    return tx.exec(query.limit(1)).first()


def cancel_open(tx: Tx, outage_id: int, keep: frozenset[str] = frozenset(), reason: str = "closed") -> int:
    """Cancel what is not ended, but for tasks of the phases and kinds to keep; returns how many."""
    every = [task for task in of_outage(tx, outage_id) if task.state not in ENDED]
    gone = [task for task in every if keep.isdisjoint((task.phase, task.kind))]
    for task in gone:
        task.state, task.ended_at, task.note = TaskState.CANCELLED, tx.now, task.note or reason
        tx.add(task)
        marks.settle_single(tx, task)
    tx.flush()
    for offer in {task.offer for task in gone if task.offer}:
        marks.settle_if_empty(tx, offer)
    return len(gone)
