"""What came in from outside: each thing once, and on disk while the database is away."""

from datetime import datetime

from sqlmodel import Field, SQLModel, UniqueConstraint

from bot.db import Tx, insert_new, insert_told
from bot.inbox.spool import Kept, Spool, Taking

__all__ = ["Arrival", "Kept", "Spool", "Taking", "accept", "accept_all"]


class Arrival(SQLModel, table=True):
    __tablename__ = "arrival"
    __table_args__ = (UniqueConstraint("source", "external_id"),)

    id: int | None = Field(default=None, primary_key=True)
    source: str  # sms, call, slack; `away` for a time in which the database was away
    external_id: str
    at: datetime


def accept(tx: Tx, source: str, external_id: str) -> bool:
    """True the first time; false for a repeat, which must have no effect."""
    row = {"source": source, "external_id": external_id, "at": tx.now}
    return insert_new(tx, Arrival.__table__, [row]) == 1  # type: ignore[attr-defined]


def accept_all(tx: Tx, source: str, external_ids: list[str]) -> set[str]:
    """Those of many that come for the first time."""
    rows = [{"source": source, "external_id": external_id, "at": tx.now} for external_id in external_ids]
    return set(insert_told(tx, Arrival.__table__, rows, "external_id"))  # type: ignore[attr-defined]
