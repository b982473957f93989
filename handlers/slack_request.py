"""Slack's signature and body, checked before anything else is looked at."""

import json
from typing import Any
from urllib.parse import parse_qsl

from fastapi import HTTPException, Request
from slack_sdk.signature import Clock as SlackClock
from slack_sdk.signature import SignatureVerifier

from bot.clock import Clock
from bot.db import Database
from handlers.intake import Intake
from handlers.twilio import note

MOST_FIELDS = 100
LONGEST_STAMP = 12  # digits of a time in seconds
#: What a body must have in it to be worked on, by its `type`; a slash command has none
NEEDED = {
    "": ("command", "user_id"),
    "block_actions": ("user", "actions"),
    "view_submission": ("user", "view"),
}


class OurClock(SlackClock):
    """Slack's own check of freshness, by our clock."""

    def __init__(self, clock: Clock):
        self.clock = clock

    def now(self) -> float:
        return self.clock.now().timestamp()


async def signed_body(request: Request, intake: Intake) -> dict[str, Any]:
    """What Slack sent and signed in the last five minutes. Raises 403, or 400 for what is no form and no JSON."""
    raw = await request.body()
    if not _is_signed(request, intake.db, raw):
        await note(intake, "unsigned_request", request.url.path)
        raise HTTPException(403, "The signature of this request is missing, wrong or old. Nothing was done.")
    try:
        body = _parsed(raw.decode())
    except (ValueError, RecursionError):
        raise HTTPException(400, "This request is neither a form nor JSON. Nothing was done.") from None
    if not isinstance(body, dict):
        raise HTTPException(400, "This request's payload is no JSON object. Nothing was done.")
    missing = [name for name in NEEDED.get(str(body.get("type", "")), ()) if not body.get(name)]
    if missing:
        raise HTTPException(400, f"The field {missing[0]} is missing. Nothing was done.")
    return body


def _is_signed(request: Request, db: Database, raw: bytes) -> bool:
    stamp, given = request.headers.get("X-Slack-Request-Timestamp", ""), request.headers.get("X-Slack-Signature", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= LONGEST_STAMP and given.isascii()):
        return False
    secrets = [secret for secret in (db.settings.slack_signing_secret, db.settings.slack_signing_secret_old) if secret]
    try:
        return any(SignatureVerifier(secret, OurClock(db.clock)).is_valid(raw, stamp, given) for secret in secrets)
    except UnicodeDecodeError:
        return False  # Slack signs text


def _parsed(text: str) -> Any:
    """A slash command's fields, or the JSON of an event or of a form's `payload`. Raises ValueError."""
    if text.lstrip().startswith("{"):
        return json.loads(text)
    form = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS))
    return json.loads(form["payload"]) if "payload" in form else form
