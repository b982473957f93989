"""Asking people: who is on site, and whatever else somebody wants to know."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby

from bot import checkins, journal, outages, outbox, roster, tasks, timers
from bot.access import Refused
from bot.checkins import Kind, Round
from bot.command import digest, rounds, situation, tell, words
from bot.command.whom import group
from bot.db import Tx
from bot.outages import Outage

MISSED, OVER = "round.missed", "round.over"  # the timers: silence goes to the charge nurses; the round closes
MISSED_AFTER = timedelta(minutes=10)
OPEN_FOR = timedelta(minutes=60)
NAMED = 30  # people by name in an answer
SCOPE = re.compile(r"(?:(all)|(units|roles|group):(\S+))(?:\s+|$)", re.IGNORECASE)
USAGE = (
    "Say `/checkin` (it asks the silent units), `/checkin all`, `/checkin units:5W,3W`, the last two with a question "
    "of your own behind them if you like, `/checkin roles:lab_lead text`, `/checkin group:NAME text`, "
    "`/checkin roll-call` or `/checkin sitrep`. Nothing was sent."
)
ROLL_KEYS = (("On site", "1"), ("Not on shift", checkins.AWAY))
QUESTION_KEYS = (("1 Yes / OK", "1"), ("2 No", "2"), ("9 PATIENT RISK", "9"))


@dataclass(frozen=True)
class Wanted:
    """What `/checkin` asks for. `only`: None for the silent, else the units, none for all."""

    code: str = ""
    verb: str = ""  # roll-call, or nothing
    only: list[str] | None = None
    roles: list[str] = field(default_factory=list)
    text: str = ""
    group: str = ""


def wanted(text: str) -> Wanted:
    """`[CODE] [roll-call] [all|units:a,b|roles:x|group:NAME] [text]`."""
    code, rest = words.code(text)
    verb, _, after = rest.partition(" ")
    verb, rest = (verb.lower(), after.strip()) if verb.lower() in VERBS else ("", rest)
    scope = SCOPE.match(rest)
    if scope is None:
        return Wanted(code, verb, None, [], rest)
    _, kind, listed = scope.groups(default="")
    named = [each for each in listed.split(",") if each]
    rest = rest[scope.end() :].strip()
    if kind.lower() == "group":
        return Wanted(code, verb, [], [], rest, listed.lower())
    if kind.lower() == "roles":
        return Wanted(code, verb, [], [role.lower() for role in named], rest)
    return Wanted(code, verb, [unit.upper() for unit in named], [], rest)


def checkin(tx: Tx, by: roster.Person, text: str, channel: str) -> str:
    """Do what `/checkin` asks for; returns what to answer. Raises Refused."""
    asked = wanted(text)
    if asked.verb:
        return VERBS[asked.verb](tx, by, asked, channel)
    if not asked.text and not asked.roles and not asked.group:
        return rounds.ask_again(tx, by, asked.code, asked.only)
    if asked.only is None or not asked.text:
        raise Refused(USAGE)
    return _question(tx, by, asked, channel)


def missed(tx: Tx, round_id: int) -> None:
    """Who has not answered a roll-call becomes one entry in the digest of their charge nurse, a unit each."""
    opened = tx.get(Round, round_id)
    outage = tx.get(Outage, opened.outage_id) if opened and opened.closed_at is None else None
    if opened is None or outage is None:
        return
    for unit, people in groupby(checkins.missing(tx, opened), lambda each: each[0]):
        silent = {person_id for _, person_id, _ in people}
        above = roster.charge(tx, unit) or tell.coordinator(tx, outage)
        if above and silent == {above.id}:  # somebody else has to look
            above = tell.above(tx, outage, above, unit)
        if above:
            digest.add(tx, outage, above, unit, digest.ROLL_CALL)


def over(tx: Tx, round_id: int) -> None:
    """The time to answer has passed: how it stands goes to the command centre."""
    opened = tx.get(Round, round_id)
    outage = tx.get(Outage, opened.outage_id) if opened and opened.closed_at is None else None
    if opened is None or outage is None:
        return
    found = checkins.count(tx, opened)
    journal.write(tx, "round_over", outage=outage.code, about=opened.kind, text=opened.text, **vars(found))
    tell.command_post(tx, outage, "told_you", {"text": _summary(opened, found)})
    checkins.close_rounds(tx, outage, Kind(opened.kind))


def _roll_call(tx: Tx, by: roster.Person, asked: Wanted, channel: str) -> str:
    if asked.text.lower() == "list":
        return _listed(tx, outages.commanded(tx, by, "checkin", asked.code))
    if asked.text or asked.roles or asked.group:
        raise Refused("Say `/checkin roll-call`, `roll-call units:5W,3W` or `roll-call list`. Nothing was sent.")
    outage = outages.commanded(tx, by, "checkin", asked.code)
    units = _known(tx, asked.only or [])
    opened, people = _open(tx, outage, Kind.ROLL_CALL, "", units, ROLL_KEYS)
    timers.set_for(tx, MISSED, str(opened.id), tx.now + MISSED_AFTER)
    journal.write(tx, "roll_call", outage=outage.code, who=by.id, channel=channel, units=units, people=people)
    where = f" in {', '.join(units)}" if units else ""
    return f"Roll-call: {people} people on shift{where} are asked. `/checkin roll-call list` shows who is missing."


def _listed(tx: Tx, outage: Outage) -> str:
    opened = checkins.latest(tx, outage, Kind.ROLL_CALL)
    if opened is None:
        raise Refused(f"{outage.code} has had no roll-call. Start one with `/checkin roll-call`.")
    some, found = checkins.missing(tx, opened, NAMED), checkins.count(tx, opened)
    by_unit = [
        f"{unit or 'no unit'}: {', '.join(name for _, _, name in people)}"
        for unit, people in groupby(some, lambda each: each[0])
    ]
    more = [f"and {found.missing - len(some)} more"] if found.missing > len(some) else []
    return "\n".join([f"{tasks.at(tx, opened.opened_at)} {_summary(opened, found)}", *by_unit, *more])


def _question(tx: Tx, by: roster.Person, asked: Wanted, channel: str) -> str:
    outage = outages.commanded(tx, by, "checkin", asked.code)
    text, units = asked.text.translate(words.QUOTES), _known(tx, asked.only or [])
    some = group(tx, asked.group) if asked.group else _holders(tx, asked.roles) if asked.roles else None
    text, removed = words.screened(text)
    _, people = _open(tx, outage, Kind.QUESTION, text, units, QUESTION_KEYS, some)
    journal.write(tx, "question_asked", outage=outage.code, who=by.id, channel=channel, text=text, people=people)
    return f"{people} people are asked: {tx.render.sms('question', 'en', outage.exercise, text=text)}{removed}"


def _open(
    tx: Tx, outage: Outage, kind: Kind, text: str, units: list[str], keys: tuple[tuple[str, str], ...],
    people: list[roster.Person] | None = None,
) -> tuple[Round, int]:  # fmt: skip
    """Ask these people, else everybody on shift in the units or anywhere; returns how many that are."""
    said = outbox.notice(tx, str(kind), outage_id=outage.id, exercise=outage.exercise)
    opened = checkins.open_round(tx, outage, said, kind, text, units)
    timers.set_for(tx, OVER, str(opened.id), tx.now + OPEN_FOR)
    facts = {"text": text} if text else {"time": tasks.at(tx, tx.now)}
    buttons = [[label, f"round_{digit}", f"{opened.id} {digit}"] for label, digit in keys]
    if people is None:
        sites = [] if units else outage.sites
        on_shift = outbox.Audience("shift", said.id or 0, sites=sites, at=tx.now.isoformat(), units=units)
        outbox.spread(tx, said, on_shift, outbox.Words(facts, {"": {}}, buttons), outbox.Lane.QUESTION)
    outbox.enqueue(tx, said, [
        outbox.draft(tx, person, way, said.kind, facts, lane=outbox.Lane.QUESTION, exercise=outage.exercise,
                     buttons=buttons)
        for person in people or [] for way in tell.ways(tx, person)
    ])  # fmt: skip
    outbox.enqueue(tx, said, [
        outbox.post(tx, channel, said.kind, facts, lane=outbox.Lane.QUESTION, exercise=outage.exercise, buttons=buttons)
        for channel in _channels(tx, outage, units) if people is None
    ])  # fmt: skip
    return opened, outbox.audience(tx, said.id)


def _channels(tx: Tx, outage: Outage, units: list[str]) -> list[str]:
    """The Slack channels of the units that are asked."""
    here = [unit for unit in roster.affected_units(tx, outage.sites) if not units or unit.code in units]
    return sorted({unit.slack_channel for unit in here if unit.slack_channel})


def _known(tx: Tx, units: list[str]) -> list[str]:
    known = {unit.code for unit in roster.affected_units(tx, [])}
    if unknown := sorted(set(units) - known):
        raise Refused(f"There is no unit {', '.join(unknown)}. Units: {', '.join(sorted(known))}. Nothing was sent.")
    return units


def _holders(tx: Tx, roles: list[str]) -> list[roster.Person]:
    if unknown := [role for role in roles if role not in roster.ROLES]:
        raise Refused(f"There is no role {', '.join(unknown)}. Roles: {', '.join(roster.ROLES)}. Nothing was sent.")
    found = list({person.id: person for role in roles for person in roster.holders(tx, role)}.values())
    if not found:
        raise Refused(f"Nobody on shift is {', '.join(roles)}. Nothing was sent.")
    return found


def _summary(opened: Round, found: checkins.Count) -> str:
    if opened.kind == Kind.ROLL_CALL:
        where = f" {', '.join(opened.units)}" if opened.units else ""
        return f"ROLL-CALL{where}: {found.fine} on site, {found.away} away, {found.missing} not accounted for"
    return f"{opened.text}: yes {found.fine}, no {found.need}, away {found.away}, silent {found.missing}"


def _sitrep(tx: Tx, by: roster.Person, asked: Wanted, channel: str) -> str:
    if asked.text.lower() == "ask":
        return situation.ask_by(tx, by, asked.code)
    return situation.shown(tx, by, asked.code)


#: The words that `/checkin` begins with → what is done
VERBS = {"roll-call": _roll_call, "sitrep": _sitrep}
