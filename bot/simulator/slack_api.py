"""Slack's Web API as a table: method to function of the workspace and the arguments. A refusal is a SlackError."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bot.simulator import slack_chat as chat
from bot.simulator import slack_views as views
from bot.simulator.slack_chat import member_channel, open_channel, the_message
from bot.simulator.workspace import APP, BOT, BOT_USER, TEAM, Channel, Json, Message, SlackError, Workspace

LARGEST_PAGE = 999

Args = dict[str, Any]


def auth_test(slack: Workspace, args: Args) -> Json:
    """Whose token it is."""
    bot = {"user_id": BOT_USER, "bot_id": BOT, "app_id": APP, "is_enterprise_install": False}
    return {"url": "https://muster.slack.invalid/", "team": "Muster", "team_id": TEAM, "user": "muster"} | bot


def open_conversation(slack: Workspace, args: Args) -> Json:
    """conversations.open with one user."""
    users = str(args.get("users") or "")
    if "," in users:
        raise SlackError("method_not_supported_for_channel_type")
    channel = slack.conversation(slack.user(users).id) if users else slack.channel(str(args.get("channel", "")))
    shown = channel.as_json() if args.get("return_im") in (True, "true", "1") else {"id": channel.id}
    return {"no_op": False, "already_open": bool(channel.messages), "channel": shown}


def conversation_info(slack: Workspace, args: Args) -> Json:
    """conversations.info."""
    return {"channel": slack.channel(str(args.get("channel", ""))).as_json()}


def conversations(slack: Workspace, args: Args) -> Json:
    """conversations.list, without direct messages unless they are asked for."""
    kinds = str(args.get("types") or "public_channel").split(",")
    rows = [channel for channel in slack.channels.values() if _kind(channel) in kinds]
    shown, cursor = _page(rows, args, 100)
    return {"channels": [channel.as_json() for channel in shown], "response_metadata": {"next_cursor": cursor}}


def members(slack: Workspace, args: Args) -> Json:
    """conversations.members: everybody is in every channel."""
    channel = slack.channel(str(args.get("channel", "")))
    rows = [BOT_USER, channel.user] if channel.user else list(slack.users)
    shown, cursor = _page(rows, args, 100)
    return {"members": shown, "response_metadata": {"next_cursor": cursor}}


def join(slack: Workspace, args: Args) -> Json:
    """conversations.join."""
    channel = slack.channel(str(args.get("channel", "")))
    channel.member = True
    return {"channel": channel.as_json()}


def history(slack: Workspace, args: Args) -> Json:
    """conversations.history, newest first, with metadata when asked for."""
    channel = member_channel(slack, args)
    rows = [message for message in channel.messages if not message.thread_ts or message.thread_ts == message.ts]
    return _messages(list(reversed(rows)), args)


def replies(slack: Workspace, args: Args) -> Json:
    """conversations.replies: a thread, oldest first."""
    channel, ts = member_channel(slack, args), str(args.get("ts", ""))
    if channel.find(ts) is None:
        raise SlackError("thread_not_found")
    return _messages([message for message in channel.messages if ts in (message.ts, message.thread_ts)], args)


def user_info(slack: Workspace, args: Args) -> Json:
    """users.info."""
    return {"user": slack.user(str(args.get("user", ""))).as_json()}


def users(slack: Workspace, args: Args) -> Json:
    """users.list."""
    shown, cursor = _page(list(slack.users.values()), args, 200)
    return {"members": [user.as_json() for user in shown], "response_metadata": {"next_cursor": cursor}}


def lookup_by_email(slack: Workspace, args: Args) -> Json:
    """users.lookupByEmail; deactivated people are not found."""
    email = str(args.get("email", "")).lower()
    for user in slack.users.values():
        if email and user.email.lower() == email and not user.deleted:
            return {"user": user.as_json()}
    raise SlackError("users_not_found")


def pin(slack: Workspace, args: Args) -> Json:
    """pins.add."""
    message = the_message(open_channel(slack, args), str(args.get("timestamp", "")))
    if message.pinned:
        raise SlackError("already_pinned")
    message.pinned = True
    return {}


def unpin(slack: Workspace, args: Args) -> Json:
    """pins.remove."""
    message = the_message(open_channel(slack, args), str(args.get("timestamp", "")))
    if not message.pinned:
        raise SlackError("no_pin")
    message.pinned = False
    return {}


def pins(slack: Workspace, args: Args) -> Json:
    """pins.list."""
    pinned = [message for message in open_channel(slack, args).messages if message.pinned]
    return {"items": [{"type": "message", "channel": row.channel, "message": row.as_json()} for row in pinned]}


METHODS: dict[str, Callable[[Workspace, Args], Json]] = {
    "auth.test": auth_test,
    "chat.delete": chat.delete,
    "chat.getPermalink": chat.permalink,
    "chat.postEphemeral": chat.post_ephemeral,
    "chat.postMessage": chat.post_message,
    "chat.update": chat.update,
    "conversations.history": history,
    "conversations.info": conversation_info,
    "conversations.join": join,
    "conversations.list": conversations,
    "conversations.members": members,
    "conversations.open": open_conversation,
    "conversations.replies": replies,
    "pins.add": pin,
    "pins.list": pins,
    "pins.remove": unpin,
    "users.info": user_info,
    "users.list": users,
    "users.lookupByEmail": lookup_by_email,
    "views.open": views.open_view,
    "views.publish": views.publish,
    "views.push": views.push,
    "views.update": views.update,
}


def _kind(channel: Channel) -> str:
    return "im" if channel.user else "private_channel" if channel.id.startswith("G") else "public_channel"


def _messages(rows: list[Message], args: Args) -> Json:
    with_metadata = str(args.get("include_all_metadata", "")).lower() in ("1", "true")
    shown, cursor = _page([row for row in rows if _within(row.ts, args)], args, 100)
    found = {"messages": [row.as_json(with_metadata) for row in shown], "has_more": bool(cursor)}
    return found | ({"response_metadata": {"next_cursor": cursor}} if cursor else {})


def _within(ts: str, args: Args) -> bool:
    inclusive = str(args.get("inclusive", "")).lower() in ("1", "true")
    oldest, latest = float(args.get("oldest") or 0), float(args.get("latest") or "inf")
    return oldest < float(ts) < latest or (inclusive and float(ts) in (oldest, latest))


def _page(rows: Sequence[Any], args: Args, default: int) -> tuple[Sequence[Any], str]:
    start, size = int(args.get("cursor") or 0), min(int(args.get("limit") or default), LARGEST_PAGE)
    return rows[start : start + size], str(start + size) if len(rows) > start + size else ""
