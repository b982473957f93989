"""How the outside gets in: the table of contents. HTTP routes stand in `web.build`, timers in `timers.HANDLERS`."""

import functools
import inspect
import re
from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult

from bot.db import Database
from handlers import buttons, modals, slash

#: slash command → its function
COMMANDS: dict[str, Callable[..., Awaitable[None]]] = {
    "/outage": slash.outage,
    "/checkin": slash.checkin,
    "/task": slash.task,
}
#: what an action id begins with → its function
BUTTONS: dict[str, Callable[..., Awaitable[None]]] = {
    "check_": buttons.check,
    "task_": buttons.task,
    "sure_": buttons.sure,
}
#: a form's callback id → its function
FORMS: dict[str, Callable[..., Awaitable[None]]] = {"declare": modals.submitted}


def slack(db: Database, client: Any, token: str) -> AsyncApp:
    """The Bolt app. It acknowledges only after a listener has run, that is, after the commit; and it needs nothing
    from Slack to take a request in (the bot's identity is not asked for)."""

    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=token)

    bolt = AsyncApp(
        client=client,
        authorize=authorize,
        process_before_response=True,
        request_verification_enabled=False,
        signing_secret="checked-before",
    )
    for name, listener in COMMANDS.items():
        bolt.command(name)(_with(listener, db))
    for prefix, listener in BUTTONS.items():
        bolt.action(re.compile(f"^{prefix}"))(_with(listener, db))
    for callback, listener in FORMS.items():
        bolt.view(callback)(_with(listener, db))
    return bolt


def _with(listener: Callable[..., Awaitable[None]], db: Database) -> Callable[..., Awaitable[None]]:
    """The listener with its database; Bolt hands arguments over by their names, so the rest of them must show."""
    bound = functools.partial(listener, db=db)

    async def listen(**given: Any) -> None:
        await bound(**given)

    names = [name for name in inspect.signature(listener).parameters if name != "db"]
    shown = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in names]
    listen.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    listen.__name__ = getattr(listener, "__name__", "listen")
    return listen
