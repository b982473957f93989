"""What a page shows beyond the counts: each unit, the open tasks, who was not reached. Long lists are cut."""

from typing import Any

from sqlalchemy import Row, Select, false, func, select

from bot import checkins, roster, tasks
from bot.board.outage import stamp
from bot.board.people import Best, reached
from bot.db import Tx
from bot.outages import Outage
from bot.outbox import Message

TASKS, PEOPLE = 200, 50  # shown at most

MESSAGE = Message.__table__  # type: ignore[attr-defined]
PERSON = roster.Person.__table__  # type: ignore[attr-defined]
TASK = tasks.Task.__table__  # type: ignore[attr-defined]
UNIT_CHECK = checkins.UNIT_CHECK
ALL = func.count().over().label("all")  # how many there are, before the list is cut


def detail(tx: Tx, outage: Outage) -> dict[str, Any]:
    """Each unit, the most urgent of the open tasks, some of those who were not reached, and how many more there are."""
    work = tx.execute(_open_tasks(tx, outage).limit(TASKS)).all()
    lost = tx.execute(_unreached(outage).limit(PEOPLE)).all()
    commander = tx.get(roster.Person, outage.commander)
    return {
        "units": _units(tx, outage),
        "tasks": [_task(row) for row in work],
        "tasks_more": _more(work),
        "unreached": [_person(row) for row in lost],
        "unreached_more": _more(lost),
        "commander": commander.name if commander else "",
    }


def unreached(tx: Tx, outage: Outage) -> list[dict[str, str]]:
    """Everybody of the audience whom nothing has reached or will, with the reason, in file order."""
    return [_person(row) for row in tx.execute(_unreached(outage))]


def _units(tx: Tx, outage: Outage) -> list[dict[str, Any]]:
    named = UNIT_CHECK.outerjoin(PERSON, PERSON.c.id == UNIT_CHECK.c.asked)
    query = select(UNIT_CHECK, PERSON.c.name).select_from(named).where(UNIT_CHECK.c.outage_id == outage.id)
    return [
        {
            "unit": row.unit,
            "standing": row.standing,
            "asked": row.name or "",
            "digit": row.digit,
            "note": row.note,
            "visit": row.visit,
            "at": stamp(row.at),
        }
        for row in tx.execute(query.order_by(UNIT_CHECK.c.unit))
    ]


def _open_tasks(tx: Tx, outage: Outage) -> Select[Any]:
    """Those that have a code of their own, what is late first."""
    late = func.coalesce(TASK.c.due_at <= tx.now, false()).label("late")
    named = TASK.outerjoin(PERSON, PERSON.c.id == TASK.c.owner)
    query = select(TASK, PERSON.c.name, late, ALL).select_from(named)
    query = query.where(TASK.c.outage_id == outage.id, TASK.c.state.in_(tasks.OPEN), TASK.c.number != 0)
    return query.order_by(late.desc(), TASK.c.prio, TASK.c.due_at, TASK.c.id)


def _task(row: Row[Any]) -> dict[str, Any]:
    return {
        "code": f"T{row.number}",
        "text": row.text,
        "owner": row.name or "",
        "state": row.state,
        "due_at": stamp(row.due_at),
        "late": bool(row.late),
        "prio": row.prio,
        "unit": row.unit,
    }


def _unreached(outage: Outage) -> Select[Any]:
    best = reached(outage).subquery()
    to_them = [MESSAGE.c.notice_id == outage.notice_id, MESSAGE.c.person_id == best.c.person_id]
    reason = select(MESSAGE.c.reason).where(*to_them).order_by(MESSAGE.c.id.desc()).limit(1).scalar_subquery()
    query = select(PERSON.c.id, PERSON.c.name, PERSON.c.unit, func.coalesce(reason, "").label("reason"), ALL)
    query = query.join(best, best.c.person_id == PERSON.c.id).where(
        best.c.best.in_((int(Best.FAILED), int(Best.UNREACHABLE)))
    )
    return query.order_by(PERSON.c.place, PERSON.c.id)


def _person(row: Row[Any]) -> dict[str, str]:
    return {"id": row.id, "name": row.name, "unit": row.unit, "reason": row.reason}


def _more(rows: Any) -> int:
    return rows[0].all - len(rows) if rows else 0
