"""Ladders: start, climb, stop. What a rung *does* comes in as a table of performers.

A running ladder is a snapshot of the rungs it began with. Its clock starts when the message it waits on was
handed to the provider: nobody is silent before they were asked.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column
from sqlmodel import Field, SQLModel, col, select

from bot import journal, outbox, timers
from bot.db import Tx
from bot.outages import Outage

CLIMB = "ladder.climb"  # the timer
REPEAT = "repeat"  # the one rung that is done here: begin again
HAND_OVER = timedelta(seconds=20)  # how often a ladder looks whether its message has left


class LadderState(StrEnum):
    ACTIVE = "active"
    STOPPED = "stopped"  # answered, done, told in person, closed
    EXHAUSTED = "exhausted"  # the last rung was climbed


class Ladder(SQLModel, table=True):
    __tablename__ = "ladder"
    __table_args__ = (CheckConstraint("state IN ('active', 'stopped', 'exhausted')", name="ladder_state"),)

    id: int | None = Field(default=None, primary_key=True)
    outage_id: int | None = Field(default=None, index=True)
    kind: str  # silence, untaken, undone, risk: the clock it runs on
    subject: str = Field(index=True)  # unit:3:5W, offer, task:12
    person_id: str = ""  # who is waited for
    notice_id: int | None = None  # what they were sent
    rungs: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    position: int = 0  # of the next rung
    lap: int = Field(default=0, sa_column_kwargs={"server_default": "0"})  # how often it began again
    state: str = LadderState.ACTIVE
    started_at: datetime
    base_at: datetime | None = None  # from when the rungs count: the hand-over
    ended_at: datetime | None = None
    reason: str = ""


#: What a rung does: (tx, ladder, rung) → None. The keys are the `do` words of the playbooks.
Performer = Callable[[Tx, Ladder, dict[str, Any]], None]


def start(tx: Tx, kind: str, subject: str, rungs: list[dict[str, Any]], *, outage_id: int | None, person_id: str = "",
          notice_id: int | None = None) -> Ladder:  # fmt: skip
    """Start a ladder; `after` of its rungs is in seconds from the hand-over of the notice, or from now without one."""
    ladder = Ladder(
        outage_id=outage_id,
        kind=kind,
        subject=subject,
        rungs=rungs,
        person_id=person_id,
        notice_id=notice_id,
        started_at=tx.now,
        base_at=None if notice_id else tx.now,
    )
    tx.add(ladder)
    tx.flush()
    if rungs:
        timers.set_for(tx, CLIMB, str(ladder.id), tx.now + timedelta(seconds=rungs[0]["after"]))
    return ladder


def climb(tx: Tx, ladder_id: int, performers: Mapping[str, Performer]) -> None:
    """Do the rung that is due, and set the clock for the next."""
    ladder = tx.get(Ladder, ladder_id)
    if ladder is None or ladder.state != LadderState.ACTIVE:
        return
    due = _due(tx, ladder)
    if due > tx.now:
        timers.set_for(tx, CLIMB, str(ladder.id), due)
        return
    rung = ladder.rungs[ladder.position]
    if rung["do"] == REPEAT:
        _begin_again(tx, ladder, rung["times"] or None)
        return
    ladder.position += 1
    _go_on(tx, ladder)
    outage = tx.get(Outage, ladder.outage_id) if ladder.outage_id else None
    code = outage.code if outage else ""
    journal.write(
        tx, "climbed", outage=code, about=ladder.subject, ladder=ladder.kind, rung=rung["do"], number=ladder.position
    )
    performers[rung["do"]](tx, ladder, rung)


def skip_wait(tx: Tx, ladder: Ladder) -> None:
    """The next rung is due now: what was sent did not arrive."""
    if ladder.state == LadderState.ACTIVE and ladder.position < len(ladder.rungs):
        ladder.base_at = tx.now - timedelta(seconds=ladder.rungs[ladder.position]["after"])
        tx.add(ladder)
        timers.set_for(tx, CLIMB, str(ladder.id), tx.now)


def leave_out(tx: Tx, ladder: Ladder, do: str) -> None:
    """Leave out the rungs of this sort that are still to come; the next one that remains is due at once; where
    none does, the ladder is at its end."""
    ladder.rungs = [rung for number, rung in enumerate(ladder.rungs) if number < ladder.position or rung["do"] != do]
    skip_wait(tx, ladder)
    if ladder.position >= len(ladder.rungs):
        timers.cancel(tx, CLIMB, str(ladder.id))
        _go_on(tx, ladder)


def stop(tx: Tx, subject: str, reason: str, kind: str = "") -> int:
    """Stop the ladders of a subject; returns how many were running."""
    query = select(Ladder).where(Ladder.subject == subject, Ladder.state == LadderState.ACTIVE)
    return _stop(tx, [ladder for ladder in tx.exec(query) if not kind or ladder.kind == kind], reason)


def stop_outage(tx: Tx, outage_id: int, reason: str, but: Collection[str] = ()) -> int:
    """Stop every ladder of an outage but those of some subjects; returns how many were running."""
    query = select(Ladder).where(Ladder.outage_id == outage_id, Ladder.state == LadderState.ACTIVE)
    return _stop(tx, list(tx.exec(query.where(col(Ladder.subject).not_in(but)))), reason)


def active(tx: Tx, subject: str) -> list[Ladder]:
    query = select(Ladder).where(Ladder.subject == subject, Ladder.state == LadderState.ACTIVE)
    return list(tx.exec(query.order_by(col(Ladder.id))))


def of_kind(tx: Tx, outage_id: int, kind: str) -> list[Ladder]:
    """Every ladder of a kind that an outage has had, the latest last."""
    query = select(Ladder).where(Ladder.outage_id == outage_id, Ladder.kind == kind)
    return list(tx.exec(query.order_by(col(Ladder.id))))


def last(tx: Tx, kind: str, subject: str, outage_id: int | None) -> Ladder | None:
    """The latest ladder of a kind and subject, whether it runs or not. (A task of another outage had the same code.)"""
    query = select(Ladder).where(Ladder.kind == kind, Ladder.subject == subject, Ladder.outage_id == outage_id)
    return tx.exec(query.order_by(col(Ladder.id).desc()).limit(1)).first()


def waiting_on(tx: Tx, notice_id: int) -> list[Ladder]:
    """The running ladders whose clock hangs on a notice."""
    return list(tx.exec(select(Ladder).where(Ladder.notice_id == notice_id, Ladder.state == LadderState.ACTIVE)))


def _stop(tx: Tx, ladders: list[Ladder], reason: str) -> int:
    for ladder in ladders:
        ladder.state, ladder.ended_at, ladder.reason = LadderState.STOPPED, tx.now, reason
        tx.add(ladder)
        timers.cancel(tx, CLIMB, str(ladder.id))
    return len(ladders)


def _due(tx: Tx, ladder: Ladder) -> datetime:
    """When the next rung is due. While its message is still on the way out, look again shortly."""
    if ladder.base_at is None and ladder.notice_id:
        ladder.base_at = outbox.first_handed(tx, ladder.notice_id, ladder.person_id)
        if ladder.base_at is None and outbox.still_going(tx, ladder.notice_id, ladder.person_id):
            return tx.now + HAND_OVER
    ladder.base_at = ladder.base_at or ladder.started_at
    tx.add(ladder)
    return ladder.base_at + timedelta(seconds=ladder.rungs[ladder.position]["after"])


def _begin_again(tx: Tx, ladder: Ladder, times: int | None) -> None:
    """From the first rung, counted from now; after so many times it is at its end, without a number never."""
    if times is None or ladder.lap < times:
        ladder.lap, ladder.position, ladder.base_at = ladder.lap + 1, 0, tx.now
    else:
        ladder.position = len(ladder.rungs)
    _go_on(tx, ladder)


def _go_on(tx: Tx, ladder: Ladder) -> None:
    if ladder.position < len(ladder.rungs):
        after = timedelta(seconds=ladder.rungs[ladder.position]["after"])
        timers.set_for(tx, CLIMB, str(ladder.id), (ladder.base_at or tx.now) + after)
    else:
        ladder.state, ladder.ended_at = LadderState.EXHAUSTED, tx.now
    tx.add(ladder)
