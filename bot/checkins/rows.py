"""Rounds, answers, how units stand, and what is said about them."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, CheckConstraint, Column, Index
from sqlmodel import Field, SQLModel

from bot import outbox
from bot.outages import Outage


class Standing(StrEnum):
    """How a unit stands, by the answer of whoever was asked for it."""

    SILENT = "silent"
    OK = "ok"
    HELP = "help"
    RISK = "risk"
    TOLD = "told"  # in person


@dataclass(frozen=True)
class Option:
    """What a digit sets off. Each answer is recorded and ends the asking of whoever gave it; of a unit, by whoever
    speaks for it, it ends all chasing."""

    means: str  # as it is echoed
    standing: Standing  # of a unit that answers so
    bedside: str = ""  # what it means from somebody who does not speak for a unit, if not the same
    need: str = ""  # it assigns a task to bring this ...
    role: str = ""  # ... to the holder of this role
    escalates: bool = False  # people are called at once, until one of them has it


OPTIONS = {
    "1": Option("OK", Standing.OK),
    "2": Option("need staff", Standing.HELP, bedside="need help", need="staff", role="labor_pool_leader"),
    "3": Option("need forms", Standing.HELP, need="forms", role="logistics_chief"),
    "4": Option("not affected", Standing.OK),
    "9": Option("PATIENT RISK", Standing.RISK, escalates=True),
}


class Kind(StrEnum):
    """What a round asks. The declaration's own notice is the first; the rest are asked beside it."""

    ALERT = "alert"  # read? and how is your unit?
    CHECK = "check"  # how is your unit now?
    ROLL_CALL = "roll_call"  # are you on site?
    QUESTION = "question"  # somebody's own


CHECKS = (Kind.ALERT, Kind.CHECK)
#: Which digits a question knows; a 9 is never about a question.
KNOWS: dict[str, str] = {Kind.ALERT: "1234", Kind.CHECK: "1234", Kind.ROLL_CALL: "1", Kind.QUESTION: "12"}
AWAY, TOLD = "A", "T"  # what stands in place of a digit: not on shift; told in person


class Round(SQLModel, table=True):
    """One time that people were asked. The first is the declaration's own notice, open until the outage ends; any
    other closes when it is asked anew."""

    __tablename__ = "round"

    id: int | None = Field(default=None, primary_key=True)
    outage_id: int = Field(index=True, foreign_key="outage.id")
    notice_id: int = Field(index=True, foreign_key="notice.id")
    opened_at: datetime
    closed_at: datetime | None = None
    kind: str = Field(default=Kind.ALERT, sa_column_kwargs={"server_default": "alert"})
    text: str = Field(default="", sa_column_kwargs={"server_default": ""})  # of a question of one's own
    units: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False, server_default="[]"))


class Answer(SQLModel, table=True):
    """Every answer is kept; the latest counts."""

    __tablename__ = "answer"
    __table_args__ = (Index("answer_of", "round_id", "person_id"),)

    id: int | None = Field(default=None, primary_key=True)
    round_id: int = Field(foreign_key="round.id")
    person_id: str = Field(index=True)
    digit: str  # 1, 2, 3, 4, 9; AWAY, TOLD
    note: str = ""
    at: datetime
    channel: str
    late: bool = False


class UnitCheck(SQLModel, table=True):
    __tablename__ = "unit_check"
    __table_args__ = (
        CheckConstraint("standing IN ('silent', 'ok', 'help', 'risk', 'told')", name="unit_standing"),
    )  # fmt: skip

    outage_id: int = Field(primary_key=True, foreign_key="outage.id")
    unit: str = Field(primary_key=True)
    standing: str = Standing.SILENT
    asked: str = ""  # the person who answers for it
    by: str = ""
    digit: str = ""
    note: str = ""
    at: datetime | None = None  # of the last word
    visit: bool = False  # somebody was asked to go there


ROUND = Round.__table__  # type: ignore[attr-defined]
ANSWER = Answer.__table__  # type: ignore[attr-defined]
UNIT_CHECK = UnitCheck.__table__  # type: ignore[attr-defined]
OUTAGE = Outage.__table__  # type: ignore[attr-defined]
RECIPIENT = outbox.Recipient.__table__  # type: ignore[attr-defined]


@dataclass
class Heard:
    """What an answer meant: whom it counted for and which units it spoke for."""

    digit: str
    outage: Outage | None = None
    people: list[str] = field(default_factory=list)
    units: list[str] = field(default_factory=list)  # spoken for
    unit: str = ""  # where the speaker is
    late: bool = False
    asked: str = ""  # the text of the question of somebody's own that was answered
