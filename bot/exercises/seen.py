"""What an outage's rows say of its people and units: when each was reached, spoke, and was accounted for."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select

from bot import checkins, journal, outbox, recalls, tasks
from bot.db import Tx
from bot.exercises.rows import of_outage
from bot.outages import Outage

MESSAGE = outbox.Message.__table__  # type: ignore[attr-defined]
RECIPIENT = outbox.Recipient.__table__  # type: ignore[attr-defined]
LINE = journal.TABLE
TASK = tasks.Task.__table__  # type: ignore[attr-defined]
UNIT_CHECK = checkins.UNIT_CHECK
CALL = recalls.RecallCall.__table__  # type: ignore[attr-defined]
TOO_LATE = timedelta(minutes=5)  # whoever is asked so shortly before a staff call is filled need not have answered


@dataclass(frozen=True)
class Calling:
    """The first staff call of an outage: how many had to answer, when who did, and when enough had agreed who came.
    Whom it asked just before it was filled, and filled without, did not have to."""

    began: datetime
    asked: int
    answered: list[datetime]
    filled: datetime | None


@dataclass(frozen=True)
class Seen:
    """Moments by person or unit; who is missing was not reached, did not speak, is not accounted for."""

    people: list[str]
    first_notice: datetime | None  # when the provider first took a message of the alert
    told: dict[str, datetime]  # when their own first message left; who has none was told by the declaration
    reached: dict[str, datetime]
    answered: dict[str, datetime]
    units: dict[str, datetime | None]
    in_person: list[datetime]  # when somebody who was sent told a unit
    held: int  # promised updates that nobody wrote
    calling: Calling | None
    unwritten: int  # people of the audience who have no message yet, nor a reason why not


def seen(tx: Tx, outage: Outage) -> Seen:
    people = dict(tx.execute(select(RECIPIENT.c.person_id, RECIPIENT.c.address).where(_alert(outage, RECIPIENT))).all())
    answered = {who: max(at, outage.declared_at) for who, at in _spoke(tx, outage).items() if who in people}
    delivered, there = _firsts(tx, outage, MESSAGE.c.delivered_at)
    heard = {
        who: min(found)
        for who, address in people.items()
        if (found := [at for at in (delivered.get(who), there.get(address), answered.get(who)) if at])
    }
    handed, sent = _firsts(tx, outage, MESSAGE.c.handed_at)
    told = {who: at for who, address in people.items() if (at := handed.get(who) or sent.get(address))}
    return Seen(
        people=list(people), first_notice=min(handed.values(), default=None), told=told, reached=heard,
        answered=answered, units=_units(tx, outage), in_person=_moments(tx, outage, "told_in_person"),
        held=len(_moments(tx, outage, "held")),
        calling=_calling(tx, outage),
        unwritten=outbox.still_to_write(tx, outage.notice_id) + _undecided(tx, outage),
    )  # fmt: skip


def _alert(outage: Outage, table: Any) -> Any:
    return table.c.notice_id == outage.notice_id


def _firsts(tx: Tx, outage: Outage, moment: Any) -> tuple[dict[str, datetime], dict[str, datetime]]:
    """The first such moment of the alert's messages, by person and by address: phones are shared."""

    def by(column: Any) -> dict[str, datetime]:
        query = select(column, func.min(moment)).where(_alert(outage, MESSAGE), moment.is_not(None)).group_by(column)
        return dict(tx.execute(query).all())

    return by(MESSAGE.c.person_id), by(MESSAGE.c.address)


def _spoke(tx: Tx, outage: Outage) -> dict[str, datetime]:
    """The first word of each person, by whatever channel: an answer, a task taken or done, an update, the start of
    this drill. What a drill does by itself in a person's name is none."""
    drill = of_outage(tx, outage)
    about = or_(LINE.c.outage == outage.code, LINE.c.about == drill.code) if drill else LINE.c.outage == outage.code
    query = select(LINE.c.who, func.min(LINE.c.at)).where(about, LINE.c.channel.not_in(("", "drill")))
    return dict(tx.execute(query.group_by(LINE.c.who)).all())


def _units(tx: Tx, outage: Outage) -> dict[str, datetime | None]:
    """When each unit was first accounted for: its check was answered, or somebody told it in person."""
    checks = select(TASK.c.unit, func.min(TASK.c.ended_at)).where(
        TASK.c.outage_id == outage.id, TASK.c.kind == tasks.Kind.CHECK, TASK.c.state == tasks.TaskState.DONE
    )
    first: dict[str, datetime] = dict(tx.execute(checks.group_by(TASK.c.unit)).all())
    rows = tx.execute(select(UNIT_CHECK.c.unit, UNIT_CHECK.c.at).where(UNIT_CHECK.c.outage_id == outage.id))
    return {unit: first.get(unit) or at for unit, at in rows}


def _calling(tx: Tx, outage: Outage) -> Calling | None:
    made = next(iter(recalls.of_outage(tx, outage.id or 0)), None)
    if made is None:
        return None
    asked = list(tx.execute(select(CALL).where(CALL.c.recall_id == made.id)))
    agreed = sorted(row.accepted_at for row in asked if row.accepted_at and row.state != recalls.CallState.DROPPED)
    filled = agreed[made.need - 1] if len(agreed) >= made.need else None
    asked = [row for row in asked if row.answered_at or not filled or not filled - TOO_LATE < row.asked_at <= filled]
    return Calling(made.opened_at, len(asked), [row.answered_at for row in asked if row.answered_at], filled)


def _moments(tx: Tx, outage: Outage, what: str) -> list[datetime]:
    query = select(LINE.c.at).where(LINE.c.outage == outage.code, LINE.c.what == what).order_by(LINE.c.at)
    return list(tx.execute(query).scalars())


def _undecided(tx: Tx, outage: Outage) -> int:
    """Messages of the alert that still wait: nobody is told yet what became of them."""
    waiting = select(func.count()).where(_alert(outage, MESSAGE), MESSAGE.c.state.in_(outbox.UNDECIDED))
    return int(tx.execute(waiting).scalar_one())
