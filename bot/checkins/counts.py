"""How a roll-call or a question of somebody's own stands: each person once, by the latest answer."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, case, exists, func, literal_column, select

from bot import roster
from bot.checkins.rows import ANSWER, AWAY, RECIPIENT, TOLD, Round
from bot.db import Tx

PERSON = roster.Person.__table__  # type: ignore[attr-defined]
WHERE = case((RECIPIENT.c.unit != literal_column("''"), RECIPIENT.c.unit), else_=PERSON.c.unit)


@dataclass(frozen=True)
class Count:
    """`asked` are the people of its notice, `fine` said 1 or were told in person, `need` 2, `away` AWAY; the rest is
    not accounted for. In a roll-call whoever is on site counts, asked or not."""

    asked: int
    fine: int
    need: int
    away: int
    missing: int


def count(tx: Tx, opened: Round) -> Count:
    latest = select(func.max(ANSWER.c.id)).where(ANSWER.c.round_id == opened.id).group_by(ANSWER.c.person_id)
    said = select(ANSWER.c.digit, func.count()).where(ANSWER.c.id.in_(latest)).group_by(ANSWER.c.digit)
    by_digit: dict[str, int] = dict(tx.execute(said).all())
    asked = select(func.count()).where(RECIPIENT.c.notice_id == opened.notice_id)
    rest = _missing(opened).with_only_columns(func.count()).order_by(None)
    fine = by_digit.get("1", 0) + by_digit.get(TOLD, 0)
    return Count(tx.execute(asked).scalar_one(), fine, by_digit.get("2", 0), by_digit.get(AWAY, 0),
                 tx.execute(rest).scalar_one())  # fmt: skip


def missing(
    tx: Tx, opened: Round, most: int | None = None, units: Iterable[str] | None = None
) -> list[tuple[str, str, str]]:
    """Who was asked and has not answered, in these units or anywhere: unit, id and name, by unit."""
    query = _missing(opened)
    some = query if units is None else query.where(WHERE.in_(list(units)))
    return [(unit, id, name) for unit, id, name in tx.execute(some.limit(most))]


def missing_in(tx: Tx, opened: Round, units: Iterable[str]) -> dict[str, int]:
    """How many of each of these units have not answered; without the units where all have."""
    query = _missing(opened).where(WHERE.in_(list(units))).with_only_columns(WHERE, func.count()).order_by(None)
    return dict(tx.execute(query.group_by(WHERE)).all())


def _missing(opened: Round) -> Select[Any]:
    answered = exists().where(ANSWER.c.round_id == opened.id, ANSWER.c.person_id == RECIPIENT.c.person_id)
    query = select(WHERE, PERSON.c.id, PERSON.c.name).join(RECIPIENT, RECIPIENT.c.person_id == PERSON.c.id)
    return query.where(RECIPIENT.c.notice_id == opened.notice_id, ~answered).order_by(WHERE, PERSON.c.place)
