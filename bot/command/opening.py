"""Declaring an outage: one transaction that writes everything which must leave."""

from dataclasses import dataclass, field, replace
from typing import Any

from sqlmodel import col, select

from bot import access, journal, outages, outbox, playbooks, roster, tasks
from bot.command import alerting, figures, levels, periods, returning, risks, tell, wording, words
from bot.command.alerting import Alerted
from bot.command.figures import Figures
from bot.command.filled import Filled, filled
from bot.command.still import end_exercises
from bot.command.words import LEVELS, Request
from bot.db import Tx
from bot.outages import Outage


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
    warning: str = ""  # that it takes long, and what would be quicker
    newcomers: int = 0  # who hear of a running outage only now
    merged: str = ""  # `merged` into a running outage, or `joined` to it
    unsent: str = ""  # how to send the words that nobody was told, as nothing of this is new
    odd: list[str] = field(default_factory=list)
    valid: list[str] = field(default_factory=list)  # the services to choose from, where none was understood
    uncovered: bool = False  # shifts exist, but none covers this hour
    practice: bool = False  # its words say that it is an exercise, and staff read that it is real
    filled: Filled = field(default_factory=Filled)


def declare(tx: Tx, by: roster.Person, request: Request, channel: str) -> Declared:
    """Declare an outage, or add to the one that runs. Raises Refused for a missing permission, and for an exercise
    while a real outage runs; never for its words."""
    access.demand(tx, by, "drill" if request.exercise and roster.may(by, "manage") else "declare")
    if request.exercise:
        demand_no_real(tx)
    (text, removed), (works, _) = words.screened(request.text), words.screened(request.works)
    request = replace(request, text=text, works=works)
    library = playbooks.current(tx)
    sites, odd = sites_of(tx, request)
    running = None if request.new else _running(tx, sites, request.exercise)
    if running:
        return _add(tx, running, by, request, channel, library, odd)
    wanted = request.services or []
    level = level_of(request)
    practised = [] if request.exercise else end_exercises(tx, by)
    if not outages.running(tx):
        outages.restart_numbers(tx, "T") if not _open_tasks(tx) else None
    outage = outages.begin(tx, level=level, sites=sites, by=by.id, commander=by.id, summary=request.text,
                           exercise=request.exercise, every=request.every)  # fmt: skip
    if request.works:
        outage.facts = {wording.WORKS: request.works}
    for service in wanted or [playbooks.CORE]:
        outages.add_service(tx, outage, service, library.say([service]), playbooks.words(library, service))
    journal.write(
        tx, "declared", outage=outage.code, who=by.id, channel=channel, level=level, services=wanted, text=request.text
    )
    alerted = alerting.alert(tx, outage, library, wanted, by)
    periods.begin(tx, outage)
    tell.promise(tx, outage)
    levels.watch(tx, outage)
    risks.take_over(tx, outage, practised)
    done = _declared(tx, outage, alerted, library, replace(request, odd=odd))
    return replace(done, warning=f"{done.warning}{removed}".strip())


def demand_no_real(tx: Tx) -> None:
    """Raises Refused while a real outage runs: nobody practises beside it."""
    if real := [outage.code for outage in outages.running(tx) if not outage.exercise]:
        raise access.Refused(f"{', '.join(real)} is real and runs, so no drill may start now.")


def level_of(request: Request) -> int:
    """The level asked for, else the usual one for one service or several."""
    return request.level if request.level is not None else (3 if len(request.services) > 1 else 2)


def preview(tx: Tx, by: roster.Person, request: Request) -> Figures:
    """What a declaration would come to, before it is made."""
    level = level_of(request)
    return figures.forecast(tx, by, [level], sites_of(tx, request)[0], request.services)[level]


def previews(tx: Tx, by: roster.Person) -> dict[int, Figures]:
    """What a declaration everywhere would come to at each level."""
    return figures.forecast(tx, by, [int(level) for level in LEVELS], sites_of(tx, Request())[0], [])


def _declared(tx: Tx, outage: Outage, alerted: Alerted, library: playbooks.Library, request: Request) -> Declared:
    wanted = request.services
    counted = figures.of(tx, alerted.said, alerted.rest)
    _write_receipt(tx, outage, alerted.said, counted)
    by = tx.get(roster.Person, outage.declared_by)
    return Declared(
        code=outage.code,
        level=outage.level,
        services=wanted,
        sites=outage.sites,
        people=counted.people,
        unreachable=counted.unreachable,
        segments=counted.segments,
        finish=counted.finish,
        odd=request.odd,
        valid=[] if wanted else sorted(library.playbooks),
        sent=outbox.body(tx, "sms", "alert", "en", outage.exercise, wording.alert_facts(tx, outage, by)) if by else "",
        warning=counted.warning,
        uncovered=not roster.covered(tx),
        practice=request.practice and not outage.exercise,
        filled=filled(tx, outage, library, wanted, request.folded, counted),
    )


def _write_receipt(tx: Tx, outage: Outage, said: outbox.Notice, counted: Figures) -> None:
    own = [outbox.Message.notice_id == said.id, outbox.Message.person_id == outage.declared_by]
    mine = tx.exec(select(outbox.Message).where(*own)).first()
    if mine is None:
        return
    facts = {
        "code": outage.code,
        "level": outage.level,
        "services": ", ".join(wording.called(outage, outages.down(tx, outage), mine.language)),
        "sites": ", ".join(outage.sites),
        "people": counted.people,
        "finish": counted.finish,
        "unreachable": counted.unreachable,
    }
    channel = mine.channel if mine.channel in ("slack", "voice") else "sms"
    mine.body = outbox.body(tx, channel, "receipt", mine.language, outage.exercise, facts)
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
    sites = [site for site in sites_of(tx, request)[0] if request.sites and site not in outage.sites]
    if request.level is not None and request.level != outage.level:
        odd = [*odd, f"level:{request.level} ({outage.code} is at level {outage.level}; use raise)"]
    if fresh or sites:
        newcomers = _join(tx, outage, library, fresh, sites, request.text)
        return Declared(**_plain(tx, outage, library, request.services), odd=odd, merged="joined", newcomers=newcomers)
    unsent = tell.how(channel, "update", outage.code) if request.text not in ("", outage.summary) else ""
    figures = _plain(tx, outage, library, request.services)
    return Declared(**figures, odd=odd, merged="merged", unsent=unsent)


def _join(tx: Tx, outage: Outage, library: playbooks.Library, fresh: list[str], sites: list[str], text: str) -> int:
    """More services or sites: those who were told get an update, newcomers the alert. Returns the newcomers."""
    for service in fresh:
        outages.add_service(tx, outage, service, library.say([service]), playbooks.words(library, service))
    outage.sites = [*outage.sites, *sites]
    tx.add(outage)
    if outage.state in (outages.OutageState.RESTORED, outages.OutageState.VERIFIED):
        outages.move(tx, outage, outages.OutageState.DECLARED, journal.SYSTEM, "another service is down")
        returning.call_off(tx, outage)
    tell.promise(tx, outage)
    down = [service for service in outages.down(tx, outage) if service.service in fresh]
    named = down or outages.down(tx, outage)
    facts: dict[str, Any] = {"time": tasks.at(tx, tx.now), "what": tell.what(named, text)}
    facts |= {"site": ", ".join(sites) or None, "next": tell.next_at(tx, outage)}
    tell.everyone(tx, outage, "joined", facts, own=lambda language: {
        "services": wording.unless_said(text, named, language), "do": wording.words(down, "do_short", language),
    })  # fmt: skip
    newcomers = alerting.alert(tx, outage, library, [row.service for row in outages.services(tx, outage)]).people
    periods.begin(tx, outage)
    levels.watch(tx, outage)
    return newcomers


def _plain(tx: Tx, outage: Outage, library: playbooks.Library, wanted: list[str]) -> dict[str, Any]:
    people = outbox.audience(tx, outage.notice_id)
    return {
        "code": outage.code, "level": outage.level, "services": [row.service for row in outages.down(tx, outage)],
        "sites": outage.sites, "people": people, "unreachable": 0, "segments": 0, "finish": "", "sent": "",
        "valid": [] if wanted else sorted(library.playbooks),
    }  # fmt: skip


def _running(tx: Tx, sites: list[str], exercise: bool) -> Outage | None:
    """The outage of the same sort that runs at one of these sites."""
    for outage in outages.running(tx):
        if outage.exercise == exercise and (set(outage.sites) & set(sites) or not sites or not outage.sites):
            return outage
    return None


def sites_of(tx: Tx, request: Request) -> tuple[list[str], list[str]]:
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
