"""A fake Slack: the Web API over HTTP, with its refusals; the people who use it are in `slack_people`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from aiohttp import web

from bot.simulator import slack_replies
from bot.simulator.faults import REST, Fault, Faults, barred, spoiled
from bot.simulator.slack_api import METHODS
from bot.simulator.slack_people import SlackPeople
from bot.simulator.webhooks import Webhooks
from bot.simulator.workspace import Channel, Json, Message, SlackError, User, Workspace

ENCODED = ("blocks", "metadata", "view", "attachments")  # JSON inside a form or a query
RETRY_AFTER = 30  # seconds, when a fault says nothing else


class Slack(SlackPeople):
    """One workspace with the app installed. `latency` is how long a method takes, in seconds of real time."""

    def __init__(
        self, secret: str, token: str, webhooks: Webhooks, now: Callable[[], datetime], strangers: bool = False
    ) -> None:
        super().__init__(Workspace(now, strangers), secret, webhooks)
        self.faults = Faults()
        self.token = token
        self.latency = 0.0
        self.requests = 0

    def routes(self) -> list[web.RouteDef]:
        """The table of contents."""
        methods = [web.route(verb, "/api/{method}", self._method) for verb in ("GET", "POST")]
        return [*methods, web.post("/slack-reply/{token}", self._reply)]

    def add_user(self, id: str, name: str = "", email: str = "", deleted: bool = False) -> User:
        """A person joins the workspace, or is changed."""
        return self.workspace.add_user(id, name, email, deleted)

    def add_channel(self, id: str, name: str = "", member: bool = True) -> Channel:
        """A channel is made; `member` = the app is in it."""
        return self.workspace.add_channel(id, name, member)

    def messages(self, channel: str) -> list[Message]:
        """What stands in a channel, or in the direct messages of a user whose id is given, oldest first."""
        return list(self.workspace.channel(channel).messages)

    def ephemerals(self, user: str) -> list[Message]:
        """What this user alone sees, oldest first."""
        return [message for message in self.workspace.ephemerals if message.only_for == user]

    def forget(self) -> None:
        """Nothing was ever said; people and channels stay."""
        self.workspace.forget()
        self.faults.clear()

    async def _method(self, request: web.Request) -> web.Response:
        self.requests += 1
        name, args = request.match_info["method"], await _arguments(request)
        to = args.get("channel") or args.get("users") or args.get("user_id") or ""
        fault = self.faults.strike(REST, name, str(to))
        await asyncio.sleep(self.latency + (fault.seconds if fault and fault.kind == "slow" else 0.0))
        if answer := barred(request, fault, _throttled, lambda fault: _refusal(str(fault.code or "internal_error"))):
            return answer
        try:
            self._admit(request, args)
            return spoiled(request, fault, web.json_response({"ok": True} | self._answer(name, args)))
        except SlackError as error:
            return _refusal(str(error))

    def _admit(self, request: web.Request, args: Json) -> None:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ") or args.get("token")
        if not token:
            raise SlackError("not_authed")
        if token != self.token:
            raise SlackError("invalid_auth")

    def _answer(self, name: str, args: Json) -> Json:
        if name not in METHODS:
            raise SlackError("unknown_method")
        try:
            return METHODS[name](self.workspace, args)
        except ValueError as error:
            raise SlackError("invalid_arguments") from error

    async def _reply(self, request: web.Request) -> web.Response:
        try:
            slack_replies.use(self.workspace, request.match_info["token"], await _arguments(request))
        except SlackError as error:
            return web.Response(status=404 if str(error).endswith("_url") else 400, text=str(error))
        return web.Response(text="ok")


async def _arguments(request: web.Request) -> dict[str, Any]:
    """Slack takes JSON, forms and queries; in the last two, structures are JSON inside a string."""
    given: dict[str, Any] = dict(request.query)
    try:
        if request.content_type == "application/json":
            sent = await request.json()
            return given | (sent if isinstance(sent, dict) else {})
        given |= dict(await request.post())
        return given | {name: json.loads(given[name]) for name in ENCODED if isinstance(given.get(name), str)}
    except json.JSONDecodeError:
        return given


def _refusal(error: str) -> web.Response:
    return web.json_response({"ok": False, "error": error})


def _throttled(fault: Fault) -> web.Response:
    wait = str(round(fault.seconds) or RETRY_AFTER)
    return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": wait})
