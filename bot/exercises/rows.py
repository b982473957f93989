"""The rows of drills: what is planned, how far it has come, and the script it began with."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column
from sqlmodel import Field, SQLModel, UniqueConstraint, col, select

from bot.db import Tx
from bot.exercises.scenarios import Inject, Marks, Scenario
from bot.outages import ENDED, Outage


class DrillState(StrEnum):
    PLANNED = "planned"  # its plan was posted; it starts by itself at its time
    RUNNING = "running"
    ENDED = "ended"
    CANCELLED = "cancelled"  # before it started


class Drill(SQLModel, table=True):
    """One run of a scenario. The script is a copy: a change of the file never touches a drill that runs."""

    __tablename__ = "drill"
    __table_args__ = (
        CheckConstraint("state IN ('planned', 'running', 'ended', 'cancelled')", name="drill_state"),
        UniqueConstraint("scenario", "starts_at"),  # so that of many processes one plans it
    )

    id: int | None = Field(default=None, primary_key=True)
    scenario: str
    state: str = DrillState.PLANNED
    script: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))  # a Scenario
    starts_at: datetime
    ended_at: datetime | None = None
    done: int = 0  # injects so far
    outage_id: int | None = Field(default=None, index=True, foreign_key="outage.id")  # once it is declared
    by: str
    why: str = ""  # why it is held out of hours
    live: bool = True  # real people; false in a simulated hospital

    @property
    def code(self) -> str:
        return f"D-{self.id}"

    @property
    def plan(self) -> Scenario:
        return Scenario.model_validate(self.script)

    @property
    def marks(self) -> Marks:
        return self.plan.marks

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + timedelta(minutes=self.plan.minutes)

    @property
    def injects(self) -> tuple[Inject, ...]:
        return self.plan.injects


TABLE = Drill.__table__  # type: ignore[attr-defined]


def script(scenario: Scenario) -> dict[str, Any]:
    """A scenario as a row keeps it."""
    return scenario.model_dump(mode="json", by_alias=True)


def of_outage(tx: Tx, outage: Outage) -> Drill | None:
    """The drill that declared this exercise."""
    return tx.exec(select(Drill).where(Drill.outage_id == outage.id)).first()


def running(tx: Tx) -> Drill | None:
    """The drill that runs; one whose exercise was ended by a real outage runs no more."""
    for drill in tx.exec(select(Drill).where(Drill.state == DrillState.RUNNING).order_by(col(Drill.id).desc())):
        outage = tx.get(Outage, drill.outage_id) if drill.outage_id else None
        if outage is None or outage.state not in ENDED:
            return drill
    return None
