"""The rows of what must leave: notices, their recipients and messages, and each channel's budget."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

NEVER = datetime(2000, 1, 1, tzinfo=UTC)  # "last contacted" of somebody never contacted: first in the queue


class State(StrEnum):
    """Where a message stands; drawn in docs/lifecycles.md."""

    QUEUED = "queued"  # waits to be claimed
    SENDING = "sending"  # claimed, under a lease
    DOUBTFUL = "doubtful"  # nobody knows whether the provider took it
    SENT = "sent"  # the provider has it
    DELIVERED = "delivered"  # the provider says it arrived
    FAILED = "failed"  # it will not arrive; the reason says why
    EXPIRED = "expired"  # waited longer than it was worth
    WITHDRAWN = "withdrawn"  # no longer needed
    UNREACHABLE = "unreachable"  # the person has no address that may be used


#: Receipts and settlements never move a message to a lower rank; `delivered` wins over every other end.
RANK = {
    State.QUEUED: 0,
    State.SENDING: 1,
    State.DOUBTFUL: 1,
    State.SENT: 2,
    State.WITHDRAWN: 3,
    State.EXPIRED: 3,
    State.UNREACHABLE: 3,
    State.FAILED: 3,
    State.DELIVERED: 4,
}

BEAT = "beat"  # the worker's own row in Health
WAITING = (State.QUEUED,)
UNDER_WAY = (State.SENDING, State.DOUBTFUL)
UNDECIDED = (*WAITING, *UNDER_WAY)


class Lane:
    """Who goes first: a lower lane overtakes a higher one."""

    LIFE_SAFETY, ALERT, QUESTION, UPDATE, BULK = range(5)


class Notice(SQLModel, table=True):
    """One thing said, to one person or to ten thousand."""

    __tablename__ = "notice"

    id: int | None = Field(default=None, primary_key=True)
    outage_id: int | None = Field(default=None, index=True)
    kind: str
    subject: str = Field(default="", index=True)  # what it asks about: `task:12`, `unit:3:5W`, `outage:3`
    exercise: bool = False
    opened_at: datetime
    closed_at: datetime | None = None  # from here on nothing of it is claimed any more


class Recipient(SQLModel, table=True):
    """A person who was to hear a notice, whatever became of it."""

    __tablename__ = "recipient"

    notice_id: int = Field(primary_key=True, foreign_key="notice.id", ondelete="CASCADE")
    person_id: str = Field(primary_key=True)
    unit: str = ""
    wording: str = ""
    address: str


def _only(state: str, name: str, *columns: str, more: str = "") -> Index:
    """An index over the rows of one state: few at any time, however many messages there are."""
    where = text(" AND ".join(filter(None, [f"state = '{state}'", more])))
    return Index(name, *columns, sqlite_where=where, postgresql_where=where)


class Message(SQLModel, table=True):
    __tablename__ = "message"
    __table_args__ = (
        CheckConstraint("state IN ({})".format(", ".join(f"'{state}'" for state in State)), name="message_state"),
        UniqueConstraint("notice_id", "person_id", "channel", "round"),
        UniqueConstraint("notice_id", "channel", "address", "round"),
        _only("queued", "message_queue", "channel", "lane", "last_contacted_at", "id"),
        _only("queued", "message_stale", "not_after"),
        _only("queued", "message_again", "claimed_at", more="claimed_at IS NOT NULL"),
        _only("sending", "message_sending", "lease_until"),
        _only("doubtful", "message_doubtful", "due_at"),
        _only("expired", "message_expired", "notice_id"),
        # handed over, and nothing more was heard: whoever asks the providers starts here
        _only("sent", "message_unconfirmed", "handed_at", more="asked = 0"),
        Index("message_address", "address", "handed_at"),
        Index(
            "message_provider_id",
            "provider_id",
            sqlite_where=text("provider_id <> ''"),
            postgresql_where=text("provider_id <> ''"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    notice_id: int = Field(foreign_key="notice.id", ondelete="CASCADE")
    person_id: str  # or `#channel`, `unit:5W` for a post or a landline
    kind: str
    channel: str  # sms, voice, slack; `none` for the unreachable
    address: str
    round: int = 0
    lane: int
    body: str
    language: str = "en"
    buttons: list[list[str]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    segments: int = 1
    last_contacted_at: datetime = NEVER
    created_at: datetime
    not_after: datetime | None = None
    state: str = State.QUEUED
    reason: str = ""  # in words a charge nurse can read
    code: str = ""  # the provider's own
    due_at: datetime  # not before; moved on by a retry
    claim: str = ""
    claimed_at: datetime | None = None
    lease_until: datetime | None = None
    tries: int = 0
    asked: int = 0  # how often the provider was asked about it
    provider: str = Field(default="", sa_column_kwargs={"server_default": ""})  # sms, voice, slack, others-1
    provider_id: str = ""
    handed_at: datetime | None = None
    delivered_at: datetime | None = None


class Budget(SQLModel, table=True):
    """What a channel may still send now, in segments; spent in the claim, so it holds over all workers."""

    __tablename__ = "budget"

    channel: str = Field(primary_key=True)
    tokens: float
    refilled_at: datetime


class CircuitState(StrEnum):
    """Whether a provider is given messages; drawn in docs/lifecycles.md."""

    CLOSED = "closed"  # all is well: it gets what is due
    OPEN = "open"  # it does not answer, or does not accept us: it gets nothing, and is probed
    HALF_OPEN = "half_open"  # it answers again: it gets one message, to see


class Health(SQLModel, table=True):
    """How a provider does, and when a worker last beat: rows, since `status` and other workers are other processes."""

    __tablename__ = "health"
    __table_args__ = (
        CheckConstraint("circuit IN ({})".format(", ".join(f"'{state}'" for state in CircuitState)), name="circuit"),
    )

    name: str = Field(primary_key=True)  # sms, voice, slack, others-1, beat
    state: str  # ok, trouble, stopped
    reason: str = ""
    at: datetime
    circuit: str = Field(default=CircuitState.CLOSED, sa_column_kwargs={"server_default": "closed"})
    failures: int = Field(default=0, sa_column_kwargs={"server_default": "0"})  # in a row
    opened_at: datetime | None = None
    probe_at: datetime | None = None  # when it may next be tried


class Expansion(SQLModel, table=True):
    """A large audience that is written in batches: whom, in which words, and how far it has come."""

    __tablename__ = "expansion"

    id: int | None = Field(default=None, primary_key=True)
    notice_id: int = Field(foreign_key="notice.id", ondelete="CASCADE", index=True)
    outage_id: int = Field(index=True)
    audience: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))  # an Audience
    words: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))  # its Words
    lane: int
    place: int = -1  # the cursor: place and id of the last person written
    last_id: str = ""
    people: int  # expected in all
    written: int = 0
    done_at: datetime | None = None


class Draft(SQLModel):
    """A message as its author hands it over."""

    person_id: str
    channel: str
    address: str
    lane: int
    body: str
    unit: str = ""
    wording: str = ""
    language: str = "en"
    buttons: list[list[str]] = []
    not_after: datetime | None = None
    due_at: datetime | None = None  # not before; at once, if not said
    round: int = 0
    reason: str = ""  # set for the unreachable

    def row(self, notice: Notice, now: datetime, last: datetime, segments: int) -> dict[str, Any]:
        state = State.UNREACHABLE if self.channel == "none" else State.QUEUED
        said = self.model_dump(exclude={"unit", "wording"})
        return said | {
            "notice_id": notice.id, "kind": notice.kind, "created_at": now, "due_at": self.due_at or now,
            "state": state, "last_contacted_at": last, "segments": segments,
        }  # fmt: skip
