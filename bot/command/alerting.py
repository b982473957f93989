"""The alert: whoever has not been told of an outage yet hears of it, once and in the right one of four wordings."""

from dataclasses import dataclass

from bot import checkins, outbox, playbooks, roster, tasks
from bot.command import tell, wording
from bot.command.wording import Telling
from bot.db import Tx
from bot.outages import Outage

LIFE_FIRST = {"unit_check": 0, "role": 1, "receipt": 2, "alert": 3}


@dataclass(frozen=True)
class Alerted:
    """The declaration's notice, how many hear of the outage by it now, and the ways to those who are still to
    be written."""

    said: outbox.Notice
    people: int
    rest: list[outbox.Way]


def alert(
    tx: Tx, outage: Outage, library: playbooks.Library, wanted: list[str], by: roster.Person | None = None,
    present: bool = False,
) -> Alerted:  # fmt: skip
    """Start what is not started yet of these playbooks, ask the units that have not been asked, and tell whoever the
    level tells and has not been told. With `by` it is the declaration itself; with `present` nobody off shift is told
    but role holders.

    Written at once: the declarer, the unit checks, the role holders, and as many others as a batch holds.
    """
    roster.read_all_posts(tx)
    units = roster.affected_units(tx, outage.sites) if outage.level > 0 else []
    roles = playbooks.start(tx, outage, library, wanted) if outage.level > 0 else set()
    said = _notice(tx, outage)
    before = 0 if by else outbox.audience(tx, said.id)
    telling = Telling(outage, by)
    telling.given = tasks.assign_due(tx, outage) if outage.level > 0 else {}
    telling.in_charge = _ask_units(tx, outage, units, said)
    all_others = outbox.Audience("alert", said.id or 0, outage.level, outage.sites, tx.now.isoformat(), present=present)
    holders = roster.told_first(tx, outage.level, [unit.code for unit in units], roles)
    rest = _tell(tx, telling, said, holders, all_others)
    people = outbox.audience(tx, said.id) - before
    outbox.enqueue(tx, said, wording.posts(tx, outage, units, people) if by else [])
    _offer(tx, telling, said)
    _ask_beside(tx, telling)
    if outage.level == 4:
        tell.partners(tx, outage, "partner", tell.partner_facts(tx, outage))
    tasks.set_clock(tx, outage.id or 0)
    return Alerted(said, people, rest)


def _tell(
    tx: Tx, telling: Telling, said: outbox.Notice, holders: list[str], all_others: outbox.Audience
) -> list[outbox.Way]:
    """Tell those who have a part in it, each in their own words, then all others; returns the ways to whoever waits."""
    outage = telling.outage
    apart = list(dict.fromkeys([*([telling.by.id] if telling.by else []), *telling.in_charge, *telling.given]))
    telling.known = outbox.heard(tx, said.id, [*apart, *holders])
    people = roster.people(tx, [person_id for person_id in apart if person_id not in telling.known])
    drafts = [draft for person in people.values() for draft in wording.drafts(tx, telling, person)]
    drafts.sort(key=lambda draft: LIFE_FIRST.get(draft.wording, 9))
    outbox.enqueue(tx, said, drafts)
    first = [person_id for person_id in holders if person_id not in telling.known and person_id not in people]
    words, room = wording.alert_words(tx, outage), max(outbox.BATCH - len(people), 0)
    return outbox.spread(tx, said, all_others, words, outbox.Lane.ALERT, room, first)


def _notice(tx: Tx, outage: Outage) -> outbox.Notice:
    """The declaration's notice: one, however many hear of it later."""
    said = tx.get(outbox.Notice, outage.notice_id) if outage.notice_id else None
    if said is None:
        said = outbox.notice(tx, "alert", outage_id=outage.id, subject=f"outage:{outage.id}", exercise=outage.exercise)
        outage.notice_id = said.id
        tx.add(outage)
        checkins.open_round(tx, outage, said)
    return said


def _offer(tx: Tx, telling: Telling, said: outbox.Notice) -> None:
    """Offer what begins at once; the first task of a role text has been offered in it."""
    for person_id, mine in telling.given.items():
        person, in_role_text = roster.person(tx, person_id), telling.wording(person_id) == "role"
        if person:
            heard = said if in_role_text else None
            tasks.announce(tx, telling.outage, person, mine, texted=int(in_role_text), heard=heard)


def _ask_units(tx: Tx, outage: Outage, units: list[roster.Unit], said: outbox.Notice) -> dict[str, list[str]]:
    """Every affected unit stands silent from now; returns the units each person in charge answers for."""
    known = {row.unit for row in checkins.units(tx, outage.id or 0)}
    in_charge: dict[str, list[str]] = {}
    for unit in [unit for unit in units if unit.code not in known]:
        charge = roster.charge(tx, unit.code)
        checkins.watch_unit(tx, outage, unit, charge, said.id or 0)
        if charge:
            in_charge.setdefault(charge.id, []).append(unit.code)
    return in_charge


def _ask_beside(tx: Tx, telling: Telling) -> None:
    """Who is in charge of a unit but hears of the outage otherwise gets the question about the unit beside it."""
    outage = telling.outage
    for person_id, units in telling.in_charge.items():
        person = roster.person(tx, person_id)
        if person and telling.wording(person_id) != "unit_check":
            facts = wording.unit_facts(tx, outage, units, person.language or "en")
            tell.one(tx, outage, person, "unit_check", facts, lane=outbox.Lane.QUESTION,
                     subject=f"outage:{outage.id}", buttons=wording.check_keys(outage))  # fmt: skip
