"""Rounds, answers, how units stand, and what is said about them."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint
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


FOR_UNIT = {"1": Standing.OK, "2": Standing.HELP, "3": Standing.HELP, "4": Standing.OK, "9": Standing.RISK}
MEANS = {"1": "OK", "2": "need staff", "3": "need forms", "4": "not affected", "9": "PATIENT RISK"}
MEANS_BEDSIDE = MEANS | {"2": "need help"}


class Round(SQLModel, table=True):
    """One time that everybody was asked. The first is the declaration's own notice."""

    __tablename__ = "round"

    id: int | None = Field(default=None, primary_key=True)
    outage_id: int = Field(index=True, foreign_key="outage.id")
    notice_id: int = Field(index=True, foreign_key="notice.id")
    opened_at: datetime
    closed_at: datetime | None = None


class Answer(SQLModel, table=True):
    """Every answer is kept; the latest counts."""

    __tablename__ = "answer"

    id: int | None = Field(default=None, primary_key=True)
    round_id: int = Field(index=True, foreign_key="round.id")
    person_id: str = Field(index=True)
    digit: str  # 1, 2, 3, 4, 9; `A` for AWAY
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


@dataclass(frozen=True)
class Question:
    """A round as somebody was asked in it."""

    round_id: int
    notice_id: int
    outage_id: int
    outage: str  # its code
    ended: bool
    late: bool  # an answer now comes after it closed


@dataclass
class Asked:
    """What many people were asked, and who of them speaks for a unit."""

    questions: dict[str, list[Question]]  # by person, the latest first
    speakers: set[str]
    answered: list[tuple[Question, str]] = field(default_factory=list)

    def of(self, people: list[str]) -> list[Question]:
        """The questions put to any of these people, earliest first: those that run, else the last one of all."""
        found = {question.round_id: question for id in people for question in self.questions.get(id, [])}
        latest = [found[id] for id in sorted(found, reverse=True)]
        running = [question for question in latest if not question.ended]
        return list(reversed(running or latest[:1]))
