"""Somebody calls us: they hear the state and the question that is open to them, and answer by keypad."""

from datetime import datetime
from urllib.parse import urlencode

from fastapi import Request, Response

from bot import access, inbox, journal, outages, roster
from bot.access import Refused
from bot.channels.voice import ask, say_and_hang_up
from bot.command import answers, callbacks, opening, whose, wording, words
from bot.db import Tx
from handlers import pins
from handlers.intake import Facts, Intake
from handlers.said import Said, away, kept, tell_later, text_later
from handlers.twilio import XML, needed, signed_form
from handlers.voice import KEYS, THANKS, WRONG_KEY, say

PIN = range(4, 9)  # digits
RIGHT_PIN = "call_pin"
STRANGER = Said("call_stranger")


async def called(request: Request, intake: Intake) -> Response:
    """The call itself, a key pressed in it, a PIN keyed in it, or the 1 that follows a right PIN.

    `by` in the address is whose PIN it was: we put it there ourselves, and Twilio signs addresses.
    """
    form, db = await signed_form(request, intake), intake.db
    sid, number = needed(form, "CallSid", "From")
    keyed, by = form.get("Digits", "").strip("#*"), request.query_params.get("by", "")
    if len(keyed) in PIN:
        return await _keyed_pin(intake, number, keyed)
    facts = {"number": number, "digit": keyed[:1], "sid": sid}
    if by and keyed == "1":
        return say(db, await intake.commit("declare_by_call", facts | {"by": by}, instead=lambda: kept(db)))
    if len(keyed) == 1 and keyed in KEYS:
        return say(db, await intake.commit("key_back", facts, instead=lambda: kept(db, risk=keyed == "9")))
    heard = await intake.ask(
        db.transact(greeting, number), lambda: callbacks.Heard(*away(db, keys=True).spoken(db.render))
    )
    text = f"{db.render.voice(WRONG_KEY, heard.language)} {heard.text}" if keyed else heard.text
    if not heard.path:
        return Response(say_and_hang_up(text, heard.language), media_type=XML)
    return Response(ask(text, _address(intake, heard.path), heard.language, number=heard.takes_pin), media_type=XML)


async def _keyed_pin(intake: Intake, number: str, pin: str) -> Response:
    """A right PIN is asked once more whether it is meant; a wrong one counts."""
    db = intake.db
    proven: str | None = await intake.ask(pins.owner(db, number, pin), lambda: None)
    if proven is None:
        return say(db, away(db))
    said: Said = await intake.ask(db.transact(_judge, number, proven), lambda: away(db))
    if said.kind != RIGHT_PIN:
        return say(db, said)
    query = urlencode({"by": proven})
    text, language = said.spoken(db.render)
    return Response(ask(text, _address(intake, f"/twilio/call?{query}"), language), media_type=XML)


def _judge(tx: Tx, number: str, proven: str) -> Said:
    """What to say of the PIN that was keyed; RIGHT_PIN asks whether it is meant."""
    people = roster.by_phone(tx, number)
    if not people:
        return STRANGER
    try:
        access.pins_at(tx, number)  # raises while the number is locked
    except Refused as refused:
        return Said("echo", {"text": str(refused)}, people[0].language)
    if not proven:
        return Said("echo", {"text": pins.wrong(tx, number)}, people[0].language)
    access.right_pin(tx, number)
    return Said(RIGHT_PIN, {}, next((each.language for each in people if each.id == proven), ""))


def greeting(tx: Tx, number: str) -> callbacks.Heard:
    """What somebody who calls us hears first."""
    people = roster.by_phone(tx, number)
    if heard := callbacks.greeting(tx, people, number):
        return heard
    journal.write(tx, "unknown_number", channel="voice", about=number)
    return callbacks.Heard(*STRANGER.spoken(tx.render), path="")


def press(tx: Tx, number: str, digit: str, sid: str) -> Said:
    """A key pressed by somebody who called us, once."""
    first, people = inbox.accept(tx, "call", f"{sid}:{digit}"), roster.by_phone(tx, number)
    if not people:
        if first:
            journal.write(tx, "unknown_number", channel="voice", about=number)
        return STRANGER
    echo = _counts(tx, people, digit) if first else None
    return Said(*(echo or (THANKS, {})), people[0].language)


def _counts(tx: Tx, people: list[roster.Person], digit: str) -> answers.Echo:
    said = whose.hear(tx, people, digit, "", "voice") if digit != "9" else None
    return said or answers.answer(tx, people, digit, "", "voice")


def declare(tx: Tx, number: str, digit: str, sid: str, by: str) -> Said:
    """Whoever keyed a right PIN and then 1 declares, on core, once a call."""
    person = next((each for each in roster.by_phone(tx, number) if each.id == by), None)
    if person is None:
        return STRANGER
    if not inbox.accept(tx, "call", f"{sid}:declare"):
        return Said(THANKS, {}, person.language)
    try:
        with tx.begin_nested():  # what is refused leaves nothing of what it had begun
            done = opening.declare(tx, person, words.Request(), "voice")
    except Refused as refused:
        journal.write(tx, "refused", who=person.id, channel="voice", says=str(refused))
        return Said("echo", {"text": str(refused)}, person.language)
    if done.merged:
        return Said("echo", {"text": f"{done.code} runs already. Nothing more was sent"}, person.language)
    down = wording.says(outages.down(tx, outages.find(tx, done.code)), person.language)
    facts = {"code": done.code, "level": done.level, "services": ", ".join(down), "people": done.people}
    return Said("receipt", facts, person.language)


def press_later(tx: Tx, said: Said, at: datetime, key: Facts) -> None:
    people = roster.by_phone(tx, key["number"])
    if people and said.kind not in (THANKS, "receipt"):  # a declarer's receipt is a message of its own
        tell_later(tx, said, people[0])
    elif not people and inbox.accept(tx, "call", f"{key['sid']}:{key['digit']}:later"):
        text_later(tx, said, key["number"], None)


def _address(intake: Intake, path: str) -> str:
    return f"{intake.db.settings.public_url}{path}"
