"""The story of an outage in a page: its injects and its milestones, by seconds from when it was declared."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlmodel import col, or_, select

from bot import journal
from bot.db import Tx
from bot.exercises.rows import of_outage
from bot.exercises.score import score, title
from bot.outages import Outage

#: what the journal says → how the timeline says it
TOLD = {
    "declared": "declared at level {level}",
    "joined": "another service joined",
    "raised": "raised to level {level}",
    "updated": "update: {text}",
    "held": "update missed: a holding update went out by itself",
    "patient_risk": "patient risk",
    "services_back": "back: {services}",
    "verified": "verified",
    "closed": "closed: {reason}",
    "inject": "inject: {say}",
}
MILESTONES = {
    "first_notice": "first notice handed over",
    "reached_50": "half are reached",
    "reached_90": "90 % are reached",
    "reached_99": "99 % are reached",
    "answered_50": "half have answered",
    "answered_90": "90 % have answered",
    "units_accounted": "every unit is accounted for",
}


@dataclass(frozen=True)
class Moment:
    """`after` is in seconds."""

    after: float
    what: str


def timeline(tx: Tx, outage: Outage) -> list[Moment]:
    """Injects, milestones and the commander's acts in their order."""
    drill = of_outage(tx, outage)
    here = or_(journal.Line.outage == outage.code, journal.Line.about == drill.code) if drill else (
        journal.Line.outage == outage.code
    )  # fmt: skip
    lines = select(journal.Line).where(here, col(journal.Line.what).in_(TOLD)).order_by(col(journal.Line.id))
    told = [Moment((line.at - outage.declared_at) / timedelta(seconds=1), _say(line)) for line in tx.exec(lines)]
    reached = score(tx, outage).times
    told += [Moment(at, MILESTONES[name]) for name, at in reached.items() if at is not None]
    return sorted(told, key=lambda moment: moment.after)


def _say(line: journal.Line) -> str:
    detail: dict[str, Any] = line.detail | {
        name: ", ".join(value) for name, value in line.detail.items() if isinstance(value, list)
    }
    return TOLD[line.what].format_map(_Or(detail)).strip(": ")


class _Or(dict[str, Any]):
    def __missing__(self, name: str) -> str:
        return ""


def sheet(tx: Tx, outage: Outage) -> dict[str, Any]:
    """The score sheet with its timeline, as JSON."""
    told = [{"after_s": round(moment.after, 1), "what": moment.what} for moment in timeline(tx, outage)]
    return {"title": title(tx, outage), **score(tx, outage).as_json(), "timeline": told}
