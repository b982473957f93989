"""What telling an audience comes to: how many people, how many of them cannot be reached, how long it takes."""

import math
from dataclasses import dataclass
from datetime import timedelta

from sqlmodel import col, func, select

from bot import outbox, playbooks, roster, tasks
from bot.db import Tx
from bot.playbooks.start import AT_ONCE

LONG = timedelta(minutes=10)  # a warning says so of anything that takes longer
UNLIMITED = 1000  # segments a second that we count on where the sender has no limit


@dataclass(frozen=True)
class Figures:
    people: int
    unreachable: int
    segments: int
    finish: str  # when the last text has left, as staff read it
    takes: timedelta  # until then
    warning: str  # that it takes long, and what would be quicker; mostly empty

    def __str__(self) -> str:
        """`98 people, 2 cannot be reached, 96 segments, done by 04:11`."""
        minutes = f" ({_minutes(self.takes)} min)" if self.warning else ""
        lost = f", {self.unreachable} cannot be reached" if self.unreachable else ""
        return f"{self.people} people{lost}, {self.segments} segments, done by {self.finish}{minutes}"


def of(tx: Tx, said: outbox.Notice, rest: list[outbox.Way]) -> Figures:
    """Of a notice that was just queued; `rest` are the ways to those who are still to be written."""
    by_channel = select(outbox.Message.channel, func.count(), func.sum(outbox.Message.segments))
    to_people = by_channel.where(outbox.Message.notice_id == said.id, ~col(outbox.Message.person_id).startswith("#"))
    ways = {channel: (count, total) for channel, count, total in tx.exec(to_people.group_by(outbox.Message.channel))}
    (unreachable, _), (_, segments) = ways.get("none", (0, 0)), ways.get("sms", (0, 0))
    return _figures(tx, outbox.audience(tx, said.id), unreachable + _on("none", rest), segments + _on("sms", rest))


def forecast(
    tx: Tx, by: roster.Person, levels: list[int], sites: list[str], services: list[str]
) -> dict[int, Figures]:
    """What a declaration at each of these levels would come to."""
    units = [unit.code for unit in roster.affected_units(tx, sites)]
    roles = _roles(playbooks.current(tx), services)
    return {level: _forecast(tx, by, level, sites, units, roles) for level in levels}


def twice(tx: Tx, now: Figures) -> Figures:
    """The same audience, had each text been two segments."""
    return _figures(tx, now.people, now.unreachable, 2 * now.segments)


def _forecast(tx: Tx, by: roster.Person, level: int, sites: list[str], units: list[str], roles: set[str]) -> Figures:
    audience = outbox.Audience("alert", 0, level, sites, tx.now.isoformat())
    ways = outbox.ways(tx, audience)
    first = list(dict.fromkeys([by.id, *roster.told_first(tx, level, units if level else [], roles)]))
    inside = outbox.among(tx, audience, first)
    others = roster.people(tx, [person_id for person_id in first if person_id not in inside])
    beside = [outbox.best(tx, person).channel for person in others.values()]
    people = sum(way.people for way in ways) + len(beside)
    return _figures(tx, people, _on("none", ways) + beside.count("none"), _on("sms", ways) + beside.count("sms"))


def _figures(tx: Tx, people: int, unreachable: int, segments: int) -> Figures:
    per_second = tx.settings.sms_per_second
    takes = timedelta(seconds=math.ceil(segments / (per_second or UNLIMITED)))
    return Figures(people, unreachable, segments, tasks.at(tx, tx.now + takes), takes, _warning(per_second, takes))


def _warning(per_second: float, takes: timedelta) -> str:
    if not per_second or takes <= LONG:
        return ""
    return (
        f"At {per_second:g} segments a second this takes {_minutes(takes)} min. "
        "Role holders and charge nurses go first. Fewer sites or a lower level take less; "
        "for the next time, ask for a faster sender (SMS_PER_SECOND)."
    )


def _minutes(takes: timedelta) -> int:
    return math.ceil(takes / timedelta(minutes=1))


def _on(channel: str, ways: list[outbox.Way]) -> int:
    """People on a channel; a text is always one segment."""
    return sum(way.people for way in ways if way.channel == channel)


def _roles(library: playbooks.Library, services: list[str]) -> set[str]:
    """The roles that own an alert or immediate task of these services."""
    started = [library.playbooks[each] for each in {"core", *services} if each in library.playbooks]
    return {step.owner for playbook in started for phase, step in playbook.steps if phase in AT_ONCE and not step.tells}
