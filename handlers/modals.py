"""The declaration as a form."""

import uuid
from datetime import datetime
from typing import Any

from slack_bolt.async_app import AsyncAck
from slack_sdk.errors import SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from sqlmodel import select

from bot import journal, playbooks, roster
from bot.command import opening, words
from bot.db import Tx
from bot.roster import Person
from handlers import views
from handlers.asked import Answer, as_person, declared, stranger, tell_later
from handlers.intake import SLACK_WAITS, Facts, Intake
from handlers.said import away, kept

LEVELS = (
    "0 watch",
    "1 advisory",
    "2 partial: one system",
    "3 full: paper everywhere",
    "4 extended: all staff and partners",
)
PREVIEW_WAITS = 1.0  # seconds that the form waits for the figures: it has to open within three
IN_WORDS = "Say it in words: `/outage declare ehr,email what is down`"


async def open_form(ack: AsyncAck, command: dict[str, Any], client: AsyncWebClient, intake: Intake) -> None:
    """Open the form within the three seconds that its trigger lives; who may not declare is told who may."""
    db = intake.db
    figures = await previewed(intake, command["user_id"])
    view = await intake.ask(
        db.transact(form, command["user_id"], figures), lambda: f"{away(db).slack(db.render)}\n{IN_WORDS}", SLACK_WAITS
    )
    if isinstance(view, str):
        await ack(view)
        return
    try:
        await client.views_open(trigger_id=command["trigger_id"], view=view)
        await ack()
    except (SlackClientError, OSError, TimeoutError):
        await ack(f"The form cannot be opened just now. {IN_WORDS}")


async def submitted(ack: AsyncAck, body: dict[str, Any], intake: Intake) -> None:
    """Declare what the form says; the form shows the figures."""
    view, db = body["view"], intake.db
    facts = {"user": body["user"]["id"], "once": view.get("id") or uuid.uuid4().hex, "values": view["state"]["values"]}
    answer = await intake.commit("form", facts, instead=lambda: kept(db).slack(db.render))
    await ack(response_action="update", view=views.shown("Outage", str(answer)))


def do(tx: Tx, user: str, once: str, values: dict[str, Any]) -> Answer:
    return as_person(tx, user, once, _declare, values)


def do_later(tx: Tx, answer: Answer, at: datetime, submitted: Facts) -> None:
    tell_later(tx, answer, at, submitted["once"], submitted["user"], "the form")


async def previewed(intake: Intake, slack_id: str) -> str:
    """What each level would come to, read beside the writer; nothing where that takes too long."""
    return await intake.ask(intake.db.read(_previews, slack_id), str, PREVIEW_WAITS)


def _previews(tx: Tx, slack_id: str) -> str:
    person = roster.by_slack(tx, slack_id)
    if person is None or not roster.may(person, "declare"):
        return ""
    levels = opening.previews(tx, person)
    lines = [f"*Level {level}*: {figures}" for level, figures in levels.items()]
    warnings = [figures.warning for figures in levels.values() if figures.warning]
    return "\n".join(["If it is declared everywhere now:", *lines, *warnings[-1:]])


def form(tx: Tx, slack_id: str, figures: str = "") -> dict[str, Any] | str:
    """The form's view, or why this account may not have it. `figures` say what each level would come to."""
    person = roster.by_slack(tx, slack_id)
    if person is None:
        return stranger(tx, slack_id)
    if not roster.may(person, "declare"):
        able = ", ".join(other.name for other in roster.permitted(tx, "declare")[:5])
        return f"You may not declare an outage. Those who may: {able}."
    library = playbooks.current(tx)
    services = [(playbook.title[:75], service) for service, playbook in library.playbooks.items()]
    sites = [(site.name[:75], site.code) for site in tx.exec(select(roster.Site).order_by(roster.Site.code))]
    levels = [(text, text[0]) for text in LEVELS]
    blocks = [
        views.entry("services", "What is down?", views.choice("multi_static_select", services), optional=True),
        views.entry("sites", "Where? (nothing: everywhere)", views.choice("multi_static_select", sites), optional=True)
        if sites
        else None,
        views.entry("level", "Level", views.choice("static_select", levels), optional=True),
        {"type": "context", "elements": [{"type": "mrkdwn", "text": figures}]} if figures else None,
        views.entry(
            "text",
            "In your words, for the text to staff",
            views.words(140),
            optional=True,
        ),
        views.entry("works", "What still works? (nothing: the playbook's words)", views.words(80), optional=True),
    ]
    return {
        **views.view("Declare outage", [block for block in blocks if block]),
        "callback_id": "declare",
        "submit": views.plain("Declare now"),
    }


def _declare(tx: Tx, person: Person, values: Any) -> str:
    picked = {name: views.picked(block["v"]) for name, block in values.items()}
    level, (text, works) = picked.get("level") or [], ((picked.get(name) or [""])[0] for name in ("text", "works"))
    request = words.Request(
        services=picked.get("services") or [], sites=picked.get("sites") or [], level=int(level[0]) if level else None,
        text=text.translate(words.QUOTES), works=works.translate(words.QUOTES).strip(),
        folded=words.unlike_text(text),
        practice=words.practice(text),
    )  # fmt: skip
    journal.write(tx, "form", who=person.id, channel="slack")
    return declared(tx, person, opening.declare(tx, person, request, "slack"))

