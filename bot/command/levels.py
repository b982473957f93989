"""The level: a person raises it, or is asked to and the clock raises it when nobody answers; 4 is a person's alone.

What the clock does wakes nobody: it tells people on shift and role holders, and no one else (messages.md R8).
"""

from datetime import timedelta
from typing import Any

from bot import journal, outages, outbox, playbooks, roster, tasks, timers
from bot.access import Refused
from bot.command import alerting, periods, rounds, tell, wording
from bot.command.tell import Echo
from bot.db import Tx
from bot.outages import Outage, OutageState

ASK, ACT = "level.ask", "level.act"  # the timers: somebody is asked; nobody has answered
AGAIN = timedelta(hours=1)  # after "leave it", and twice as long each further time
CONSIDER_S = 3600  # seconds that a question stands which the clock does not answer
PHASE = "level"  # of the questions among the tasks
NOT_SO = "{task} asks whether to raise {code}: text 1 {task} to raise it, 2 {task} to leave it. Nothing was changed."

Rule = dict[str, Any]


def raise_level(tx: Tx, by: roster.Person, code: str, level: int, channel: str) -> str:
    """A higher level tells more people: those who were told hear of the level, the others get the alert."""
    outage = outages.commanded(tx, by, "raise", code)
    if not outage.level < level <= 4:
        raise Refused(
            f"{outage.code} is at level {outage.level}; raise it to a higher one, at most 4. Nothing was changed."
        )
    return _raise(tx, outage, level, by.id, channel)


def lower_level(tx: Tx, by: roster.Person, code: str, level: int, channel: str) -> str:
    """It is less than was thought: whoever was told hears so once, and whoever is told next are fewer. What was begun
    goes on. Nobody is asked to raise it again for an hour."""
    outage = outages.commanded(tx, by, "lower", code)
    before = outage.level
    if not 1 <= level < before:
        raise Refused(
            f"{outage.code} is at level {before}; lower it to a lower one, at least 1. Was it nothing at all, give the "
            f"all-clear: {tell.how(channel, 'close', outage.code)}. Nothing was changed."
        )
    outage.level = level
    tx.add(outage)
    _withdraw(tx, outage, by.id, "lowered")
    for number, rule in enumerate(outage.levels):
        timers.cancel(tx, ASK, f"{outage.id}:{number}")
        if _holds(tx, outage, rule):
            timers.set_for(tx, ASK, f"{outage.id}:{number}", tx.now + AGAIN)
    tell.promise(tx, outage)
    text = f"outage now LEVEL {level}, not {before}"
    facts = {"time": tasks.at(tx, tx.now), "text": text, "next": tell.next_at(tx, outage)}
    down = outages.down(tx, outage)
    said = tell.everyone(tx, outage, "update", facts, own=lambda language: {"down": wording.named(down, language)})
    journal.write(tx, "lowered", outage=outage.code, who=by.id, channel=channel, level=level)
    return f"{outage.code} is at level {level}: {outbox.audience(tx, said.id)} hear of it. What was begun goes on."


def watch(tx: Tx, outage: Outage) -> None:
    """Set the clock of every question that this level and these services call for, and stop the others."""
    for number, rule in enumerate(outage.levels):
        subject = f"{outage.id}:{number}"
        if not _holds(tx, outage, rule):
            timers.cancel(tx, ASK, subject)
        elif not timers.due_at(tx, ASK, subject) and not _asked(tx, outage, rule["to"]):
            timers.set_for(tx, ASK, subject, tx.now + timedelta(seconds=rule["after"]))


def end(tx: Tx, outage: Outage) -> None:
    """Nothing is down any more: nobody is asked about the level, and no clock acts."""
    for number in range(len(outage.levels)):
        timers.cancel(tx, ASK, f"{outage.id}:{number}")
    for task in _questions(tx, outage):
        timers.cancel(tx, ACT, str(task.id))


def keep(tx: Tx, outage: Outage) -> None:
    """Nobody is asked to raise it and no clock does: whoever started this was told whom it texts."""
    end(tx, outage)
    outage.levels = []
    tx.add(outage)


def ask(tx: Tx, subject: str) -> None:
    """Ask whoever the rule names, as a task with a code: 1 raises the level, 2 leaves it."""
    outage_id, _, number = subject.partition(":")
    outage = tx.get(Outage, int(outage_id))
    rule = outage.levels[int(number)] if outage else None
    if outage is None or rule is None or not _holds(tx, outage, rule) or _asked(tx, outage, rule["to"]):
        return
    _withdraw(tx, outage, journal.SYSTEM)  # one question at a time: the higher level
    held = roster.holding(tx, rule["ask"]) if rule["ask"] != "incident_commander" else None
    person = held.owner if held and held.owner else tell.coordinator(tx, outage)
    task = _open(tx, outage, rule, person)
    wait = timedelta() if rule["acts_after"] is not None else _again(tx, outage, rule["to"])
    timers.set_for(tx, ACT, str(task.id), (task.due_at or tx.now) + wait)
    _put(tx, outage, rule, task, person, call=bool(held and held.via == "oncall"))


def decide(tx: Tx, task: tasks.Task, person: roster.Person, verb: str, channel: str) -> Echo:
    """The answer of whoever was asked. Raises Refused for anything but 1 and 2."""
    outage = tx.get(Outage, task.outage_id)
    if outage is None or verb not in ("have", "cannot"):
        raise Refused(NOT_SO.format(task=task.code, code=outage.code if outage else "the level"))
    if not task.is_open():
        raise Refused(f"{task.code} is settled: {outage.code} is at level {outage.level}. Nothing was changed.")
    if verb == "have":
        return "echo", {"text": _raise(tx, outage, _to(task), person.id, channel)}
    tasks.settle(tx, task, person.id, "left", channel)
    _leave(tx, outage, _to(task))
    return "echo", {"text": f"{outage.code} stays at level {outage.level}"}


def run_out(tx: Tx, task_id: int) -> None:
    """Nobody answered: the clock raises the level, and the commander is told that nobody did; or it is asked again,
    where only a person may raise it. What is no longer called for, as systems came back meanwhile, is settled."""
    task = tx.get(tasks.Task, task_id)
    outage = tx.get(Outage, task.outage_id) if task and task.is_open() else None
    if task is None or outage is None:
        return
    number, rule = _rule(tx, outage, task)
    if rule is None:
        tasks.settle(tx, task, journal.SYSTEM, "no longer called for")
        watch(tx, outage)
    elif rule["acts_after"] is None:
        tasks.settle(tx, task, journal.SYSTEM, "unanswered")
        ask(tx, f"{outage.id}:{number}")
    else:
        _raise_unanswered(tx, outage, task)


def pass_on(tx: Tx, outage: Outage, person: roster.Person) -> None:
    """Whoever was asked went off shift, or reads no texts any more: whoever has the role now is asked."""
    for task in [task for task in _questions(tx, outage) if task.owner == person.id]:
        _, rule = _rule(tx, outage, task)
        held = roster.holding(tx, rule["ask"], excluding=frozenset([person.id])) if rule else None
        if rule and held and held.owner:
            task.owner = held.owner.id
            tx.add(task)
            journal.write(tx, "relief_asked", outage=outage.code, who=person.id, about=task.code, to=task.owner)
            _put(tx, outage, rule, task, held.owner, call=False)


def _raise_unanswered(tx: Tx, outage: Outage, task: tasks.Task) -> None:
    commander = tell.coordinator(tx, outage)
    _raise(tx, outage, _to(task), journal.SYSTEM, "", but=commander.id if commander else "")
    if commander:
        text = f"nobody answered {task.code}: {outage.code} is raised to level {outage.level}"
        tell.one(tx, outage, commander, "told_you", {"text": text}, lane=outbox.Lane.QUESTION, also_slack=True)


def _raise(tx: Tx, outage: Outage, level: int, who: str, channel: str, but: str = "") -> str:
    by_clock = who == journal.SYSTEM
    outage.level = level
    tx.add(outage)
    _withdraw(tx, outage, who, "raised")
    tell.promise(tx, outage)
    down = outages.down(tx, outage)
    facts = {"time": tasks.at(tx, tx.now), "level": level, "next": tell.next_at(tx, outage)}
    facts |= {"what": wording.what(outage, down)}
    said = tell.everyone(
        tx, outage, "raised", facts, but=but, own=lambda language: {
            "services": wording.named(down, language), "do": wording.words(down, "do", language),
        }
    )  # fmt: skip
    told = outbox.audience(tx, said.id)
    wanted = [row.service for row in outages.services(tx, outage)]
    newcomers = alerting.alert(tx, outage, playbooks.current(tx), wanted, present=by_clock).people
    periods.begin(tx, outage)
    rounds.ask_late(tx, outage)
    journal.write(tx, "raised", outage=outage.code, who=who, channel=channel, level=level, newcomers=newcomers)
    watch(tx, outage)
    return f"{outage.code} is at level {level}: {newcomers} more people are told, {told} hear of the level."


def _rule(tx: Tx, outage: Outage, task: tasks.Task) -> tuple[int, Rule | None]:
    """The rule by which this is asked, with its number, if it still holds."""
    found = (pair for pair in enumerate(outage.levels) if pair[1]["to"] == _to(task) and _holds(tx, outage, pair[1]))
    return next(found, (0, None))


def _holds(tx: Tx, outage: Outage, rule: Rule) -> bool:
    there = outage.state == OutageState.DECLARED and outage.level == rule["from"]
    return there and _systems(tx, outage) >= rule["services"]


def _systems(tx: Tx, outage: Outage) -> int:
    return sum(row.service != "core" for row in outages.down(tx, outage))


def _questions(tx: Tx, outage: Outage) -> list[tasks.Task]:
    return [task for task in tasks.of_outage(tx, outage.id or 0, *tasks.OPEN) if task.kind == tasks.Kind.DECIDE]


def _asked(tx: Tx, outage: Outage, to: int) -> bool:
    """Is a question for this level, or for a higher one, open?"""
    return any(_to(task) >= to for task in _questions(tx, outage))


def _to(task: tasks.Task) -> int:
    return int(task.step.rpartition("-")[2])


def _open(tx: Tx, outage: Outage, rule: Rule, person: roster.Person | None) -> tasks.Task:
    to, due_s = rule["to"], CONSIDER_S if rule["acts_after"] is None else rule["acts_after"]
    task = tasks.open_new(
        tx, outage, tasks.Kind.DECIDE, f"Raise {outage.code} to level {to}? 1 raises it, 2 leaves it",
        f"raise to level {to}?", prio=1, due_s=due_s, role=rule["ask"], owner=person.id if person else "",
    )  # fmt: skip
    task.phase, task.step, task.state, task.offered_at = PHASE, f"LEVEL-{to}", tasks.TaskState.OFFERED, tx.now
    tx.add(task)
    asked = person.id if person else ""
    journal.write(tx, "asked_to_raise", outage=outage.code, about=task.code, level=to, to=asked)
    return task


def _put(tx: Tx, outage: Outage, rule: Rule, task: tasks.Task, person: roster.Person | None, call: bool) -> None:
    to = rule["to"]
    by = tasks.at(tx, task.due_at) if rule["acts_after"] is not None else None
    facts = {"code": outage.code, "task": task.code, "what": wording.what(outage, outages.down(tx, outage)),
             "level": outage.level, "to": to, "by": by}  # fmt: skip
    keys = [[f"Raise to level {to}", "task_have", task.code], ["Leave it", "task_cannot", task.code]]
    if person:
        tell.one(tx, outage, person, "decide", facts, lane=outbox.Lane.ALERT, subject=f"task:{task.number}",
                 buttons=keys, also_slack=True, also_call=call)  # fmt: skip
    tell.command_post(tx, outage, "decide", facts, keys)


def _withdraw(tx: Tx, outage: Outage, who: str, given: str = "") -> None:
    """What was asked about a level that is reached, or about a lower one, is no question any more."""
    for task in _questions(tx, outage):
        timers.cancel(tx, ACT, str(task.id))
        tasks.settle(tx, task, who, given or "asked for a higher level")


def _leave(tx: Tx, outage: Outage, to: int) -> None:
    """Remembered: it is asked again after an hour at the earliest, and twice as long each further time."""
    for number, rule in enumerate(outage.levels):
        if rule["to"] == to and rule["from"] == outage.level:
            timers.set_for(tx, ASK, f"{outage.id}:{number}", tx.now + _again(tx, outage, to, but=1))
    watch(tx, outage)


def _again(tx: Tx, outage: Outage, to: int, but: int = 0) -> timedelta:
    """How long until it is asked again: twice as long each time that it was left or nobody answered."""
    every = [task for task in tasks.of_outage(tx, outage.id or 0, tasks.TaskState.DONE) if task.step == f"LEVEL-{to}"]
    return AGAIN * 2 ** min(sum(task.given in ("left", "unanswered") for task in every) - but, 5)
