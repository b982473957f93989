"""People in Slack: they command, click and fill in forms, signed as Slack signs, and see what the app answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode

from slack_sdk.signature import SignatureVerifier

from bot.simulator import blocks as kit
from bot.simulator import slack_views as views
from bot.simulator.slack_replies import show
from bot.simulator.webhooks import FORM, Answer, NotReached, Webhooks
from bot.simulator.workspace import APP, TEAM, Json, Message, SlackError, Workspace

PATIENCE = 3.0  # seconds that Slack waits for an answer
GIVES_UP = 30.0  # seconds after which even a simulated connection is closed


@dataclass(kw_only=True)
class Said:
    """What the app did with a command, click, form or event.

    `elapsed` is in seconds of real time; `later` fills up with what comes through the response_url.
    """

    status: int
    body: str
    elapsed: float
    patience: float = PATIENCE  # seconds that were waited for
    json: Json | None = None
    later: list[Message] = field(default_factory=list)

    @property
    def in_time(self) -> bool:
        """Whether Slack would have waited for it."""
        return self.status == 200 and self.elapsed <= self.patience

    @property
    def text(self) -> str:
        """What the person reads: the answer itself, then what came later."""
        first = words(self.json) if self.json is not None else self.body
        return "\n".join(part for part in [first, *(words(message.as_json()) for message in self.later)] if part)

    @property
    def errors(self) -> dict[str, str]:
        """What a form complains of, by block_id."""
        errors: dict[str, str] = (self.json or {}).get("errors", {})
        return errors


class SlackPeople:
    """Everybody in the workspace. `signed_at` dates signatures; `base_url` is where the app reaches the simulator."""

    def __init__(self, workspace: Workspace, secret: str, webhooks: Webhooks) -> None:
        self.workspace = workspace
        self.base_url = ""
        self.patience = PATIENCE  # seconds of real time
        self.events_path = "/slack/events"
        self.signed_at: Callable[[], datetime] = workspace.now
        self._signer = SignatureVerifier(secret)
        self._webhooks = webhooks

    async def command(self, user: str, command: str, text: str = "", channel: str = "") -> Said:
        """A slash command; without a channel it is typed in the conversation with the app."""
        where = channel or f"D{user[1:]}"
        token = self.workspace.reply_to(where, user)
        form = {
            "token": "legacy", "team_id": TEAM, "team_domain": "muster", "channel_id": where,
            "channel_name": self._name(where), "user_id": user, "user_name": user.lower(), "command": command,
            "text": text, "api_app_id": APP, "is_enterprise_install": "false", "response_url": self._reply_url(token),
            "trigger_id": self.workspace.trigger(user),
        }  # fmt: skip
        said = await self._send(urlencode(form), token)
        if said.status == 200 and said.text:
            show(self.workspace, self.workspace.replies[token], said.json or {"text": said.body})
        return said

    async def click(
        self, user: str, channel: str, ts: str | None, action_id: str, value: str | None = None, choose: object = None
    ) -> Said:
        """A click in a message; `ts` None is the newest one that has such an element.

        `value` is its value or label where several have that action_id, `choose` what is picked in a menu.
        Raises LookupError when there is nothing to click.
        """
        where = self.workspace.channel(channel).id
        message, block, element = self._clickable(user, where, ts, action_id, value)
        token = self.workspace.reply_to(where, user, message)
        hidden = bool(message.only_for)
        container = {"type": "message", "message_ts": message.ts, "channel_id": where, "is_ephemeral": hidden}
        payload = {"container": container, "channel": {"id": where, "name": self._name(where)}, "state": {"values": {}}}
        payload |= {"response_url": self._reply_url(token)} | ({} if hidden else {"message": message.as_json()})
        return await self._act(user, payload, block, element, choose, token)

    async def click_view(self, user: str, action_id: str, value: str | None = None, choose: object = None) -> Said:
        """A click in the modal that is open, else in the home tab. Raises LookupError."""
        view = self.modal(user) or self.workspace.homes.get(user)
        if view is None:
            raise LookupError(f"{user} has neither a modal nor a home tab")
        block, element = kit.find(view["blocks"], action_id, value)
        container = {"type": "view", "view_id": view["id"]}
        return await self._act(user, {"container": container, "view": view}, block, element, choose)

    async def submit(self, user: str, view: Json | None = None, values: Mapping[str, object] | None = None) -> Said:
        """Sends a modal (default: the one on top) with `values` by block_id or action_id. Raises LookupError."""
        view = view or self.modal(user)
        if view is None:
            raise LookupError(f"{user} has no modal open")
        filled = view | {"state": {"values": kit.form_state(view["blocks"], values or {})}}
        said = await self._interact(self._payload("view_submission", user) | {"view": filled, "response_urls": []})
        if said.status == 200:
            self._close(user, view, said.json or {})
        return said

    async def open_home(self, user: str) -> Said:
        """A person opens the app's home tab."""
        event = {"type": "app_home_opened", "user": user, "channel": f"D{user[1:]}", "tab": "home"}
        return await self.event(event | {"event_ts": self.workspace.ts()})

    async def event(self, event: Json, event_id: str = "", retry: int = 0) -> Said:
        """An event of the Events API; `retry` is which repetition it is."""
        stamp = {"event_id": event_id or self.workspace.fresh_id("Ev"), "event_time": int(self.signed_at().timestamp())}
        body = {"type": "event_callback", "team_id": TEAM, "api_app_id": APP, "event": event} | stamp
        repeat = {"X-Slack-Retry-Num": str(retry), "X-Slack-Retry-Reason": "http_timeout"} if retry else {}
        return await self._send(json.dumps(body), "", {"Content-Type": "application/json"} | repeat)

    def modal(self, user: str) -> Json | None:
        """The modal on top."""
        stack = self.workspace.modals.get(user)
        return stack[-1] if stack else None

    def signature(self, body: str) -> dict[str, str]:
        """The headers with which Slack signs this body."""
        stamp = str(int(self.signed_at().timestamp()))
        signed = self._signer.generate_signature(timestamp=stamp, body=body) or ""
        return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signed}

    async def _act(self, user: str, payload: Json, block: Json, element: Json, choose: object, token: str = "") -> Said:
        known = {name: element[name] for name in ("action_id", "type", "text", "value") if name in element}
        action = known | {"block_id": block.get("block_id", ""), "action_ts": self.workspace.ts()}
        action |= kit.state(element, choose) if choose is not None else {}
        return await self._interact(self._payload("block_actions", user) | payload | {"actions": [action]}, token)

    def _payload(self, kind: str, user: str) -> Json:
        who = {"id": user, "username": user.lower(), "name": user.lower(), "team_id": TEAM}
        team = {"team": {"id": TEAM, "domain": "muster"}, "enterprise": None, "is_enterprise_install": False}
        known = {"type": kind, "token": "legacy", "api_app_id": APP, "user": who} | team
        return known | {"trigger_id": self.workspace.trigger(user)}

    async def _interact(self, payload: Json, token: str = "") -> Said:
        return await self._send(urlencode({"payload": json.dumps(payload)}), token)

    async def _send(self, body: str, token: str, headers: Mapping[str, str] | None = None) -> Said:
        url = self._webhooks.full(self.events_path)
        signed = {"Content-Type": FORM, "User-Agent": "Slackbot 1.0"} | dict(headers or {}) | self.signature(body)
        later = self.workspace.replies[token].heard if token else []
        try:
            answer = await self._webhooks.post(url, body, signed, GIVES_UP)
        except NotReached as reason:
            self._webhooks.complain("dispatch_failed", url, str(reason))
            return Said(status=0, body=str(reason), elapsed=GIVES_UP, later=later)
        if answer.elapsed > self.patience:
            self._webhooks.complain("operation_timeout", url, f"answered after {answer.elapsed:.1f} s")
        return Said(status=answer.status, body=answer.body, elapsed=answer.elapsed, patience=self.patience,
                    json=_json(answer), later=later)  # fmt: skip

    def _clickable(
        self, user: str, channel: str, ts: str | None, action_id: str, value: str | None
    ) -> tuple[Message, Json, Json]:
        seen = [row for row in self.workspace.ephemerals if row.only_for == user and row.channel == channel]
        seen += self.workspace.channel(channel).messages
        missing: LookupError = LookupError(f"No message {ts or ''} in {channel} that can be clicked")
        for message in sorted(seen, key=lambda row: float(row.ts), reverse=True):
            if ts in (None, message.ts):
                try:
                    return message, *kit.find(message.blocks, action_id, value)
                except LookupError as error:
                    missing = error
        raise missing

    def _close(self, user: str, view: Json, answer: Json) -> None:
        """What becomes of a form that was sent: it closes, unless the answer says otherwise."""
        action, stack = answer.get("response_action"), self.workspace.modals.get(user, [])
        place = next((place for place, known in enumerate(stack) if known["id"] == view["id"]), None)
        if action == "clear":
            stack.clear()
        elif action == "push":
            views.push_for(self.workspace, user, answer["view"])
        elif action == "update" and place is not None:
            stack[place] = views.replaced(self.workspace, stack[place], answer["view"])
        elif action != "errors" and place is not None:
            del stack[place]

    def _reply_url(self, token: str) -> str:
        return f"{self.base_url}/slack-reply/{token}"

    def _name(self, channel: str) -> str:
        try:
            return self.workspace.channel(channel).name or "directmessage"
        except SlackError:
            return "directmessage"


def words(shown: Json) -> str:
    """The words of a message: its text, else those of its blocks."""
    if shown.get("text"):
        return str(shown["text"])
    texts = [block.get("text") for block in shown.get("blocks") or []]
    return "\n".join(str(text["text"]) for text in texts if isinstance(text, dict))


def _json(answer: Answer) -> Json | None:
    if answer.content_type != "application/json" or not answer.body.strip():
        return None
    given = json.loads(answer.body)
    return given if isinstance(given, dict) else None
