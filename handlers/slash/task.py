"""`/task`: a new one, or what is done with one."""

from bot import access, outages, roster, tasks
from bot.access import Refused
from bot.command import errands, words
from bot.db import Tx
from bot.roster import Person
from handlers.asked import Answer, Verb, told
from handlers.slash.whom import mentioned

LISTED = 60  # lines at most
MOST = 6  # open tasks that one person can see to
TOO_MANY = " :warning: too many for one person: `/task give T7 @person`"


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
    rows = [_line(tx, task) for task in mine]
    rows += _by_person(tx, person) if roster.may(person, "manage") else []
    return "\n".join(rows[:LISTED]) or "No task is open to you."


def _by_person(tx: Tx, but: Person) -> list[str]:
    """Who has how much, the most laden first, and a word where that is too much for one person."""
    laden = tasks.by_owner(tx, [outage.id or 0 for outage in outages.running(tx)])
    people = roster.people(tx, laden)
    rows = []
    for owner, theirs in laden.items():
        name = people[owner].name if owner in people else "Nobody"
        rows.append(f"{name}: {len(theirs)} open{TOO_MANY if len(theirs) > MOST else ''}")
        rows += [_line(tx, task) for task in theirs] if owner != but.id else []
    return rows


def _act(verb: str) -> Verb:
    def act(tx: Tx, person: Person, rest: str) -> Answer:
        code, _, said = rest.strip().partition(" ")
        return told(tx, errands.act(tx, person, verb, code, said, "slack"))

    return act


def _line(tx: Tx, task: tasks.Task) -> str:
    return f"*{task.code}* {task.text} · {task.state.replace('_', ' ')}, due {tasks.at(tx, task.due_at)}"


def _skip(tx: Tx, person: Person, rest: str) -> Answer:
    code, _, why = rest.strip().partition(" ")
    return told(tx, errands.skip(tx, person, code, why, "slack"))


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
    "start": _act("start"),
    "skip": _skip,
    "give": _give,
    "escalate": _escalate,
}
#: This changes nothing
SHOW: tuple[Verb, ...] = (_list,)
