"""What a text is → what is done: the whole SMS grammar, as verbs."""

import re
from collections.abc import Callable

from bot import access, board, checkins, journal, outages, playbooks, roster, tasks, timers
from bot.access import Refused
from bot.command import (
    answers,
    callbacks,
    course,
    end,
    errands,
    lapses,
    levels,
    opening,
    optouts,
    recalling,
    situation,
    tell,
    whose,
    words,
)
from bot.db import Tx
from bot.roster import Person
from bot.texting import Reply, Says
from handlers.said import Said

Echo = answers.Echo
#: A second digit behind the first, and nothing else
OTHER_DIGIT = re.compile(r"(?:(?:and|or|y|o|et|ou)\b|[&+,/])?\W*([1-4])\W*", re.IGNORECASE)
NO_PIN = "{} needs your PIN, as in {}. Nothing was done or sent"
#: What somebody says of several tasks at once, as it is echoed
VERBS = {
    "have": "yours", "cannot": "you cannot", "done": "done", "blocked": "blocked", "need": "help asked for",
    "proof": "done",
}  # fmt: skip


class WrongPin(Refused):
    """Told apart because it is counted, while of other refusals nothing stays."""


def _answer(tx: Tx, people: list[Person], reply: Reply, number: str, body: str, proven: str) -> Echo:
    if not any(map(str.isdigit, body)) and (said := situation.heard(tx, people, body)):
        return said  # `Yes` to the question that waits
    if reply.digit != "9" and (said := whose.hear(tx, people, reply.digit, reply.code, "sms")):
        return said
    asked = checkins.asked(tx, [person.id for person in people])
    about = next((question.outage_id for question in asked if question.outage == reply.code), None)
    if reply.digit not in "1239" and not asked:
        return answers.stray(tx, people[0], body, "sms", number)
    note = reply.note if about else f"{reply.code} {reply.note}".strip()
    echo = answers.answer(tx, people, reply.digit, note, "sms", about)
    return echo or whose.also_open(tx, people, reply.digit) or _one_of_two(reply)


def _one_of_two(reply: Reply) -> Echo:
    """`1 and 3`: the first digit counts, and a `1` has no echo that would show it."""
    other = OTHER_DIGIT.fullmatch(reply.note)
    if reply.digit != "1" or other is None or other[1] == "1":
        return None
    return "echo", {"text": f"only 1 was noted. If you mean {other[1]}, text {other[1]} alone"}


def _suspected(tx: Tx, people: list[Person], reply: Reply, number: str, body: str, proven: str) -> Echo:
    """A digit and what may be a PIN: where nothing is suspected it is an answer, and the digits are dropped."""
    return _answer(tx, people, Reply(says=Says.ANSWER, digit=reply.digit), number, body, proven)


def _task(tx: Tx, people: list[Person], reply: Reply, number: str, body: str, proven: str) -> Echo:
    if reply.verb == "done" and not reply.code and (said := situation.heard(tx, people, body)):
        return said  # `Done` to the question that waits
    who = next((person for person in people if _owns(tx, reply.code, person)), people[0])
    if reply.verb == "unclear":
        code = reply.code
        raise Refused(f"{reply.note} says nothing of a task, so nothing was changed. Text DONE {code}, BLOCKED {code} "
                      f"or NEED {code}. For your unit text {reply.note} alone")  # fmt: skip
    mine = tasks.mine(tx, who)
    if not reply.code and len(mine) != 1:
        raise Refused(f"Which task? {tasks.yours(tx, who)}")
    codes = [reply.code or mine[0].code, *reply.also]
    echoes = [_done_with(tx, who, reply, code) for code in codes]
    if len(echoes) == 1:
        return echoes[0]
    return "echo", {"text": f"noted for {', '.join(codes)}: {VERBS[reply.verb]}"}


def _done_with(tx: Tx, who: Person, reply: Reply, code: str) -> Echo:
    return errands.act(tx, who, reply.verb, code, reply.note, "sms")


def _owns(tx: Tx, code: str, person: Person) -> bool:
    try:
        return bool(code and tasks.find(tx, code, person))
    except Refused:
        return False


def _duty(tx: Tx, people: list[Person], reply: Reply, number: str, body: str, proven: str) -> Echo:
    who = _speaker(people, reply)
    if reply.verb == "away":
        return lapses.not_on_shift(tx, who, "sms")
    unit = roster.take_duty(tx, who, reply.verb, reply.unit)
    if unit is None:
        return "echo", {"text": f"there is no unit {reply.unit or who.unit}. Text {reply.verb.upper()} and its code"}
    journal.write(tx, f"said_{reply.verb}", who=who.id, channel="sms", about=unit.code)
    if reply.verb == "charge":
        lapses.takes_charge(tx, who, unit.code)
    checkins.present(tx, who, unit.code, "sms")
    for each in people:  # whoever of a shared phone is on the way, it is about them
        recalling.arrived(tx, each, "sms")
    where = "in charge of" if reply.verb == "charge" else "on shift in"
    return "echo", {"text": f"noted: you are {where} {unit.code}"}


def _speaker(people: list[Person], reply: Reply) -> Person:
    """Who of those at a shared phone is not on shift has to be said: `AWAY Abe`. Raises Refused."""
    if len(people) == 1 or reply.verb != "away":
        return people[0]
    words = set(reply.note.casefold().split())
    meant = [person for person in people if words & {person.id.casefold(), *person.name.casefold().split()}]
    if len(meant) == 1:
        return meant[0]
    raise Refused(f"several people share this phone; say who is away, as in AWAY {people[-1].name.split()[0]}")


def _told(tx: Tx, people: list[Person], reply: Reply, number: str, body: str, proven: str) -> Echo:
    return answers.told_in_person(tx, people[0], [reply.unit, *reply.also])


def _declare(tx: Tx, people: list[Person], reply: Reply, number: str, body: str, proven: str) -> Echo:
    who = _who(tx, people, number, proven, reply, body)
    if who is None:
        if roster.may(people[0], "declare") and not outages.running(tx):
            raise Refused(NO_PIN.format("OUTAGE", "OUTAGE 1234 ehr"))
        return answers.stray(tx, people[0], body, "sms", number)
    library = playbooks.current(tx)
    done = opening.declare(tx, who, words.declaration(reply.note, library.find), "sms")
    if not done.merged:
        return _ask_works(done)
    more = f"Your words were NOT sent: text {done.unsent}" if done.unsent else "STATUS says more"
    return "echo", {"text": f"{done.code} runs already; what you named is in it. {more}"}


def _ask_works(done: opening.Declared) -> Echo:
    """What the declarer left open is asked for: until then staff read what the playbook says."""
    if not done.filled.ask_works:
        return None
    how = f"text UPDATE {done.code}, your PIN and works: phones, Slack"
    return "echo", {"text": f"What still works? Staff read the playbook's words. If you know better, {how}"}


def _command(tx: Tx, people: list[Person], reply: Reply, number: str, body: str, proven: str) -> Echo:
    who = _who(tx, people, number, proven, reply, body)
    verb = reply.verb.upper()
    if who is None:
        if roster.may(people[0], "manage"):
            raise Refused(NO_PIN.format(verb, f"{verb} {reply.code or 'O-1'} 1234"))
        return answers.stray(tx, people[0], body, "sms", number)
    return "echo", {"text": COMMANDS[reply.verb](tx, who, reply.code, reply.note)}


def _who(tx: Tx, people: list[Person], number: str, proven: str, reply: Reply, body: str) -> Person | None:
    """Whose PIN it was. None where no PIN was given: then the words were a remark. Raises WrongPin."""
    if reply.pin:
        access.pins_at(tx, number)  # raises while the number is locked
    if proven:
        access.right_pin(tx, number)
        return roster.person(tx, proven)
    if not reply.pin:
        return None
    raise WrongPin


def _status(tx: Tx, people: list[Person], reply: Reply, number: str, body: str, proven: str) -> Echo:
    running = outages.running(tx)
    if not running:
        return "echo", {"text": "no outage is open"}
    line = board.line(tx, running[0], with_numbers=roster.may(people[0], "manage"))
    return "status", line | tell.no_phone(tx, running[0])


def _opted_out(tx: Tx, people: list[Person], reply: Reply, number: str, body: str, proven: str) -> Echo:
    optouts.opted_out(tx, number)
    return None  # the carrier answers it; a text of ours would be refused


def _opted_in(tx: Tx, people: list[Person], reply: Reply, number: str, body: str, proven: str) -> Echo:
    optouts.opted_in(tx, number)
    return None


def _wants_help(tx: Tx, people: list[Person], reply: Reply, number: str, body: str, proven: str) -> Echo:
    """The carrier answers HELP and INFO with words of its own, so a call follows; who cannot be called is texted."""
    if not callbacks.is_first(tx, people[0], number, body):
        return None
    if callbacks.call(tx, people, number):
        return None
    return _status(tx, people, reply, number, body, proven)


def _free(tx: Tx, people: list[Person], reply: Reply, number: str, body: str, proven: str) -> Echo:
    return situation.heard(tx, people, body) or answers.stray(tx, people[0], body, "sms", number)


#: What a text is → what is done
SAYS: dict[Says, Callable[[Tx, list[Person], Reply, str, str, str], Echo]] = {
    Says.ANSWER: _answer,
    Says.SUSPECTED: _suspected,
    Says.TASK: _task,
    Says.DUTY: _duty,
    Says.TOLD: _told,
    Says.DECLARE: _declare,
    Says.COMMAND: _command,
    Says.STATUS: _status,
    Says.OPTED_OUT: _opted_out,
    Says.OPTED_IN: _opted_in,
    Says.WANTS_HELP: _wants_help,
    Says.FREE: _free,
}

#: The commander's verbs by text → what is done
COMMANDS: dict[str, Callable[[Tx, Person, str, str], str]] = {
    "update": lambda tx, who, code, note: course.update(tx, who, code, note, None, "sms"),
    "correct": lambda tx, who, code, note: course.correct(tx, who, code, note, "sms"),
    "raise": lambda tx, who, code, note: levels.raise_level(tx, who, code, words.level(note), "sms"),
    "lower": lambda tx, who, code, note: levels.lower_level(tx, who, code, words.level(note), "sms"),
    "restore": lambda tx, who, code, note: end.restore_words(tx, who, code, note, "sms"),
    "verify": lambda tx, who, code, note: end.verify(tx, who, code, "sms"),
    "close": lambda tx, who, code, note: end.close(tx, who, code, note, "sms"),
    "void": lambda tx, who, code, note: end.void(tx, who, code, "sms"),
    "command": lambda tx, who, code, note: course.hand_over(tx, who, code, roster.named(tx, note), "sms"),
}


def stranger(tx: Tx, number: str) -> Said | None:
    journal.write(tx, "unknown_number", channel="sms", about=number)
    if timers.due_at(tx, answers.STRAY, number):
        return None
    timers.set_for(tx, answers.STRAY, number, tx.now + answers.ONCE_IN)
    text = "this number is not on our staff list, so nothing was done. Call your house supervisor"
    return Said("echo", {"text": text})
