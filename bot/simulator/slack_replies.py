"""What the app says through a response_url or in the answer to a command: to one, to all, or in place of a message."""

from __future__ import annotations

from typing import Any

from bot.simulator.slack_chat import content
from bot.simulator.workspace import BOT_USER, REPLY_USES, Message, ReplyTo, SlackError, Workspace

Args = dict[str, Any]


def show(slack: Workspace, reply: ReplyTo, args: Args) -> Message | None:
    """Makes a message of it, or changes the one that was clicked (None when that is deleted). Raises SlackError."""
    if reply.source and (args.get("delete_original") or args.get("replace_original")):
        return _rewrite(slack, reply.source, args)
    only_for = "" if args.get("response_type") == "in_channel" else reply.user
    said = content(slack, args)
    message = Message(ts=slack.ts(), channel=reply.channel, user=BOT_USER, only_for=only_for, **said)
    if only_for:
        slack.ephemerals.append(message)
    else:
        slack.channel(reply.channel).messages.append(message)
    return message


def use(slack: Workspace, token: str, args: Args) -> None:
    """The app uses a response_url. Raises SlackError when it is made up, used up or too old."""
    reply = slack.replies.get(token)
    if reply is None:
        raise SlackError("invalid_url")
    if reply.uses >= REPLY_USES or slack.now() > reply.until:
        raise SlackError("used_url" if reply.uses >= REPLY_USES else "expired_url")
    reply.uses += 1
    if message := show(slack, reply, args):
        reply.heard.append(message)


def _rewrite(slack: Workspace, source: Message, args: Args) -> Message | None:
    if args.get("delete_original"):
        kept = slack.ephemerals if source.only_for else slack.channel(source.channel).messages
        if source in kept:
            kept.remove(source)
        return None
    said = content(slack, args)
    source.text, source.blocks, source.edited = said["text"], said["blocks"], slack.ts()
    return source
