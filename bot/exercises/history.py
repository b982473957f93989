"""Exercises that were held, and real outages that count as one: who went through an actual emergency is exempt from
the next required exercise (42 CFR 482.15(d)(2))."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import col, or_, select

from bot.db import Tx
from bot.exercises.score import Score, score, title
from bot.outages import Outage, OutageState

CREDITED = 2  # the lowest level of a real outage that counts
LISTED = 20  # at most, newest first


@dataclass(frozen=True)
class Held:
    """An exercise, or a real outage that is credited as one."""

    code: str
    at: datetime
    title: str
    level: int
    exercise: bool
    score: Score

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"at": self.at.isoformat(), "score": self.score.as_json()}


def history(tx: Tx) -> list[Held]:
    """What can be shown to a surveyor, newest first."""
    counts = or_(col(Outage.exercise), col(Outage.level) >= CREDITED)
    query = select(Outage).where(Outage.state == OutageState.CLOSED, counts)
    found = tx.exec(query.order_by(col(Outage.declared_at).desc(), col(Outage.id).desc()).limit(LISTED))
    return [
        Held(outage.code, outage.declared_at, title(tx, outage), outage.level, outage.exercise, score(tx, outage))
        for outage in found
    ]


def line(tx: Tx, held: Held) -> str:
    """`2026-11-22 04:10 O-3 exercise, level 2: Contact test: 3 of 3 marks`."""
    local = held.at.astimezone(ZoneInfo(tx.settings.timezone))
    judged = [mark for mark in held.score.marks if mark.passed is not None]
    marks = f"{sum(bool(mark.passed) for mark in judged)} of {len(judged)} marks"
    what = "exercise" if held.exercise else "real outage, counts as an exercise"
    return f"{local:%Y-%m-%d %H:%M} {held.code} {what}, level {held.level}: {held.title}: {marks}"
