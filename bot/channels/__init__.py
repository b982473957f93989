"""What a channel is: it takes an envelope and says what became of it. One provider a file, no database.

Failure is a closed set. Each error answers four questions once: is the message to be tried again, may another channel
be tried, does nobody know what happened, and must the whole channel stop; and it says one line that a person can read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """One message ready to leave."""

    id: int  # ours: in callback paths and Slack metadata
    channel: str  # sms, voice, slack
    to: str  # E.164, or a Slack channel or user id
    body: str  # the text; what is spoken; Slack mrkdwn
    claimed_at: datetime
    not_after: datetime | None = None
    buttons: tuple[tuple[str, str, str], ...] = ()  # Slack: label, action id, value


@dataclass(frozen=True, kw_only=True)
class Sent:
    """The provider has it. For Slack the id is `channel:ts`, and taken means delivered."""

    provider_id: str
    delivered: bool = False
    created_at: datetime | None = None  # where the provider was asked what it has


@dataclass(frozen=True, kw_only=True)
class Handed:
    """A message that a provider took and of which nothing more was heard."""

    id: int  # ours
    provider_id: str
    to: str
    handed_at: datetime


class Wants(StrEnum):
    """What is to follow when a message that was taken did not arrive."""

    NOTHING = "nothing"
    OTHER = "other channel"
    NEVER = "never again"  # this address does not work on this channel; another channel may


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What a provider reports later, in any order; a higher rank is further on."""

    provider_id: str
    state: str  # sent, delivered, failed
    rank: int
    code: str = ""
    reason: str = ""
    wants: Wants = Wants.NOTHING
    opted_out: bool = False

    @property
    def try_other(self) -> bool:
        """Whether another channel may do better."""
        return self.wants != Wants.NOTHING  # by value: one that was kept on disk comes back as a plain word


class SendError(Exception):
    """A message was not sent, or nobody knows. `retry_after` is in seconds; 0 leaves it to whoever sends again."""

    retry = False
    other_channel = False
    doubt = False
    stop = False
    usual = "It could not be sent"

    def __init__(
        self,
        says: str = "",
        *,
        code: str = "",
        retry_after: float = 0.0,
        retry: bool | None = None,
        doubt: bool | None = None,
    ) -> None:
        """`says` is one plain line that a charge nurse can read; what is left out is as the class has it."""
        self.says, self.code, self.retry_after = says or self.usual, code, retry_after
        self.retry = self.retry if retry is None else retry
        self.doubt = self.doubt if doubt is None else doubt
        super().__init__(f"{self.says} ({code})" if code else self.says)


class Throttled(SendError):
    """Too fast; the provider took nothing."""

    retry = True
    usual = "Too many messages at once; it goes out in a moment"


class Unavailable(SendError):
    """The provider is in trouble, and may have taken the message all the same."""

    doubt = True
    usual = "The provider did not answer; it is being asked whether it went out"


class BadAddress(SendError):
    """This address never works on this channel."""

    other_channel = True
    usual = "This address does not work"


class OptedOut(SendError):
    """The person asked for no more on this channel."""

    other_channel = True
    usual = "This person replied STOP and gets no texts from us"


class Rejected(SendError):
    """The provider refused this message for a reason of its own."""

    other_channel = True
    usual = "The provider refused this message"


class Misconfigured(SendError):
    """Our own settings are wrong: the channel stops until they are mended, and no message is marked failed."""

    stop = True
    usual = "Nothing can leave this way until IT corrects the settings"


class Channel(Protocol):
    """One provider: a way out of the house."""

    name: str  # sms, voice, slack; a fallback gateway is others-1, others-2, …
    askable: bool  # whether look_for and receipts can say anything; False for a gateway that only answers yes or no

    async def send(self, envelope: Envelope) -> Sent:
        """Hand the envelope to the provider, once; raises SendError and nothing else."""
        ...

    async def look_for(self, envelope: Envelope) -> list[Sent]:
        """What the provider holds that could be this envelope, oldest first; raises Unavailable."""
        ...

    async def receipts(self, handed: Sequence[Handed]) -> dict[int, Receipt]:
        """What became of messages, by our id; of those left out nothing is known yet. Raises SendError."""
        ...

    async def probe(self) -> None:
        """A harmless request that shows whether the provider answers and accepts us; raises SendError."""
        ...

    async def close(self) -> None:
        """Let go of the connections."""
        ...
