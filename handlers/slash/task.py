"""`/task`: a new one, or what is done with one."""

from bot import access, outages, roster, tasks
from bot.access import Refused
from bot.command import errands, words
from bot.db import Tx
from bot.roster import Person
from handlers.asked import Answer, Verb, told
from handlers.slash.whom import mentioned

LISTED = 40  # tasks at most


def new(tx: Tx, person: Person, rest: str) -> Answer:
    access.demand(tx, person, "task")
    return errands.errand(tx, person, *_for_whom(tx, rest))


def _for_whom(tx: Tx, rest: str) -> tuple[Person, str, int]:
    """`@person|role:x|unit:y [due:15m] text` → who gets it, the text, seconds until due."""
    first, _, text = rest.strip().partition(" ")
    options, text = words.options(text)
    due = words.duration(options.get("due", "15m"))
    if first.startswith("role:"):
        if first[5:] not in roster.ROLES:
            raise Refused(f"There is no role {first[5:]}. Roles: {', '.join(roster.ROLES)}.")
        person = roster.holding(tx, first[5:]).owner
    elif first.startswith("unit:"):
        person = roster.charge(tx, first[5:].upper())
    else:
        person = mentioned(tx, first)
    if person is None or due is None or not text:
        raise Refused(
            "Say who, when and what: `/task @person due:15m text`, `/task role:lab_lead …`, `/task unit:5W …`. "
            "Nothing was done."
        )
    return person, text, int(due.total_seconds())


def _list(tx: Tx, person: Person, rest: str) -> Answer:
    mine = tasks.mine(tx, person)
    rows = [f"*{task.code}* {task.text} · {task.state}, due {tasks.at(tx, task.due_at)}" for task in mine]
    rows += _of_others(tx, mine) if roster.may(person, "manage") else []
    return "\n".join(rows[:LISTED]) or "No task is open to you."


def _of_others(tx: Tx, mine: list[tasks.Task]) -> list[str]:
    running = [tasks.of_outage(tx, outage.id or 0, *tasks.OPEN) for outage in outages.running(tx)]
    some = [task for found in running for task in found if task.number and task not in mine][:LISTED]
    owners = roster.people(tx, [task.owner for task in some])
    names = {task.id: owners[task.owner].name for task in some if task.owner in owners}
    return [f"*{task.code}* {task.text} · {task.state}, {names.get(task.id, 'nobody')}" for task in some]


def _act(verb: str) -> Verb:
    def act(tx: Tx, person: Person, rest: str) -> Answer:
        code, _, said = rest.strip().partition(" ")
        return told(tx, errands.act(tx, person, verb, code, said, "slack"))

    return act


def _give(tx: Tx, person: Person, rest: str) -> Answer:
    code, _, whom = rest.strip().partition(" ")
    to = mentioned(tx, whom)
    if to is None:
        raise Refused("Say to whom: `/task give T7 @person`. Nothing was done.")
    return told(tx, tasks.give(tx, tasks.find(tx, code, person), to, person, "slack"))


def _escalate(tx: Tx, person: Person, rest: str) -> Answer:
    return told(tx, errands.act(tx, person, "need", rest.strip(), "", "slack"))


VERBS: dict[str, Verb] = {
    "list": _list,
    "done": _act("done"),
    "block": _act("blocked"),
    "accept": _act("have"),
    "cannot": _act("cannot"),
    "give": _give,
    "escalate": _escalate,
}
#: This changes nothing
SHOW: tuple[Verb, ...] = (_list,)
