"""Buttons under messages: answers, tasks, and the two confirmations."""

import asyncio
from typing import Any

import structlog
from aiohttp import ClientError
from slack_bolt.async_app import AsyncAck, AsyncRespond
from slack_sdk.errors import SlackClientError

from bot import checkins, outages
from bot.command import answers, end, errands, words
from bot.db import Database, Tx
from bot.roster import Person
from handlers.asked import as_person, told

VERBS = ("have", "cannot", "done", "blocked", "need")
REPLY_WITHIN = 2.0  # seconds; after three Slack tells the person that nothing was done
NOT_UNDERSTOOD = "That button has no meaning any more, so nothing was done."

log = structlog.get_logger()


async def check(ack: AsyncAck, body: dict[str, Any], respond: AsyncRespond, db: Database) -> None:
    await _run(ack, body, respond, db, _check)


async def task(ack: AsyncAck, body: dict[str, Any], respond: AsyncRespond, db: Database) -> None:
    await _run(ack, body, respond, db, _task)


async def sure(ack: AsyncAck, body: dict[str, Any], respond: AsyncRespond, db: Database) -> None:
    await _run(ack, body, respond, db, _sure)


async def _run(ack: AsyncAck, body: dict[str, Any], respond: AsyncRespond, db: Database, verb: Any) -> None:
    """Commit, then acknowledge; the answer goes to the one who clicked."""
    action = body["actions"][0]
    once = f"{body.get('trigger_id') or action.get('action_ts', '')}:{action['action_id']}"
    rest = f"{action['action_id'].partition('_')[2]} {action.get('value', '')}"
    answer = await db.transact(as_person, body["user"]["id"], once, verb, rest)
    await ack()
    try:
        reply = respond(text=answer, response_type="ephemeral", replace_original=False)
        await asyncio.wait_for(reply, REPLY_WITHIN)
    except (SlackClientError, ClientError, OSError, TimeoutError):
        log.warning("Slack took no reply to a click; what was clicked is done all the same")


def _check(tx: Tx, person: Person, rest: str) -> str:
    """`9 O-1 9`: the digit, the outage that the button stood under, the digit."""
    digit, code, *_ = [*rest.split(), "", ""]
    if digit not in checkins.MEANS:
        return NOT_UNDERSTOOD
    about = outages.find(tx, code).id if code else None
    echo = answers.answer(tx, [person], digit, "", "slack", about)
    return told(tx, echo) if echo else f"Noted: {digit}. You will not be asked again for this."


def _task(tx: Tx, person: Person, rest: str) -> str:
    verb, code, *_ = [*rest.split(), "", ""]
    return told(tx, errands.act(tx, person, verb, code, "", "slack")) if verb in VERBS and code else NOT_UNDERSTOOD


def _sure(tx: Tx, person: Person, rest: str) -> str:
    verb, _, said = rest.partition(" ")
    code, reason = words.code(said)
    if verb == "close":
        return end.close(tx, person, outages.find(tx, code).code, reason, "slack")
    return end.void(tx, person, outages.find(tx, code).code, "slack") if verb == "void" else NOT_UNDERSTOOD
