"""Calls between people and us that no ladder asked for: who texts HELP is called, and who calls us hears the state."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlmodel import col, select

from bot import access, checkins, journal, outages, outbox, roster, tasks, timers
from bot.access import Refused
from bot.command import answers, tell, wording
from bot.db import Tx
from bot.outages import Outage
from bot.outbox import Message, Notice

QUIET = "callback.quiet"  # the timer that keeps a second HELP from ringing again
WORTH = timedelta(minutes=10)
MISSED = timedelta(minutes=60)  # for which a call of ours is what somebody calls back about


@dataclass(frozen=True)
class Heard:
    """What a caller hears, and where the keys go; nowhere: then the call ends."""

    text: str
    language: str
    path: str = "/twilio/call"
    takes_pin: bool = False


def is_first(tx: Tx, person: roster.Person, number: str, body: str) -> bool:
    """Note that somebody asks for help by HELP or INFO; False within ten minutes of the last time."""
    running = outages.running(tx)
    journal.write(tx, "asked_for_call", who=person.id, channel="sms", outage=running[0].code if running else "")
    if timers.due_at(tx, QUIET, number):
        return False
    timers.set_for(tx, QUIET, number, tx.now + answers.ONCE_IN)
    if running:
        facts = {"who": person.name, "unit": person.unit, "text": f"{body.strip()} (we call back)"}
        tell.command_post(tx, running[0], "stray_text", facts)
    return True


def call(tx: Tx, people: list[roster.Person], number: str) -> bool:
    """Call somebody back at the number they texted from; False if none of them can be called."""
    person = next((person for person in people if not person.no_voice), None)
    if person is None:
        return False
    outage = _outage(tx, [person])
    said = outbox.notice(
        tx,
        "call",
        outage_id=outage.id if outage else None,
        subject=f"outage:{outage.id}" if outage else "",
        exercise=bool(outage and outage.exercise),
    )
    drafted = outbox.draft(tx, person, outbox.Route("voice", number), "call",
                           _facts(tx, [person], outage) | {"asked": True}, lane=outbox.Lane.QUESTION,
                           exercise=said.exercise)  # fmt: skip
    drafted.not_after = tx.now + WORTH
    outbox.enqueue(tx, said, [drafted])
    return True


def greeting(tx: Tx, people: list[roster.Person], number: str) -> Heard | None:
    """What staff, or whoever is at a unit's own phone, hear who call us: what we called this number about, if that is
    still open, else how things stand; None for a number that is nobody's and that we did not call."""
    language = (people[0].language if people else "") or tx.settings.default_language
    missed = _missed(tx, number)
    if missed:
        return Heard(missed.body, missed.language or language, f"/twilio/voice/{missed.id}")
    if not people:
        return None
    outage, takes_pin = _outage(tx, people), _takes_pin(tx, people, number)
    facts = _facts(tx, people, outage) | {"pin": takes_pin}
    said = tx.render.voice("call", language, bool(outage and outage.exercise), **facts)
    return Heard(said, tx.render.speaks("call", "voice", language), takes_pin=takes_pin)


def _outage(tx: Tx, people: list[roster.Person]) -> Outage | None:
    """The outage in which they were asked last, else the one that runs."""
    asked = checkins.asked(tx, [person.id for person in people])
    running = outages.running(tx)
    found = (outage for question in asked for outage in running if outage.id == question.outage_id)
    return next(found, running[0] if running else None)


def _facts(tx: Tx, people: list[roster.Person], outage: Outage | None) -> dict[str, Any]:
    if outage is None:
        return {} | tell.help_phone(tx, people[0])
    ids = [person.id for person in people]
    units = [row.unit for row in checkins.units(tx, outage.id or 0) if row.asked in ids]
    down = wording.named(outages.down(tx, outage), people[0].language or "en") or []
    return {"down": down, "state": outage.state, "level": outage.level, "next": tasks.at(tx, outage.next_update_at),
            "units": units} | tell.help_phone(tx, people[0], outage)  # fmt: skip


def _missed(tx: Tx, number: str) -> Message | None:
    """Our last call to this number about something that nobody has taken or answered yet."""
    mine = [col(Message.address) == number, col(Message.channel) == "voice", col(Message.handed_at) > tx.now - MISSED]
    still_open = [
        col(Notice.closed_at).is_(None),
        col(Notice.subject) != "",
        ~col(Notice.subject).startswith("outage:"),
    ]
    query = select(Message).join(Notice, col(Notice.id) == col(Message.notice_id)).where(*mine, *still_open)
    return tx.exec(query.order_by(col(Message.lane), col(Message.id).desc()).limit(1)).first()


def _takes_pin(tx: Tx, people: list[roster.Person], number: str) -> bool:
    """Somebody at this number may declare and has a PIN."""
    try:
        pins = access.pins_at(tx, number)
    except Refused:
        return False
    return any(person.id in pins and roster.may(person, "declare") for person in people)
