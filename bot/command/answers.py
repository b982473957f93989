"""What an answer sets off: help for a 2 or 3, a human at once for a 9, and the echo that says what was understood."""

from dataclasses import replace
from datetime import timedelta

from bot import checkins, escalations, journal, outages, outbox, roster, tasks, timers
from bot.access import Refused
from bot.command import colleagues, digest, questions, risks, tell
from bot.command.tell import Echo
from bot.db import Tx
from bot.outages import Outage

HELP_S = 600  # seconds until help should be there
ONCE_IN = timedelta(minutes=10)  # the automatic answer to a text that fits nothing
STRAY = "stray.quiet"  # the timer that keeps it quiet
QUICKER = "Text 1=OK 2=need help 9=PATIENT RISK"
AFTER_EXERCISE = "But the exercise is over, so nobody was asked. If it is real, call your house supervisor"
HELD = "held.quiet"  # the same for the word that patients are not named in texts


def answer(
    tx: Tx, people: list[roster.Person], digit: str, note: str, channel: str, outage_id: int | None = None,
    round_id: int | None = None,
) -> Echo:  # fmt: skip
    """A digit from a phone or an account, for everybody who was asked there. No thanks for a 1. Raises Refused for a
    question that was put to others."""
    only, note = _one_unit(tx, people, note)
    note = _held_back(tx, people[0], note, channel)
    heard = checkins.answer(tx, people, digit, note, channel, only, outage_id, round_id)
    if round_id and digit != "9" and heard.outage is None:
        raise Refused("That question was not asked of you, so nothing was noted.")
    return follow(tx, heard, people[0], note, channel)


def _held_back(tx: Tx, person: roster.Person, note: str, channel: str) -> str:
    """The note, unless it may name a patient: then it goes nowhere, and only the journal has what is left of it."""
    held = colleagues.patient_data(tx, person, note)
    if held:
        journal.write(tx, "note_held", who=person.id, channel=channel, text=held)
    return "" if held else note


def answer_unit(tx: Tx, outage: Outage, unit: str, digit: str, channel: str) -> Echo:
    """A key pressed on a unit's own phone."""
    heard = checkins.answer_for_unit(tx, outage, unit, digit, f"phone {unit}", channel)
    return follow(tx, heard, None, "", channel)


def follow(tx: Tx, heard: checkins.Heard, who: roster.Person | None, note: str, channel: str) -> Echo:
    """Do what the digit calls for. A 2 or 3 that is repeated goes to the human who has the first one."""
    option = checkins.OPTIONS[heard.digit]
    if option.escalates:
        task = risks.report(tx, heard.outage, who, heard.units[0] if heard.units else heard.unit, note)
        drill = bool(heard.outage and heard.outage.exercise) or None
        return "echo_risk", {"code": task.code, "unit": task.unit or None, "drill": drill}
    if heard.digit == "4" and heard.outage is None:
        return "echo", {"text": f"4 answers nothing that is open, so nothing was done. {QUICKER}"}
    means = option.means if heard.units else option.bedside or option.means
    if heard.asked and heard.digit == "2":  # a no to somebody's own question asks for nothing
        return "echo", {"text": "noted: no, after the question was over" if heard.late else "noted: no"}
    if heard.late and option.need and heard.outage and not heard.outage.exercise:  # it is over, their need is not
        heard = replace(heard, outage=None)
    elif heard.late and option.need and heard.outage and heard.outage.state in outages.ENDED:
        return "echo", {"text": f"noted: {means}. {AFTER_EXERCISE}"}
    elif heard.late and heard.digit != "1":
        return "echo", {"text": f"noted: {means}, after the check had closed"}
    if option.need:
        helper = _still_helped(tx, heard, who, note) or help_for(tx, heard, who, note)
        return "echo_help", {"need": _need(heard), "who": helper.name if helper else None}
    return ("echo", {"text": f"noted: {', '.join([*heard.units, means])}"}) if heard.digit == "4" else None


def _still_helped(tx: Tx, heard: checkins.Heard, who: roster.Person | None, note: str) -> roster.Person | None:
    """Who has the same call for help already, if it is open; a new note is passed on to them."""
    task = tasks.open_help(tx, _key(heard, who))
    owner = roster.person(tx, task.owner) if task else None
    if task and owner and note and note != task.note:
        task.note = note
        tx.add(task)
        facts = questions.help_facts(tx, task)
        tell.one(tx, heard.outage, owner, "help", facts, lane=outbox.Lane.ALERT, subject=task.offer, also_slack=True)
    return owner


def _key(heard: checkins.Heard, who: roster.Person | None) -> str:
    """One call for help of a sort is open at a time, for a unit or for a person at the bedside."""
    return f"{heard.digit}:{','.join(heard.units) or (who.id if who else heard.unit)}"


def help_for(tx: Tx, heard: checkins.Heard, who: roster.Person | None, note: str) -> roster.Person | None:
    """A unit's 2 goes to the labor pool, its 3 to logistics; a bedside 2 or 3 to the unit's charge nurse."""
    helper, backup = _helper(tx, heard, who)
    if helper is None:
        return None
    unit, need = ", ".join(heard.units) or heard.unit, _need(heard)
    task = tasks.open_new(
        tx, heard.outage, tasks.Kind.HELP, f"{unit} needs {need}", f"{unit} needs {need}", prio=1, due_s=HELP_S,
        unit=heard.units[0] if heard.units else heard.unit,
        role=checkins.OPTIONS[heard.digit].role if heard.units else "", owner=helper.id,
        backup=backup.id if backup else "", note=note,
    )  # fmt: skip
    task.step, task.speaker = _key(heard, who), _speaker(who, heard)
    task.refused_by = [who.id] if who else []  # nobody is asked for the help that they called for
    tx.add(task)
    said = tell.one(
        tx, heard.outage, helper, "help", questions.help_facts(tx, task), lane=outbox.Lane.ALERT, subject=task.offer,
        buttons=tasks.buttons(task), also_slack=True,
    )  # fmt: skip
    rows = heard.outage.ladders.get("untaken_1", []) if heard.outage else []
    escalations.start(tx, "help", task.offer, rows, outage_id=task.outage_id, person_id=helper.id, notice_id=said.id)
    outage = heard.outage.code if heard.outage else ""
    journal.write(tx, "help_called", outage=outage, about=task.code, unit=unit, need=need, to=helper.id)
    for each in heard.units[:1]:
        _house_hears(tx, heard.outage, each)
    return helper


def _helper(
    tx: Tx, heard: checkins.Heard, who: roster.Person | None
) -> tuple[roster.Person | None, roster.Person | None]:
    """Who is called for help, and who backs them up; never the one who asks."""
    never = frozenset([who.id]) if who else frozenset()
    if heard.units:
        held = roster.holding(tx, checkins.OPTIONS[heard.digit].role, unit=heard.units[0], excluding=never)
        return held.owner or tell.coordinator(tx, heard.outage), held.backup
    return tell.above(tx, heard.outage, who) if who else tell.coordinator(tx, heard.outage), None


def told_in_person(tx: Tx, by: roster.Person, units: list[str], name: str = "") -> Echo:
    """`TOLD 5W`, in the outages that look for the units; `name` is who went, if it was not the speaker."""
    running = outages.running(tx)
    found: list[str] = []
    unknown: list[str] = []
    for unit in map(str.upper, units):
        told = [checkins.told(tx, outage, unit, name or by.id) for outage in running]
        (found if any(told) else unknown).append(unit)
    parts = [f"{', '.join(found)} told in person by {name or by.name}"] if found else []
    if unknown:
        known = sorted({row.unit for outage in running for row in checkins.units(tx, outage.id or 0)})
        parts.append(f"{', '.join(unknown)} is not a unit of an open outage; units: {', '.join(known) or 'none'}")
    return "echo", {"text": ". ".join(parts)}


def person_told(tx: Tx, by: roster.Person, whom: roster.Person, name: str = "") -> Echo:
    """`told @person by NAME`: counted as told in person, and not chased any more, nor are the units they answer for."""
    told = [checkins.told_person(tx, outage, whom, name or by.id) for outage in outages.running(tx)]
    text = f"{whom.name} told in person by {name or by.name}"
    return "echo", {"text": text if any(told) else f"nobody asked {whom.name} anything that is open. Nothing was done"}


def stray(tx: Tx, person: roster.Person, text: str, channel: str, number: str) -> Echo:
    """A text that fits nothing goes to the coordinator; the automatic answer comes at most once in ten minutes."""
    running = outages.running(tx)
    held = colleagues.patient_data(tx, person, text)
    shown = held or text.strip() or "(no words, perhaps a picture)"
    journal.write(
        tx,
        "stray",
        outage=running[0].code if running else "",
        who=person.id,
        channel=channel,
        text=shown,
        held=bool(held),
    )
    if running:
        post = "held back, as it may name a patient. Please call them" if held else shown
        tell.command_post(tx, running[0], "stray_text", {"who": person.name, "unit": person.unit, "text": post})
        above = tell.coordinator(tx, running[0])
        if above and above.id != person.id:
            digest.add(tx, running[0], above, person.unit, "text")
    if timers.due_at(tx, STRAY, number):
        return None
    timers.set_for(tx, STRAY, number, tx.now + ONCE_IN)
    if not text.strip():
        return "echo", {"text": f"your text had no words, and pictures cannot be read here. {QUICKER}"}
    if not running:
        return "echo", {"text": f"no outage is open, so nobody reads this number now. {QUICKER}"}
    return "stray", tell.no_phone(tx, running[0])


def _house_hears(tx: Tx, outage: Outage | None, unit: str) -> None:
    held = roster.holding(tx, "house_supervisor", unit=unit)
    if outage and held.owner:
        digest.add(tx, outage, held.owner, unit, "needs help")


def _one_unit(tx: Tx, people: list[roster.Person], note: str) -> tuple[str, str]:
    """`2 5W`: the first word of the note narrows the answer, if it is a unit that this person answers for."""
    first, _, rest = note.partition(" ")
    ids = [person.id for person in people]
    asked = {question.outage_id for question in checkins.asked(tx, ids)} if first else set()
    rows = [tx.get(checkins.UnitCheck, (outage_id, first.upper())) for outage_id in asked]
    return (first.upper(), rest) if any(row and row.asked in ids for row in rows) else ("", note)


def _need(heard: checkins.Heard) -> str:
    return checkins.OPTIONS[heard.digit].need if heard.units or heard.digit == "3" else "help"


def _speaker(who: roster.Person | None, heard: checkins.Heard) -> str:
    return "charge nurse" if heard.units else who.name if who else "unit phone"
