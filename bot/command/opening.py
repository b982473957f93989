"""Declaring an outage: one transaction that writes everything which must leave."""

import math
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlmodel import col, select

from bot import access, checkins, journal, outages, outbox, playbooks, roster, tasks
from bot.command import tell, wording
from bot.command.still import end_exercises
from bot.command.wording import Telling
from bot.command.words import Request
from bot.db import Tx
from bot.outages import Outage

LIFE_FIRST = {"unit_check": 0, "role": 1, "receipt": 2, "alert": 3}


@dataclass(frozen=True)
class Declared:
    """What the declarer is answered: the figures, what was filled in, and the way to undo it."""

    code: str
    level: int
    services: list[str]
    sites: list[str]
    people: int
    unreachable: int
    segments: int
    finish: str
    sent: str  # the alert's own words
    merged: str = ""  # `merged` into a running outage, or `joined` to it
    odd: list[str] = field(default_factory=list)
    valid: list[str] = field(default_factory=list)  # the services to choose from, where none was understood
    uncovered: bool = False  # shifts exist, but none covers this hour


def declare(tx: Tx, by: roster.Person, request: Request, channel: str) -> Declared:
    """Declare an outage, or add to the one that runs. Raises Refused only for a missing permission."""
    access.demand(tx, by, "declare")
    library = playbooks.current(tx)
    sites, odd = _sites(tx, request)
    running = None if request.new else _running(tx, sites, request.exercise)
    if running:
        return _add(tx, running, by, request, channel, library, odd)
    wanted = request.services or []
    level = request.level if request.level is not None else (3 if len(wanted) > 1 else 2)
    if not request.exercise:
        end_exercises(tx, by)
    if not outages.running(tx):
        outages.restart_numbers(tx, "T") if not _open_tasks(tx) else None
    outage = outages.begin(tx, level=level, sites=sites, by=by.id, commander=by.id, summary=request.text,
                           exercise=request.exercise, every=request.every)  # fmt: skip
    for service in wanted or ["core"]:
        outages.add_service(tx, outage, service, library.say([service]), playbooks.words(library, service))
    journal.write(
        tx, "declared", outage=outage.code, who=by.id, channel=channel, level=level, services=wanted, text=request.text
    )
    said = _alert(tx, outage, by, library, wanted)
    return _figures(tx, outage, said, library, odd, wanted)


def _alert(tx: Tx, outage: Outage, by: roster.Person, library: playbooks.Library, wanted: list[str]) -> outbox.Notice:
    """Start the playbooks and write the declaration's notice: one notice in four wordings."""
    telling = Telling(outage, by)
    roles = playbooks.start(tx, outage, library, wanted) if outage.level > 0 else set()
    telling.given = tasks.assign_due(tx, outage) if outage.level > 0 else {}
    units = roster.affected_units(tx, outage.sites)
    said = outbox.notice(tx, "alert", outage_id=outage.id, subject=f"outage:{outage.id}", exercise=outage.exercise)
    outage.notice_id = said.id
    checkins.open_round(tx, outage, said.id or 0)
    telling.in_charge = _ask_units(tx, outage, units, said) if outage.level > 0 else {}
    people = _people(tx, telling, roster.told_at(tx, outage.level, [unit.code for unit in units], roles))
    drafts = [draft for person in people for draft in wording.drafts(tx, telling, person)]
    drafts.sort(key=lambda draft: LIFE_FIRST.get(draft.wording, 9))
    outbox.enqueue(tx, said, drafts + wording.posts(tx, outage, units, len(people)))
    _offer(tx, telling, said)
    if by.id in telling.in_charge:
        _ask_declarer(tx, outage, by, telling.in_charge[by.id])
    tell.promise(tx, outage)
    if outage.level == 4:
        tell.partners(tx, outage, "partner", tell.partner_facts(tx, outage))
    tasks.set_clock(tx, outage.id or 0)
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
    in_charge: dict[str, list[str]] = {}
    for unit in units:
        charge = roster.charge(tx, unit.code)
        checkins.watch_unit(tx, outage, unit, charge, said.id or 0)
        if charge:
            in_charge.setdefault(charge.id, []).append(unit.code)
    return in_charge


def _ask_declarer(tx: Tx, outage: Outage, by: roster.Person, units: list[str]) -> None:
    """A declarer who is also in charge of a unit got a receipt; the question about the unit comes beside it."""
    tell.one(tx, outage, by, "unit_check", wording.unit_facts(tx, outage, units), lane=outbox.Lane.QUESTION,
             subject=f"outage:{outage.id}", buttons=wording.check_keys(outage))  # fmt: skip


def _figures(
    tx: Tx, outage: Outage, said: outbox.Notice, library: playbooks.Library, odd: list[str], wanted: list[str]
) -> Declared:
    query = select(outbox.Message).where(
        outbox.Message.notice_id == said.id, ~col(outbox.Message.person_id).startswith("#")
    )
    messages = list(tx.exec(query))
    people = len(tx.exec(select(outbox.Recipient).where(outbox.Recipient.notice_id == said.id)).all())
    unreachable = sum(message.channel == "none" for message in messages)
    segments = sum(message.segments for message in messages if message.channel == "sms")
    finish = tasks.at(tx, tx.now + timedelta(seconds=math.ceil(segments / (tx.settings.sms_per_second or 1000))))
    _write_receipt(tx, outage, messages, people, unreachable, finish)
    by = tx.get(roster.Person, outage.declared_by)
    return Declared(
        code=outage.code,
        level=outage.level,
        services=wanted,
        sites=outage.sites,
        people=people,
        unreachable=unreachable,
        segments=segments,
        finish=finish,
        odd=odd,
        valid=[] if wanted else sorted(library.playbooks),
        sent=outbox.body(tx, "sms", "alert", "en", outage.exercise, wording.alert_facts(tx, outage, by)) if by else "",
        uncovered=not roster.covered(tx),
    )


def _write_receipt(
    tx: Tx, outage: Outage, messages: list[outbox.Message], people: int, unreachable: int, finish: str
) -> None:
    mine = next((message for message in messages if message.person_id == outage.declared_by), None)
    if mine is None:
        return
    facts = {
        "code": outage.code,
        "level": outage.level,
        "services": tell.say(outages.down(tx, outage)),
        "sites": ", ".join(outage.sites),
        "people": people,
        "finish": finish,
        "unreachable": unreachable,
    }
    mine.body = outbox.body(
        tx, mine.channel if mine.channel == "slack" else "sms", "receipt", mine.language, outage.exercise, facts
    )
    tx.add(mine)


def _add(tx: Tx, outage: Outage, by: roster.Person, request: Request, channel: str, library: playbooks.Library,
         odd: list[str]) -> Declared:  # fmt: skip
    """A second declaration while one runs: the same services merge, new ones join."""
    known = {service.service for service in outages.services(tx, outage) if service.state == outages.ServiceState.DOWN}
    fresh = [service for service in request.services if service not in known]
    outage.credited = list(dict.fromkeys([*outage.credited, by.id]))
    tx.add(outage)
    journal.write(
        tx,
        "joined" if fresh else "merged",
        outage=outage.code,
        who=by.id,
        channel=channel,
        services=request.services,
        text=request.text,
    )
    if fresh:
        _join(tx, outage, library, fresh)
    said = tx.get(outbox.Notice, outage.notice_id)
    figures = _plain(tx, outage, said, library, request.services)
    return Declared(**figures, odd=odd, merged="joined" if fresh else "merged")


def _join(tx: Tx, outage: Outage, library: playbooks.Library, fresh: list[str]) -> None:
    for service in fresh:
        outages.add_service(tx, outage, service, library.say([service]), playbooks.words(library, service))
    if outage.state in (outages.OutageState.RESTORED, outages.OutageState.VERIFIED):
        outages.move(tx, outage, outages.OutageState.DECLARED, journal.SYSTEM, "another service is down")
    if outage.level > 0:
        playbooks.start(tx, outage, library, fresh)
    tell.promise(tx, outage)
    down = [service for service in outages.down(tx, outage) if service.service in fresh]
    facts = {
        "time": tasks.at(tx, tx.now),
        "what": tell.what(down),
        "do": wording.words(down, "do_short"),
        "next": tell.next_at(tx, outage),
    }
    tell.everyone(tx, outage, "joined", facts)
    tasks.watch(tx, outage.id or 0)


def _plain(
    tx: Tx, outage: Outage, said: outbox.Notice | None, library: playbooks.Library, wanted: list[str]
) -> dict[str, Any]:
    people = len(tx.exec(select(outbox.Recipient).where(outbox.Recipient.notice_id == (said.id if said else 0))).all())
    return {
        "code": outage.code, "level": outage.level, "services": [row.service for row in outages.services(tx, outage)],
        "sites": outage.sites, "people": people, "unreachable": 0, "segments": 0, "finish": "", "sent": "",
        "valid": [] if wanted else sorted(library.playbooks),
    }  # fmt: skip


def _running(tx: Tx, sites: list[str], exercise: bool) -> Outage | None:
    """The outage of the same sort that runs at one of these sites."""
    for outage in outages.running(tx):
        if outage.exercise == exercise and (set(outage.sites) & set(sites) or not sites or not outage.sites):
            return outage
    return None


def _sites(tx: Tx, request: Request) -> tuple[list[str], list[str]]:
    """The sites asked for that exist (none: all), and what could not be understood."""
    all_sites = [site.code for site in tx.exec(select(roster.Site).order_by(roster.Site.code))]
    asked = [site for site in request.sites if site in all_sites]
    unknown = [f"site {site} (there are {', '.join(all_sites)})" for site in request.sites if site not in all_sites]
    return asked or all_sites, [*request.odd, *unknown]


def _open_tasks(tx: Tx) -> bool:
    return bool(
        tx.exec(
            select(tasks.Task.id).where(col(tasks.Task.state).not_in(tasks.ENDED), tasks.Task.number > 0).limit(1)
        ).first()
    )
