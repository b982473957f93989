"""What somebody does with a task, and who has to hear of it at once."""

from collections.abc import Callable

from bot import escalations, journal, outages, roster, tasks, texting
from bot.access import Refused
from bot.command import digest, levels, relief, returning, risks, rungs, tell, words
from bot.command.tell import Echo
from bot.db import Tx
from bot.outages import Outage
from bot.outbox import Lane

TAKE_COMMAND = "CORE-A3"  # accept as acting commander until relieved
OF_LINES = ("done", "proof")  # of a line by itself; anything else concerns the list that it stands on
AT_ONCE = [{"after": 0, "do": "superior"}]  # when the playbook has no ladder for what is blocked


def act(tx: Tx, person: roster.Person, verb: str, code: str, words: str, channel: str) -> Echo:
    """What somebody does with a task, and who has to hear of it at once."""
    task, words = tasks.find(tx, code, person), texting.without_patients(words)
    if task.card_id and verb not in OF_LINES:
        task, words = _whole(tx, task, words)
    if task.kind == tasks.Kind.DECIDE:
        return levels.decide(tx, task, person, verb, channel)
    if relief.is_taken(task, person, verb):
        return relief.accept(tx, task, person, channel)
    before, echo = task.state, VERBS[verb](tx, task, person, words, channel)
    if before != task.state == tasks.TaskState.DONE:
        _asker_hears(tx, task, person, "done")
    risks.ended(tx, task, person)
    returning.advance(tx, task.outage_id)
    return echo


def refuse(
    tx: Tx, task: tasks.Task, person: roster.Person, why: str, channel: str, together: tasks.Together | None = None
) -> Echo:
    """Cannot: the task goes to the next person; where nobody is left, the coordinator hears of it. With `together`
    the next person is asked later, for all of it."""
    if task.kind == tasks.Kind.RISK:
        return risks.pass_on(tx, task, person, why, channel)
    echo = tasks.decline(tx, task, person, why, channel, together)
    if task.state == tasks.TaskState.CANNOT_DO:
        _nobody_can(tx, task, person, why)
    return echo


def skip(tx: Tx, person: roster.Person, code: str, why: str, channel: str) -> Echo:
    """Not needed here, says a manager or the owner's superior; whoever has it hears so."""
    task = tasks.coded(tx, code)
    if task is None:
        raise Refused(f"There is no task {code.upper()}. Nothing was changed.")
    owner = roster.person(tx, task.owner) if task.is_open() else None
    echo = tasks.skip(tx, task, person, texting.without_patients(why), channel)
    risks.ended(tx, task, person)
    returning.advance(tx, task.outage_id)
    if owner and owner.id != person.id and not task.card_id:
        outage = tx.get(Outage, task.outage_id) if task.outage_id else None
        facts = {"text": f"{task.code} is not needed any more: {task.note}"}
        tell.one(tx, outage, owner, "told_you", facts, lane=Lane.QUESTION)
    return echo


def _whole(tx: Tx, line: tasks.Task, words: str) -> tuple[tasks.Task, str]:
    """The list that a line stands on, and what is said of the line."""
    card = tx.get(tasks.Task, line.card_id)
    return card or line, ": ".join(part for part in (line.sms, words) if part)


def errand(tx: Tx, by: roster.Person, person: roster.Person, text: str, due_s: int, code: str = "") -> str:
    """A task made up on the spot, in the outage of this code, or in the one that runs. Raises Refused."""
    outage, (text, removed) = outages.commanded(tx, by, "task", code), words.screened(text)
    task = tasks.open_new(
        tx, outage, tasks.Kind.ADHOC, text, texting.fit(text, 40), prio=2, due_s=due_s, unit=person.unit
    )
    task.asker = by.id
    tasks.take(tx, task, person.id, "", "shift")
    tasks.announce(tx, outage, person, [task])
    tasks.set_clock(tx, outage.id or 0)
    journal.write(tx, "assigned", outage=outage.code, who=by.id, about=task.code, to=person.id, text=text)
    return f"{task.code} offered to {person.name}, due {tasks.at(tx, task.due_at)}.{removed}"


def _have(tx: Tx, task: tasks.Task, person: roster.Person, words: str, channel: str) -> Echo:
    return _takes_command(tx, task, person, channel) or tasks.accept(tx, task, person, channel)


def _takes_command(tx: Tx, task: tasks.Task, person: roster.Person, channel: str) -> Echo:
    """To accept command is to have it: the task is done, and a declarer who is no commander is relieved."""
    outage = tx.get(Outage, task.outage_id) if task.outage_id else None
    if task.step != TAKE_COMMAND or outage is None or not task.is_open():
        return None
    tasks.done(tx, task, person, "", channel)
    now = roster.person(tx, outage.commander)
    if now is None or "incident_commander" not in now.roles:
        relief.takes(tx, outage, person, person.id, channel)
        return "echo", {"text": f"you command {outage.code} until relieved"}
    return "echo", {"text": f"{task.code} done; {now.name} commands {outage.code}"}


def _start(tx: Tx, task: tasks.Task, person: roster.Person, words: str, channel: str) -> Echo:
    return tasks.begin(tx, task, person, channel)


def _blocked(tx: Tx, task: tasks.Task, person: roster.Person, why: str, channel: str) -> Echo:
    """The ladder for what is blocked: a superior hears of it, of a priority 1 at once, and then the commander; of a
    patient risk the next person, as if this one could not."""
    if task.kind == tasks.Kind.RISK:
        return risks.pass_on(tx, task, person, why, channel)
    _, facts = tasks.block(tx, task, person, why, channel)
    outage = tx.get(Outage, task.outage_id) if task.outage_id else None
    if outage:
        rows = outage.ladders.get(f"blocked_{task.prio}") or AT_ONCE
        subject = f"task:{task.number}"
        ladder = escalations.start(tx, "blocked", subject, rows, outage_id=outage.id, person_id=person.id)
        if rows[0]["after"] == 0:
            escalations.climb(tx, ladder.id or 0, rungs.PERFORMERS)
    _asker_hears(tx, task, person, "blocked")
    above = tell.above(tx, outage, person, task.unit)
    return "echo", {"text": f"{facts['text']}, {above.name if above else 'the coordinator'} is told"}


def _need(tx: Tx, task: tasks.Task, person: roster.Person, words: str, channel: str) -> Echo:
    outage = tx.get(Outage, task.outage_id) if task.outage_id else None
    above = tell.above(tx, outage, person, task.unit)
    if above and outage:
        tell.up(tx, outage, task, person.name, above, f"needs help: {words}" if words else "needs help")
    return "echo", {"text": f"help for {task.code}: {above.name if above else 'the coordinator'} is told"}


def _nobody_can(tx: Tx, task: tasks.Task, person: roster.Person, why: str) -> None:
    """Everybody who could has refused: of a priority 1 the coordinator hears at once, else in the next digest."""
    outage = tx.get(Outage, task.outage_id) if task.outage_id else None
    above = tell.coordinator(tx, outage)
    if above and outage and task.prio > 1:
        task.told = list(dict.fromkeys([*task.told, above.id]))
        digest.add(tx, outage, above, task.code, "nobody can")
    elif above and outage:
        tell.up(tx, outage, task, person.name, above, f"nobody can: {why}" if why else "nobody can")
    elif above:
        text = f"nobody can {task.code}, {task.sms}"
        tell.one(tx, None, above, "told_you", {"text": text}, lane=Lane.ALERT, also_slack=True)
    _asker_hears(tx, task, person, "nobody can")


def _asker_hears(tx: Tx, task: tasks.Task, person: roster.Person, what: str) -> None:
    """Whoever made a task up reads in the next digest what became of it, unless it was their own doing."""
    outage = tx.get(Outage, task.outage_id) if task.outage_id else None
    asker = roster.person(tx, task.asker)
    if outage and asker and asker.id != person.id:
        digest.add(tx, outage, asker, task.code, what)


#: What a word about a task sets off: it is always recorded, and the person is not asked again
VERBS: dict[str, Callable[[Tx, tasks.Task, roster.Person, str, str], Echo]] = {
    "have": _have,  # assigns it, and stops everybody else's asking
    "start": _start,  # stops the clock for "not started"
    "done": tasks.done,  # ends it; asks for the proof once
    "proof": tasks.prove,
    "cannot": refuse,  # assigns it to the next person
    "blocked": _blocked,  # escalates now
    "need": _need,  # escalates now, and leaves it where it is
}
