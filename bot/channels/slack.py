"""Slack messages. What Slack's errors mean to us stands in the tables at the top."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.channels import (
    BadAddress,
    Envelope,
    Handed,
    Misconfigured,
    Receipt,
    Rejected,
    SendError,
    Sent,
    Throttled,
    Unavailable,
)
from bot.channels.wire import UNSENT, pool, seconds

# Values of `error`. https://docs.slack.dev/reference/methods/chat.postMessage
STOPS = {
    "access_denied", "account_inactive", "app_access_restricted", "ekm_access_denied", "invalid_auth", "missing_scope",
    "no_permission", "not_allowed_token_type", "not_authed", "org_login_required", "team_access_not_granted",
    "token_expired", "token_revoked", "two_factor_setup_required",
}  # fmt: skip
DOUBTS = {"fatal_error", "internal_error", "request_timeout", "service_unavailable"}
THROTTLES = {"message_limit_exceeded", "rate_limited", "ratelimited"}
BAD_ADDRESSES = {
    "cannot_dm_bot": "This Slack account is a bot",
    "channel_not_found": "Slack does not know this channel. IT: invite the app to it",
    "is_archived": "This Slack channel is archived",
    "user_disabled": "This Slack account is switched off",
    "user_not_found": "Slack does not know this person",
    "user_not_visible": "Our Slack app may not see this person",
    "users_not_found": "Slack does not know this person",
}
REJECTIONS = {
    "invalid_blocks": "Slack could not read our message",
    "messages_tab_disabled": "Our Slack app takes no direct messages. IT: switch its Messages tab on",
    "msg_blocks_too_long": "The message was too long for Slack",
    "msg_too_long": "The message was too long for Slack",
    "not_in_channel": "Our app is not in this Slack channel. IT: invite it",
    "restricted_action": "This Slack workspace does not let our app post there",
}

EVENT = "muster"  # the type of our metadata
EARLIER = timedelta(seconds=60)  # their clock and ours may differ by so much
PAGES, PAGE = 5, 200  # of a channel's history that are looked through

# Block Kit's limits
BLOCKS, SECTION, LABEL, VALUE, BUTTONS, ACTION = 50, 3000, 75, 2000, 25, 255
FALLBACK = 3900  # characters of the text that a notification shows


class Slack:
    """One workspace's messages. Made inside a running loop; `timeout` in seconds, for a whole call."""

    name = "slack"
    askable = True

    def __init__(self, *, token: str, base_url: str = "", timeout: float = 10.0, connections: int = 50) -> None:
        # With a session of our own the SDK heeds only the session's timeout; its retries could post twice.
        watch = aiohttp.TraceConfig()
        watch.on_request_redirect.append(_stay)
        self._session = pool(timeout, connections, watch)
        self._client = AsyncWebClient(
            token=token, base_url=base_url or AsyncWebClient.BASE_URL, session=self._session, retry_handlers=[]
        )
        self._client.proxy = None  # the settings say where Slack is, not somebody's shell

    async def send(self, envelope: Envelope) -> Sent:
        """Post a message, once. Raises SendError."""
        try:
            posted = await self._client.chat_postMessage(
                channel=envelope.to,
                text=envelope.body[:FALLBACK],
                blocks=blocks(envelope.body, envelope.buttons),
                metadata={"event_type": EVENT, "event_payload": {"id": envelope.id}},
                unfurl_links=False,
                unfurl_media=False,
            )
            return _sent(posted["channel"], posted["ts"])
        except Exception as error:
            raise fault(error) from error

    async def look_for(self, envelope: Envelope) -> list[Sent]:
        """The messages in Slack that carry this one's id, oldest first. Raises Unavailable."""
        try:
            channel = await self._channel(envelope.to)
            found = [message async for message in self._since(channel, envelope) if _id(message) == str(envelope.id)]
            return [_sent(channel, ts) for ts in sorted((str(message["ts"]) for message in found), key=float)]
        except Exception as error:
            raise Unavailable("Slack cannot be asked whether it went out", code=_error(error)) from error

    async def receipts(self, handed: Sequence[Handed]) -> dict[int, Receipt]:
        """Nothing: what Slack took is delivered."""
        return {}

    async def probe(self) -> None:
        """Shows whether Slack answers and accepts us. Raises SendError."""
        try:
            await self._client.auth_test()
        except Exception as error:
            problem = fault(error)
            if isinstance(problem, Throttled | Misconfigured):
                raise problem from error
            raise Unavailable("Slack does not answer", code=problem.code, doubt=False) from error

    async def close(self) -> None:
        """Let go of the connections."""
        await self._session.close()

    async def _channel(self, to: str) -> str:
        """The channel of a direct message to a person; any other address is a channel already."""
        if not to.startswith(("U", "W")):
            return to
        opened = await self._client.conversations_open(users=to)
        return str(opened["channel"]["id"])

    async def _since(self, channel: str, envelope: Envelope) -> Any:
        """What was posted there since shortly before the claim, newest first."""
        oldest = f"{(envelope.claimed_at - EARLIER).timestamp():.6f}"
        cursor = None
        for _ in range(PAGES):
            page = await self._client.conversations_history(
                channel=channel, oldest=oldest, include_all_metadata=True, limit=PAGE, cursor=cursor
            )
            for message in page["messages"]:
                yield message
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return


def fault(error: Exception) -> SendError:
    """What an exception of the SDK, or from below it, means. Whatever is not a definite no is doubt."""
    if isinstance(error, SendError):
        return error
    if isinstance(error, UNSENT):
        return Unavailable("Slack cannot be reached; it is tried again", doubt=False, retry=True)
    if isinstance(error, SlackApiError):
        return _refused(error)
    return Unavailable("Slack did not answer; it is being asked whether it went out")


def escape(text: str) -> str:
    """Free text for mrkdwn: nothing in it can become a link or a mention."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def blocks(body: str, buttons: Iterable[tuple[str, str, str]] = ()) -> list[dict[str, Any]]:
    """The body as sections and the buttons (label, action_id, value) under it, within Block Kit's limits."""
    texts: list[dict[str, Any]] = [
        {"type": "section", "text": {"type": "mrkdwn", "text": part}} for part in _parts(body)
    ]
    rows: list[dict[str, Any]] = [
        {"type": "actions", "elements": [_button(*button) for button in row]} for row in _rows(buttons)
    ]
    return [*texts[: BLOCKS - len(rows)], *rows][:BLOCKS]


def _parts(body: str) -> Iterator[str]:
    """Cut at a line or a word where there is one."""
    body = body.strip()
    while len(body) > SECTION:
        cut = max(body.rfind("\n", 1, SECTION), body.rfind(" ", SECTION // 2, SECTION))
        cut = cut if cut > 0 else SECTION
        yield body[:cut].rstrip()
        body = body[cut:].lstrip()
    if body:
        yield body


def _rows(buttons: Iterable[tuple[str, str, str]]) -> list[list[tuple[str, str, str]]]:
    """Slack refuses the same action twice in one block, so a repeated one begins the next row."""
    rows: list[list[tuple[str, str, str]]] = []
    for button in buttons:
        if not rows or len(rows[-1]) == BUTTONS or button[1] in [action for _, action, _ in rows[-1]]:
            rows.append([])
        rows[-1].append(button)
    return rows


def _button(label: str, action: str, value: str) -> dict[str, Any]:
    shown = {"type": "plain_text", "text": label[:LABEL]}
    style = {"style": "danger"} if action.endswith("_9") else {}  # patient risk
    return {"type": "button", "text": shown, "action_id": action[:ACTION], "value": value[:VALUE], **style}


def _sent(channel: Any, ts: Any) -> Sent:
    if not channel or not ts:
        raise Unavailable()
    return Sent(provider_id=f"{channel}:{ts}", delivered=True)


def _id(message: dict[str, Any]) -> str:
    """Our id in a message's metadata, or nothing."""
    metadata = message.get("metadata") or {}
    return str((metadata.get("event_payload") or {}).get("id", "")) if metadata.get("event_type") == EVENT else ""


def _refused(error: SlackApiError) -> SendError:
    code, status = _error(error), _status(error)
    if status == 429 or code in THROTTLES:
        wait = seconds(getattr(error.response, "headers", {}).get("Retry-After"))
        return Throttled("Slack asked us to slow down; it goes out in a moment", code=code, retry_after=wait)
    if not code or code in DOUBTS or status >= 500:
        return Unavailable("Slack is in trouble; it is being asked whether it went out", code=code or str(status))
    if code in STOPS:
        return Misconfigured(f"Slack does not accept our app ({code}). IT: look at the app's settings", code=code)
    if code in BAD_ADDRESSES:
        return BadAddress(BAD_ADDRESSES[code], code=code)
    return Rejected(REJECTIONS.get(code, "Slack refused this message"), code=code)


def _error(error: Exception) -> str:
    """Slack's word for it. An unreadable answer has none: then the SDK hands over something without `data`."""
    data = getattr(getattr(error, "response", None), "data", None)
    return str(data.get("error") or "") if isinstance(data, dict) else ""


def _status(error: SlackApiError) -> int:
    response: Any = error.response
    return int(getattr(response, "status_code", 0) or getattr(response, "status", 0) or 0)


async def _stay(*redirect: object) -> None:
    """The SDK would follow a redirect and take the message to whoever answers there."""
    raise aiohttp.ClientError("Slack's address redirects")
