"""Who holds what hour by hour: the stretches of a day in which a role, a unit or a permission has nobody.

What people said of themselves (HERE, AWAY) is left out: it says nothing of the hours to come.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import or_
from sqlmodel import col, select

from bot.db import Tx
from bot.roster import posts
from bot.roster.rows import A_ROLE, PERMISSIONS, ROLES, SOME_PERMISSION, SOME_ROLE, UNIT_ROLES, Person, Shift, chain

Stretch = tuple[datetime, datetime]


@dataclass(frozen=True)
class Gap:
    """A stretch in which nobody holds a role. `stands_in`: the role that is asked instead, by the fallback chain; the
    role itself where no shift covers the hour and whoever has it is counted on; empty when there is nobody at all."""

    role: str
    unit: str
    begins: datetime
    ends: datetime
    stands_in: str


@dataclass
class Coverage:
    """The stretches that are covered, between two moments."""

    begins: datetime
    ends: datetime
    held: dict[tuple[str, str], list[Stretch]] = field(default_factory=lambda: defaultdict(list))  # role, unit or ""
    permitted: dict[str, list[Stretch]] = field(default_factory=lambda: defaultdict(list))
    worked: list[Stretch] = field(default_factory=list)  # some shift covers it
    known: set[str] = field(default_factory=set)  # roles that somebody has, on shift or not

    def gaps(self, role: str, unit: str = "") -> list[Gap]:
        """Where nobody is on shift or on call with the role."""
        return [
            Gap(role, unit, begins, ends, self._stands_in(role, begins))
            for begins, ends in self._open(self.held[role, unit])
        ]

    def without(self, permission: str) -> list[Stretch]:
        """Where nobody on shift or on call has the permission."""
        return self._open(self.permitted[permission] + self.permitted["admin"])

    def unworked(self) -> list[Stretch]:
        """Where no shift covers the hour at all."""
        return self._open(self.worked)

    def _stands_in(self, role: str, at: datetime) -> str:
        """As `holders.holding` goes: the role's superior, the house supervisor, then the rest of the chain."""
        if role in self.known and not _covers(self.worked, at):
            return role
        above = chain(role)
        line = dict.fromkeys([*above[:1], "house_supervisor", *above[1:]])
        return next((step for step in line if _covers(self.held[step, ""], at)), "")

    def _open(self, covered: Iterable[Stretch]) -> list[Stretch]:
        found, at = [], self.begins
        for begins, ends in sorted(covered):
            if begins > at:
                found.append((at, min(begins, self.ends)))
            at = max(at, ends)
        return [*found, (at, self.ends)] if at < self.ends else found


def coverage(tx: Tx, begins: datetime, ends: datetime) -> Coverage:
    """What shifts and calendars cover between two moments; without any shift everybody counts as on shift."""
    seen = Coverage(begins, ends)
    has_rota = posts.rota(tx, tx.now) != "none"
    whole = [(begins, ends)]
    seen.worked = _worked(tx, begins, ends) if has_rota else whole
    people = select(Person.id, Person.unit, Person.roles, Person.permissions)
    for _, unit, roles, permissions in tx.exec(people.where(col(Person.active), or_(SOME_ROLE, SOME_PERMISSION))):
        seen.known |= set(roles)
        if not has_rota:
            _add(seen, whole[0], roles, unit, permissions)
    for role, unit, starts, stops, own_unit, own_roles, permissions in tx.exec(_stretches(begins, ends)):
        _add(
            seen, (max(starts, begins), min(stops, ends)), [role] if role else own_roles, unit or own_unit, permissions
        )
    return seen


def _stretches(begins: datetime, ends: datetime):  # type: ignore[no-untyped-def]
    what = (Shift.role, Shift.unit, Shift.starts_at, Shift.ends_at, Person.unit, Person.roles, Person.permissions)
    query = select(*what).join(Person, col(Person.id) == col(Shift.person_id))  # type: ignore[call-overload]
    there = [col(Shift.source) == "rota", col(Shift.ends_at) > begins, col(Shift.starts_at) < ends, col(Person.active)]
    return query.where(*there, or_(A_ROLE, SOME_ROLE, SOME_PERMISSION))


def _worked(tx: Tx, begins: datetime, ends: datetime) -> list[Stretch]:
    hours = select(Shift.starts_at, Shift.ends_at).where(Shift.source == "rota", Shift.kind == "shift")
    return list(tx.exec(hours.where(col(Shift.ends_at) > begins, col(Shift.starts_at) < ends).distinct()))


def _add(seen: Coverage, stretch: Stretch, roles: Iterable[str], unit: str, permissions: Iterable[str]) -> None:
    for role in roles:
        if role in ROLES:
            seen.held[role, unit if role in UNIT_ROLES else ""].append(stretch)
    for permission in permissions:
        if permission in PERMISSIONS:
            seen.permitted[permission].append(stretch)


def _covers(stretches: list[Stretch], at: datetime) -> bool:
    return any(begins <= at < ends for begins, ends in stretches)


def next_change(tx: Tx, after: datetime) -> datetime | None:
    """When the next shift begins."""
    rota = select(Shift.starts_at).where(Shift.source == "rota", Shift.kind == "shift", col(Shift.starts_at) > after)
    return tx.exec(rota.order_by(col(Shift.starts_at)).limit(1)).first()


def is_planned(tx: Tx) -> bool:
    """Shifts or calendars were imported; without them there is no hour to look ahead to."""
    return tx.exec(select(Shift.id).where(Shift.source == "rota").limit(1)).first() is not None
