"""Calls of ours: what is spoken, and what a pressed key means. Only a key is an answer."""

from datetime import datetime

from fastapi import Request, Response

from bot import checkins, inbox, outbox, recalls, roster, tasks
from bot.access import Refused
from bot.channels.voice import ask, say_and_hang_up
from bot.command import answers, errands, risks, whose
from bot.db import Database, Tx
from bot.outages import Outage
from handlers.intake import Facts, Intake
from handlers.said import Said, away, kept, tell_later
from handlers.twilio import XML, needed, signed_form

KEYS = "12349"
CHECKS = ("outage:", "unit:", "round:")  # what a notice is about, if a digit answers it
WRONG_KEY = "wrong_key"
OVER = Said("call_over")
THANKS = "thanks"

Spoken = tuple[str, str, bool]  # what a call says, in which language, and whether its question is still open


async def answered(request: Request, intake: Intake, message: int) -> Response:
    """The call we placed was picked up, or a key was pressed in it."""
    form, db = await signed_form(request, intake), intake.db
    (sid,) = needed(form, "CallSid")
    digit = form.get("Digits", "")[:1]
    if digit and digit in KEYS:
        facts = {"message": message, "digit": digit, "sid": sid}
        return say(db, await intake.commit("key", facts, instead=lambda: kept(db, risk=digit == "9")))
    text, language, is_open = await intake.ask(db.read(spoken, message), lambda: (*away(db).spoken(db.render), False))
    if not is_open:
        return Response(say_and_hang_up(text, language), media_type=XML)
    said = f"{db.render.voice(WRONG_KEY, language)} {text}" if digit else text
    return Response(ask(said, f"{db.settings.public_url}/twilio/voice/{message}", language), media_type=XML)


def spoken(tx: Tx, message_id: int) -> Spoken:
    row = tx.get(outbox.Message, message_id)
    said = tx.get(outbox.Notice, row.notice_id) if row else None
    if row is None or said is None:
        return (*OVER.spoken(tx.render), False)
    if said.closed_at is not None:
        return (*Said(THANKS, {}, row.language, said.exercise).spoken(tx.render), False)
    return row.body, row.language, True


def press(tx: Tx, message: int, digit: str, sid: str) -> Said:
    """A key pressed in a call of ours, once."""
    row = tx.get(outbox.Message, message)
    said = tx.get(outbox.Notice, row.notice_id) if row else None
    if row is None or said is None:
        return OVER
    first = inbox.accept(tx, "call", f"{sid}:{digit}")
    try:
        with tx.begin_nested():  # what is refused leaves nothing of what it had begun
            echo = _key(tx, row, said, digit) if first else None
    except Refused as refused:
        echo = ("echo", {"text": str(refused)})
    return Said(*(echo or (THANKS, {})), row.language, said.exercise)


def press_later(tx: Tx, said: Said, at: datetime, key: Facts) -> None:
    """Who pressed it is told; a unit's phone on the wall cannot be, and needs no more than the call that follows."""
    row = tx.get(outbox.Message, key["message"])
    person = tx.get(roster.Person, row.person_id) if row else None
    if person and said.kind != THANKS:
        tell_later(tx, said, person)


def say(db: Database, said: Said) -> Response:
    """The last words of a call."""
    return Response(say_and_hang_up(*said.spoken(db.render)), media_type=XML)


def _key(tx: Tx, row: outbox.Message, said: outbox.Notice, digit: str) -> answers.Echo:
    """What a key means depends on what the call was about."""
    person = tx.get(roster.Person, row.person_id)
    if person and digit in "1234" and said.subject.startswith("recall:"):
        made = tx.get(recalls.Recall, int(said.subject.removeprefix("recall:")))
        return whose.hear(tx, [person], digit, made.code, "voice") if made else None
    if digit == "9" and not said.subject.startswith(CHECKS):
        return _risk(tx, row, said, person)
    if said.subject.startswith("unit:") and person is None:
        outage = tx.get(Outage, said.outage_id)
        return (
            answers.answer_unit(tx, outage, row.person_id.removeprefix("#unit:"), digit, "voice")
            if outage and digit in KEYS
            else None
        )
    if person is None or digit not in KEYS:
        return None
    if said.subject.startswith(CHECKS):
        if digit in "12" and _took(tx, person, said, digit):
            return "thanks", {}
        about, _, number = said.subject.partition(":")
        round_id = int(number) if about == "round" else None
        return answers.answer(tx, [person], digit, "", "voice", None if round_id else said.outage_id, round_id)
    return _tasks(tx, person, said, digit)


def _risk(tx: Tx, row: outbox.Message, said: outbox.Notice, person: roster.Person | None) -> answers.Echo:
    """A 9 in a call about something else."""
    if person:
        return answers.answer(tx, [person], "9", "", "voice", said.outage_id)
    unit = row.person_id.removeprefix("#unit:")
    task = risks.report(tx, tx.get(Outage, said.outage_id) if said.outage_id else None, None, unit, "")
    return "echo_risk", {"code": task.code, "unit": unit}


def _took(tx: Tx, person: roster.Person, said: outbox.Notice, digit: str) -> bool:
    """A role text that was spoken offers a task: 1 takes it, 2 does not."""
    heard = tx.get(outbox.Recipient, (said.id, person.id))
    if heard is None or heard.wording != "role":
        return False
    checkins.answer(tx, [person], "1", "", "voice", outage_id=said.outage_id)
    for task in _offered(tx, person, f"offer:{said.outage_id}:{person.id}:"):
        errands.act(tx, person, "have" if digit == "1" else "cannot", task.code, "", "voice")
    return True


def _tasks(tx: Tx, person: roster.Person, said: outbox.Notice, digit: str) -> answers.Echo:
    if said.subject.startswith("offer:"):
        mine = _offered(tx, person, said.subject)
    else:
        mine = [task for task in tasks.mine(tx, person) if f"task:{task.number}" == said.subject] or _told(
            tx, person, said
        )
    echo: answers.Echo = None
    for task in mine:
        echo = errands.act(tx, person, "have" if digit == "1" else "cannot", task.code, "", "voice")
    return echo


def _offered(tx: Tx, person: roster.Person, subject: str) -> list[tasks.Task]:
    open_ones = [task for task in tasks.mine(tx, person) if task.offer.startswith(subject)]
    return [task for task in open_ones if task.state == tasks.TaskState.OFFERED]


def _told(tx: Tx, person: roster.Person, said: outbox.Notice) -> list[tasks.Task]:
    """A superior or the next in line, who was called about a task of somebody else."""
    try:
        return [tasks.find(tx, f"T{said.subject.removeprefix('task:')}", person)]
    except Refused:
        return []
