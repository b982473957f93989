"""Slack's chat methods: what can be said, changed and taken back."""

from __future__ import annotations

from typing import Any

from bot.simulator import blocks as kit
from bot.simulator.workspace import BOT_USER, Channel, Json, Message, SlackError, Workspace

LONGEST_TEXT = 40_000

Args = dict[str, Any]


def post_message(slack: Workspace, args: Args) -> Json:
    """chat.postMessage; a user's id goes to the conversation with that user."""
    channel = open_channel(slack, args)
    said = content(slack, args)
    thread = str(args.get("thread_ts") or "")
    message = Message(ts=slack.ts(), channel=channel.id, user=BOT_USER, thread_ts=thread, **said)
    channel.messages.append(message)
    return {"channel": channel.id, "ts": message.ts, "message": message.as_json()}


def update(slack: Workspace, args: Args) -> Json:
    """chat.update: text without blocks removes the blocks; metadata is kept when it is left out."""
    if str(args.get("channel", ""))[:1] in ("U", "W"):
        raise SlackError("channel_not_found")
    channel = open_channel(slack, args)
    message = _own_message(channel, args)
    said = content(slack, args)
    said["metadata"] = said["metadata"] or message.metadata
    for name, value in said.items():
        setattr(message, name, value)
    message.edited = slack.ts()
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": message.as_json()}


def delete(slack: Workspace, args: Args) -> Json:
    """chat.delete."""
    channel = open_channel(slack, args)
    channel.messages.remove(message := _own_message(channel, args))
    return {"channel": channel.id, "ts": message.ts}


def post_ephemeral(slack: Workspace, args: Args) -> Json:
    """chat.postEphemeral: seen by one user, and in no history."""
    channel = open_channel(slack, args)
    user = slack.user(str(args.get("user", "")))
    said = content(slack, args)
    message = Message(ts=slack.ts(), channel=channel.id, user=BOT_USER, only_for=user.id, **said)
    slack.ephemerals.append(message)
    return {"message_ts": message.ts}


def permalink(slack: Workspace, args: Args) -> Json:
    """chat.getPermalink."""
    channel = slack.channel(str(args.get("channel", "")))
    ts = str(args.get("message_ts", ""))
    if channel.find(ts) is None:
        raise SlackError("message_not_found")
    address = f"https://muster.slack.invalid/archives/{channel.id}/p{ts.replace('.', '')}"
    return {"channel": channel.id, "permalink": address}


def content(slack: Workspace, args: Args) -> Json:
    """What a message says, checked against Slack's limits. Raises SlackError."""
    text, blocks = str(args.get("text") or ""), args.get("blocks") or []
    if not text and not blocks and not args.get("attachments"):
        raise SlackError("no_text")
    if len(text) > LONGEST_TEXT:
        raise SlackError("msg_too_long")
    if kit.wrong(blocks, "message"):
        raise SlackError("invalid_blocks")
    metadata = args.get("metadata")
    if metadata and not (isinstance(metadata, dict) and {"event_type", "event_payload"} <= set(metadata)):
        raise SlackError("invalid_metadata_format")
    rest = {"attachments": args.get("attachments") or [], "metadata": metadata or None}
    return {"text": text, "blocks": slack.with_ids(blocks)} | rest


def member_channel(slack: Workspace, args: Args) -> Channel:
    """A channel that the app is in. Raises SlackError."""
    channel = slack.channel(str(args.get("channel", "")))
    if not channel.member:
        raise SlackError("not_in_channel")
    return channel


def open_channel(slack: Workspace, args: Args) -> Channel:
    """A channel in which the app may write. Raises SlackError."""
    channel = member_channel(slack, args)
    if channel.archived:
        raise SlackError("is_archived")
    return channel


def the_message(channel: Channel, ts: str) -> Message:
    """The message with this time stamp. Raises SlackError."""
    message = channel.find(ts)
    if message is None:
        raise SlackError("message_not_found")
    return message


def _own_message(channel: Channel, args: Args) -> Message:
    message = the_message(channel, str(args.get("ts", "")))
    if message.user != BOT_USER:
        raise SlackError("cant_update_message")
    return message
