"""A Slack workspace as rows: people, channels, messages, views, and what may still be used once."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

TEAM, BOT_USER, BOT, APP = "T0MUSTER", "U0BOT", "B0BOT", "A0MUSTER"
KEPT = 2_000  # messages of a channel
MOST = 10_000  # people, channels, addresses and triggers each
REPLY_USES, REPLY_LIFE = 5, timedelta(minutes=30)
TRIGGER_LIFE = timedelta(seconds=3)
DEEPEST = 3  # views on one another

Json = dict[str, Any]


class SlackError(Exception):
    """`ok: false` with this word."""


@dataclass(kw_only=True)
class User:
    """A member; a deleted one is deactivated."""

    id: str
    name: str = ""
    email: str = ""
    deleted: bool = False
    tz: str = "UTC"

    def as_json(self) -> Json:
        """As users.info shows a member."""
        shown = self.name or self.id
        profile = {"real_name": shown, "display_name": shown, "email": self.email}
        return {
            "id": self.id, "team_id": TEAM, "name": shown.lower().replace(" ", "."), "deleted": self.deleted,
            "real_name": shown, "tz": self.tz, "profile": profile, "is_bot": self.id == BOT_USER, "is_app_user": False,
        }  # fmt: skip


@dataclass(kw_only=True, eq=False)
class Message:
    """One message; `only_for` is the user who alone sees an ephemeral one."""

    ts: str
    channel: str
    user: str
    text: str = ""
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    metadata: Json | None = None
    thread_ts: str = ""
    only_for: str = ""
    edited: str = ""
    pinned: bool = False
    seen: bool = False

    def as_json(self, with_metadata: bool = True) -> Json:
        """As conversations.history shows it; what is empty is left out."""
        bot = {"bot_id": BOT, "app_id": APP} if self.user == BOT_USER else {}
        shown: Json = {"type": "message", "ts": self.ts, "user": self.user, "team": TEAM, "text": self.text} | bot
        extras: Json = {"blocks": self.blocks, "attachments": self.attachments, "thread_ts": self.thread_ts}
        shown |= {name: value for name, value in extras.items() if value}
        shown |= {"edited": {"user": self.user, "ts": self.edited}} if self.edited else {}
        return shown | ({"metadata": self.metadata} if self.metadata and with_metadata else {})


@dataclass(kw_only=True, eq=False)
class Channel:
    """A channel, or the conversation of the app with one `user`."""

    id: str
    name: str = ""
    user: str = ""
    member: bool = True  # is the app in it
    archived: bool = False
    messages: deque[Message] = field(default_factory=lambda: deque(maxlen=KEPT))

    def find(self, ts: str) -> Message | None:
        """The message with this time stamp."""
        return next((message for message in self.messages if message.ts == ts), None)

    def as_json(self) -> Json:
        """As conversations.info shows it."""
        if self.user:
            return {"id": self.id, "is_im": True, "user": self.user, "is_archived": self.archived, "created": 1}
        return {
            "id": self.id, "name": self.name, "is_channel": True, "is_im": False, "is_private": self.id.startswith("G"),
            "is_archived": self.archived, "is_member": self.member, "created": 1,
        }  # fmt: skip


@dataclass(kw_only=True, eq=False)
class ReplyTo:
    """A response_url: five uses within half an hour. `heard` is what the app said through it."""

    channel: str
    user: str
    until: datetime
    source: Message | None = None
    uses: int = 0
    heard: list[Message] = field(default_factory=list)


class Workspace:
    """All of it. With `strangers`, people and channels that are named come into being, as a demo wants it."""

    def __init__(self, now: Callable[[], datetime], strangers: bool = False) -> None:
        self.now = now
        self.strangers = strangers
        self.users: dict[str, User] = {BOT_USER: User(id=BOT_USER, name="Muster")}
        self.channels: dict[str, Channel] = {}
        self.ephemerals: deque[Message] = deque(maxlen=KEPT)
        self.modals: dict[str, list[Json]] = {}  # by user, the top one last
        self.homes: dict[str, Json] = {}
        self.replies: dict[str, ReplyTo] = {}
        self._triggers: dict[str, tuple[str, datetime | None]] = {}  # None once it was exchanged
        self._last_ts = 0
        self._numbers = itertools.count(int(now().timestamp() * 1_000_000))  # no id comes again after a restart

    def add_user(self, id: str, name: str = "", email: str = "", deleted: bool = False) -> User:
        """A person joins, or is changed."""
        self.users[id] = User(id=id, name=name, email=email, deleted=deleted)
        return self.users[id]

    def add_channel(self, id: str, name: str = "", member: bool = True) -> Channel:
        """A channel is made; one that is there already is returned."""
        return self.channels.setdefault(id, Channel(id=id, name=name or id.lower(), member=member))

    def forget(self) -> None:
        """Nothing was ever said; people and channels stay."""
        for channel in self.channels.values():
            channel.messages.clear()
        for kept in (self.ephemerals, self.modals, self.homes, self.replies, self._triggers):
            kept.clear()

    def user(self, id: str) -> User:
        """A member. Raises SlackError."""
        if id not in self.users and self.strangers and id[:1] in ("U", "W") and len(self.users) < MOST:
            self.add_user(id)
        if id not in self.users:
            raise SlackError("user_not_found")
        return self.users[id]

    def channel(self, id: str) -> Channel:
        """A channel, or the conversation with a user whose id is given. Raises SlackError."""
        if id[:1] in ("U", "W"):
            return self.conversation(id)
        if id[:1] == "D" and id not in self.channels:
            return self.conversation(next((user for user in self.users if user[1:] == id[1:]), f"U{id[1:]}"))
        if id not in self.channels and self.strangers and id[:1] in ("C", "G") and len(self.channels) < MOST:
            self.add_channel(id)
        if id not in self.channels:
            raise SlackError("channel_not_found")
        return self.channels[id]

    def conversation(self, user: str) -> Channel:
        """The direct messages with a member, opened if need be. Raises SlackError."""
        try:
            member = self.user(user)
        except SlackError:
            raise SlackError("channel_not_found") from None
        if member.deleted:
            raise SlackError("user_disabled")
        return self.channels.setdefault(f"D{user[1:]}", Channel(id=f"D{user[1:]}", user=user))

    def ts(self) -> str:
        """A time stamp that no other message has."""
        self._last_ts = max(int(self.now().timestamp() * 1_000_000), self._last_ts + 1)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def fresh_id(self, prefix: str) -> str:
        """An id that nothing else has."""
        return f"{prefix}{next(self._numbers):X}"

    def with_ids(self, blocks: list[Json]) -> list[Json]:
        """The blocks, each with a block_id, as Slack stores them."""
        return [block if block.get("block_id") else block | {"block_id": self.fresh_id("b")} for block in blocks]

    def trigger(self, user: str) -> str:
        """A trigger_id: good for one view within 3 seconds."""
        trigger = f"{next(self._numbers)}.{TEAM}.{user}"
        self._triggers[trigger] = (user, self.now() + TRIGGER_LIFE)
        _bound(self._triggers)
        return trigger

    def exchange(self, trigger: str) -> str:
        """The user behind a trigger_id. Raises SlackError when it is used up, too old or made up."""
        if trigger not in self._triggers:
            raise SlackError("invalid_trigger_id")
        user, until = self._triggers[trigger]
        if until is None:
            raise SlackError("exchanged_trigger_id")
        if self.now() > until:
            raise SlackError("expired_trigger_id")
        self._triggers[trigger] = (user, None)
        return user

    def reply_to(self, channel: str, user: str, source: Message | None = None) -> str:
        """The token of a new response_url."""
        token = self.fresh_id("R")
        self.replies[token] = ReplyTo(channel=channel, user=user, source=source, until=self.now() + REPLY_LIFE)
        _bound(self.replies)
        return token


def _bound(kept: dict[str, Any]) -> None:
    while len(kept) > MOST:
        del kept[next(iter(kept))]
