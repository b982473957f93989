"""`/task` and `muster task`: a new one, the list, and what is done with one. The same words at every door."""

from collections.abc import Callable

from bot import access, outages, roster, tasks
from bot.access import Refused
from bot.command import errands, words
from bot.command.tell import Echo
from bot.command.whom import mentioned, one_of
from bot.db import Tx
from bot.roster import Person

Verb = Callable[[Tx, Person, str, str], Echo]
DOORS = {"slack": "/task", "cli": "muster task"}
LISTED = 60  # lines at most
MOST = 6  # open tasks that one person can see to


def task(tx: Tx, person: Person, said: str, channel: str) -> str:
    """`VERB CODE [words]`, else a new task: `[O-1] @person|role:x|unit:y [due:15m] text`. Raises Refused."""
    word, _, rest = said.strip().partition(" ")
    if word.lower() not in VERBS:
        return new(tx, person, said, channel)
    echo = VERBS[word.lower()](tx, person, rest.strip(), channel)
    render = tx.render.slack if channel == "slack" else tx.render.sms
    return render(echo[0], person.language, **echo[1]) if echo else tx.render.slack("noted", person.language)


def new(tx: Tx, person: Person, said: str, channel: str) -> str:
    """A task that somebody makes up on the spot. Raises Refused."""
    access.demand(tx, person, "task")
    code, rest = words.code(said)
    return errands.errand(tx, person, *_for_whom(tx, rest, DOORS[channel]), code)


def listed(tx: Tx, person: Person, channel: str) -> str:
    """The person's open tasks; for a manager also who else has how much, the most laden first."""
    rows = [_line(tx, task, channel) for task in tasks.mine(tx, person)]
    rows += _by_person(tx, person, channel) if roster.may(person, "manage") else []
    return "\n".join(rows[:LISTED]) or "No task is open to you."


def _for_whom(tx: Tx, said: str, door: str) -> tuple[Person, str, int]:
    """`@person|role:x|unit:y|group:z [due:15m] text` → who gets it, the text, seconds until due."""
    first, _, text = said.strip().partition(" ")
    options, text = words.options(text)
    due = words.duration(options.get("due", "15m"))
    if first.startswith("role:"):
        if first[5:] not in roster.ROLES:
            raise Refused(f"There is no role {first[5:]}. Roles: {', '.join(roster.ROLES)}.")
        person = roster.holding(tx, first[5:]).owner
    elif first.startswith("unit:"):
        person = roster.charge(tx, first[5:].upper())
    elif first.startswith("group:"):
        person = one_of(tx, first[6:])
    else:
        person = mentioned(tx, first)
    if person is None or due is None or not text:
        who = "@person" if door == "/task" else "STAFF_ID"
        raise Refused(
            f"Say who, when and what: `{door} {who} due:15m text`, `{door} role:lab_lead …`, `{door} unit:5W …`; "
            f"or what is done with one: {', '.join(VERBS)}, like `{door} done T7`. Nothing was done."
        )
    return person, text, int(due.total_seconds())


def _by_person(tx: Tx, but: Person, channel: str) -> list[str]:
    laden = tasks.by_owner(tx, [outage.id or 0 for outage in outages.running(tx)])
    people = roster.people(tx, laden)
    rows = []
    for owner, theirs in laden.items():
        name = people[owner].name if owner in people else "Nobody"
        rows.append(f"{name}: {len(theirs)} open{_too_many(channel) if len(theirs) > MOST else ''}")
        rows += [_line(tx, task, channel) for task in theirs] if owner != but.id else []
    return rows


def _too_many(channel: str) -> str:
    """A word where that is too much for one person."""
    if channel == "slack":
        return " :warning: too many for one person: `/task give T7 @person`"
    return " - too many for one person: muster task give T7 STAFF_ID"


def _line(tx: Tx, task: tasks.Task, channel: str) -> str:
    code = f"*{task.code}*" if channel == "slack" else task.code
    return f"{code} {task.text} · {task.state.replace('_', ' ')}, due {tasks.at(tx, task.due_at)}"


def _act(verb: str) -> Verb:
    def act(tx: Tx, person: Person, rest: str, channel: str) -> Echo:
        code, _, said = rest.partition(" ")
        return errands.act(tx, person, verb, code, said, channel)

    return act


def _skip(tx: Tx, person: Person, rest: str, channel: str) -> Echo:
    code, _, why = rest.partition(" ")
    return errands.skip(tx, person, code, why, channel)


def _give(tx: Tx, person: Person, rest: str, channel: str) -> Echo:
    code, _, whom = rest.partition(" ")
    to = mentioned(tx, whom)
    if to is None:
        who = "@person" if channel == "slack" else "STAFF_ID"
        raise Refused(f"Say to whom: `{DOORS[channel]} give T7 {who}`. Nothing was done.")
    return tasks.give(tx, tasks.find(tx, code, person), to, person, channel)


#: A word → what is done with the task whose code follows it; some have two, since people say both
VERBS: dict[str, Verb] = {
    "accept": _act("have"), "have": _act("have"), "start": _act("start"), "done": _act("done"),
    "cannot": _act("cannot"), "block": _act("blocked"), "blocked": _act("blocked"), "skip": _skip, "give": _give,
    "escalate": _act("need"), "need": _act("need"),
}  # fmt: skip
