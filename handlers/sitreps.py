"""The situation report as a form."""

import uuid
from datetime import datetime
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncRespond
from slack_sdk.errors import SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot import roster, sitreps
from bot.command import situation
from bot.db import Tx
from bot.roster import Person
from handlers import views
from handlers.asked import Answer, as_person, tell_later
from handlers.intake import SLACK_WAITS, Facts, Intake
from handlers.said import away, kept

LABELS = {
    "objective": "How far is your objective?", "risks": "New risks?", "staff": "Staff needed?",
    "supplies": "Supplies needed?", "beds": "Beds open?", "diversion": "Diversion: is anything turned away?",
    "decisions": "Decisions needed from the commander?",
}  # fmt: skip
LONGEST = 200  # characters of an answer
NOT_YOURS = "That report is not yours to fill in, or it is closed. Nothing was kept."
BY_TEXT = "The form cannot be opened just now. Answer the questions by text."


async def opened(
    ack: AsyncAck, body: dict[str, Any], respond: AsyncRespond, client: AsyncWebClient, intake: Intake
) -> None:
    """Open the form within the three seconds that its trigger lives."""
    db, report = intake.db, body["actions"][0].get("value", "")
    look = db.read(form, body["user"]["id"], report)
    view = await intake.ask(look, lambda: away(db).slack(db.render), SLACK_WAITS)
    try:
        if not isinstance(view, str):
            await client.views_open(trigger_id=body["trigger_id"], view=view)
    except (SlackClientError, OSError, TimeoutError):
        view = BY_TEXT
    await ack()
    if isinstance(view, str):
        await respond(text=view, response_type="ephemeral", replace_original=False)


async def submitted(ack: AsyncAck, body: dict[str, Any], intake: Intake) -> None:
    view, db = body["view"], intake.db
    once = f"{view.get('id') or uuid.uuid4().hex}:{view.get('hash', '')}"
    values = {"report": view.get("private_metadata", ""), "values": view["state"]["values"]}
    facts = {"user": body["user"]["id"], "once": once, "values": values}
    answer = await intake.commit("sitrep", facts, instead=lambda: kept(db).slack(db.render))
    await ack(response_action="update", view=views.shown("Situation report", str(answer)))


def do(tx: Tx, user: str, once: str, values: dict[str, Any]) -> Answer:
    return as_person(tx, user, once, _fill, values)


def do_later(tx: Tx, answer: Answer, at: datetime, submitted: Facts) -> None:
    tell_later(tx, answer, at, submitted["once"], submitted["user"], "the report")


def form(tx: Tx, slack_id: str, report_id: str) -> dict[str, Any] | str:
    """The form's view with what was said already, or why this account may not have it."""
    person = roster.by_slack(tx, slack_id)
    report = tx.get(sitreps.Report, int(report_id)) if report_id.isdecimal() else None
    asked = tx.get(sitreps.Sitrep, report.sitrep_id) if report else None
    if person is None or report is None or report.person_id != person.id or asked is None or asked.closed_at:
        return NOT_YOURS
    blocks = [
        views.entry(name, LABELS[name], views.words(LONGEST, report.said.get(name, "")), optional=True)
        for name in sitreps.FIELDS
    ]
    more = {"callback_id": "sitrep", "private_metadata": report_id, "submit": views.plain("Send")}
    return views.view("Situation report", blocks) | more


def _fill(tx: Tx, person: Person, sent: dict[str, Any]) -> Answer:
    said = {name: " ".join(views.picked(block["v"])) for name, block in sent["values"].items()}
    report = str(sent["report"])
    return situation.fill(tx, person, int(report) if report.isdecimal() else 0, said)
