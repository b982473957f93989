"""Who stands where now, as what, as the rows say it: shifts, people's own words, and what is assumed without both."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, exists
from sqlmodel import col, select

from bot.db import Tx
from bot.roster.rows import A_ROLE, ROLES_OF_THE_HOUSE, SOME_ROLE, UNIT_ROLES, Leave, Person, Shift, named_in

#: The start of a duty that nobody told us about: counted on because no shift says otherwise. Sorts last.
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Post:
    """One role held in one place now; the role is empty for somebody who is there without one."""

    person_id: str
    role: str
    unit: str
    site: str
    since: datetime
    kind: str  # "shift" | "oncall"
    place: int


class Row(NamedTuple):
    """A person, and one shift of theirs that covers the hour or, with no kind, none."""

    person_id: str
    own_unit: str
    own_site: str
    own_roles: list[str]
    place: int
    role: str = ""
    unit: str = ""
    starts_at: datetime = EPOCH
    kind: str | None = "shift"
    source: str = ""

    @property
    def where(self) -> str:
        return self.unit or self.own_unit


_WHO = (col(Person.id), col(Person.unit), col(Person.site), col(Person.roles), col(Person.place))
_WHAT = (col(Shift.role), col(Shift.unit), col(Shift.starts_at), col(Shift.kind), col(Shift.source))


def covers(now: datetime, shift: Any = Shift) -> ColumnElement[bool]:
    """The shift is under way at that moment."""
    return and_(shift.ends_at > now, shift.starts_at <= now)


def on_leave(now: datetime) -> ColumnElement[bool]:
    """The person is on leave at that moment."""
    return exists().where(col(Leave.person_id) == col(Person.id), covers(now, Leave))


def rota(tx: Tx, now: datetime) -> str:
    """What is known of the hour: the rota "covers" it, or has a "gap" there, or there is "none" at all."""
    by_rota = select(Shift.id).where(Shift.source == "rota", Shift.kind == "shift").limit(1)
    working = by_rota.join(Person, col(Person.id) == col(Shift.person_id)).where(col(Person.active), covers(now))
    if tx.exec(working).first():
        return "covers"
    return "gap" if tx.exec(by_rota).first() else "none"


def rows(tx: Tx, whom: ColumnElement[bool]) -> list[Row]:
    """The active people meant and their shifts of this hour, each person's rows together."""
    theirs = and_(col(Shift.person_id) == col(Person.id), covers(tx.now))
    query = select(*_WHO, *_WHAT).join(Shift, theirs, isouter=True)  # type: ignore[call-overload]
    found = [Row(*row) for row in tx.exec(query.where(col(Person.active), whom, ~on_leave(tx.now)))]
    return sorted(found, key=attrgetter("person_id"))


def posts(rows: list[Row], rota: str, sites: Mapping[str, str]) -> list[Post]:
    """What the rows make of each person, in the order in which they are asked: latest start first, then file order."""
    found = [post for _, own in groupby(rows, attrgetter("person_id")) for post in _posts(list(own), rota, sites)]
    return sorted(found, key=lambda post: (-post.since.timestamp(), post.place, post.person_id))


def could_hold(tx: Tx, role: str, unit: str) -> list[str]:
    """The ids of those who may hold the role now: it is their own, or a shift of this hour says so.

    For a role that somebody holds in one unit, and a unit: only those who may hold it there.
    """
    queries = _in_unit(role, unit, tx.now) if unit and role in UNIT_ROLES else _in_house(role, tx.now)
    return list({person_id for query in queries for person_id in tx.exec(query)})  # type: ignore[call-overload]


def holds_any(now: datetime) -> ColumnElement[bool]:
    """Whoever may hold any role now."""
    own = select(Person.id).where(SOME_ROLE)
    by_shift = select(Shift.person_id).where(A_ROLE, covers(now))
    return col(Person.id).in_(own.union(by_shift))


def _in_house(role: str, now: datetime) -> list[Select[Any]]:
    some = SOME_ROLE if role in UNIT_ROLES else ROLES_OF_THE_HOUSE
    own = select(Person.id).where(some, named_in(Person.roles, role))
    return [own, select(Shift.person_id).where(Shift.role == role, A_ROLE, covers(now))]


def _in_unit(role: str, unit: str, now: datetime) -> list[Select[Any]]:
    own = select(Person.id).where(Person.unit == unit, SOME_ROLE, named_in(Person.roles, role))
    by_shift = select(Shift.person_id).where(Shift.role == role, A_ROLE, covers(now))
    at_home = by_shift.join(Person, col(Person.id) == col(Shift.person_id)).where(Shift.unit == "", Person.unit == unit)
    visiting = select(Shift.person_id).join(Person, col(Person.id) == col(Shift.person_id))
    visiting = visiting.where(Shift.unit == unit, covers(now), named_in(Person.roles, role))
    return [own, by_shift.where(Shift.unit == unit), at_home, visiting]


def _posts(rows: list[Row], rota: str, sites: Mapping[str, str]) -> Iterator[Post]:
    """One person's posts. Her last word beats what started before it: AWAY ends all of it, HERE and CHARGE move her."""
    own = rows[0]
    rows = [row for row in rows if row.kind]
    if rota == "none" or (rota == "gap" and own.own_roles):
        rows.append(Row(*own[:5]))  # counted on, since no shift says otherwise
    word = max((row for row in rows if row.source == "said"), key=attrgetter("starts_at"), default=None)
    if word and word.kind == "away":
        rows = [row for row in rows if row.starts_at > word.starts_at]
        word = None
    on_rota = any(row.source == "rota" and row.kind == "shift" for row in rows)
    for row in rows:
        moved = word is not None and _moves(word, row)
        unit = word.where if word and moved else row.where
        for role in _roles(row, moved, on_rota) or [""]:
            yield Post(row.person_id, role, unit, _site(row, unit, sites), row.starts_at, str(row.kind), row.place)


def _moves(word: Row, row: Row) -> bool:
    return row.kind == "shift" and row.starts_at <= word.starts_at and row.where != word.where


def _roles(row: Row, moved: bool, on_rota: bool) -> list[str]:
    roles = [row.role] if row.role else []
    if row.source == "said" and not on_rota:
        # HERE is not CHARGE: coming to help must not unseat who is in charge there
        roles += [role for role in row.own_roles if role != "unit_charge"]
    elif row.source != "said" and not row.role:
        roles = list(row.own_roles)
    return [role for role in roles if role not in UNIT_ROLES] if moved else roles


def _site(row: Row, unit: str, sites: Mapping[str, str]) -> str:
    if row.own_site and unit == row.own_unit:
        return row.own_site
    return sites.get(unit) or row.own_site
