"""Command at the end of a shift: whoever could relieve the commander is asked, as for any task. Until one accepts, the
commander commands."""

from datetime import datetime, timedelta

from sqlmodel import col, func, select

from bot import journal, outages, outbox, roster, tasks
from bot.access import Refused
from bot.command import tell
from bot.command.tell import Echo
from bot.db import Tx
from bot.outages import Outage

ROLE, STEP = "incident_commander", "COMMAND"
ACCEPTS = ("have", "start")
ENDS = ("done", "proof")  # from whoever was asked it is a yes as well
DUE_S = 1800  # seconds until somebody should have accepted
AGAIN = timedelta(hours=4)  # where nobody did, those of the next shift are asked


def shift_ends(tx: Tx, outage: Outage) -> None:
    """Shifts have changed: was it the commander's that ended?"""
    person = roster.person(tx, outage.commander)
    if person and roster.covered(tx) and tasks.has_left(tx, person, _last(tx, outage, "command") or outage.declared_at):
        ask(tx, outage, person, "end of shift")


def ask(tx: Tx, outage: Outage, person: roster.Person, why: str) -> None:
    """Ask whoever holds the role now, or stands in; the commander is its backup, and hears if nobody is there."""
    asked, since = _last(tx, outage, "relief_asked", "no_relief"), _last(tx, outage, "command") or outage.declared_at
    if _open(tx, outage) or (asked and asked > max(tx.now - AGAIN, since)):
        return
    held = roster.holding(tx, ROLE, excluding=frozenset([person.id]))
    if held.owner is None:
        journal.write(tx, "no_relief", outage=outage.code, who=person.id, about="command")
        facts = {"text": f"nobody is there to relieve you: you still command {outage.code}"}
        tell.one(tx, outage, person, "told_you", facts, lane=outbox.Lane.QUESTION, also_slack=True)
        return
    task = tasks.open_new(tx, outage, tasks.Kind.ADHOC, f"Take command of {outage.code} from {person.name}",
                          f"take command of {outage.code}", prio=1, due_s=DUE_S, role=ROLE)  # fmt: skip
    task.step, task.giver, task.refused_by = STEP, person.id, [person.id]
    tasks.take(tx, task, held.owner.id, person.id, held.via)
    tasks.announce(tx, outage, held.owner, [task], ladder="handover")
    journal.write(tx, "relief_asked", outage=outage.code, who=person.id, about="command", to=held.owner.id, why=why)


def is_taken(task: tasks.Task, person: roster.Person, verb: str) -> bool:
    """Does this word take command? Raises Refused where somebody else only means to settle the task."""
    if task.step != STEP or verb not in (*ACCEPTS, *ENDS):
        return False
    if verb in ENDS and person.id != task.owner:
        raise Refused(f"To take command say 1 {task.code}. Nothing was changed.")
    return True


def accept(tx: Tx, task: tasks.Task, person: roster.Person, channel: str) -> Echo:
    """To accept is to command. Raises Refused when it is over."""
    outage = tx.get(Outage, task.outage_id)
    tasks.done(tx, task, person, "", channel)
    if outage is None or outage.state not in outages.RUNNING:
        return "echo", {"text": f"{task.code} is over: the outage has ended"}
    before = roster.person(tx, outage.commander)
    takes(tx, outage, person, person.id, channel)
    text = f"{person.name} commands {outage.code} now"
    if before and before.id != person.id:
        tell.one(tx, outage, before, "told_you", {"text": text}, lane=outbox.Lane.QUESTION)
    tell.command_post(tx, outage, "told_you", {"text": text})
    return "echo", {"text": f"you command {outage.code} until relieved"}


def takes(tx: Tx, outage: Outage, new: roster.Person, who: str, channel: str) -> None:
    """The person commands from now on, until somebody else accepts; nobody else is asked any more."""
    outage.commander = new.id
    tx.add(outage)
    for task in _open(tx, outage):
        tasks.settle(tx, task, who, f"{new.name} commands", channel)
    journal.write(tx, "command", outage=outage.code, who=who, channel=channel, to=new.id)
    tx.flush()
    tasks.set_clock(tx, outage.id or 0)


def _open(tx: Tx, outage: Outage) -> list[tasks.Task]:
    return [task for task in tasks.of_outage(tx, outage.id or 0, *tasks.OPEN) if task.step == STEP]


def _last(tx: Tx, outage: Outage, *what: str) -> datetime | None:
    """When that was last written of the command."""
    lines = select(func.max(journal.Line.at)).where(journal.Line.outage == outage.code)
    lines = lines.where(col(journal.Line.what).in_(what), col(journal.Line.about).in_(["", "command"]))
    return tx.exec(lines).one()
