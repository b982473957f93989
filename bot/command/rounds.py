"""Asking the units again: when somebody says so, when the level is raised, and in every round of an outage."""

from datetime import timedelta
from typing import Any

from bot import checkins, escalations, journal, outages, outbox, playbooks, roster, tasks, timers
from bot.access import Refused
from bot.checkins import Kind, Standing, UnitCheck
from bot.command import tell, wording
from bot.db import Tx
from bot.outages import Outage, OutageState

ROUND = "round"  # the timer of the next round


def ask_again(tx: Tx, by: roster.Person, code: str, only: list[str] | None = None) -> str:
    """Ask again now: the silent units, or those named (an empty list for every one). Raises Refused."""
    outage = outages.commanded(tx, by, "checkin", code)
    every = checkins.units(tx, outage.id or 0)
    unknown = sorted(set(only or []) - {row.unit for row in every})
    if unknown:
        known = ", ".join(row.unit for row in every)
        raise Refused(f"{', '.join(unknown)} is not a unit of {outage.code}; units: {known}. Nothing was sent.")
    silent = [row for row in every if row.standing == Standing.SILENT]
    rows = silent if only is None else [row for row in every if not only or row.unit in only]
    _ask(tx, outage, rows)
    journal.write(tx, "asked_again", outage=outage.code, who=by.id, units=[row.unit for row in rows])
    return f"Asked again: {', '.join(row.unit for row in rows)}." if rows else "No unit is silent, so nobody was asked."


def ask_late(tx: Tx, outage: Outage) -> None:
    """The level was raised: ask the units that have said nothing for a round. Who is being chased is left to that."""
    if not outage.rhythm:
        return  # it was declared before there were rounds, and keeps the playbook it began with
    since = tx.now - _between(outage)
    rows = [row for row in checkins.units(tx, outage.id or 0) if row.at is None or row.at <= since]
    _ask(tx, outage, [row for row in rows if not escalations.active(tx, checkins.subject(outage, row.unit))])


def come_round(tx: Tx, outage_id: int) -> None:
    """It is time for the next round."""
    outage = tx.get(Outage, outage_id)
    if outage and outage.state == OutageState.DECLARED:
        ask_every_unit(tx, outage)


def ask_every_unit(tx: Tx, outage: Outage) -> None:
    """Ask every unit, and set the clock for the next time."""
    _ask(tx, outage, checkins.units(tx, outage.id or 0))
    set_clock(tx, outage)


def set_clock(tx: Tx, outage: Outage) -> None:
    """The next round comes after the time between two, or with the end of the period."""
    ends = (outage.period_began_at or tx.now) + timedelta(seconds=outage.rhythm["period"])
    at = tx.now + _between(outage)
    if at < ends:
        timers.set_for(tx, ROUND, str(outage.id), at)


def _ask(tx: Tx, outage: Outage, rows: list[UnitCheck]) -> None:
    """Ask whoever is in charge there now, in one text that names all their units; the silence of each is its own."""
    if not rows:
        return
    roster.read_all_posts(tx)
    said = outbox.notice(tx, "check_again", outage_id=outage.id, exercise=outage.exercise)
    names = [row.unit for row in rows]
    checkins.open_round(tx, outage, said, Kind.CHECK, units=names)
    in_charge: dict[str, list[str]] = {}
    for row in rows:
        charge = roster.charge(tx, row.unit)
        checkins.watch_again(tx, outage, row, charge, said.id or 0)
        if charge:
            in_charge.setdefault(charge.id, []).append(row.unit)
    down = outages.down(tx, outage)
    for person in roster.people(tx, in_charge).values():
        outbox.enqueue(tx, said, _drafts(tx, outage, down, person, in_charge[person.id]))
    playbooks.check_again(tx, outage, names)
    journal.write(tx, "round_asked", outage=outage.code, units=names)


def _drafts(
    tx: Tx, outage: Outage, down: list[outages.Service], person: roster.Person, units: list[str]
) -> list[outbox.Draft]:
    facts: dict[str, Any] = {"units": ", ".join(units), "by": tasks.at(tx, tx.now + wording.call_after(outage))}
    facts |= {"services": wording.named(down, person.language), "what": outage.summary or None, "paper": True}
    return [
        outbox.draft(tx, person, way, "check_again", facts, lane=outbox.Lane.QUESTION, exercise=outage.exercise,
                     buttons=wording.check_keys(outage))
        for way in tell.ways(tx, person)
    ]  # fmt: skip


def _between(outage: Outage) -> timedelta:
    return timedelta(seconds=outage.rhythm["unit_status"])
