"""What every change of a task leaves behind: its state, a journal line, ladders and texts that are no longer needed."""

from typing import Any

from sqlmodel import col, select

from bot import escalations, journal, outbox, roster, timers
from bot.access import Refused
from bot.db import Tx
from bot.outages import Outage
from bot.tasks.offers import WATCH, look_at
from bot.tasks.rows import ENDED, Kind, Task, TaskState, lines, warn_at

Answer = tuple[str, dict[str, Any]]  # the message kind and its facts


def finish(tx: Tx, task: Task, state: TaskState, who: str, channel: str, given: str) -> None:
    """It is at its end, and the open lines of a card with it."""
    task.state, task.ended_at, task.given = state, tx.now, given
    tx.add(task)
    for line in lines(tx, task) if task.kind == Kind.CARD else []:
        if line.state not in ENDED:
            line.state, line.ended_at = state, tx.now
            tx.add(line)
    journal.write(
        tx, str(state), who=who, outage=outage_code(tx, task), channel=channel, about=name(tx, task), given=given
    )
    settle_offer(tx, task)
    settle_single(tx, task)
    _let_go(tx, task)


def settle_offer(tx: Tx, task: Task) -> None:
    """The ladder of an offer runs until the last of its tasks was taken; a late task's own ladder stops with it."""
    tx.flush()
    if task.offer:
        settle_if_empty(tx, task.offer)


def settle_if_empty(tx: Tx, offer: str) -> None:
    waiting = tx.exec(select(Task.id).where(Task.offer == offer, Task.state == TaskState.OFFERED).limit(1)).first()
    if waiting is None:
        escalations.stop(tx, offer, "taken")
        outbox.close_notices(tx, offer, "taken")


def settle_single(tx: Tx, task: Task) -> None:
    """Whatever runs for this task alone: overdue, blocked, not started."""
    subject = f"task:{task.number}"
    escalations.stop(tx, subject, task.state)
    outbox.close_notices(tx, subject, task.state)


def leave_offer(tx: Tx, task: Task) -> None:
    """It goes to somebody else: whoever was asked for it is not chased for it any more."""
    offer, task.offer = task.offer, ""
    tx.add(task)
    tx.flush()
    if offer:
        settle_if_empty(tx, offer)
    settle_single(tx, task)


def watch(tx: Tx, task: Task) -> None:
    """It is somebody's again: have its warning or due time seen to, at once if that is past."""
    if task.due_at and task.late_at is None:
        ahead = [moment for moment in (warn_at(task), task.due_at) if moment and moment > tx.now]
        look_at(tx, task.outage_id, min(ahead, default=tx.now))


def still_open(task: Task) -> None:
    if task.state in ENDED:
        raise Refused(f"{task.code} is already {task.state.replace('_', ' ')}. Nothing was changed.")


def name(tx: Tx, task: Task) -> str:
    if not task.card_id:
        return task.code if task.number else f"{task.step} {task.unit}".strip()
    card = tx.get(Task, task.card_id)
    return f"{card.code}.{task.line}" if card else task.code


def lines_of(tx: Tx, line: Task) -> list[Task]:
    card = tx.get(Task, line.card_id) if line.card_id else None
    return lines(tx, card) if card else []


def note(tx: Tx, task: Task, what: str, person: roster.Person, channel: str, **detail: Any) -> None:
    tx.add(task)
    tx.flush()
    journal.write(
        tx, what, who=person.id, outage=outage_code(tx, task), channel=channel, about=name(tx, task), **detail
    )


def outage_code(tx: Tx, task: Task) -> str:
    outage = tx.get(Outage, task.outage_id) if task.outage_id else None
    return outage.code if outage else ""


def _let_go(tx: Tx, task: Task) -> None:
    """Tasks that waited for this one are offered now, if it is their time. (Unit checks end by the thousand: only what
    their own unit waits with is looked for, and what waits for all of them ends with the last.)"""
    if not task.outage_id or not (task.step or task.kind == Kind.CARD):
        return
    waiting = select(col(Task.needs)).where(Task.outage_id == task.outage_id, Task.state == TaskState.WAITING)
    if task.kind == Kind.CHECK and task.unit:
        waiting = waiting.where(Task.unit == task.unit)
    due = waiting.where(col(Task.offer_at) <= tx.now, col(Task.card_id).is_(None), col(Task.tells).is_(False))
    if any(needs for (needs,) in tx.execute(due)):
        timers.set_for(tx, WATCH, str(task.outage_id), tx.now)
