"""Who is told, who is meant by a number, who may."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, false, func, or_, true
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from bot.db import Tx
from bot.roster.duty import posts, read_all_posts
from bot.roster.holders import holding
from bot.roster.posts import covers, on_leave, rota
from bot.roster.rows import SOME_PERMISSION, UNIT_ROLES, Person, Shift, Unit, may, named_in

#: Who is told at the two lowest levels, whatever the playbooks say.
FEW = {0: ("service_desk", "it_unit_leader"), 1: ("unit_charge", "house_supervisor", "it_unit_leader")}
SEVERAL = 50  # people of one name are enough to know that it means several


def affected_units(tx: Tx, sites: Sequence[str]) -> list[Unit]:
    """All units of the named sites, by code; no site named: all units there are."""
    return list(tx.exec(affected(select(Unit), sites).order_by(col(Unit.code))))


def affected(units: Any, sites: Sequence[str]) -> Any:
    """A query for units narrowed to the affected ones."""
    return units.where(func.lower(col(Unit.site)).in_([site.lower() for site in sites])) if sites else units


def told_first(tx: Tx, level: int, units: list[str], roles: set[str]) -> list[str]:
    """The ids of the role holders whom a level tells, on shift or called, each once.

    `units` are the affected ones; `roles` are those that own an alert or immediate task of the started playbooks.

    0. service desk and IT lead
    1. charge nurses of the affected units, house supervisor, IT lead
    2. and above: the holders of `roles`
    """
    read_all_posts(tx)
    named = [
        (role, unit)
        for role in FEW.get(max(level, 0), sorted(roles))
        for unit in (units if role in UNIT_ROLES else [""])
    ]
    return list(dict.fromkeys(person_id for role, unit in named for person_id in _told_for(tx, role, unit)))


def also_told(tx: Tx, level: int, sites: Sequence[str], at: datetime, present: bool = False) -> ColumnElement[bool]:
    """Whom a level tells beside the role holders, as a condition on Person: whoever was on shift at that moment.

    With `present` nobody else, whatever the level: the clock widens an audience, and wakes nobody (messages.md R8).

    2. everybody on shift in the affected units, and whoever on shift may manage
    3. everybody on shift, and everybody who may manage
    4. all active staff
    """
    if level <= 1 or level >= 4:
        return true() if level >= 4 else false()
    known = rota(tx, at)
    managers = and_(SOME_PERMISSION, or_(*(named_in(Person.permissions, each) for each in ("manage", "admin"))))
    if level == 3:
        return on_shift_at(known, at) if present else or_(on_shift_at(known, at), managers)
    units = affected(select(Unit.code), sites)
    return or_(on_shift_at(known, at, units), and_(managers, on_shift_at(known, at)))


def present(tx: Tx, at: datetime, units: Sequence[str] = (), sites: Sequence[str] = ()) -> ColumnElement[bool]:
    """Whoever was on shift at that moment, in these units or anywhere, and belongs to these sites or is lent to one of
    them, as a condition on Person."""
    known = rota(tx, at)
    here = on_shift_at(known, at, select(Unit.code).where(col(Unit.code).in_(units)) if units else None)
    if not sites:
        return here
    theirs = func.lower(col(Person.site)).in_(["", *(site.lower() for site in sites)])
    return and_(here, or_(theirs, on_shift_at(known, at, affected(select(Unit.code), sites))))


def by_phone(tx: Tx, number: str) -> list[Person]:
    """Everybody who can be reached at this E.164 number, in file order: shared phones are legal."""
    phones = (col(Person.mobile), col(Person.mobile2), col(Person.landline))
    return _in_order(tx, or_(*(phone == number for phone in phones))) if number else []


def by_slack(tx: Tx, slack_id: str) -> Person | None:
    """The person behind a Slack user id."""
    return next(iter(_in_order(tx, col(Person.slack_id) == slack_id)), None) if slack_id else None


def named(tx: Tx, words: str) -> Person | None:
    """The one active person whose id this is, or whose name begins so; None for nobody or several."""
    said = words.strip().casefold()
    if not said:
        return None
    # A letter with an accent is any letter to the database, which does not know its capital; we do.
    pattern = "".join(each if each.isascii() else "_" for each in _escaped(words.strip().lower()))
    whole = or_(*(func.lower(each).like(pattern, escape="/") for each in (col(Person.id), col(Person.name))))
    exact = [person for person in _in_order(tx, whole) if said in (person.id.casefold(), person.name.casefold())]
    begins = func.lower(col(Person.name)).like(f"{pattern}%", escape="/")
    found = exact or [each for each in _in_order(tx, begins, SEVERAL) if each.name.casefold().startswith(said)]
    return found[0] if len(found) == 1 else None


def permitted(tx: Tx, permission: str) -> list[Person]:
    """Everybody with the permission, in file order."""
    return [person for person in _in_order(tx, SOME_PERMISSION) if may(person, permission)]


def opt_out(tx: Tx, number: str) -> list[Person]:
    """Note that this mobile number asked for no more texts. Returns whom that silences who was not so before.

    A carrier blocks the number, not the person, so everybody who shares it is silenced.
    """
    silenced = [person for person in _by_mobile(tx, number) if person.opted_out_at is None]
    for person in silenced:
        person.opted_out_at = tx.now
    return silenced


def is_dead(tx: Tx, number: str) -> None:
    """Note that texts to this mobile number never arrive, as a provider says."""
    for person in _in_order(tx, col(Person.mobile) == number):
        person.dead_mobile, person.dead_at = number, tx.now


def opt_in(tx: Tx, number: str) -> list[Person]:
    """Note that this mobile number asked for texts again. Returns who can be texted again."""
    back = [person for person in _by_mobile(tx, number) if person.opted_out_at]
    for person in back:
        person.opted_out_at = None
    return back


def _by_mobile(tx: Tx, number: str) -> list[Person]:
    return _in_order(tx, or_(col(Person.mobile) == number, col(Person.mobile2) == number)) if number else []


def _in_order(tx: Tx, which: Any, most: int | None = None) -> list[Person]:
    found = select(Person).where(col(Person.active), which).order_by(col(Person.place), col(Person.id)).limit(most)
    return list(tx.exec(found))


def _told_for(tx: Tx, role: str, unit: str) -> Iterable[str]:
    """The holders of a role, else whoever stands in."""
    on_shift = [post.person_id for post in posts(tx, role, unit) if post.kind == "shift"]
    if on_shift:
        return on_shift
    owner = holding(tx, role, unit).owner
    return [owner.id] if owner else []


def on_shift_at(rota: str, at: datetime, units: Select[Any] | None = None) -> ColumnElement[bool]:
    """On shift at that moment (in one of these units), by the rota, by their own word, or because no rota says more."""
    shift, word = aliased(Shift), aliased(Shift)
    there = exists().where(
        col(shift.person_id) == col(Person.id), col(shift.kind) == "shift", covers(at, shift), ~_spoken_since(shift, at)
    )
    if units is not None:
        where = func.coalesce(func.nullif(col(shift.unit), ""), col(Person.unit))
        there = there.where(where.in_(units))
    if rota != "none":
        return and_(there, ~on_leave(at))
    silent = ~exists().where(col(word.person_id) == col(Person.id), col(word.source) == "said", covers(at, word))
    here = or_(there, silent if units is None else and_(col(Person.unit).in_(units), silent))
    return and_(here, ~on_leave(at))


def _spoken_since(shift: Any, at: datetime) -> ColumnElement[bool]:
    """The person has said since the shift began that they are elsewhere, or not on shift at all."""
    word = aliased(Shift)
    mine = and_(col(word.person_id) == shift.person_id, col(word.source) == "said", covers(at, word))
    return exists().where(mine, word.starts_at >= shift.starts_at, word.id != shift.id)


def _escaped(word: str) -> str:
    return word.replace("/", "//").replace("%", "/%").replace("_", "/_")
