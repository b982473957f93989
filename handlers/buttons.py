"""Buttons under messages: answers, tasks, and the two confirmations."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncRespond

from bot import outages
from bot.command import answers, end, errands, words
from bot.db import Database, Tx
from bot.roster import Person
from handlers.asked import as_person, told


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
    await respond(text=answer, response_type="ephemeral", replace_original=False)


def _check(tx: Tx, person: Person, rest: str) -> str:
    """`9 O-1 9`: the digit, the outage, the digit."""
    digit = rest.split()[0]
    echo = answers.answer(tx, [person], digit, "", "slack")
    return told(tx, echo) if echo else "Noted: 1. You will not be asked again for this."


def _task(tx: Tx, person: Person, rest: str) -> str:
    verb, code = rest.split()[:2]
    return told(tx, errands.act(tx, person, verb, code, "", "slack"))


def _sure(tx: Tx, person: Person, rest: str) -> str:
    verb, _, words_left = rest.partition(" ")
    code, reason = words.code(words_left)
    outage = outages.find(tx, code)
    return (
        end.close(tx, person, outage.code, reason, "slack")
        if verb == "close"
        else end.void(tx, person, outage.code, "slack")
    )
