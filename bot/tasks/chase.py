"""Warnings before due, and what is overdue: one text a person, three codes at the most, and a ladder."""

from collections import defaultdict
from datetime import datetime

from bot import escalations, journal, outbox, roster
from bot.db import Tx
from bot.outages import Outage
from bot.tasks import offers, quiet, shifts, work
from bot.tasks.rows import OPEN, Kind, Task, TaskState, at, of_outage, warn_at

NO_CHASE = (Kind.DECIDE, Kind.CHECK)  # they have clocks of their own
CALLED = (Kind.HELP, Kind.RISK)  # until somebody has it, a ladder of their own calls people
NO_OFFER = (Kind.CARD, Kind.VISIT)  # no ladder runs for their offer, so they are late like what was taken


def watch(tx: Tx, outage_id: int) -> None:
    """Offer what is due to be offered, warn before due, tell of what is overdue; then set the clock."""
    offers.offer_due(tx, outage_id)
    outage = tx.get(Outage, outage_id)
    if outage is None:
        return
    for task in [task for task in of_outage(tx, outage_id, TaskState.IN_PROGRESS) if _unproved_at(task)]:
        if _unproved_at(task) <= tx.now:  # type: ignore[operator]
            work.unproved(tx, task)
    for task in _chased(tx, outage_id):
        if task.warned_at is None and warn_at(task) and warn_at(task) <= tx.now < task.due_at:  # type: ignore[operator]
            _warn(tx, outage, task)
    late: dict[str, list[Task]] = defaultdict(list)
    for task in _chased(tx, outage_id):
        if task.late_at is None and task.due_at and task.due_at <= tx.now:
            late[task.owner].append(task)
    for owner, tasks in late.items():
        _late(tx, outage, owner, tasks)
    set_clock(tx, outage_id)


def set_clock(tx: Tx, outage_id: int) -> None:
    """Set the outage's task timer to its next offer, warning or due time, and the one for the next end of a shift."""
    shifts.set_clock(tx, outage_id)
    moments = [_unproved_at(task) for task in of_outage(tx, outage_id, TaskState.IN_PROGRESS)]
    for task in _chased(tx, outage_id):
        moments.append(warn_at(task) if task.warned_at is None else None)
        moments.append(task.due_at if task.late_at is None else None)
    ahead = [moment for moment in moments if moment and moment > tx.now]
    offers.watch_next(tx, outage_id, min(ahead) if ahead else None)


def _chased(tx: Tx, outage_id: int) -> list[Task]:
    return [
        task
        for task in of_outage(tx, outage_id, *OPEN, lines=False)
        if task.kind not in NO_CHASE and task.asked_at is None
        and not (task.kind in CALLED and task.state == TaskState.OFFERED)
    ]


def _unproved_at(task: Task) -> datetime | None:
    """When it counts as done without the proof that was asked for."""
    return task.asked_at + work.PROOF_WAIT if task.asked_at else None


def _warn(tx: Tx, outage: Outage, task: Task) -> None:
    """The owner is warned, unless they are still asked whether they take it; and those above, in their next digest, of
    what is not even begun."""
    task.warned_at = tx.now
    tx.add(task)
    if task.state != TaskState.OFFERED:
        _tell(tx, outage, task.owner, "task_due", task)
    if task.state != TaskState.IN_PROGRESS:
        rungs = outage.ladders.get("unstarted", [])
        escalations.start(
            tx, "unstarted", f"task:{task.number}", rungs, outage_id=outage.id, person_id=task.owner
        )


def _late(tx: Tx, outage: Outage, owner: str, tasks: list[Task]) -> None:
    """One reminder for what one person has overdue now. What nobody took is chased by its offer's ladder already; of
    what is blocked only those above hear once more."""
    for task in tasks:
        task.late_at = tx.now
        tx.add(task)
        journal.write(tx, "overdue", outage=outage.code, about=task.code, owner=owner)
    chased = [task for task in tasks if task.state != TaskState.OFFERED or task.kind in NO_OFFER]
    told = [task for task in chased if task.state != TaskState.BLOCKED]
    for task in told[:1]:
        _tell(tx, outage, owner, "task_late", task, [other.code for other in told[1:]])
    for task in chased:
        escalations.stop(tx, f"task:{task.number}", "overdue", kind="unstarted")
        escalations.start(
            tx, "undone", f"task:{task.number}", outage.ladders.get("undone", []), outage_id=outage.id, person_id=owner
        )


def _tell(tx: Tx, outage: Outage, owner: str, kind: str, task: Task, also: list[str] | None = None) -> None:
    person = tx.get(roster.Person, owner)
    if person is None or quiet.spares(tx, person, task.prio):
        return
    codes = ", ".join([task.code, *(also or [])][:4])
    facts = {"code": codes, "text": task.sms if task.kind != Kind.CARD else "the list of your unit"}
    facts |= {"by" if kind == "task_due" else "since": at(tx, task.due_at)}
    said = outbox.notice(tx, kind, outage_id=outage.id, subject=f"task:{task.number}", exercise=outage.exercise)
    way = outbox.best(tx, person)
    keys = offers.buttons(task)[2:]
    drafted = outbox.draft(
        tx, person, way, kind, facts, lane=outbox.Lane.QUESTION, exercise=outage.exercise, buttons=keys
    )
    outbox.enqueue(tx, said, [drafted])
