"""What somebody does with a task, and who has to hear of it at once."""

from bot import escalations, journal, outages, outbox, roster, tasks, texting
from bot.command import digest, tell
from bot.command.tell import Echo
from bot.db import Tx
from bot.outages import Outage

TAKE_COMMAND = "CORE-A3"  # accept as acting commander until relieved


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
        return refuse(tx, task, person, words, channel)
    if verb == "blocked":
        _, facts = tasks.block(tx, task, person, words, channel)
        above = _up(tx, outage, task, person, f"blocked: {words}" if words else "blocked", singly=task.prio == 1)
        return "echo", {"text": f"{facts['text']}, {above.name if above else 'the coordinator'} is told"}
    above = _up(tx, outage, task, person, f"needs help: {words}" if words else "needs help", singly=True)
    return "echo", {"text": f"help for {task.code}: {above.name if above else 'the coordinator'} is told"}


def refuse(tx: Tx, task: tasks.Task, person: roster.Person, why: str, channel: str) -> Echo:
    """Cannot: the task goes to the next person, and where there is none a superior hears of it at once."""
    outage = tx.get(Outage, task.outage_id) if task.outage_id else None
    if task.kind == tasks.Kind.RISK:
        for ladder in escalations.active(tx, task.offer):
            escalations.skip_wait(tx, ladder)
        journal.write(tx, "refused", who=person.id, channel=channel, about=task.code, why=why)
        return "echo", {"text": f"{task.code}: the next person is called"}
    echo = tasks.decline(tx, task, person, why, channel)
    if task.state == tasks.TaskState.BLOCKED:
        _up(tx, outage, task, person, why or "cannot", singly=True)
    return echo


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
