"""Rounds, answers and the standing of units. A digit answers; a changed answer counts as the latest."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint
from sqlalchemy import select as core_select
from sqlmodel import Field, SQLModel, col, select

from bot import escalations, journal, outbox, roster, tasks
from bot.db import Tx, insert_new
from bot.outages import ENDED, Outage


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


def open_round(tx: Tx, outage: Outage, notice_id: int) -> Round:
    for earlier in tx.exec(select(Round).where(Round.outage_id == outage.id, col(Round.closed_at).is_(None))):
        earlier.closed_at = tx.now
        tx.add(earlier)
    opened = Round(outage_id=outage.id or 0, notice_id=notice_id, opened_at=tx.now)
    tx.add(opened)
    tx.flush()
    return opened


def close_rounds(tx: Tx, outage: Outage) -> None:
    for opened in tx.exec(select(Round).where(Round.outage_id == outage.id, col(Round.closed_at).is_(None))):
        opened.closed_at = tx.now
        tx.add(opened)


def watch_unit(tx: Tx, outage: Outage, unit: roster.Unit, asked: roster.Person | None, notice_id: int) -> None:
    """A unit stands silent from minute 0; one ladder runs for it until somebody answers."""
    tx.add(UnitCheck(outage_id=outage.id or 0, unit=unit.code, asked=asked.id if asked else ""))
    rungs = list(outage.ladders.get("silence", []))
    if asked is None:
        rungs = _nobody_in_charge(rungs)
    escalations.start(tx, "silence", subject(outage, unit.code), rungs, outage_id=outage.id,
                      person_id=asked.id if asked else "", notice_id=notice_id if asked else None)  # fmt: skip


def subject(outage: Outage, unit: str) -> str:
    return f"unit:{outage.id}:{unit}"


def units(tx: Tx, outage_id: int) -> list[UnitCheck]:
    return list(tx.exec(select(UnitCheck).where(UnitCheck.outage_id == outage_id).order_by(UnitCheck.unit)))


def asked(tx: Tx, person_ids: list[str], outage_id: int | None = None) -> list[tuple[Round, Outage]]:
    """The questions put to any of these people, latest first: those of the outages that run, else the last one of all.

    `outage_id` narrows it to the outage that the answer is known to be about.
    """
    heard = select(Round, Outage).join(outbox.Recipient, col(outbox.Recipient.notice_id) == Round.notice_id)
    heard = heard.join(Outage, col(Outage.id) == Round.outage_id).where(col(outbox.Recipient.person_id).in_(person_ids))
    if outage_id is not None:
        heard = heard.where(Round.outage_id == outage_id)
    # each round once, however many of these people were asked in it: an answer from a shared phone counts once
    found = list({row[0].id: (row[0], row[1]) for row in tx.exec(heard.order_by(col(Round.id).desc()))}.values())
    running = [row for row in found if row[1].state not in ENDED]
    return running or found[:1]


def asked_all(tx: Tx, person_ids: list[str]) -> Asked:
    """The same for many people at once, and which of them were asked for a unit."""
    heard = core_select(
        RECIPIENT.c.person_id, ROUND.c.id, ROUND.c.notice_id, OUTAGE.c.id, OUTAGE.c.code, OUTAGE.c.state,
        ROUND.c.closed_at,
    )  # fmt: skip
    heard = heard.join(ROUND, ROUND.c.notice_id == RECIPIENT.c.notice_id).join(OUTAGE, OUTAGE.c.id == ROUND.c.outage_id)
    questions: dict[str, list[Question]] = {}
    mine = heard.where(RECIPIENT.c.person_id.in_(person_ids))
    for person_id, round_id, notice_id, outage_id, code, state, closed in tx.execute(mine):
        over = state in ENDED
        question = Question(round_id, notice_id, outage_id, code, over, over or closed is not None)
        questions.setdefault(person_id, []).append(question)
    speaking = core_select(UNIT_CHECK.c.asked).where(UNIT_CHECK.c.asked.in_(person_ids)).distinct()
    return Asked(questions, set(tx.execute(speaking).scalars()))


def record_all(tx: Tx, answered: list[tuple[Question, str]], digit: str, channel: str) -> None:
    """Keep the same digit for many; stopping what is still to be sent to them is the caller's."""
    insert_new(tx, ANSWER, [
        {"round_id": question.round_id, "person_id": person_id, "digit": digit, "note": "", "at": tx.now,
         "channel": channel, "late": question.late}
        for question, person_id in answered
    ])  # fmt: skip


def answer(
    tx: Tx, people: list[roster.Person], digit: str, note: str, channel: str, only_unit: str = "",
    outage_id: int | None = None,
) -> Heard:  # fmt: skip
    """Record a digit for everybody who was asked at this number or account; `only_unit` narrows it to one unit.

    It answers every open question of theirs, since a digit means the same in all. Stops what is still to be sent to
    them for it, and the ladder of each unit it speaks for.
    """
    heard = Heard(digit, people=[person.id for person in people], unit=_where(tx, people))
    for opened, outage in reversed(asked(tx, heard.people, outage_id)):
        heard.outage, heard.late = outage, opened.closed_at is not None or outage.state in ENDED
        for person in people:
            _record(tx, opened, outage, person, digit, note, channel, heard.late)
        if not heard.late:
            _for_units(tx, outage, heard, people[0].id, note, only_unit)
    return heard


def _where(tx: Tx, people: list[roster.Person]) -> str:
    """Where the speaker is now: the unit on duty, else the one on file."""
    held = roster.duty_of(tx, people[0].id) if people else None
    return held.unit if held else people[0].unit if people else ""


def _record(
    tx: Tx, opened: Round, outage: Outage, person: roster.Person, digit: str, note: str, channel: str, late: bool
) -> None:
    row = Answer(round_id=opened.id or 0, person_id=person.id, digit=digit, at=tx.now, channel=channel)
    row.note, row.late = note, late
    tx.add(row)
    outbox.withdraw(tx, [opened.notice_id], person.id)
    journal.write(tx, "answered", who=person.id, outage=outage.code, channel=channel, digit=digit, note=note, late=late)


def unavailable(tx: Tx, person: roster.Person, channel: str) -> None:
    """AWAY: counted as such in every check that is open."""
    for opened, outage in asked(tx, [person.id]):
        if outage.state not in ENDED:
            _record(tx, opened, outage, person, "A", "", channel, late=False)


def answer_for_unit(tx: Tx, outage: Outage, unit: str, digit: str, who: str, channel: str) -> Heard:
    """Somebody answered for a unit without having been asked by name: its landline, its channel."""
    heard = Heard(digit, outage, [], unit=unit, late=outage.state in ENDED)
    row = tx.get(UnitCheck, (outage.id, unit))
    if row and not heard.late:
        journal.write(tx, "answered", who=who, outage=outage.code, channel=channel, about=unit, digit=digit)
        _stand(tx, outage, row, FOR_UNIT[digit], who, digit, "")
        heard.units = [unit]
    return heard


def told(tx: Tx, outage: Outage, unit: str, by: str) -> bool:
    """Somebody told the unit in person; false if the outage has no such unit."""
    row = tx.get(UnitCheck, (outage.id, unit))
    if row is None:
        return False
    journal.write(tx, "told_in_person", who=by, outage=outage.code, about=unit)
    if row.standing == Standing.SILENT:
        _stand(tx, outage, row, Standing.TOLD, by, "", "")
    return True


def hand_on(tx: Tx, outage: Outage, row: UnitCheck, to: roster.Person | None) -> None:
    """Somebody else answers for the unit from now on, or nobody: then its landline is rung next."""
    row.asked = to.id if to else ""
    tx.add(row)
    for ladder in escalations.active(tx, subject(outage, row.unit)):
        ladder.person_id = row.asked
        tx.add(ladder)
        if to is None:
            escalations.leave_out(tx, ladder, "call")


def _for_units(tx: Tx, outage: Outage, heard: Heard, who: str, note: str, only_unit: str) -> None:
    spoken = [row for row in units(tx, outage.id or 0) if row.asked in heard.people]
    here = [row.unit for row in spoken if not only_unit or row.unit == only_unit]
    heard.units = list(dict.fromkeys([*heard.units, *here]))
    for row in spoken:
        if row.unit in here:
            _stand(tx, outage, row, FOR_UNIT[heard.digit], who, heard.digit, note)
    if heard.digit == "9" and not spoken:
        row_at = tx.get(UnitCheck, (outage.id, heard.unit))
        if row_at:  # a 9 from anyone in it changes a unit
            _stand(tx, outage, row_at, Standing.RISK, who, "9", note)


def _stand(tx: Tx, outage: Outage, row: UnitCheck, standing: Standing, who: str, digit: str, note: str) -> None:
    """What was said of a unit. A risk stays in sight while it is being seen to, unless its sender takes it back."""
    at_risk = row.standing == Standing.RISK and row.by != who and tasks.at_risk(tx, outage.id or 0, row.unit)
    if not at_risk:
        row.standing, row.by, row.digit, row.note, row.at = standing, who, digit, note, tx.now
        tx.add(row)
    escalations.stop(tx, subject(outage, row.unit), f"answered by {who}")
    outbox.close_notices(tx, subject(outage, row.unit), "answered")
    tasks.check_done(tx, outage.id or 0, row.unit, digit or "told", who)


def _nobody_in_charge(rungs: list[dict[str, object]]) -> list[dict[str, object]]:
    """Nobody is on shift to be texted or called for the unit: its landline at once, the rest as planned."""
    kept = [rung for rung in rungs if rung["do"] != "call"]
    return [rung | {"after": 0} if rung["do"] == "landline" else rung for rung in kept]
