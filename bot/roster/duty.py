"""Who is on duty now, and as what. The picture is read once in a transaction and kept in `tx.info`."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import func
from sqlmodel import col, select

from bot.db import Tx
from bot.roster.rows import UNIT_ROLES, Person, Shift, Site, Unit

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


@dataclass(frozen=True)
class Duty:
    """What one person does now. `kind` is "oncall" only for somebody who is not on shift at all."""

    person_id: str
    roles: frozenset[str]
    unit: str  # where the duty that started last is
    units: frozenset[str]
    since: datetime
    kind: str


@dataclass
class Picture:
    """All posts of this hour, in the order in which they are asked: latest start first, then file order."""

    posts: list[Post]
    rota: str  # "covers" the hour | "gap": shifts exist, none covers it | "none" were ever imported
    sites: dict[str, str]
    now: datetime
    began: Any  # the (nested) transaction it was read in
    by_role: dict[str, list[Post]] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    houses: dict[str, Site | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for post in self.posts:
            self.by_role.setdefault(post.role, []).append(post)

    @cached_property
    def duties(self) -> dict[str, Duty]:
        known = [post for post in self.posts if post.since != EPOCH or self.rota == "none"]
        known.sort(key=attrgetter("person_id"))
        return {who: _duty(who, list(own)) for who, own in groupby(known, attrgetter("person_id"))}


def duty(tx: Tx) -> dict[str, Duty]:
    """Everybody on shift or on call now, by id. While no shifts were ever imported, that is everybody."""
    return picture(tx).duties


def on_shift(tx: Tx) -> dict[str, Duty]:
    """Those of `duty` who are in the house, not merely on call."""
    return {person_id: held for person_id, held in duty(tx).items() if held.kind == "shift"}


def covered(tx: Tx) -> bool:
    """False when shifts were imported but none covers this hour: then nobody knows who is in the house."""
    return picture(tx).rota != "gap"


def person(tx: Tx, person_id: str) -> Person | None:
    """An active person by id."""
    known = picture(tx).people
    if person_id not in known:
        found = tx.get(Person, person_id)
        if found is None or not found.active:
            return None
        known[person_id] = found
    return known[person_id]


def site(tx: Tx, code: str) -> Site | None:
    """A site by its code."""
    known = picture(tx).houses
    if code not in known:
        known[code] = tx.get(Site, code) if code else None
    return known[code]


def picture(tx: Tx) -> Picture:
    """The duty picture of this transaction and moment. A savepoint reads its own: what it saw may be rolled back."""
    kept: Picture | None = tx.info.get("roster.picture")
    if kept is None or kept.now != tx.now or kept.began is not _began(tx):
        kept = tx.info["roster.picture"] = _read(tx)
    return kept


def forget(tx: Tx) -> None:
    """Drop the picture, because people or shifts were just changed."""
    tx.info.pop("roster.picture", None)


class _Row(NamedTuple):
    person_id: str
    own_unit: str
    own_site: str
    own_roles: list[str]
    place: int
    role: str = ""
    unit: str = ""
    starts_at: datetime = EPOCH
    kind: str = "shift"
    source: str = ""

    @property
    def where(self) -> str:
        return self.unit or self.own_unit


_WHO = (col(Person.id), col(Person.unit), col(Person.site), col(Person.roles), col(Person.place))


def _began(tx: Tx) -> Any:
    return tx.get_nested_transaction() or tx.get_transaction()


def _read(tx: Tx) -> Picture:
    rows = _told(tx)
    rota = _rota(tx, rows)
    if rota != "covers":
        rows += _assumed(tx, only_roles=rota == "gap")
    sites: dict[str, str] = dict(tx.exec(select(Unit.code, Unit.site)).all())
    rows.sort(key=attrgetter("person_id"))
    posts = [post for _, own in groupby(rows, attrgetter("person_id")) for post in _posts(list(own), sites)]
    posts.sort(key=lambda post: (-post.since.timestamp(), post.place, post.person_id))
    return Picture(posts, rota, sites, tx.now, _began(tx))


def _told(tx: Tx) -> list[_Row]:
    what = (col(Shift.role), col(Shift.unit), col(Shift.starts_at), col(Shift.kind), col(Shift.source))
    covering = (
        select(*_WHO, *what)  # type: ignore[call-overload]
        .join(Shift, col(Shift.person_id) == col(Person.id))
        .where(col(Person.active), col(Shift.ends_at) > tx.now, col(Shift.starts_at) <= tx.now)
    )
    return [_Row(*row) for row in tx.exec(covering)]


def _rota(tx: Tx, told: Iterable[_Row]) -> str:
    if any(row.source == "rota" and row.kind == "shift" for row in told):
        return "covers"
    ever = select(Shift.id).where(Shift.source == "rota", Shift.kind == "shift").limit(1)
    return "gap" if tx.exec(ever).first() else "none"


def _assumed(tx: Tx, only_roles: bool) -> list[_Row]:
    everybody = select(*_WHO).where(col(Person.active))  # type: ignore[call-overload]
    if only_roles:
        everybody = everybody.where(func.json_array_length(col(Person.roles)) > 0)
    return [_Row(*row) for row in tx.exec(everybody)]


def _posts(rows: list[_Row], sites: dict[str, str]) -> Iterator[Post]:
    """One person's posts. Her last word beats what started before it: AWAY ends all of it, HERE and CHARGE move her."""
    word = max((row for row in rows if row.source == "said"), key=attrgetter("starts_at"), default=None)
    if word and word.kind == "away":
        rows = [row for row in rows if row.starts_at > word.starts_at]
        word = None
    on_rota = any(row.source == "rota" and row.kind == "shift" for row in rows)
    for row in rows:
        moved = word is not None and _moves(word, row)
        unit = word.where if word and moved else row.where
        for role in _roles(row, moved, on_rota) or [""]:
            yield Post(row.person_id, role, unit, _site(row, unit, sites), row.starts_at, row.kind, row.place)


def _moves(word: _Row, row: _Row) -> bool:
    return row.kind == "shift" and row.starts_at <= word.starts_at and row.where != word.where


def _roles(row: _Row, moved: bool, on_rota: bool) -> list[str]:
    roles = [row.role] if row.role else []
    if row.source == "said" and not on_rota:
        # HERE is not CHARGE: coming to help must not unseat who is in charge there
        roles += [role for role in row.own_roles if role != "unit_charge"]
    elif row.source != "said" and not row.role:
        roles = list(row.own_roles)
    return [role for role in roles if role not in UNIT_ROLES] if moved else roles


def _site(row: _Row, unit: str, sites: dict[str, str]) -> str:
    if row.own_site and unit == row.own_unit:
        return row.own_site
    return sites.get(unit) or row.own_site


def _duty(person_id: str, posts: list[Post]) -> Duty:
    kind = "shift" if any(post.kind == "shift" for post in posts) else "oncall"
    own = [post for post in posts if post.kind == kind]
    return Duty(
        person_id=person_id,
        roles=frozenset(post.role for post in own if post.role),
        unit=own[0].unit,  # the sort is stable: latest start first
        units=frozenset(post.unit for post in own),
        since=own[0].since,
        kind=kind,
    )
