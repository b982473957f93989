"""What an answer sets off: help for a 2 or 3, a human at once for a 9, and the echo that says what was understood."""

from datetime import timedelta
from typing import Any

from bot import checkins, escalations, journal, outages, outbox, playbooks, roster, tasks, texting, timers
from bot.access import Refused
from bot.command import digest, questions, rungs, tell
from bot.db import Tx
from bot.outages import Outage

Echo = tuple[str, dict[str, Any]] | None  # the kind and facts of the reply; None for no reply

NEED = {"2": "staff", "3": "forms"}
CALLED_FOR = {"2": "labor_pool_leader", "3": "logistics_chief"}
HELP_S = 600  # seconds until help should be there
ONCE_IN = timedelta(minutes=10)  # the automatic answer to a text that fits nothing
STRAY = "stray.quiet"  # the timer that keeps it quiet


def answer(tx: Tx, people: list[roster.Person], digit: str, note: str, channel: str) -> Echo:
    """A digit from a phone or an account, for everybody who was asked there. No thanks for a 1."""
    only, note = _one_unit(tx, people, note)
    note = texting.patient_data(note) or note
    heard = checkins.answer(tx, people, digit, note, channel, only)
    return follow(tx, heard, people[0], note, channel)


def answer_unit(tx: Tx, outage: Outage, unit: str, digit: str, channel: str) -> Echo:
    """A key pressed on a unit's own phone."""
    heard = checkins.answer_for_unit(tx, outage, unit, digit, f"phone {unit}", channel)
    return follow(tx, heard, None, "", channel)


def follow(tx: Tx, heard: checkins.Heard, who: roster.Person | None, note: str, channel: str) -> Echo:
    """Do what the digit calls for; a repeated 2 or 3 stays with the human who has the first one."""
    if heard.digit == "9":
        task = risk(tx, heard.outage, who, heard.units[0] if heard.units else heard.unit, note)
        return "echo_risk", {"code": task.code, "unit": task.unit or None}
    if heard.digit in NEED and not heard.late:
        helper = help_for(tx, heard, who, note) if heard.first else None
        for unit in heard.units[:1]:
            _house_hears(tx, heard.outage, unit)
        return "echo_help", {"need": _need(heard), "who": helper.name if helper else None}
    if heard.digit in ("3", "4") and heard.outage is None:
        return "stray", {}
    if heard.late and heard.digit != "1":
        return "echo", {"text": f"noted: {checkins.MEANS[heard.digit]}, after the check had closed"}
    return ("echo", {"text": f"{', '.join(heard.units)} not affected"}) if heard.digit == "4" and heard.units else None


def help_for(tx: Tx, heard: checkins.Heard, who: roster.Person | None, note: str) -> roster.Person | None:
    """A unit's 2 goes to the labor pool, its 3 to logistics; a bedside 2 or 3 to the unit's charge nurse."""
    never = frozenset([who.id]) if who else frozenset()
    if heard.units:
        held = roster.holding(tx, CALLED_FOR[heard.digit], excluding=never)
        helper, backup = held.owner, held.backup
    else:
        helper, backup = (roster.superior(tx, who, unit=who.unit) if who else None), None
    helper = helper or tell.coordinator(tx, heard.outage)
    if helper is None:
        return None
    unit, need = ", ".join(heard.units) or heard.unit, _need(heard)
    task = tasks.open_new(
        tx,
        heard.outage,
        tasks.Kind.HELP,
        f"{unit} needs {need}",
        f"{unit} needs {need}",
        prio=1,
        due_s=HELP_S,
        unit=heard.units[0] if heard.units else heard.unit,
        role=CALLED_FOR[heard.digit] if heard.units else "",
        owner=helper.id,
        backup=backup.id if backup else "",
        note=note,
    )
    facts = {
        "code": task.code,
        "unit": unit,
        "who": _speaker(who, heard),
        "need": need,
        "phone": _phone(tx, task.unit),
        "note": note or None,
    }
    said = tell.one(
        tx,
        heard.outage,
        helper,
        "help",
        facts,
        lane=outbox.Lane.ALERT,
        subject=task.offer,
        buttons=tasks.buttons(task),
        also_slack=True,
    )
    rows = heard.outage.ladders.get("untaken_1", []) if heard.outage else []
    escalations.start(tx, "help", task.offer, rows, outage_id=task.outage_id, person_id=helper.id, notice_id=said.id)
    journal.write(
        tx,
        "help_called",
        outage=heard.outage.code if heard.outage else "",
        about=task.code,
        unit=unit,
        need=need,
        to=helper.id,
    )
    return helper


def risk(tx: Tx, outage: Outage | None, who: roster.Person | None, unit: str, note: str) -> tasks.Task:
    """Patient risk: the house supervisor, then the medical director, then safety are called until one has it."""
    running = outage if outage and outage.state not in outages.ENDED else None
    role = "charge nurse" if who and "unit_charge" in who.roles else "unit phone" if who is None else "staff"
    task = tasks.open_new(
        tx,
        running,
        tasks.Kind.RISK,
        f"Patient risk in {unit or 'an unknown unit'}: call the unit now",
        f"call {unit or 'the sender'} now",
        prio=1,
        due_s=120,
        unit=unit,
        note=role,
    )
    task.state, task.offered_at = tasks.TaskState.OFFERED, tx.now
    tx.add(task)
    ladders = running.ladders if running else playbooks.ladders(playbooks.current(tx))
    ladder = escalations.start(
        tx, "risk", task.offer, ladders.get("risk", []), outage_id=task.outage_id, person_id=who.id if who else ""
    )
    if ladder.rungs and ladder.rungs[0]["after"] == 0:
        escalations.climb(tx, ladder.id or 0, rungs.PERFORMERS)
    tell.command_post(tx, running, "risk", questions.risk_facts(tx, task), tasks.buttons(task)[:1])
    journal.write(
        tx,
        "patient_risk",
        outage=running.code if running else "",
        who=who.id if who else unit,
        about=task.code,
        note=note,
    )
    return task


def told_in_person(tx: Tx, by: roster.Person, unit: str) -> Echo:
    """`TOLD 5W`, in the outage that looks for the unit."""
    for outage in outages.running(tx):
        if checkins.told(tx, outage, unit.upper(), by.id):
            return "echo", {"text": f"{unit.upper()} told in person by {by.name}"}
    known = sorted({row.unit for outage in outages.running(tx) for row in checkins.units(tx, outage.id or 0)})
    raise Refused(f"{unit.upper()} is not a unit of an open outage. Units: {', '.join(known) or 'none'}.")


def stray(tx: Tx, person: roster.Person, text: str, channel: str, number: str) -> Echo:
    """A text that fits nothing goes to the coordinator; the automatic answer comes at most once in ten minutes."""
    running = outages.running(tx)
    shown = texting.patient_data(text) or text
    journal.write(
        tx,
        "stray",
        outage=running[0].code if running else "",
        who=person.id,
        channel=channel,
        text=shown,
        held=shown != text,
    )
    if running:
        tell.command_post(tx, running[0], "stray_text", {"who": person.name, "unit": person.unit, "text": shown})
        above = tell.coordinator(tx, running[0])
        if above and above.id != person.id:
            digest.add(tx, running[0], above, person.unit, "text")
    if timers.due_at(tx, STRAY, number):
        return None
    timers.set_for(tx, STRAY, number, tx.now + ONCE_IN)
    return "stray", {}


def _house_hears(tx: Tx, outage: Outage | None, unit: str) -> None:
    held = roster.holding(tx, "house_supervisor")
    if outage and held.owner:
        digest.add(tx, outage, held.owner, unit, "needs help")


def _one_unit(tx: Tx, people: list[roster.Person], note: str) -> tuple[str, str]:
    """`2 5W`: the first word of the note narrows the answer, if it is a unit that this person answers for."""
    first, _, rest = note.partition(" ")
    asked = checkins.latest_round(tx, [person.id for person in people]) if first else None
    rows = checkins.units(tx, asked[1].id or 0) if asked else []
    known = {row.unit for row in rows if row.asked in {person.id for person in people}}
    return (first.upper(), rest) if first.upper() in known else ("", note)


def _need(heard: checkins.Heard) -> str:
    return NEED[heard.digit] if heard.units or heard.digit == "3" else "help"


def _speaker(who: roster.Person | None, heard: checkins.Heard) -> str:
    return "charge nurse" if heard.units else who.name if who else "unit phone"


def _phone(tx: Tx, unit: str) -> str | None:
    row = tx.get(roster.Unit, unit) if unit else None
    return row.landline or None if row else None
