"""How the outside gets in: the table of contents. HTTP routes stand in `web.build`, timers in `timers.HANDLERS`."""

import functools
import inspect
import re
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from fastapi import HTTPException
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse

from bot.db import Database
from handlers import buttons, callers, modals, receipts, sitreps, slash, sms, views, voice
from handlers.intake import SLACK_WAITS, Door, Intake

#: what comes in, in whichever way → what is done with it, and how its answer goes out if that was later
DOORS = {
    "text": Door(sms.do, sms.do_later, screened=sms.screened),
    "one": Door(sms.do, sms.do_later, many=sms.ones),
    "receipt": Door(receipts.report, many=receipts.reports),
    "key": Door(voice.press, voice.press_later),
    "key_back": Door(callers.press, callers.press_later),
    "declare_by_call": Door(callers.declare, callers.press_later),
    "command": Door(slash.do, slash.do_later, screened=slash.screened, waits=SLACK_WAITS),
    "click": Door(buttons.do, buttons.do_later, waits=SLACK_WAITS),
    "form": Door(modals.do, modals.do_later, screened=views.screened, waits=SLACK_WAITS),
    "sitrep": Door(sitreps.do, sitreps.do_later, screened=views.screened, waits=SLACK_WAITS),
}
#: slash command → its function
COMMANDS: dict[str, Callable[..., Awaitable[None]]] = dict.fromkeys(["/outage", "/checkin", "/task"], slash.typed)
#: what an action id begins with → its function
BUTTONS: dict[str, Callable[..., Awaitable[None]]] = dict.fromkeys(
    ["check_", "round_", "task_", "recall_", "sure_"], buttons.clicked
) | {"sitrep_": sitreps.opened}
#: a form's callback id → its function
FORMS: dict[str, Callable[..., Awaitable[None]]] = {"declare": modals.submitted, "sitrep": sitreps.submitted}

log = structlog.get_logger()


def open_doors(db: Database, patience: float = 1.0) -> Intake:
    return Intake(db, DOORS, patience)


def slack(intake: Intake, client: Any, token: str) -> AsyncApp:
    """The Bolt app. It acknowledges only after a listener has run, that is, after the commit; and it needs nothing
    from Slack to take a request in (the bot's identity is not asked for)."""

    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=token)

    bolt = AsyncApp(
        name="muster",  # or Bolt reads the source of the whole stack for one, for a tenth of a second
        client=client,
        authorize=authorize,
        process_before_response=True,
        request_verification_enabled=False,
        signing_secret="checked-before",
    )
    for name, listener in COMMANDS.items():
        bolt.command(name)(_with(listener, intake))
    for prefix, listener in BUTTONS.items():
        bolt.action(re.compile(f"^{prefix}"))(_with(listener, intake))
    for callback, listener in FORMS.items():
        bolt.view(callback)(_with(listener, intake))
    bolt.error(_trouble)
    return bolt


async def _trouble(error: Exception) -> BoltResponse:
    """What a listener could not do. An HTTPException says how to answer it."""
    if isinstance(error, HTTPException):
        return BoltResponse(status=error.status_code, body=error.detail)
    log.error("a command, click or form of Slack's failed", exc_info=error)
    return BoltResponse(status=500)


def _with(listener: Callable[..., Awaitable[None]], intake: Intake) -> Callable[..., Awaitable[None]]:
    """The listener with its intake; Bolt hands arguments over by their names, so the rest of them must show."""
    bound = functools.partial(listener, intake=intake)

    async def listen(**given: Any) -> None:
        await bound(**given)

    names = [name for name in inspect.signature(listener).parameters if name != "intake"]
    shown = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in names]
    listen.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    listen.__name__ = getattr(listener, "__name__", "listen")
    return listen
