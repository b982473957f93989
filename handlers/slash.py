"""Slash commands: who asks, which verb, one transaction, an answer within three seconds to the caller alone."""

import html
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from slack_bolt.async_app import AsyncAck
from slack_sdk.web.async_client import AsyncWebClient

from bot import access, board, outages, playbooks, roster, tasks
from bot.access import Refused
from bot.command import answers, course, end, errands, opening, words
from bot.db import Tx
from bot.roster import Person
from handlers import modals
from handlers.asked import Answer, answered, as_person, declared, tell_later, told
from handlers.intake import SLACK_WAITS, Facts, Intake
from handlers.said import away, kept

Verb = Callable[[Tx, Person, str], Answer]
LISTED = 40  # tasks at most


async def typed(ack: AsyncAck, command: dict[str, Any], client: AsyncWebClient, intake: Intake) -> None:
    """A command; `/outage` alone opens the form. What only shows or asks something is not kept."""
    name, said, db = command["command"], html.unescape(command.get("text", "")).strip(), intake.db
    if name == "/outage" and not said:
        await modals.open_form(ack, command, client, intake)
        return
    once = command.get("trigger_id") or uuid.uuid4().hex
    facts = {"user": command["user_id"], "once": once, "name": name, "said": said}
    verb, rest = _read(name, said)
    if verb in SHOW:
        shown = answered(db, facts["user"], once, verb, rest)
        answer = await intake.ask(shown, lambda: away(db).slack(db.render), SLACK_WAITS)
    else:
        answer = await intake.commit("command", facts, instead=lambda: kept(db).slack(db.render))
    await ack(answer)


def do(tx: Tx, user: str, once: str, name: str, said: str) -> Answer:
    return as_person(tx, user, once, *_read(name, said))


def do_later(tx: Tx, answer: Answer, at: datetime, command: Facts) -> None:
    tell_later(tx, answer, at, command["once"], command["user"], f"`{command['name']} {command['said']}`")


def _read(name: str, said: str) -> tuple[Verb, str]:
    """Which verb, and the rest of the words."""
    word, _, rest = said.partition(" ")
    if name == "/checkin":
        return (_told, rest) if word == "told" else (_ask_again, said)
    if name == "/task":
        return (TASK[word.lower()], rest) if word.lower() in TASK else (_new_task, said)
    return (OUTAGE[word.lower()], rest) if word.lower() in OUTAGE else (_unknown, word)


def _declare(tx: Tx, person: Person, rest: str) -> Answer:
    request = words.declaration(rest, playbooks.current(tx).find)
    return declared(tx, opening.declare(tx, person, request, "slack"))


def _update(tx: Tx, person: Person, rest: str) -> Answer:
    code, text = words.code(rest)
    options, text = words.options(text)
    every = words.duration(options.get("next", ""))
    ignored = f" next:{options['next']} was not understood." if "next" in options and not every else ""
    return course.update(tx, person, code, text, every, "slack") + ignored


def _correct(tx: Tx, person: Person, rest: str) -> Answer:
    return course.correct(tx, person, *words.code(rest), "slack")


def _raise(tx: Tx, person: Person, rest: str) -> Answer:
    code, text = words.code(rest)
    return course.raise_level(tx, person, code, words.level(text), "slack")


def _restore(tx: Tx, person: Person, rest: str) -> Answer:
    return end.restore_words(tx, person, *words.code(rest), "slack")


def _verify(tx: Tx, person: Person, rest: str) -> Answer:
    return end.verify(tx, person, words.code(rest)[0], "slack")


def _close(tx: Tx, person: Person, rest: str) -> Answer:
    access.demand(tx, person, "close")
    code, reason = words.code(rest)
    return _sure(outages.find(tx, code), "close", reason, "The all-clear goes to everybody who was told.")


def _void(tx: Tx, person: Person, rest: str) -> Answer:
    access.demand(tx, person, "void")
    return _sure(
        outages.find(tx, words.code(rest)[0]),
        "void",
        "",
        "Everybody who got the alert is told that it was sent in error.",
    )


def _sure(outage: outages.Outage, verb: str, reason: str, what: str) -> Answer:
    """Close and void ask first."""
    text = f"{verb.capitalize()} {outage.code}? {what}"
    button = {
        "type": "button",
        "style": "danger",
        "text": {"type": "plain_text", "text": f"{verb.capitalize()} {outage.code}"},
        "action_id": f"sure_{verb}",
        "value": f"{outage.code} {reason}".strip()[:2000],
    }
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": text}}, {"type": "actions", "elements": [button]}]
    return {"response_type": "ephemeral", "text": text, "blocks": blocks}


def _hand_over(tx: Tx, person: Person, rest: str) -> Answer:
    code, text = words.code(rest)
    to = mentioned(tx, text) if text else None
    return course.hand_over(tx, person, code, to, "slack")


def _status(tx: Tx, person: Person, rest: str) -> Answer:
    shown = board.status(tx, words.code(rest)[0])["outages"]
    said = [tx.render.slack("reply_status", one["exercise"], **board.flat(one)) for one in shown]
    return "\n".join(said) or "No outage is open. Declare one with `/outage declare …`."


def _help(tx: Tx, person: Person, rest: str) -> Answer:
    return tx.render.slack("reply_help")


def _unknown(tx: Tx, person: Person, word: str) -> Answer:
    return f"`{word}` is not a verb of /outage, so nothing was done.\n{_help(tx, person, word)}"


def _ask_again(tx: Tx, person: Person, rest: str) -> Answer:
    """`[CODE] [all|units:a,b]`; alone it asks only the silent."""
    access.demand(tx, person, "checkin")
    code, said = words.code(rest)
    first, _, _ = said.partition(" ")
    if first.lower() == "all":
        return course.ask_again(tx, person, code, [])
    if first.lower().startswith("units:"):
        return course.ask_again(tx, person, code, first[6:].upper().split(","))
    if first:
        raise Refused("Say `/checkin`, `/checkin all` or `/checkin units:5W,3W`. Nothing was sent.")
    return course.ask_again(tx, person, code)


def _told(tx: Tx, person: Person, rest: str) -> Answer:
    """`told unit:5W by NAME`."""
    access.demand(tx, person, "checkin")
    unit, _, by = rest.strip().partition(" by ")
    return told(tx, answers.told_in_person(tx, person, [unit.lower().removeprefix("unit:")], by.strip()))


def _new_task(tx: Tx, person: Person, rest: str) -> Answer:
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


def _task_list(tx: Tx, person: Person, rest: str) -> Answer:
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


def mentioned(tx: Tx, text: str) -> Person | None:
    """`<@U123|name>`, `@name` or a staff id."""
    word = text.strip().strip("<>@").partition("|")[0]
    found = roster.by_slack(tx, word) or roster.person(tx, word)
    if found is None and text.strip():
        raise Refused(f"{text.strip()} is not on the staff list. Nothing was done.")
    return found


OUTAGE: dict[str, Verb] = {
    "declare": _declare,
    "update": _update,
    "correct": _correct,
    "raise": _raise,
    "restore": _restore,
    "verify": _verify,
    "close": _close,
    "void": _void,
    "command": _hand_over,
    "status": _status,
    "help": _help,
}
TASK: dict[str, Verb] = {
    "list": _task_list,
    "done": _act("done"),
    "block": _act("blocked"),
    "accept": _act("have"),
    "cannot": _act("cannot"),
    "give": _give,
    "escalate": _escalate,
}
#: These change nothing: they show something, or ask whether one is sure. They cannot write (`asked.answered`)
SHOW: tuple[Verb, ...] = (_status, _help, _unknown, _close, _void, _task_list)
