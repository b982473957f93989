"""What came in from outside, each thing once."""

from datetime import datetime

from sqlmodel import Field, SQLModel, UniqueConstraint

from bot.db import Tx, insert_new


class Arrival(SQLModel, table=True):
    __tablename__ = "arrival"
    __table_args__ = (UniqueConstraint("source", "external_id"),)

    id: int | None = Field(default=None, primary_key=True)
    source: str  # sms, call, slack
    external_id: str
    at: datetime


def accept(tx: Tx, source: str, external_id: str) -> bool:
    """True the first time; false for a repeat, which must have no effect."""
    row = {"source": source, "external_id": external_id, "at": tx.now}
    return insert_new(tx, Arrival.__table__, [row]) == 1  # type: ignore[attr-defined]
