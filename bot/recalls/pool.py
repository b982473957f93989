"""Who may be asked, in which wave and in which order; and who may not, and why."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, or_
from sqlmodel import col, select

from bot import outbox, roster
from bot.db import Tx
from bot.outbox import NEVER, Route
from bot.recalls.rows import AWAITED, ETA, RUNNING, CallState, Recall, RecallCall
from bot.roster import Leave, Person, Shift, named_in

WEEK = timedelta(days=7)
LATELY = timedelta(days=28)  # how far back fairness looks

# why somebody is not asked
ELSEWHERE, OPTED_OUT, NO_PHONE = "in another recall", "opted out of texts", "no phone"
ON_SHIFT, ON_LEAVE, OTHER_SITE = "on shift already", "on leave or away", "other site"
RESTING, MAX_HOURS, SHARED = "resting", "max hours", "shared phone"
LIFTED = (RESTING, MAX_HOURS)  # by urgency


Place = tuple[bool, int, datetime, int, str]  # in the order of a wave


@dataclass(frozen=True)
class Candidate:
    person: Person
    wave: int
    way: Route
    on_call: bool


@dataclass
class Pool:
    """Those who may be asked, by wave, each in its order; of the others how many for which reason."""

    waves: dict[int, list[Candidate]] = field(default_factory=dict)
    excluded: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class _Hours:
    """The shifts of one person around the recall."""

    shifts: list[Shift]
    on_leave: bool

    def covers(self, kind: str, since: datetime, until: datetime) -> bool:
        return any(s.kind == kind and s.starts_at <= until and s.ends_at > since for s in self.shifts)

    def rest(self, until: datetime) -> timedelta | None:
        ended = [s.ends_at for s in self.shifts if s.kind == "shift" and s.ends_at <= until]
        return until - max(ended) if ended else None

    def worked(self, since: datetime, until: datetime) -> timedelta:
        """Hours that overlap count once."""
        total, seen = timedelta(), since
        for shift in sorted((s for s in self.shifts if s.kind == "shift"), key=lambda s: s.starts_at):
            start, end = max(shift.starts_at, seen), min(shift.ends_at, until)
            if end > start:
                total, seen = total + (end - start), end
        return total


def pool(tx: Tx, recall: Recall) -> Pool:
    """Everybody with the skill who was not asked yet: on call first, then the unit's own, then all others. Before them
    whoever offered to come and was told that they are not needed, and after them whoever was told so without an answer.

    In a wave come first those of the same site, then who was least often recalled lately, then whose last call is
    longest ago.
    """
    people, found = _qualified(tx, recall), Pool()
    hours, sites = _hours(tx, recall, [person.id for person in people]), _sites(tx)
    busy, phones, before = _busy(tx), _asked_phones(tx, recall), _not_needed(tx, recall)
    for person in sorted(people, key=_fairness(tx, recall, sites)):
        way, own = outbox.best(tx, person), hours[person.id]
        reason = _against(tx, recall, person, own, sites, person.id in busy)
        if not reason and way.address in phones and person.id not in before:
            reason = SHARED
        if reason:
            found.excluded[reason] += 1
            continue
        phones.add(way.address)
        on_call = own.covers("oncall", tx.now, tx.now)
        new = 1 if on_call else 2 if recall.unit and person.unit == recall.unit else 3
        wave = before.get(person.id, new)
        found.waves.setdefault(wave, []).append(Candidate(person, wave, way, on_call))
    return found


def _qualified(tx: Tx, recall: Recall) -> list[Person]:
    """Those who hold the role or have the skill, and whoever a shift of this hour gives the role; not who was asked."""
    skill = recall.skill.lower()
    by_shift = select(Shift.person_id).where(Shift.role == skill, Shift.starts_at <= tx.now, Shift.ends_at > tx.now)
    able = or_(named_in(Person.roles, skill), named_in(Person.skills, skill), col(Person.id).in_(by_shift))
    asked = select(RecallCall.person_id).where(RecallCall.recall_id == recall.id,
                                               RecallCall.state != CallState.NOT_NEEDED)  # fmt: skip
    return list(tx.exec(select(Person).where(col(Person.active), able, col(Person.id).not_in(asked))))


def _against(tx: Tx, recall: Recall, person: Person, hours: _Hours, sites: dict[str, str], busy: bool) -> str:
    """Why this person is not asked; empty if they are."""
    if busy:
        return ELSEWHERE
    if person.opted_out_at:
        return OPTED_OUT
    if not outbox.routes(tx, person):
        return NO_PHONE
    if hours.on_leave or hours.covers("away", tx.now, tx.now):
        return ON_LEAVE
    if hours.covers("shift", tx.now, recall.starts_at) or roster.rota(tx) == "none":
        return ON_SHIFT
    if recall.only_site and (person.site or sites.get(person.unit, "")) != recall.site:
        return OTHER_SITE
    return "" if recall.urgent else _tired(tx, recall, hours)


def _tired(tx: Tx, recall: Recall, hours: _Hours) -> str:
    rest = hours.rest(recall.starts_at)
    if rest is not None and rest < timedelta(hours=tx.settings.recall_rest_hours):
        return RESTING
    worked = hours.worked(recall.starts_at - WEEK, recall.starts_at)
    return MAX_HOURS if worked >= timedelta(hours=tx.settings.recall_week_hours) else ""


def _hours(tx: Tx, recall: Recall, ids: list[str]) -> dict[str, _Hours]:
    """The shifts of the week before the recall and at it, and who is on leave now or then."""
    since, until = min(tx.now, recall.starts_at - WEEK), max(tx.now, recall.starts_at)
    shifts: dict[str, list[Shift]] = {}
    absent: set[str] = set()
    for some in _chunks(ids):
        rows = select(Shift).where(col(Shift.person_id).in_(some), Shift.ends_at > since, Shift.starts_at <= until)
        for shift in tx.exec(rows):
            shifts.setdefault(shift.person_id, []).append(shift)
        on_leave = select(Leave.person_id).where(col(Leave.person_id).in_(some))
        absent |= set(tx.exec(on_leave.where(Leave.starts_at <= until, Leave.ends_at > tx.now)))
    return {person_id: _Hours(shifts.get(person_id, []), person_id in absent) for person_id in ids}


def _chunks(ids: list[str]) -> Iterable[list[str]]:
    return (ids[start : start + 500] for start in range(0, len(ids), 500))


def _sites(tx: Tx) -> dict[str, str]:
    return dict(tx.exec(select(roster.Unit.code, roster.Unit.site)).all())


def _busy(tx: Tx) -> set[str]:
    """Whoever has another recall to answer, or is coming for it."""
    rows = select(RecallCall.person_id).join(Recall, col(Recall.id) == RecallCall.recall_id)
    return set(tx.exec(rows.where(col(Recall.state).in_(RUNNING), col(RecallCall.state).in_(AWAITED))))


def _not_needed(tx: Tx, recall: Recall) -> dict[str, int]:
    """In which wave these are asked once more: first whoever had said yes."""
    rows = select(RecallCall.person_id, RecallCall.answer).where(RecallCall.recall_id == recall.id)
    return {who: 0 if said in ETA else 4 for who, said in tx.exec(rows.where(RecallCall.state == CallState.NOT_NEEDED))}


def _asked_phones(tx: Tx, recall: Recall) -> set[str]:
    return set(tx.exec(select(RecallCall.address).where(RecallCall.recall_id == recall.id)))


def _fairness(tx: Tx, recall: Recall, sites: dict[str, str]) -> Callable[[Person], Place]:
    """The key by which people of one wave are put in order."""
    accepted = func.count(col(RecallCall.accepted_at))
    rows = select(RecallCall.person_id, accepted, func.max(RecallCall.asked_at))
    lately = rows.where(RecallCall.asked_at > tx.now - LATELY).group_by(RecallCall.person_id)
    known = {person_id: (count, asked) for person_id, count, asked in tx.exec(lately)}

    def key(person: Person) -> Place:
        is_far = bool(recall.site) and (person.site or sites.get(person.unit, "")) != recall.site
        return (is_far, *known.get(person.id, (0, NEVER)), person.place, person.id)

    return key
