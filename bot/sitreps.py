"""Situation reports: what each section chief says in an operational period, one field after the other."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel, col, select

from bot import journal, roster
from bot.db import Tx
from bot.outages import Outage

#: In the order in which they are asked
FIELDS = ("objective", "risks", "staff", "supplies", "beds", "diversion", "decisions")
CHIEFS = ("operations_chief", "planning_chief", "logistics_chief", "finance_chief")
PASSED = "-"  # said in place of an answer
TAKEN_FOR = timedelta(minutes=30)  # how long after a question a text that fits nothing else is its answer


class Sitrep(SQLModel, table=True):
    """One time that the section chiefs were asked."""

    __tablename__ = "sitrep"

    id: int | None = Field(default=None, primary_key=True)
    outage_id: int = Field(index=True, foreign_key="outage.id")
    period: int
    opened_at: datetime
    closed_at: datetime | None = None


class Report(SQLModel, table=True):
    """What one chief says in it."""

    __tablename__ = "sitrep_report"

    id: int | None = Field(default=None, primary_key=True)
    sitrep_id: int = Field(index=True, foreign_key="sitrep.id")
    person_id: str = Field(index=True)
    role: str
    said: dict[str, str] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))  # by field
    asked_at: datetime
    done_at: datetime | None = None

    @property
    def waits_for(self) -> str:
        """The next field that nothing was said of; empty when all have been."""
        return next((name for name in FIELDS if name not in self.said), "")


def begin(tx: Tx, outage: Outage) -> tuple[Sitrep, list[Report]]:
    """Ask whoever is a section chief on shift; the one before is over."""
    end(tx, outage)
    asked = Sitrep(outage_id=outage.id or 0, period=outage.period, opened_at=tx.now)
    tx.add(asked)
    tx.flush()
    chiefs: dict[str, str] = {}
    for role in CHIEFS:
        for person in roster.holders(tx, role)[:1]:
            chiefs.setdefault(person.id, role)
    reports = [Report(sitrep_id=asked.id or 0, person_id=id, role=role, asked_at=tx.now) for id, role in chiefs.items()]
    tx.add_all(reports)
    tx.flush()
    journal.write(tx, "sitrep_asked", outage=outage.code, about=f"period {outage.period}", of=list(chiefs))
    return asked, reports


def end(tx: Tx, outage: Outage) -> None:
    """Nothing more is taken for the sitrep that is open."""
    found = select(Sitrep).where(Sitrep.outage_id == outage.id, col(Sitrep.closed_at).is_(None))
    for asked in tx.exec(found):
        asked.closed_at = tx.now
        tx.add(asked)


def latest(tx: Tx, outage: Outage) -> Sitrep | None:
    found = select(Sitrep).where(Sitrep.outage_id == outage.id).order_by(col(Sitrep.id).desc())
    return tx.exec(found.limit(1)).first()


def reports(tx: Tx, asked: Sitrep) -> list[Report]:
    return list(tx.exec(select(Report).where(Report.sitrep_id == asked.id).order_by(col(Report.id))))


def waiting(tx: Tx, person_ids: list[str]) -> Report | None:
    """The report for which a text of one of these people may be an answer now."""
    mine = _waiting(tx, select(Report)).where(col(Report.person_id).in_(person_ids))
    return tx.exec(mine.order_by(col(Report.id).desc())).first()


def chiefs_asked(tx: Tx) -> set[str]:
    """Of whom a text may be an answer now."""
    return set(tx.exec(_waiting(tx, select(Report.person_id))))


def _waiting(tx: Tx, reports: Any) -> Any:
    open_ones = reports.join(Sitrep, col(Sitrep.id) == Report.sitrep_id).where(col(Sitrep.closed_at).is_(None))
    return open_ones.where(col(Report.done_at).is_(None), Report.asked_at >= tx.now - TAKEN_FOR)


def understood(waits_for: str, text: str) -> tuple[str, str]:
    """Which field a text is about and what it says: of the one that waits or, if it begins with a name, of that."""
    first, _, rest = text.strip().partition(" ")
    named = first.lower().strip(".,:;")
    field, said = (named, rest) if named in FIELDS and rest else (waits_for, text)
    return field, "" if said.strip() == PASSED else said.strip()


def answer(tx: Tx, report: Report, text: str) -> None:
    field, said = understood(report.waits_for, text)
    fill(tx, report, {field: said})


def fill(tx: Tx, report: Report, said: dict[str, str]) -> None:
    """Keep what was said; a report that has all its fields is done."""
    report.said = {**report.said, **said}
    report.asked_at = tx.now
    report.done_at = None if report.waits_for else tx.now
    tx.add(report)
