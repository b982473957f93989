"""The rows of a recall: what is needed, and what became of each person who was asked."""

from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel

#: Who is asked in which wave, and how long it is given before the next part is asked
WAVES = {
    0: "offered, was not needed", 1: "on call", 2: "same unit, off shift", 3: "all who can do it",
    4: "asked before, was not needed",
}  # fmt: skip
WAITS = {wave: timedelta(minutes=15 if wave == 3 else 10) for wave in WAVES}
AT_ONCE = 5  # times the need: more people are not woken at a time
ETA = {"1": timedelta(minutes=30), "2": timedelta(minutes=60), "3": timedelta(hours=2)}
MEANS = {"1": "there in 30 min", "2": "there in 60 min", "3": "there in 2 h", "4": "cannot"}


class RecallState(StrEnum):
    OPEN = "open"  # fewer are coming than are needed
    FILLED = "filled"  # as many are coming as are needed
    CLOSED = "closed"  # they are there, or should be
    CANCELLED = "cancelled"  # stopped by a person, or its outage ended


class CallState(StrEnum):
    """What became of one person who was asked."""

    ASKED = "asked"
    COMING = "coming"
    RESERVE = "reserve"  # comes only if somebody else does not
    DECLINED = "declined"
    DROPPED = "dropped"  # had said yes, and cannot after all
    NOT_NEEDED = "not_needed"  # it was filled without them
    SILENT = "silent"  # had not answered when it ended


MOVES = {
    RecallState.OPEN: {RecallState.FILLED, RecallState.CLOSED, RecallState.CANCELLED},
    RecallState.FILLED: {RecallState.OPEN, RecallState.CLOSED, RecallState.CANCELLED},
}
RUNNING = (RecallState.OPEN, RecallState.FILLED)
YES = (CallState.COMING, CallState.RESERVE)
AWAITED = (CallState.ASKED, *YES)  # whose bare digit is about the recall


def _one_of(states: type[StrEnum]) -> str:
    return f"state IN ({', '.join(repr(str(state)) for state in states)})"


class Recall(SQLModel, table=True):
    """So many people with a skill are wanted somewhere from some time on."""

    __tablename__ = "recall"
    __table_args__ = (
        CheckConstraint(_one_of(RecallState), name="recall_state"),
        CheckConstraint("need > 0", name="recall_needs_somebody"),
    )

    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(unique=True)  # R1
    outage_id: int = Field(index=True, foreign_key="outage.id")
    exercise: bool = False  # its outage's
    need: int
    reserve_percent: int = 20
    skill: str  # a role's id, or a skill of staff.csv
    unit: str = ""
    site: str = ""  # where they are to come
    only_site: bool = False  # people of other sites are not asked
    urgent: bool = False  # rest and weekly hours are set aside
    starts_at: datetime
    wave: int = 0  # of those who were asked last
    state: str = RecallState.OPEN
    by: str
    opened_at: datetime
    ended_at: datetime | None = None

    @property
    def reserves(self) -> int:
        """How many are kept beyond the need."""
        return ceil(self.need * self.reserve_percent / 100)

    @property
    def subject(self) -> str:
        """What its notices are about."""
        return f"recall:{self.id}"


class RecallCall(SQLModel, table=True):
    """One person who was asked, once."""

    __tablename__ = "recall_call"
    __table_args__ = (CheckConstraint(_one_of(CallState), name="recall_call_state"),)

    recall_id: int = Field(primary_key=True, foreign_key="recall.id")
    person_id: str = Field(primary_key=True, index=True)
    wave: int
    notice_id: int
    address: str
    asked_at: datetime
    state: str = CallState.ASKED
    answer: str = ""  # 1 to 4; `A` for AWAY
    eta: datetime | None = None
    answered_at: datetime | None = None
    accepted_at: datetime | None = None  # who said yes first is kept first
    arrived_at: datetime | None = None
