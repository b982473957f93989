"""A patient risk: people are called until one has it, and whoever has it is not left alone with it."""

from datetime import datetime

from bot import checkins, escalations, journal, outages, playbooks, roster, tasks
from bot.command import questions, rungs, tell
from bot.command.tell import Echo
from bot.db import Tx
from bot.outages import Outage

CALL_S = 120  # seconds until somebody should have called back


def report(
    tx: Tx, outage: Outage | None, who: roster.Person | None, unit: str, note: str, practised: datetime | None = None
) -> tasks.Task:
    """The house supervisor, then the medical director, then safety are called until one has it. `practised` is when it
    was said in an exercise."""
    running = outage if outage and outage.state not in outages.ENDED else None
    role = "charge nurse" if who and "unit_charge" in who.roles else "unit phone" if who is None else "staff"
    go = bool(unit) and tell.no_desk_phones(tx, running)
    text = f"Patient risk in {unit or 'an unknown unit'}: {'go to' if go else 'call'} the unit now"
    short = f"go to {unit} now" if go else f"call {unit or 'the sender'} now"
    task = tasks.open_new(tx, running, tasks.Kind.RISK, text, short, prio=1, due_s=CALL_S,
                          unit=unit, note=note)  # fmt: skip
    task.state, task.offered_at, task.speaker = tasks.TaskState.OFFERED, tx.now, role
    if practised:
        task.step, task.offer_at = questions.PRACTISED, practised
    tx.add(task)
    _call(tx, task, running, who.id if who else "")
    tell.command_post(tx, running, "risk", questions.risk_facts(tx, task), tasks.buttons(task)[:1])
    code, sender = running.code if running else "", who.id if who else unit
    journal.write(tx, "patient_risk", outage=code, who=sender, about=task.code, note=note)
    return task


def take_over(tx: Tx, outage: Outage, practised: list[tasks.Task]) -> None:
    """Patient risks of an exercise that a real outage has ended: nobody knows whether they were real, so somebody is
    called to ask."""
    for each in practised:
        before = escalations.last(tx, "risk", each.offer, each.outage_id)
        report(tx, outage, roster.person(tx, before.person_id) if before else None, each.unit, each.note, each.offer_at)


def pass_on(tx: Tx, task: tasks.Task, person: roster.Person, why: str, channel: str) -> Echo:
    """Whoever was called cannot, or gets no further: the next is called now. Raises Refused once it has ended."""
    owner = tasks.asked_next(tx, task, person, why, channel)
    if owner:
        return "echo", {"text": f"noted; {task.code} is with {owner.name}"}
    if not tasks.call_next(tx, task, person):
        sender = escalations.last(tx, "risk", task.offer, task.outage_id)
        _call(tx, task, questions.outage_of_task(tx, task), sender.person_id if sender else "")
    return "echo", {"text": f"{task.code}: the next person is called"}


def ended(tx: Tx, task: tasks.Task, person: roster.Person) -> None:
    """It was seen to: its unit no longer stands at risk, unless another is open there."""
    outage = questions.outage_of_task(tx, task)
    if task.kind == tasks.Kind.RISK and outage and not task.is_open():
        checkins.seen_to(tx, outage, task.unit, person.id)


def _call(tx: Tx, task: tasks.Task, outage: Outage | None, sender: str) -> None:
    ladders = outage.ladders if outage else playbooks.ladders(playbooks.current(tx))
    rows = ladders.get("risk", [])
    ladder = escalations.start(tx, "risk", task.offer, rows, outage_id=task.outage_id, person_id=sender)
    if rows and rows[0]["after"] == 0:
        escalations.climb(tx, ladder.id or 0, rungs.PERFORMERS)
