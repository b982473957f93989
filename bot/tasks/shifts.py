"""When the commander, or somebody with open tasks, goes off shift: one timer for each outage, at the next such time."""

from datetime import datetime
from typing import Any

from sqlmodel import col, func, or_, select

from bot import roster, timers
from bot.db import Tx
from bot.outages import RUNNING, Outage
from bot.tasks.rows import OPEN, Task

ENDS = "tasks.shift_ends"  # the timer


def watch(tx: Tx, task: Task) -> None:
    """It has a new owner: look again when the first of all owners goes off shift."""
    if task.outage_id:
        tx.flush()
        set_clock(tx, task.outage_id)


def set_clock(tx: Tx, outage_id: int) -> None:
    moment = _next_end(tx, outage_id)
    if moment:
        timers.set_for(tx, ENDS, str(outage_id), moment)


def gone(tx: Tx, outage_id: int) -> list[roster.Person]:
    """Owners of open tasks who have gone off shift since they were asked; nobody, where no shift covers the hour."""
    if not roster.covered(tx):
        return []
    owned = select(Task.owner, func.min(Task.offered_at)).where(*_owned(outage_id)).group_by(Task.owner)
    since = {owner: asked for owner, asked in tx.exec(owned.order_by(Task.owner)) if asked}
    return [person for person in roster.people(tx, since).values() if has_left(tx, person, since[person.id])]


def has_left(tx: Tx, person: roster.Person, since: datetime) -> bool:
    """Off duty after a shift that has ended: whoever helps from home has none that could."""
    shift = roster.Shift
    theirs = select(shift.id).where(shift.person_id == person.id)
    ended = theirs.where(col(shift.ends_at) <= tx.now, col(shift.ends_at) > since)
    return roster.duty_of(tx, person.id) is None and bool(tx.exec(ended.limit(1)).first())


def _next_end(tx: Tx, outage_id: int) -> datetime | None:
    shift = roster.Shift
    owners = select(Task.owner).where(*_owned(outage_id))
    commander = select(Outage.commander).where(Outage.id == outage_id, col(Outage.state).in_(RUNNING))
    whose = or_(col(shift.person_id).in_(owners), col(shift.person_id).in_(commander))
    ends = select(func.min(shift.ends_at)).where(whose, shift.kind != "away")
    return tx.exec(ends.where(col(shift.starts_at) <= tx.now, col(shift.ends_at) > tx.now)).one()


def _owned(outage_id: int) -> list[Any]:
    return [Task.outage_id == outage_id, col(Task.state).in_(OPEN), Task.owner != ""]
