"""Who is on duty now, and as what. What a transaction has seen of it is kept in `tx.info`.

Nobody reads the whole house to hear of one person or one role: a house may have a hundred thousand.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import true
from sqlmodel import col, select

from bot.db import Tx
from bot.roster import posts as reading
from bot.roster.posts import EPOCH, Post
from bot.roster.rows import UNIT_ROLES, Person, Site, Unit


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
    """What was seen of this hour so far."""

    now: datetime
    began: Any  # the (nested) transaction it was seen in
    rota: str = ""  # "covers" | "gap" | "none"; empty: not asked yet
    posts: dict[tuple[str, str], list[Post]] = field(default_factory=dict)  # role, unit or "" → in the order asked
    has_all_posts: bool = False
    duties: dict[str, Duty | None] = field(default_factory=dict)
    everybody: dict[str, Duty] | None = None
    people: dict[str, Person] = field(default_factory=dict)
    houses: dict[str, Site | None] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)  # unit → its site


def duty_of(tx: Tx, person_id: str) -> Duty | None:
    """What this person does now; None for somebody who is neither on shift nor on call."""
    known = picture(tx).duties
    if person_id not in known:
        posts = _read(tx, reading.rows(tx, col(Person.id) == person_id))
        known[person_id] = _duties(posts, rota(tx)).get(person_id)
    return known[person_id]


def duty(tx: Tx) -> dict[str, Duty]:
    """Everybody on shift or on call now, by id. It reads the whole house: for pages that show it, never for a verb."""
    seen = picture(tx)
    if seen.everybody is None:
        seen.everybody = _duties(_read(tx, reading.rows(tx, true())), rota(tx))
    return seen.everybody


def on_shift(tx: Tx) -> dict[str, Duty]:
    """Those of `duty` who are in the house, not merely on call."""
    return {person_id: held for person_id, held in duty(tx).items() if held.kind == "shift"}


def posts(tx: Tx, role: str, unit: str = "") -> list[Post]:
    """Where the role is held now, in the order in which the holders are asked; a unit's role in that unit only."""
    seen = picture(tx)
    where = unit if role in UNIT_ROLES else ""
    if (role, where) not in seen.posts and not seen.has_all_posts:
        could = reading.could_hold(tx, role, where)
        found = _read(tx, reading.rows(tx, col(Person.id).in_(could))) if could else []
        seen.posts[role, where] = [post for post in found if post.role == role and where in ("", post.unit)]
    return seen.posts.get((role, where), [])


def read_all_posts(tx: Tx) -> None:
    """See all roles at once, and who holds each, for a verb that is about to ask for those of every unit."""
    seen = picture(tx)
    if seen.has_all_posts:
        return
    seen.posts, seen.has_all_posts = {}, True
    for post in _read(tx, reading.rows(tx, reading.holds_any(tx.now))):
        for where in {"", post.unit} if post.role in UNIT_ROLES else {""}:
            seen.posts.setdefault((post.role, where), []).append(post)
    people(tx, [post.person_id for some in seen.posts.values() for post in some[:2]])  # the owner and the backup


def covered(tx: Tx) -> bool:
    """False when shifts were imported but none covers this hour: then nobody knows who is in the house."""
    return rota(tx) != "gap"


def rota(tx: Tx) -> str:
    """What is known of this hour: "covers", "gap" or "none" (`posts.rota`)."""
    seen = picture(tx)
    seen.rota = seen.rota or reading.rota(tx, tx.now)
    return seen.rota


def person(tx: Tx, person_id: str) -> Person | None:
    """An active person by id."""
    known = picture(tx).people
    if person_id not in known:
        found = tx.get(Person, person_id)
        if found is None or not found.active:
            return None
        known[person_id] = found
    return known[person_id]


def people(tx: Tx, ids: Iterable[str]) -> dict[str, Person]:
    """The active people of these ids, read together, in the order asked for."""
    wanted = list(dict.fromkeys(ids))
    known = picture(tx).people
    missing = [person_id for person_id in wanted if person_id not in known]
    for start in range(0, len(missing), 500):
        some = select(Person).where(col(Person.id).in_(missing[start : start + 500]), col(Person.active))
        known |= {person.id: person for person in tx.exec(some)}
    return {person_id: known[person_id] for person_id in wanted if person_id in known}


def site(tx: Tx, code: str) -> Site | None:
    """A site by its code."""
    known = picture(tx).houses
    if code not in known:
        known[code] = tx.get(Site, code) if code else None
    return known[code]


def help_phones(tx: Tx) -> dict[str, str]:
    """The sites that have a help phone of their own, and its number."""
    some = select(Site.code, Site.help_phone).where(Site.help_phone != "")
    return dict(tx.exec(some).all())


def site_of(tx: Tx, unit: str) -> str:
    """The code of the unit's site; empty for a unit that is unknown."""
    return _sites(tx, {unit}).get(unit, "")


def picture(tx: Tx) -> Picture:
    """What this transaction has seen of this moment. A savepoint sees anew: what it saw may be rolled back."""
    kept: Picture | None = tx.info.get("roster.picture")
    began = tx.get_nested_transaction() or tx.get_transaction()
    if kept is None or kept.now != tx.now or kept.began is not began:
        kept = tx.info["roster.picture"] = Picture(tx.now, began)
    return kept


def forget(tx: Tx) -> None:
    """Drop the picture, because people or shifts were just changed."""
    tx.info.pop("roster.picture", None)


def _read(tx: Tx, rows: list[reading.Row]) -> list[Post]:
    return reading.posts(rows, rota(tx), _sites(tx, {place for row in rows for place in (row.unit, row.own_unit)}))


def _sites(tx: Tx, units: set[str]) -> dict[str, str]:
    known = picture(tx).units
    missing = sorted(unit for unit in units if unit and unit not in known)
    for start in range(0, len(missing), 500):
        known |= dict.fromkeys(missing[start : start + 500], "")
        some = select(Unit.code, Unit.site).where(col(Unit.code).in_(missing[start : start + 500]))
        known |= dict(tx.exec(some).all())
    return known


def _duties(posts: list[Post], rota: str) -> dict[str, Duty]:
    known = [post for post in posts if post.since != EPOCH or rota == "none"]
    known.sort(key=attrgetter("person_id"))  # stable: latest start first
    return {who: _duty(who, list(own)) for who, own in groupby(known, attrgetter("person_id"))}


def _duty(person_id: str, posts: list[Post]) -> Duty:
    kind = "shift" if any(post.kind == "shift" for post in posts) else "oncall"
    own = [post for post in posts if post.kind == kind]
    return Duty(
        person_id=person_id,
        roles=frozenset(post.role for post in own if post.role),
        unit=own[0].unit,
        units=frozenset(post.unit for post in own),
        since=own[0].since,
        kind=kind,
    )
