"""Slack messages. What Slack's errors mean to us stands in the tables at the top."""

from datetime import timedelta
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.channels import BadAddress, Envelope, Misconfigured, Rejected, SendError, Sent, Throttled, Unavailable

TIMEOUT = 10.0  # seconds for one request
EVENT = "muster"  # our metadata's type
EARLIER = timedelta(seconds=60)
SECTION, LABEL, VALUE, MOST = 3000, 75, 2000, 25  # Block Kit's limits

STOP = {
    "invalid_auth",
    "account_inactive",
    "token_revoked",
    "token_expired",
    "not_authed",
    "missing_scope",
    "org_login_required",
    "app_access_restricted",
}
DOUBT = {"fatal_error", "internal_error", "request_timeout", "service_unavailable"}
NOBODY = {
    "channel_not_found": "the Slack channel does not exist", "is_archived": "the Slack channel is archived",
    "not_in_channel": "the app is not in the Slack channel", "user_not_found": "the Slack account does not exist",
    "user_disabled": "the Slack account is disabled", "messages_tab_disabled": "the app's messages tab is off",
}  # fmt: skip


class Slack:
    """One workspace's messages."""

    name = "slack"

    def __init__(self, *, token: str, base_url: str):
        self.session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT))
        self.client = AsyncWebClient(token=token, base_url=base_url, session=self.session, retry_handlers=[])

    async def send(self, envelope: Envelope) -> Sent:
        metadata = {"event_type": EVENT, "event_payload": {"id": str(envelope.id)}}
        posted = await asking(self.client.chat_postMessage(
            channel=envelope.to, text=envelope.body, blocks=blocks(envelope.body, envelope.buttons), metadata=metadata, unfurl_links=False,
        ))  # fmt: skip
        return Sent(provider_id=f"{posted['channel']}:{posted['ts']}", delivered=True)

    async def look_for(self, envelope: Envelope) -> list[Sent]:
        channel = envelope.to
        if channel.startswith(("U", "W")):
            channel = (await asking(self.client.conversations_open(users=channel)))["channel"]["id"]
        oldest = str((envelope.claimed_at - EARLIER).timestamp())
        found = await asking(
            self.client.conversations_history(channel=channel, oldest=oldest, include_all_metadata=True, limit=200)
        )
        mine = [message for message in found["messages"] if _ours(message) == str(envelope.id)]
        return [
            Sent(provider_id=f"{channel}:{message['ts']}", delivered=True)
            for message in sorted(mine, key=lambda message: float(message["ts"]))
        ]

    async def close(self) -> None:
        await self.session.close()


async def asking(request: Any) -> Any:
    """Run a request of the SDK; every way in which it can fail becomes one of our errors."""
    try:
        return await request
    except SlackApiError as problem:
        raise refused(problem) from problem
    except aiohttp.ClientConnectorError as problem:
        raise Unavailable("Slack cannot be reached; it is tried again", doubt=False, retry=True) from problem
    except (SlackClientError, aiohttp.ClientError, TimeoutError, OSError, ValueError) as problem:
        raise Unavailable("Slack did not answer") from problem


def refused(problem: SlackApiError) -> SendError:
    response: Any = problem.response
    error = str(response.get("error", "") if hasattr(response, "get") else "")
    if response.status_code == 429 or error in ("ratelimited", "rate_limited"):
        return Throttled("Slack asks us to slow down", code=error, retry_after=float(response.headers.get("Retry-After", 1)))
    if response.status_code >= 500 or error in DOUBT:
        return Unavailable(f"Slack is in trouble ({error or response.status_code})", code=error)
    if error in STOP:
        return Misconfigured(f"Slack refuses our app ({error}). IT: look at the app's settings", code=error)
    return BadAddress(NOBODY[error], code=error) if error in NOBODY else Rejected(f"Slack refused it ({error})", code=error)


def blocks(body: str, buttons: tuple[tuple[str, str, str], ...]) -> list[dict[str, Any]]:
    """The body as sections, the buttons under it, within Block Kit's limits."""
    parts = [body[start : start + SECTION] for start in range(0, len(body), SECTION)] or [" "]
    made: list[dict[str, Any]] = [{"type": "section", "text": {"type": "mrkdwn", "text": part}} for part in parts]
    if buttons:
        made.append({"type": "actions", "elements": [_button(*button) for button in buttons[:MOST]]})
    return made


def _button(label: str, action: str, value: str) -> dict[str, Any]:
    style = {"style": "danger"} if action.endswith("_9") else {}
    return {
        "type": "button",
        "text": {"type": "plain_text", "text": label[:LABEL]},
        "action_id": action,
        "value": value[:VALUE],
        **style,
    }


def _ours(message: dict[str, Any]) -> str:
    metadata = message.get("metadata") or {}
    return str(metadata.get("event_payload", {}).get("id", "")) if metadata.get("event_type") == EVENT else ""
