"""Slash commands: who asks, which verb, one transaction, an answer within three seconds to the caller alone."""

import html
import re
import uuid
from datetime import datetime
from typing import Any

from slack_bolt.async_app import AsyncAck
from slack_sdk.web.async_client import AsyncWebClient

from bot.db import Tx
from bot.texting import without_patients
from handlers import modals
from handlers.asked import Answer, Verb, answered, as_person, tell_later
from handlers.intake import SLACK_WAITS, Facts, Intake
from handlers.said import away, kept
from handlers.slash import checkin, outage, task


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


def screened(command: Facts) -> Facts:
    """As it may lie on the disk: the words around those that Slack marks, as people and channels."""
    parts = re.split("(<[^>]*>)", command["said"])
    return command | {"said": "".join(part if part[:1] == "<" else without_patients(part) for part in parts)}


def do_later(tx: Tx, answer: Answer, at: datetime, command: Facts) -> None:
    tell_later(tx, answer, at, command["once"], command["user"], f"`{command['name']} {command['said']}`")


def _read(name: str, said: str) -> tuple[Verb, str]:
    """Which verb, and the rest of the words."""
    verbs, otherwise = COMMANDS[name]
    word, _, rest = said.partition(" ")
    if word.lower() in verbs:
        return verbs[word.lower()], rest
    return otherwise, said


#: command → its verbs by their first word, and what is done with anything else
COMMANDS: dict[str, tuple[dict[str, Verb], Verb]] = {
    "/outage": (outage.VERBS, outage.unknown),
    "/checkin": (checkin.VERBS, checkin.ask),
    "/task": (task.VERBS, task.task),
}
#: They cannot write (`asked.answered`)
SHOW: tuple[Verb, ...] = (*outage.SHOW, *task.SHOW)
