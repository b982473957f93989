"""Buttons under messages: answers, tasks, and the two confirmations."""

import asyncio
import uuid
from datetime import datetime
from typing import Any

import structlog
from aiohttp import ClientError
from slack_bolt.async_app import AsyncAck, AsyncRespond
from slack_sdk.errors import SlackClientError

from bot import checkins, outages, recalls
from bot.command import answers, end, errands, lapses, whose, words
from bot.db import Tx
from bot.roster import Person
from handlers.asked import Answer, as_person, tell_later, told
from handlers.intake import Facts, Intake
from handlers.said import kept
from handlers.slash import drill

VERBS = ("have", "cannot", "done", "blocked", "need")
IN_ALL = 2.8  # seconds; after three Slack tells the person that nothing was done

log = structlog.get_logger()


async def clicked(ack: AsyncAck, body: dict[str, Any], respond: AsyncRespond, intake: Intake) -> None:
    """Commit or keep, then acknowledge; the answer goes to the one who clicked."""
    until = asyncio.get_running_loop().time() + IN_ALL
    action, db = body["actions"][0], intake.db
    trigger = body.get("trigger_id") or action.get("action_ts") or uuid.uuid4().hex
    facts = {"user": body["user"]["id"], "once": f"{trigger}:{action['action_id']}", "name": action["action_id"],
             "value": action.get("value", "")}  # fmt: skip
    risk = action["action_id"] == "check_9"
    answer = await intake.commit("click", facts, instead=lambda: kept(db, risk).slack(db.render))
    await ack()
    try:
        async with asyncio.timeout_at(until):
            await respond(text=answer, response_type="ephemeral", replace_original=False)
    except (SlackClientError, ClientError, OSError, TimeoutError):
        log.warning("Slack took no reply to a click; what was clicked is done all the same")


def do(tx: Tx, user: str, once: str, name: str, value: str) -> Answer:
    kind, _, rest = name.partition("_")
    return as_person(tx, user, once, KINDS[kind], f"{rest} {value}")


def do_later(tx: Tx, answer: Answer, at: datetime, click: Facts) -> None:
    """A 1 needs no answer."""
    if click["name"] != "check_1":
        tell_later(tx, answer, at, click["once"], click["user"], "a click")


def _check(tx: Tx, person: Person, rest: str) -> str:
    """`9 O-1 9`: the digit, the outage that the button stood under, the digit."""
    digit, code, *_ = [*rest.split(), "", ""]
    if digit not in checkins.OPTIONS:
        return _meaningless(tx, person)
    about = outages.find(tx, code).id if code else None
    return told(tx, person, answers.answer(tx, [person], digit, "", "slack", about), digit)


def _round(tx: Tx, person: Person, rest: str) -> str:
    """`1 12 1`: the digit, the round that the button stood under, the digit."""
    digit, number, *_ = [*rest.split(), "", ""]
    if digit == checkins.AWAY:
        return told(tx, person, lapses.not_on_shift(tx, person, "slack"))
    if digit not in checkins.OPTIONS or not number.isdecimal() or len(number) > 9:
        return _meaningless(tx, person)
    return told(tx, person, answers.answer(tx, [person], digit, "", "slack", round_id=int(number)))


def _task(tx: Tx, person: Person, rest: str) -> str:
    verb, code, *_ = [*rest.split(), "", ""]
    if verb not in VERBS or not code:
        return _meaningless(tx, person)
    return told(tx, person, errands.act(tx, person, verb, code, "", "slack"))


def _recall(tx: Tx, person: Person, rest: str) -> str:
    """`1 R1`: the digit, and the staff call that the button stood under."""
    digit, code, *_ = [*rest.split(), "", ""]
    echo = whose.hear(tx, [person], digit, code, "slack") if digit in recalls.MEANS and code else None
    return told(tx, person, echo) if echo else _meaningless(tx, person)


def _sure(tx: Tx, person: Person, rest: str) -> str:
    verb, _, said = rest.partition(" ")
    code, reason = words.code(said)
    if verb == "again" and reason.isdecimal():
        return lapses.send_again(tx, person, code, int(reason), "slack")
    if verb == "drill":
        return str(drill.begin(tx, person, said))
    if verb == "close":
        return end.close(tx, person, outages.find(tx, code).code, reason, "slack")
    if verb == "void":
        return end.void(tx, person, outages.find(tx, code).code, "slack")
    return _meaningless(tx, person)


def _meaningless(tx: Tx, person: Person) -> str:
    return tx.render.slack("no_button", person.language)


#: What an action id begins with → what is done
KINDS = {"check": _check, "round": _round, "task": _task, "recall": _recall, "sure": _sure}
