"""Texts from people: verify, parse, one verb, answer in TwiML."""

from datetime import datetime
from typing import Any

from fastapi import Request, Response

from bot import inbox, journal, outages, roster, texting, timers
from bot.access import Refused
from bot.channels.sms import reply_twiml
from bot.command import answers, colleagues, reading, tell
from bot.db import Database, Tx
from bot.texting import Reply, Says
from handlers import pins
from handlers.intake import LEFT, Facts, Intake
from handlers.said import Said, away, kept, text_later
from handlers.texted import SAYS, WrongPin, stranger
from handlers.twilio import XML, needed, signed_form

WITH_PIN = (Says.DECLARE, Says.COMMAND)


async def receive(request: Request, intake: Intake) -> Response:
    form = await signed_form(request, intake)
    sid, number = needed(form, "MessageSid", "From")
    said = await _take(intake, sid, number, form.get("Body", ""))
    return Response(reply_twiml(said.sms(intake.db.render) if said else None), media_type=XML)


async def _take(intake: Intake, sid: str, number: str, body: str) -> Said | None:
    """Have it done, or kept. No PIN is ever kept, so a command whose PIN cannot be checked now is not done at all."""
    reply = texting.parse_reply(body)
    proven: str | None = ""
    if reply.says in WITH_PIN and reply.pin:
        proven = await intake.ask(pins.owner(intake.db, number, reply.pin), lambda: None)
    if proven is None:
        return away(intake.db)
    masked = dict(vars(reply)) | {"pin": texting.mask(reply.pin)}
    facts = {"sid": sid, "number": number, "body": texting.mask(body), "reply": masked, "proven": proven}
    is_one = reply == Reply(says=Says.ANSWER, digit="1")
    return await intake.commit("one" if is_one else "text", facts, instead=lambda: _meanwhile(intake.db, reply))


def _meanwhile(db: Database, reply: Reply) -> Said | None:
    """What is answered while it is kept; nothing to a 1, nor to what the carrier answers."""
    if reply.digit == "1" or reply.says in (Says.OPTED_OUT, Says.OPTED_IN):
        return None
    return kept(db, risk=reply.digit == "9")


def do(tx: Tx, sid: str, number: str, body: str, reply: Facts, proven: str) -> Said | None:
    return hear(tx, sid, number, body, Reply(**reply), proven)


def screened(text: Facts) -> Facts:
    """As it may lie on the disk. What was taken out marks it, so that its sender is told all the same."""
    note = texting.without_patients(text["reply"]["note"])
    return text | {"body": texting.without_patients(text["body"]), "reply": text["reply"] | {"note": note}}


def do_later(tx: Tx, said: Said | None, at: datetime, text: Facts) -> None:
    if said:
        people = roster.by_phone(tx, text["number"])
        text_later(tx, said, text["number"], people[0] if people else None)


def ones(tx: Tx, texts: list[Facts]) -> list[Any]:
    """What most people text, and all of them within minutes."""
    return [None if taken else LEFT for taken in reading.read(tx, [(text["sid"], text["number"]) for text in texts])]


def hear(tx: Tx, sid: str, number: str, body: str, reply: Reply, proven: str = "") -> Said | None:
    """One text, once; returns what to answer, if anything. `proven` is who the PIN belongs to, which itself is masked
    by now, as it is in `body`."""
    if not inbox.accept(tx, "sms", sid):
        return None
    people = roster.by_phone(tx, number)
    if not people:
        return stranger(tx, number)
    try:
        with tx.begin_nested():  # what is refused leaves nothing of what it had begun
            echo = SAYS[reply.says](tx, people, reply, number, body, proven)
    except WrongPin:
        echo = ("echo", {"text": pins.wrong(tx, number)})
    except Refused as refused:
        journal.write(tx, "refused", who=people[0].id, channel="sms", says=str(refused))
        echo = ("echo", {"text": str(refused)})
    running = outages.running(tx)
    exercise = bool(running and running[0].exercise)
    held = _held(tx, people[0], number, body, exercise)
    if echo is None or (held and echo[0] == "stray"):
        return held
    said = Said(*echo, people[0].language, exercise)
    if held:  # beside the answer to what they said
        text_later(tx, held, number, people[0])
    return said


def _held(tx: Tx, person: roster.Person, number: str, body: str, exercise: bool) -> Said | None:
    """Who texts what may be a patient's is told not to, once in ten minutes."""
    if not colleagues.patient_data(tx, person, body) or timers.due_at(tx, answers.HELD, number):
        return None
    timers.set_for(tx, answers.HELD, number, tx.now + answers.ONCE_IN)
    return Said("held", tell.no_phone(tx), person.language, exercise)
