"""Calls: what is spoken, and what a pressed key means. Only a key is an answer."""

from fastapi import Request, Response

from bot import board, checkins, inbox, journal, outages, outbox, roster, tasks
from bot.access import Refused
from bot.channels.voice import ask, say_and_hang_up
from bot.command import answers, errands
from bot.db import Database, Tx
from bot.outages import Outage
from handlers.twilio import XML, needed, signed_form

KEYS = "12349"
WRONG_KEY = "That key has no meaning here."


async def answered(request: Request, db: Database, message: int) -> Response:
    """The call we placed was picked up, or a key was pressed in it."""
    form = await signed_form(request, db)
    (sid,) = needed(form, "CallSid")
    digits = form.get("Digits", "")[:1]
    if digits and digits in KEYS:
        text, language = await db.transact(press, message, digits, sid)
        return Response(say_and_hang_up(text, language), media_type=XML)
    text, language, is_open = await db.read(spoken, message)
    if not is_open:
        return Response(say_and_hang_up(text, language), media_type=XML)
    said = f"{WRONG_KEY} {text}" if digits else text
    return Response(ask(said, f"{db.settings.public_url}/twilio/voice/{message}", language), media_type=XML)


async def called(request: Request, db: Database) -> Response:
    """Somebody calls us: the state, the open question, and an answer by keypad."""
    form = await signed_form(request, db)
    sid, number = needed(form, "CallSid", "From")
    digits = form.get("Digits", "")[:1]
    if digits:
        return Response(say_and_hang_up(await db.transact(press_back, number, digits, sid), "en"), media_type=XML)
    return Response(
        ask(await db.transact(state_for, number), f"{db.settings.public_url}/twilio/call", "en"), media_type=XML
    )


def spoken(tx: Tx, message_id: int) -> tuple[str, str, bool]:
    """What a call says, in which language, and whether the question is still open."""
    row = tx.get(outbox.Message, message_id)
    said = tx.get(outbox.Notice, row.notice_id) if row else None
    if row is None or said is None:
        return "This call is no longer needed. Goodbye.", "en", False
    if said.closed_at is not None:
        return tx.render.voice("thanks", row.language, said.exercise), row.language, False
    return row.body, row.language, True


def press(tx: Tx, message_id: int, digit: str, sid: str) -> tuple[str, str]:
    """A key pressed in a call of ours; returns what to say and in which language."""
    row = tx.get(outbox.Message, message_id)
    said = tx.get(outbox.Notice, row.notice_id) if row else None
    if row is None or said is None:
        return "This call is no longer needed. Goodbye.", "en"
    first = inbox.accept(tx, "call", f"{sid}:{digit}")
    try:
        with tx.begin_nested():  # what is refused leaves nothing of what it had begun
            echo = _key(tx, row, said, digit) if first else None
    except Refused as refused:
        echo = ("echo", {"text": str(refused)})
    kind, facts = echo or ("thanks", {})
    return tx.render.voice(kind, row.language, said.exercise, **facts), row.language


def press_back(tx: Tx, number: str, digit: str, sid: str) -> str:
    people = roster.by_phone(tx, number)
    if not people:
        journal.write(tx, "unknown_number", channel="voice", about=number)
        return "This number is not on our staff list. Nothing was done. Goodbye."
    first = inbox.accept(tx, "call", f"{sid}:{digit}")
    echo = answers.answer(tx, people, digit, "", "voice") if first and digit in KEYS else None
    kind, facts = echo or ("thanks", {})
    return tx.render.voice(kind, people[0].language, **facts)


def state_for(tx: Tx, number: str) -> str:
    running, people = outages.running(tx), roster.by_phone(tx, number)
    if not people:
        journal.write(tx, "unknown_number", channel="voice", about=number)
        return "This number is not on our staff list. Goodbye."
    if not running:
        return "No outage is open. Press 9 for patient risk, or hang up."
    state = tx.render.voice("status", people[0].language, running[0].exercise, **board.line(tx, running[0]))
    return f"{state} Press 1 if you are OK, 2 if you need help, 9 for patient risk."


def _key(tx: Tx, row: outbox.Message, said: outbox.Notice, digit: str) -> answers.Echo:
    """What a key means depends on what the call was about."""
    person = tx.get(roster.Person, row.person_id)
    if digit == "9":
        unit = row.person_id.removeprefix("#unit:") if person is None else person.unit
        outage = tx.get(Outage, said.outage_id) if said.outage_id else None
        if not said.subject.startswith(("outage:", "unit:")):
            task = answers.risk(tx, outage, person, unit, "")
            return "echo_risk", {"code": task.code, "unit": unit}
    if said.subject.startswith("unit:") and person is None:
        outage = tx.get(Outage, said.outage_id)
        return (
            answers.answer_unit(tx, outage, row.person_id.removeprefix("#unit:"), digit, "voice")
            if outage and digit in KEYS
            else None
        )
    if person is None or digit not in KEYS:
        return None
    if said.subject.startswith(("outage:", "unit:")):
        if digit in "12" and _took(tx, person, said, digit):
            return "thanks", {}
        return answers.answer(tx, [person], digit, "", "voice", said.outage_id)
    return _tasks(tx, person, said, digit)


def _took(tx: Tx, person: roster.Person, said: outbox.Notice, digit: str) -> bool:
    """A role text that was spoken offers a task: 1 takes it, 2 does not."""
    heard = tx.get(outbox.Recipient, (said.id, person.id))
    if heard is None or heard.wording != "role":
        return False
    checkins.answer(tx, [person], "1", "", "voice")
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
