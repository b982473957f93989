"""Which of its four wordings a person gets of a declaration's notice, and with which facts (messages.md R1)."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlmodel import func, select

from bot import outages, outbox, playbooks, roster, tasks, texting
from bot.command import tell
from bot.db import Tx
from bot.outages import Outage

CHECK_KEYS = (
    ("1 OK", "1"),
    ("2 Need staff", "2"),
    ("3 Need forms", "3"),
    ("4 Not affected", "4"),
    ("9 PATIENT RISK", "9"),
)
STILL_WORKS_FROM = 2  # the level from which staff hear what still works
WORKS = "still_works"  # the fact, and the line of a playbook
STAFF_KEYS = (("1 Read", "1"), ("2 Need help", "2"), ("9 PATIENT RISK", "9"))


@dataclass
class Telling:
    """Who a declaration is told to, and as what."""

    outage: Outage
    by: roster.Person | None = None  # who declares it just now
    known: set[str] = field(default_factory=set)  # who heard of it before
    in_charge: dict[str, list[str]] = field(default_factory=dict)  # person → the units asked of them
    given: dict[str, list[tasks.Task]] = field(default_factory=dict)  # person → the tasks offered at once
    staff: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)  # language, site → the alert's facts
    down: list[outages.Service] = field(default_factory=list)  # what is down

    def wording(self, person_id: str) -> str:
        """One alert a person: a declarer's receipt, a unit check, a role text, else the staff alert; none twice."""
        if person_id in self.known:
            return "none"
        if self.by and person_id == self.by.id:
            return "receipt"
        if person_id in self.in_charge:
            return "unit_check"
        return "role" if self.first_task(person_id) else "alert"

    def first_task(self, person_id: str) -> tasks.Task | None:
        return next((task for task in self.given.get(person_id, []) if task.kind != tasks.Kind.CARD), None)


def drafts(tx: Tx, telling: Telling, person: roster.Person) -> list[outbox.Draft]:
    """The messages of the declaration for one person; a role holder with Slack hears it there as well."""
    outage, wording, ways = telling.outage, telling.wording(person.id), [outbox.best(tx, person)]
    if wording == "receipt":
        return [_receipt_place(tx, person, ways[0])]
    if wording == "role" and person.slack_id:
        ways.append(outbox.Route("slack", person.slack_id))
    facts, keys = _facts(tx, telling, wording, person)
    return [
        outbox.draft(tx, person, way, wording, facts, lane=outbox.Lane.ALERT, exercise=outage.exercise, buttons=keys)
        for way in dict.fromkeys(ways)
    ]


def _facts(tx: Tx, telling: Telling, wording: str, person: roster.Person) -> tuple[dict[str, Any], list[list[str]]]:
    outage, first = telling.outage, telling.first_task(person.id)
    if wording == "unit_check":
        units = telling.in_charge[person.id]
        telling.down = telling.down or outages.down(tx, outage)
        return unit_facts(tx, outage, units, person.language or "en", telling.down), check_keys(outage)
    if wording == "role" and first:
        return role_facts(tx, outage, person, first), tasks.buttons(first)
    alike = (person.language, person.site)
    if alike not in telling.staff:
        telling.staff[alike] = alert_facts(tx, outage, person)
    return telling.staff[alike], staff_keys(outage)


def posts(tx: Tx, outage: Outage, units: list[roster.Unit], people: int) -> list[outbox.Draft]:
    down = outages.down(tx, outage)
    facts = {"what": tell.what(down, outage.summary), "next": tell.next_at(tx, outage)} | tell.no_phone(tx, outage)
    facts |= {"site": where(tx, outage)} | _by_language(outage, outage.summary, down, tx.settings.default_language)
    lane, exercise = outbox.Lane.ALERT, outage.exercise
    drafts = [
        outbox.post(tx, unit.slack_channel, "alert", facts, lane=lane, exercise=exercise, buttons=staff_keys(outage))
        for unit in units
        if unit.slack_channel
    ]
    if tx.settings.slack_command_channel:
        commander = tx.get(roster.Person, outage.commander)
        all_facts = {
            "code": outage.code,
            "level": outage.level,
            "services": tell.say(called(outage, down)),
            "sites": ", ".join(outage.sites),
            "people": people,
            "commander": commander.name if commander else "",
            "next": tell.next_at(tx, outage),
            "text": outage.summary if named(down) else "",
        }
        drafts.append(
            outbox.post(tx, tx.settings.slack_command_channel, "declared", all_facts, lane=lane, exercise=exercise)
        )
    return drafts


def alert_facts(tx: Tx, outage: Outage, person: roster.Person) -> dict[str, Any]:
    said, language = alert_words(tx, outage), person.language or tx.settings.default_language
    return said.facts_in(language) | tell.help_phone(tx, person, outage)


def alert_words(tx: Tx, outage: Outage) -> outbox.Words:
    """What the staff alert says, to whomever."""
    down, own = outages.down(tx, outage), own_words(tx, outage)
    facts = {"what": tell.what(down, own), "site": where(tx, outage), "next": tell.next_at(tx, outage)}
    return tell.words(
        tx,
        outage,
        facts,
        lambda language: _by_language(outage, own, down, language),
        staff_keys(outage),
    )


def own_words(tx: Tx, outage: Outage) -> str:
    """The declarer's, while they are the whole truth: until a service comes back, or another one fails."""
    rows = outages.services(tx, outage)
    whole = all(row.state == outages.ServiceState.DOWN and row.down_at == outage.declared_at for row in rows)
    return outage.summary if whole else ""


def _by_language(outage: Outage, own: str, down: list[outages.Service], language: str) -> dict[str, Any]:
    """What of an alert differs by language. What a person said still works is said as they wrote it."""
    works = {"works_said" if outage.facts.get(WORKS) else WORKS: still_works(outage, down, language)}
    return works | {"services": unless_said(own, down, language), "do": words(down, "do", language)}


def where(tx: Tx, outage: Outage) -> str | None:
    """The sites, unless all of them are affected."""
    some = len(outage.sites) < tx.exec(select(func.count()).select_from(roster.Site)).one()
    return ", ".join(outage.sites) if some and outage.sites else None


def unit_facts(
    tx: Tx, outage: Outage, units: list[str], language: str = "en", down: list[outages.Service] | None = None
) -> dict[str, Any]:
    down, own = down or outages.down(tx, outage), own_words(tx, outage)
    by = tasks.at(tx, tx.now + call_after(outage))
    said = {
        "what": tell.what(down, own),
        "services": unless_said(own, down, language),
        "do": _unsaid(words(down, "do_short", language), own),
    }
    return said | {"units": ", ".join(units), "by": by}


def call_after(outage: Outage) -> timedelta:
    """How long after a unit was asked it is called."""
    rungs = outage.ladders.get("silence", [])
    return timedelta(seconds=next((rung["after"] for rung in rungs if rung["do"] == "call"), 300))


def role_facts(tx: Tx, outage: Outage, person: roster.Person, first: tasks.Task) -> dict[str, Any]:
    site = roster.site(tx, outage.sites[0]) if outage.sites else None
    role, down, own = roster.ROLES.get(first.role), outages.down(tx, outage), own_words(tx, outage)
    return {
        "title": role.short if role else first.role,
        "what": tell.what(down, own),
        "services": unless_said(own, down, person.language),
        "level": outage.level,
        "site": ", ".join(outage.sites),
        "since": tasks.at(tx, outage.declared_at),
        "lead": first.sms,
        "bridge": site.bridge if site else None,
        "task": first.code,
        "calling": first.via == "oncall" and first.prio == 1 and not person.no_voice,
    }


def words(services: list[outages.Service], key: str, language: str = "en") -> str | None:
    """What to do, from the first service whose playbook says it, in this language or in English."""
    languages = dict.fromkeys((texting.base(language), "en"))
    said = [service.words.get(each, {}).get(key) for service in services for each in languages]
    return next(filter(None, said), None)


def still_works(outage: Outage, services: list[outages.Service], language: str = "en") -> str | None:
    """What a person said still works; else what the playbooks of all services that are down agree on."""
    if outage.level < STILL_WORKS_FROM:
        return None
    if outage.facts.get(WORKS):
        return str(outage.facts[WORKS])
    lists = [(words([service], WORKS, language) or "").split(", ") for service in services]
    return ", ".join(each for each in (lists[0] if lists else []) if all(each in other for other in lists)) or None


def _unsaid(do: str | None, said: str) -> str | None:
    """What to do, unless the declarer's own words say it already."""
    return None if do and do.casefold() in said.casefold() else do


def says(services: list[outages.Service], language: str) -> list[str]:
    return [service.words.get(texting.base(language), {}).get("say") or service.say for service in services]


def unless_said(said: str, services: list[outages.Service], language: str) -> list[str] | None:
    """What is down, for a translation; None where a person said it in words that may mean something else."""
    return None if said else says(services, language)


def named(services: list[outages.Service], language: str = "en") -> list[str] | None:
    """What may be called down or back: services that somebody named. Core alone stands for whatever was said."""
    return says([service for service in services if service.service != playbooks.CORE], language) or None


def called(outage: Outage, services: list[outages.Service], language: str = "en") -> list[str]:
    """What is down, for whoever commands: by the names of services; core alone by what was said, if anything was."""
    return named(services, language) or [*filter(None, [outage.summary])] or says(services, language)


def what(outage: Outage, services: list[outages.Service]) -> str:
    """What is down, by the names of services; where core alone is, what was said."""
    return tell.what(services, "" if named(services) else outage.summary)


def check_keys(outage: Outage) -> list[list[str]]:
    return [[label, f"check_{digit}", f"{outage.code} {digit}"] for label, digit in CHECK_KEYS]


def staff_keys(outage: Outage) -> list[list[str]]:
    return [[label, f"check_{digit}", f"{outage.code} {digit}"] for label, digit in STAFF_KEYS]


def _receipt_place(tx: Tx, person: roster.Person, way: outbox.Route) -> outbox.Draft:
    """The declarer's receipt, still empty; `_figures` fills it when all are counted."""
    return outbox.Draft(
        person_id=person.id,
        channel=way.channel,
        address=way.address,
        lane=outbox.Lane.ALERT,
        body="",
        unit=person.unit,
        wording="receipt",
        language=person.language or "en",
        reason=way.reason,
    )
