"""The alert: whoever has not been told of an outage yet hears of it, once and in the right one of four wordings."""

from bot import checkins, outbox, playbooks, roster, tasks
from bot.command import tell, wording
from bot.command.wording import Telling
from bot.db import Tx
from bot.outages import Outage

LIFE_FIRST = {"unit_check": 0, "role": 1, "receipt": 2, "alert": 3}


def alert(
    tx: Tx, outage: Outage, library: playbooks.Library, wanted: list[str], by: roster.Person | None = None
) -> outbox.Notice:
    """Start what is not started yet of these playbooks, ask the units that have not been asked, and tell whoever the
    level tells and has not been told. With `by` it is the declaration itself."""
    units = roster.affected_units(tx, outage.sites) if outage.level > 0 else []
    roles = playbooks.start(tx, outage, library, wanted) if outage.level > 0 else set()
    known = {person.id for person in tell.told(tx, outage)}
    said = _notice(tx, outage)
    telling = Telling(outage, by, known)
    telling.given = tasks.assign_due(tx, outage) if outage.level > 0 else {}
    telling.in_charge = _ask_units(tx, outage, units, said)
    told = roster.told_at(tx, outage.level, [unit.code for unit in units], roles)
    people = [person for person in _people(tx, telling, told) if person.id not in known]
    drafts = [draft for person in people for draft in wording.drafts(tx, telling, person)]
    drafts.sort(key=lambda draft: LIFE_FIRST.get(draft.wording, 9))
    outbox.enqueue(tx, said, drafts + (wording.posts(tx, outage, units, len(people)) if by else []))
    _offer(tx, telling, said)
    _ask_beside(tx, telling)
    if outage.level == 4:
        tell.partners(tx, outage, "partner", tell.partner_facts(tx, outage))
    tasks.set_clock(tx, outage.id or 0)
    return said


def _notice(tx: Tx, outage: Outage) -> outbox.Notice:
    """The declaration's notice: one, however many hear of it later."""
    said = tx.get(outbox.Notice, outage.notice_id) if outage.notice_id else None
    if said is None:
        said = outbox.notice(tx, "alert", outage_id=outage.id, subject=f"outage:{outage.id}", exercise=outage.exercise)
        outage.notice_id = said.id
        tx.add(outage)
        checkins.open_round(tx, outage, said.id or 0)
    return said


def _people(tx: Tx, telling: Telling, told: list[roster.Person]) -> list[roster.Person]:
    """The declarer, those whom the level tells, and whoever was just given a task."""
    given = [roster.person(tx, person_id) for person_id in telling.given]
    return list({person.id: person for person in [telling.by, *told, *given] if person}.values())


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
