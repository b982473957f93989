"""Twilio's signature and form, checked before anything else is looked at."""

from urllib.parse import parse_qsl

from fastapi import HTTPException, Request
from twilio.request_validator import RequestValidator

from bot import journal
from bot.db import Tx
from bot.settings import Settings
from handlers.intake import Intake

XML = "text/xml"
MOST_FIELDS = 1000


class OtherAccount(Exception):
    """The request is signed and is about another account than ours: it is answered, and has no effect."""


async def signed_form(request: Request, intake: Intake) -> dict[str, str]:
    """The fields of a request that Twilio signed, blank ones kept.

    Raises 403, 400 for a body that is no form, and OtherAccount.
    """
    raw, path = (await request.body()).decode("utf-8", "replace"), request.url.path
    form, settings = _fields(raw), intake.db.settings
    if form is None or not _is_signed(request, settings, form):
        await note(intake, "unsigned_request", path)
        raise HTTPException(403, "The signature of this request is missing or wrong. Nothing was done.")
    if not any(form.values()):
        raise HTTPException(400, "This request carries no form fields. Nothing was done.")
    if form.get("AccountSid", settings.twilio_account_sid) != settings.twilio_account_sid:
        await note(intake, "other_account", path)
        raise OtherAccount
    return {name: value.replace("\0", "") for name, value in form.items()}  # PostgreSQL has no place for a NUL


def needed(form: dict[str, str], *names: str) -> list[str]:
    """The fields that must be there; raises 400 with a sentence."""
    missing = [name for name in names if not form.get(name)]
    if missing:
        raise HTTPException(400, f"The field {missing[0]} is missing. Nothing was done.")
    return [form[name] for name in names]


async def note(intake: Intake, what: str, path: str) -> None:
    """A line in the journal about a request that has no effect; not worth keeping while the database is away."""

    def write(tx: Tx) -> None:
        journal.write(tx, what, about=path[:200])

    await intake.ask(intake.db.transact(write), lambda: None)


def _fields(raw: str) -> dict[str, str] | None:
    try:
        return dict(parse_qsl(raw, keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError:
        return None


def _is_signed(request: Request, settings: Settings, form: dict[str, str]) -> bool:
    query = f"?{request.url.query}" if request.url.query else ""
    url = f"{settings.public_url}{request.url.path}{query}"
    given = request.headers.get("X-Twilio-Signature", "")
    tokens = [token for token in (settings.twilio_auth_token, settings.twilio_auth_token_old) if token]
    return any(RequestValidator(token).validate(url, form, given) for token in tokens)
