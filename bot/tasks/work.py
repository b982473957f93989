"""What people do with tasks: take, refuse, finish, block, ask for help, hand over. Each returns what to answer them."""

from typing import Any

from sqlmodel import col, select

from bot import escalations, journal, outages, outbox, roster
from bot.access import Refused
from bot.db import Tx
from bot.outages import Outage
from bot.tasks import offers
from bot.tasks.rows import ENDED, OPEN, Kind, Task, TaskState, lines, of_outage

Answer = tuple[str, dict[str, Any]]  # the message kind and its facts


def accept(tx: Tx, task: Task, person: roster.Person, channel: str) -> Answer:
    """I have it. A backup or superior who takes it becomes its owner."""
    _still_open(task)
    if task.state in (TaskState.OFFERED, TaskState.BLOCKED):
        task.owner, task.state, task.accepted_at = person.id, TaskState.ACCEPTED, tx.now
        _note(tx, task, "accepted", person, channel)
        _settle_offer(tx, task)
        _settle_single(tx, task)
    elif task.owner != person.id:
        owner = tx.get(roster.Person, task.owner)
        return "echo", {"text": f"{task.code} is already with {owner.name if owner else 'somebody else'}"}
    return "echo_taken", {"code": task.code, "text": task.sms, "by": offers.at(tx, task.due_at)}


def decline(tx: Tx, task: Task, person: roster.Person, why: str, channel: str) -> Answer:
    """Cannot. The task goes to the next person at once."""
    _still_open(task)
    if task.owner != person.id and task.state != TaskState.OFFERED:
        task.backup = "" if task.backup == person.id else task.backup
        _note(tx, task, "refused", person, channel, why=why)
        return "echo", {"text": f"noted; {task.code} is with somebody"}
    task.refused_by = [*task.refused_by, person.id]
    _note(tx, task, "refused", person, channel, why=why)
    outage = tx.get(Outage, task.outage_id) if task.outage_id else None
    held = roster.holding(tx, task.role, unit=task.unit, excluding=frozenset(task.refused_by)) if task.role else None
    if outage is None or held is None or held.owner is None:
        task.state = TaskState.BLOCKED
        tx.add(task)
        _settle_offer(tx, task)
        return "echo", {"text": f"{task.code} is with nobody now; the coordinator has been told"}
    _settle_offer(tx, task)
    offers.take(tx, task, held.owner.id, held.backup.id if held.backup else "", held.via)
    offers.announce(tx, outage, held.owner, [task])
    return "echo", {"text": f"{task.code} goes to {held.owner.name}"}


def done(tx: Tx, task: Task, person: roster.Person, given: str, channel: str) -> Answer:
    """Done. A missing proof is asked for once; a card takes its open lines with it."""
    _still_open(task)
    if task.proof != "none" and not given and task.asked_at is None and task.kind == Kind.PLAYBOOK and not task.card_id:
        task.asked_at, task.state = tx.now, TaskState.IN_PROGRESS
        tx.add(task)
        _settle_offer(tx, task)
        return "echo_proof", {"code": task.code, "proof": task.proof}
    _finish(tx, task, TaskState.DONE, person.id, channel, given)
    if task.card_id and not [line for line in _lines_of(tx, task) if line.is_open()]:
        card = tx.get(Task, task.card_id)
        if card and card.is_open():
            _finish(tx, card, TaskState.DONE, person.id, channel, "")
    return "echo", {"text": f"{_name(tx, task)} done"}


def prove(tx: Tx, task: Task, person: roster.Person, given: str, channel: str) -> Answer:
    """`T7 12`: the proof that was asked for; it also closes the task."""
    if task.state == TaskState.DONE and not task.given and given:
        task.given = given
        _note(tx, task, "proved", person, channel, given=given)
        return "echo", {"text": f"{task.code}: {given}"}
    return done(tx, task, person, given, channel)


def block(tx: Tx, task: Task, person: roster.Person, why: str, channel: str) -> Answer:
    """Blocked: recorded here; whom that concerns is told by the commander's verbs."""
    _still_open(task)
    task.state, task.note = TaskState.BLOCKED, why
    _note(tx, task, "blocked", person, channel, why=why)
    _settle_offer(tx, task)
    return "echo", {"text": f"{_name(tx, task)} blocked"}


def give(tx: Tx, task: Task, to: roster.Person, by: roster.Person, channel: str) -> Answer:
    """Hand a task to another person, who is asked to take it."""
    _still_open(task)
    outage = tx.get(Outage, task.outage_id) if task.outage_id else None
    if outage is None:
        raise Refused(f"{task.code} belongs to no outage and cannot be given on. Take it with 1 {task.code}.")
    _settle_offer(tx, task)
    _note(tx, task, "handed_over", by, channel, to=to.id)
    offers.take(tx, task, to.id, task.owner, "shift")
    offers.announce(tx, outage, to, [task])
    return "echo", {"text": f"{task.code} offered to {to.name}"}


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
    _finish(tx, task, TaskState.DONE, journal.SYSTEM, "", "in the update")


def check_done(tx: Tx, outage_id: int, unit: str, digit: str, who: str) -> None:
    """CORE-I1 is the unit check itself: an answer finishes it; the last one finishes the search for silent units."""
    for task in _unfinished(tx, outage_id, Kind.CHECK, unit, ""):
        if task.unit or not _unfinished_elsewhere(tx, outage_id, unit):
            _finish(tx, task, TaskState.DONE, who, "", digit)
    for visit in _unfinished(tx, outage_id, Kind.VISIT, unit):
        _finish(tx, visit, TaskState.DONE, who, "", "answered")


def at_risk(tx: Tx, outage_id: int, unit: str) -> bool:
    """Is a patient risk in this unit still being seen to?"""
    return any(task.is_open() for task in _unfinished(tx, outage_id, Kind.RISK, unit))


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
    """Cancel what is not ended, but for tasks of the phases to keep; returns how many."""
    gone = [task for task in of_outage(tx, outage_id) if task.state not in ENDED and task.phase not in keep]
    for task in gone:
        task.state, task.ended_at, task.note = TaskState.CANCELLED, tx.now, task.note or reason
        tx.add(task)
        _settle_single(tx, task)
    tx.flush()
    for offer in {task.offer for task in gone if task.offer}:
        _settle_if_empty(tx, offer)
    return len(gone)


def _finish(tx: Tx, task: Task, state: TaskState, who: str, channel: str, given: str) -> None:
    task.state, task.ended_at, task.given = state, tx.now, given
    tx.add(task)
    for line in lines(tx, task) if task.kind == Kind.CARD else []:
        if line.state not in ENDED:
            line.state, line.ended_at = state, tx.now
            tx.add(line)
    journal.write(
        tx, str(state), who=who, outage=_outage_code(tx, task), channel=channel, about=_name(tx, task), given=given
    )
    _settle_offer(tx, task)
    _settle_single(tx, task)


def _settle_offer(tx: Tx, task: Task) -> None:
    """The ladder of an offer runs until the last of its tasks was taken; a late task's own ladder stops with it."""
    tx.flush()
    if task.offer:
        _settle_if_empty(tx, task.offer)


def _settle_if_empty(tx: Tx, offer: str) -> None:
    waiting = tx.exec(select(Task.id).where(Task.offer == offer, Task.state == TaskState.OFFERED).limit(1)).first()
    if waiting is None:
        escalations.stop(tx, offer, "taken")
        outbox.close_notices(tx, offer, "taken")


def _settle_single(tx: Tx, task: Task) -> None:
    subject = f"task:{task.number}"
    escalations.stop(tx, subject, task.state)
    outbox.close_notices(tx, subject, task.state)


def _still_open(task: Task) -> None:
    if task.state in ENDED:
        raise Refused(f"{task.code} is already {task.state.replace('_', ' ')}. Nothing was changed.")


def _name(tx: Tx, task: Task) -> str:
    if not task.card_id:
        return task.code if task.number else f"{task.step} {task.unit}".strip()
    card = tx.get(Task, task.card_id)
    return f"{card.code}.{task.line}" if card else task.code


def _lines_of(tx: Tx, line: Task) -> list[Task]:
    card = tx.get(Task, line.card_id) if line.card_id else None
    return lines(tx, card) if card else []


def _note(tx: Tx, task: Task, what: str, person: roster.Person, channel: str, **detail: Any) -> None:
    tx.add(task)
    tx.flush()
    journal.write(
        tx, what, who=person.id, outage=_outage_code(tx, task), channel=channel, about=_name(tx, task), **detail
    )


def _outage_code(tx: Tx, task: Task) -> str:
    outage = tx.get(Outage, task.outage_id) if task.outage_id else None
    return outage.code if outage else ""
