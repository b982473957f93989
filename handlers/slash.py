"""Slash commands: who asks, which verb, one transaction, an answer within three seconds to the caller alone."""

import html
from collections.abc import Callable
from typing import Any

from slack_bolt.async_app import AsyncAck
from slack_sdk.web.async_client import AsyncWebClient

from bot import access, board, outages, playbooks, roster, tasks
from bot.access import Refused
from bot.command import answers, course, end, errands, opening, words
from bot.db import Database, Tx
from bot.roster import Person
from handlers import modals
from handlers.asked import Answer, as_person, declared, told

Verb = Callable[[Tx, Person, str], Answer]


async def outage(ack: AsyncAck, command: dict[str, Any], client: AsyncWebClient, db: Database) -> None:
    """`/outage`: alone it opens the form."""
    verb, _, rest = _typed(command).partition(" ")
    if not verb:
        await modals.open_form(ack, command, client, db)
        return
    await _run(ack, command, db, OUTAGE.get(verb.lower(), _unknown(verb)), rest)


async def checkin(ack: AsyncAck, command: dict[str, Any], db: Database) -> None:
    verb, _, rest = _typed(command).partition(" ")
    await _run(ack, command, db, _told if verb == "told" else _ask_again, rest)


async def task(ack: AsyncAck, command: dict[str, Any], db: Database) -> None:
    verb, _, rest = _typed(command).partition(" ")
    await _run(ack, command, db, TASK.get(verb.lower(), _new_task), rest if verb.lower() in TASK else _typed(command))


def _typed(command: dict[str, Any]) -> str:
    """The text as it was typed: Slack escapes & < >."""
    return html.unescape(command.get("text", "")).strip()


async def _run(ack: AsyncAck, command: dict[str, Any], db: Database, verb: Verb, rest: str) -> None:
    answer = await db.transact(as_person, command["user_id"], command.get("trigger_id", ""), verb, rest)
    await ack(answer)


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


def _unknown(verb: str) -> Verb:
    return lambda tx, person, rest: (
        f"`{verb}` is not a verb of /outage, so nothing was done.\n{_help(tx, person, rest)}"
    )


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
    others = (
        [
            f"*{task.code}* {task.text} · {task.state}, {getattr(roster.person(tx, task.owner), 'name', 'nobody')}"
            for outage in outages.running(tx)
            for task in tasks.of_outage(tx, outage.id or 0, *tasks.OPEN)
            if task.number and task not in mine
        ]
        if roster.may(person, "manage")
        else []
    )
    return "\n".join([*rows, *others][:40]) or "No task is open to you."


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
