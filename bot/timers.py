"""Every "in five minutes" is a row. A timer fires in the transaction of its effect, so it fires once."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, Column, delete
from sqlmodel import Field, SQLModel, UniqueConstraint, func, select

from bot import journal
from bot.db import Tx, insert_new, is_lost, upsert

LATER = timedelta(seconds=15)  # a timer whose handler failed is tried again, each time later
AT_ONCE = 100  # timers in one transaction

Handler = Callable[[Tx, str, dict[str, Any]], None]


class Timer(SQLModel, table=True):
    __tablename__ = "timer"
    __table_args__ = (UniqueConstraint("kind", "subject"),)  # setting it again replaces it: the fence

    id: int | None = Field(default=None, primary_key=True)
    kind: str
    subject: str
    due_at: datetime = Field(index=True)
    data: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    tries: int = 0


TABLE = Timer.__table__  # type: ignore[attr-defined]


def set_for(tx: Tx, kind: str, subject: str, due_at: datetime, **data: Any) -> None:
    """Set the timer of this kind for the subject; one that was set before is replaced."""
    row = {"kind": kind, "subject": subject, "due_at": due_at, "data": data, "tries": 0}
    upsert(tx, TABLE, ["kind", "subject"], row)
    if due_at <= tx.now:
        tx.wakes()


def cancel(tx: Tx, kind: str, subject: str) -> None:
    tx.execute(delete(TABLE).where(TABLE.c.kind == kind, TABLE.c.subject == subject))


def take(tx: Tx, kind: str) -> list[str]:
    """Cancel all of this kind, to do now what they were set for; returns their subjects."""
    return list(tx.execute(delete(TABLE).where(TABLE.c.kind == kind).returning(TABLE.c.subject)).scalars())


def due_at(tx: Tx, kind: str, subject: str) -> datetime | None:
    return tx.exec(select(Timer.due_at).where(Timer.kind == kind, Timer.subject == subject)).first()


def next_due(tx: Tx) -> datetime | None:
    return tx.exec(select(func.min(Timer.due_at))).one()


def fire_due(tx: Tx, handlers: Mapping[str, Handler]) -> int:
    """Fire what is due, oldest first; returns how many. One whose handler fails comes back later, journaled."""
    picked = select(TABLE.c.id).where(TABLE.c.due_at <= tx.now).order_by(TABLE.c.due_at, TABLE.c.id).limit(AT_ONCE)
    claimed = picked.with_for_update(skip_locked=True).cte("picked").select()
    rows = tx.execute(delete(TABLE).where(TABLE.c.id.in_(claimed)).returning(*TABLE.c)).all()
    for row in sorted(rows, key=lambda row: (row.due_at, row.id)):
        _fire(tx, handlers, row)
    return len(rows)


def _fire(tx: Tx, handlers: Mapping[str, Handler], row: Any) -> None:
    try:
        with tx.begin_nested():
            handlers[row.kind](tx, row.subject, row.data)
    except Exception as problem:
        if is_lost(tx.connection(), problem):
            raise  # and with it all that this transaction has fired: every timer is still there
        again = {"kind": row.kind, "subject": row.subject, "data": row.data, "tries": row.tries + 1}
        insert_new(tx, TABLE, [again | {"due_at": tx.now + LATER * 2 ** min(row.tries, 6)}])
        journal.write(tx, "timer_failed", about=f"{row.kind} {row.subject}", problem=repr(problem)[:300])
