"""Who is told, who is meant by a number, who may."""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, func, or_, true
from sqlmodel import col, select

from bot.db import Tx
from bot.roster.duty import on_shift
from bot.roster.holders import holders, holding
from bot.roster.rows import UNIT_ROLES, Person, Unit, may

#: Who is told at the two lowest levels, whatever the playbooks say.
FEW = {0: ("service_desk", "it_unit_leader"), 1: ("unit_charge", "house_supervisor", "it_unit_leader")}


def affected_units(tx: Tx, sites: list[str]) -> list[Unit]:
    """All units of the named sites, by code; no site named: all units there are."""
    units = select(Unit).order_by(col(Unit.code))
    if sites:
        units = units.where(func.lower(col(Unit.site)).in_([site.lower() for site in sites]))
    return list(tx.exec(units))


def told_at(tx: Tx, level: int, units: list[str], roles: set[str]) -> list[Person]:
    """The people told at a level: those with a role first, then file order. Partners are not among them.

    `units` are the affected ones; `roles` are those that own an alert or immediate task of the started playbooks.

    0. service desk and IT lead
    1. charge nurses of the affected units, house supervisor, IT lead
    2. everybody on shift in the affected units, role holders, whoever on shift may manage
    3. everybody on shift, role holders, everybody who may manage
    4. all active staff
    """
    named = _holding_any(tx, FEW.get(max(level, 0), sorted(roles)), units)
    if level <= 1:
        return list(named.values())
    return list((named | {person.id: person for person in _wider(tx, level, units)}).values())


def everyone(tx: Tx) -> list[Person]:
    """All active staff in file order."""
    return _in_order(tx, true())


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
    found = [
        person
        for person in everyone(tx)
        if said and (person.id.casefold() == said or person.name.casefold().startswith(said))
    ]
    exact = [person for person in found if said in (person.id.casefold(), person.name.casefold())]
    return (exact or found)[0] if len(exact or found) == 1 else None


def permitted(tx: Tx, permission: str) -> list[Person]:
    """Everybody with the permission, in file order."""
    some = _in_order(tx, func.json_array_length(col(Person.permissions)) > 0)
    return [person for person in some if may(person, permission)]


def opt_out(tx: Tx, number: str) -> list[Person]:
    """Note that this mobile number asked for no more texts. Returns whom that silences.

    A carrier blocks the number, not the person, so everybody who shares it is silenced.
    """
    silenced = _by_mobile(tx, number)
    for person in silenced:
        person.opted_out_at = person.opted_out_at or tx.now
    return silenced


def opt_in(tx: Tx, number: str) -> list[Person]:
    """Note that this mobile number asked for texts again. Returns who can be texted again."""
    back = _by_mobile(tx, number)
    for person in back:
        person.opted_out_at = None
    return back


def _by_mobile(tx: Tx, number: str) -> list[Person]:
    return _in_order(tx, or_(col(Person.mobile) == number, col(Person.mobile2) == number)) if number else []


def _in_order(tx: Tx, which: ColumnElement[bool]) -> list[Person]:
    found = select(Person).where(col(Person.active), which).order_by(col(Person.place), col(Person.id))
    return list(tx.exec(found))


def _holding_any(tx: Tx, roles: Iterable[str], units: list[str]) -> dict[str, Person]:
    found: dict[str, Person] = {}
    for role in roles:
        for unit in units if role in UNIT_ROLES else [""]:
            owner = holding(tx, role, unit).owner
            for person in holders(tx, role, unit) or ([owner] if owner else []):
                found[person.id] = person
    return found


def _wider(tx: Tx, level: int, units: list[str]) -> list[Person]:
    everybody = everyone(tx)
    if level >= 4:
        return everybody
    present = on_shift(tx)
    affected = set(units)

    def is_told(person: Person) -> bool:
        duty = present.get(person.id)
        if level == 3:
            return duty is not None or may(person, "manage")
        return duty is not None and (not affected.isdisjoint(duty.units) or may(person, "manage"))

    return [person for person in everybody if is_told(person)]
