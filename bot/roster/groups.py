"""Saved rules over the roster: a name for people, and whom it means is asked anew each time."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, func, or_
from sqlmodel import Field, SQLModel, col, select

from bot.db import Tx
from bot.roster.audiences import on_shift_at
from bot.roster.duty import rota
from bot.roster.posts import covers
from bot.roster.rows import PERMISSIONS, ROLES, Person, Shift, Site, Unit, named_in

KEYS = ("role", "unit", "site", "permission", "language")
NOW = {"onshift": "on shift", "oncall": "on call"}  # what holds only at this hour
EXAMPLE = "role:pharmacist_in_charge site:MAIN onshift"


class StaffGroup(SQLModel, table=True):
    __tablename__ = "staff_group"

    name: str = Field(primary_key=True)
    rule: str


@dataclass(frozen=True)
class Rule:
    """Every key must hold, by any of its values; `now` are the words that hold only at this hour."""

    wants: Mapping[str, tuple[str, ...]]
    now: tuple[str, ...] = ()


@dataclass(frozen=True)
class Members:
    """Whom a group means now; `why` says how that came about."""

    people: list[Person]
    why: str


def read_rule(text: str) -> tuple[Rule, list[str]]:
    """`role:a,b unit:5W onshift` → the rule, and complaints about what is none."""
    wants: dict[str, tuple[str, ...]] = {}
    now, complaints = [], []
    for word in text.split():
        key, colon, values = word.partition(":")
        if colon and key.lower() in KEYS and values.strip(","):
            wants[key.lower()] = tuple(value for value in values.split(",") if value)
        elif word.lower() in NOW:
            now.append(word.lower())
        else:
            complaints.append(
                f"{word} is no condition; write {', '.join(f'{key}:…' for key in KEYS)}, {', '.join(NOW)}"
            )
    if not wants and not complaints:
        complaints.append(f"a rule without a condition would mean everybody; write one, as in {EXAMPLE}")
    return Rule(wants, tuple(now)), complaints


def save_group(tx: Tx, name: str, text: str) -> list[str]:
    """Keep a rule under a name, in place of an earlier one. Returns the complaints; with any, nothing is kept."""
    rule, complaints = read_rule(text)
    if not name.replace("-", "").replace("_", "").isalnum():
        complaints.append(f"{name or 'an empty name'} is no name for a group; write one word of letters and digits")
    complaints += _unknown(tx, rule)
    if not complaints:
        tx.merge(StaffGroup(name=name.lower(), rule=" ".join(text.split())))
    return complaints


def groups(tx: Tx) -> list[StaffGroup]:
    return list(tx.exec(select(StaffGroup).order_by(StaffGroup.name)))


def group_members(tx: Tx, name: str) -> Members | None:
    """Whom the group means now, in file order; None when there is no such group."""
    kept = tx.get(StaffGroup, name.lower())
    if kept is None:
        return None
    rule, _ = read_rule(kept.rule)
    whole = [col(Person.active), *(_condition(tx, key, values) for key, values in rule.wants.items())]
    all_of_them = tx.exec(select(func.count()).select_from(Person).where(*whole)).one()
    here = [_present(tx, word) for word in rule.now]
    people = list(tx.exec(select(Person).where(*whole, *here).order_by(col(Person.place), col(Person.id))))
    by_rule = " ".join(f"{key}:{','.join(values)}" for key, values in rule.wants.items())
    out = all_of_them - len(people)
    present = " and ".join(NOW[word] for word in rule.now)
    return Members(people, f"{all_of_them} by {by_rule}" + (f", {out} of them not {present} now" if rule.now else ""))


def _condition(tx: Tx, key: str, values: tuple[str, ...]) -> ColumnElement[bool]:
    if key == "role":
        return or_(*(named_in(Person.roles, value) for value in values), _shift_says(tx, col(Shift.role).in_(values)))
    if key == "permission":
        return or_(*(named_in(Person.permissions, value) for value in (*values, "admin")))
    if key == "language":
        return col(Person.language).in_([value.lower() for value in values])
    named = [value.lower() for value in values]
    if key == "unit":
        return or_(func.lower(Person.unit).in_(named), _shift_says(tx, func.lower(Shift.unit).in_(named)))
    units = select(Unit.code).where(func.lower(Unit.site).in_(named))
    return or_(func.lower(Person.site).in_(named), (col(Person.site) == "") & col(Person.unit).in_(units))


def _present(tx: Tx, word: str) -> ColumnElement[bool]:
    if word == "oncall":
        return _shift_says(tx, col(Shift.kind) == "oncall")
    return on_shift_at(rota(tx), tx.now)


def _shift_says(tx: Tx, what: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(col(Shift.person_id) == col(Person.id), covers(tx.now), what)


def _unknown(tx: Tx, rule: Rule) -> list[str]:
    """What the rule names that does not exist: it would mean nobody, for ever."""
    units, sites = ({code.lower() for code in tx.exec(select(each))} for each in (Unit.code, Site.code))
    known = {"role": set(ROLES), "permission": set(PERMISSIONS), "unit": units, "site": sites}
    return [
        f"there is no {key} {value}"
        for key, values in rule.wants.items()
        for value in values
        if key in known and (value.lower() if key in ("unit", "site") else value) not in known[key]
    ]
