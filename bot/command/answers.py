"""What an answer sets off: help for a 2 or 3, a human at once for a 9, and the echo that says what was understood."""

from datetime import timedelta
from typing import Any

from bot import checkins, escalations, journal, outages, outbox, playbooks, roster, tasks, texting, timers
from bot.access import Refused
from bot.command import digest, rungs, tell
from bot.db import Tx
from bot.outages import Outage

Echo = tuple[str, dict[str, Any]] | None  # the kind and facts of the reply; None for no reply

NEED = {"2": "staff", "3": "forms"}
CALLED_FOR = {"2": "labor_pool_leader", "3": "logistics_chief"}
HELP_S = 600  # seconds until help should be there
ONCE_IN = timedelta(minutes=10)  # the automatic answer to a text that fits nothing
TAKE_COMMAND = "CORE-A3"  # accept as acting commander until relieved
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
    task = tasks.open_new(tx, heard.outage, tasks.Kind.HELP, f"{unit} needs {need}", f"{unit} needs {need}", prio=1, due_s=HELP_S,
                          unit=heard.units[0] if heard.units else heard.unit, role=CALLED_FOR[heard.digit] if heard.units else "",
                          owner=helper.id, backup=backup.id if backup else "", note=note)  # fmt: skip
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
    task = tasks.open_new(tx, running, tasks.Kind.RISK, f"Patient risk in {unit or 'an unknown unit'}: call the unit now",
                          f"call {unit or 'the sender'} now", prio=1, due_s=120, unit=unit, note=role)  # fmt: skip
    task.state, task.offered_at = tasks.TaskState.OFFERED, tx.now
    tx.add(task)
    ladders = running.ladders if running else playbooks.ladders(playbooks.current(tx))
    ladder = escalations.start(
        tx, "risk", task.offer, ladders.get("risk", []), outage_id=task.outage_id, person_id=who.id if who else ""
    )
    if ladder.rungs and ladder.rungs[0]["after"] == 0:
        escalations.climb(tx, ladder.id or 0, rungs.PERFORMERS)
    tell.command_post(tx, running, "risk", rungs.risk_facts(tx, task), tasks.buttons(task)[:1])
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


def act(tx: Tx, person: roster.Person, verb: str, code: str, words: str, channel: str) -> Echo:
    """What somebody does with a task, and who has to hear of it at once."""
    task = tasks.find(tx, code, person)
    words = texting.patient_data(words) or words
    outage = tx.get(Outage, task.outage_id) if task.outage_id else None
    if verb == "have":
        return _takes_command(tx, outage, task, person, channel) or tasks.accept(tx, task, person, channel)
    if verb == "done":
        return tasks.done(tx, task, person, words, channel)
    if verb == "proof":
        return tasks.prove(tx, task, person, words, channel)
    if verb == "cannot":
        kind, facts = tasks.decline(tx, task, person, words, channel)
        if task.state == tasks.TaskState.BLOCKED:
            _up(tx, outage, task, person, "cannot", singly=True)
        return kind, facts
    if verb == "blocked":
        kind, facts = tasks.block(tx, task, person, words, channel)
        above = _up(tx, outage, task, person, f"blocked: {words}" if words else "blocked", singly=task.prio == 1)
        return "echo", {"text": f"{facts['text']}, {above.name if above else 'the coordinator'} is told"}
    above = _up(tx, outage, task, person, f"needs help: {words}" if words else "needs help", singly=True)
    return "echo", {"text": f"help for {task.code}: {above.name if above else 'the coordinator'} is told"}


def errand(tx: Tx, by: roster.Person, person: roster.Person, text: str, due_s: int) -> str:
    """A task that somebody makes up on the spot, in the outage that runs."""
    outage = outages.find(tx)
    task = tasks.open_new(
        tx, outage, tasks.Kind.ADHOC, text, texting.fit(text, 40), prio=2, due_s=due_s, unit=person.unit
    )
    tasks.take(tx, task, person.id, "", "shift")
    tasks.announce(tx, outage, person, [task])
    tasks.set_clock(tx, outage.id or 0)
    journal.write(tx, "assigned", outage=outage.code, who=by.id, about=task.code, to=person.id, text=text)
    return f"{task.code} offered to {person.name}, due {tasks.at(tx, task.due_at)}."


def _takes_command(tx: Tx, outage: Outage | None, task: tasks.Task, person: roster.Person, channel: str) -> Echo:
    """To accept command is to have it: the task is done, and a declarer who is no commander is relieved."""
    if task.step != TAKE_COMMAND or outage is None or not task.is_open():
        return None
    tasks.done(tx, task, person, "", channel)
    now = roster.person(tx, outage.commander)
    if now is None or "incident_commander" not in now.roles:
        outage.commander = person.id
        tx.add(outage)
        journal.write(tx, "command", outage=outage.code, who=person.id, channel=channel, to=person.id)
        return "echo", {"text": f"you command {outage.code} until relieved"}
    return "echo", {"text": f"{task.code} done; {now.name} commands {outage.code}"}


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


def opted_out(tx: Tx, number: str) -> None:
    """A carrier took a text as STOP: the coordinator is warned, and the tasks of the person move on."""
    for person in roster.opt_out(tx, number):
        journal.write(tx, "opted_out", who=person.id, channel="sms")
        for outage in outages.running(tx)[:1]:
            above = tell.coordinator(tx, outage)
            if above and above.id != person.id:
                text = f"{person.name} ({person.unit}) opted out of texts, perhaps by mistake. Reach them another way"
                tell.one(tx, outage, above, "told_you", {"text": text}, lane=outbox.Lane.QUESTION, also_slack=True)
            tell.command_post(tx, outage, "told_you", {"text": f"{person.name} ({person.unit}) opted out of texts"})
        for task in tasks.mine(tx, person):
            if task.owner == person.id and task.kind != tasks.Kind.CARD and task.role:
                tasks.decline(tx, task, person, "opted out of texts", "sms")


def away(tx: Tx, person: roster.Person) -> None:
    """Not on shift: counted as unavailable, and what the person had goes to the next."""
    asked = checkins.latest_round(tx, [person.id])
    if asked and asked[1].state not in outages.ENDED:
        tx.add(checkins.Answer(round_id=asked[0].id or 0, person_id=person.id, digit="A", at=tx.now, channel="sms"))
        outbox.withdraw(tx, [asked[0].notice_id], person.id)
    for task in tasks.mine(tx, person):
        if task.owner == person.id and task.role:
            tasks.decline(tx, task, person, "not on shift", "sms")


def undelivered(tx: Tx, row: Any, reason: str, opted: bool = False) -> None:
    """A message did not arrive: a unit's ladder climbs now; anybody else is tried on the next way."""
    if opted:
        opted_out(tx, row.address)
    said = tx.get(outbox.Notice, row.notice_id)
    person = tx.get(roster.Person, row.person_id)
    if said is None or said.closed_at is not None or person is None or row.lane > outbox.Lane.UPDATE:
        return
    waiting = [ladder for ladder in _ladders(tx, said, person) if ladder.position < len(ladder.rungs)]
    if waiting and row.channel == "sms":
        for ladder in waiting:
            escalations.skip_wait(tx, ladder)
        return
    way = outbox.another(tx, person, {(row.channel, row.address)}, also_voice=row.lane <= outbox.Lane.QUESTION)
    if way and row.channel == "sms":
        drafted = outbox.Draft(person_id=person.id, channel=way.channel, address=way.address, lane=row.lane, body=row.body, unit=person.unit,
                               wording="again", language=row.language, round=row.round + 1, not_after=row.not_after)  # fmt: skip
        outbox.enqueue(tx, said, [drafted])
        journal.write(tx, "fell_over", who=person.id, channel=way.channel, about=f"message {row.id}", reason=reason)


def _ladders(tx: Tx, said: outbox.Notice, person: roster.Person) -> list[escalations.Ladder]:
    """The ladders that wait for this person's answer to this notice."""
    return [ladder for ladder in escalations.waiting_on(tx, said.id or 0) if ladder.person_id == person.id]


def _up(
    tx: Tx, outage: Outage | None, task: tasks.Task, person: roster.Person, why: str, *, singly: bool
) -> roster.Person | None:
    above = roster.superior(tx, person, unit=task.unit or person.unit) or tell.coordinator(tx, outage)
    if above is None or outage is None:
        return above
    task.told = list(dict.fromkeys([*task.told, above.id]))
    tx.add(task)
    if not singly:
        digest.add(tx, outage, above, task.code or task.step, "blocked")
        return above
    facts = {"code": task.code, "text": task.sms, "owner": person.name, "why": why}
    tell.one(
        tx,
        outage,
        above,
        "task_up",
        facts,
        lane=outbox.Lane.ALERT,
        subject=f"task:{task.number}",
        buttons=tasks.buttons(task),
        also_slack=True,
    )
    return above


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
