"""The order of return: which unit logs in first once the systems are back, and who stays on paper until their turn.

A unit's turn ends with its priority-1 recovery list; the next one is told then. A unit without such a list holds
nobody up, and one that stalls only until the last rung of `turn`: then the next one is told, and its own list stays
open. A new order begins anew.
"""

from collections.abc import Collection
from datetime import timedelta

from bot import checkins, escalations, journal, outages, outbox, roster, tasks
from bot.access import Refused
from bot.command import tell
from bot.db import Tx
from bot.outages import Outage, ServiceState
from bot.tasks import Task, TaskState

APPROVED_BY = "CORE-R2"  # approve the return order by unit
TURN, NEXT = "turn", "next"  # the ladder of a unit whose turn it is, and the rung at which the next one goes


def order(tx: Tx, by: roster.Person, code: str, named: list[str], channel: str) -> str:
    """The first unit named is told that it is its turn, all others to stay on paper; those not named come last.

    Units whose list is done, or who have none, need no turn. Raises Refused before anything is back, for a unit that
    is not affected, and where no unit needs a turn.
    """
    outage = outages.commanded(tx, by, "restore", code)
    line = _line(tx, outage, named, channel)
    _approved(tx, outage, by, line, channel)
    _end_turns(tx, outage, "a new order")
    outage.return_order = line[1:]
    tx.add(outage)
    for task in _recovery(tx, outage, line[1:]):
        _wait(tx, task)
    journal.write(tx, "return_order", outage=outage.code, who=by.id, channel=channel, units=line)
    _tell(tx, outage, line[1:], up=False, line=line)
    _turn(tx, outage, line[0], line)
    then = (
        f" Then {', '.join(line[1:])}, each when the one before is done; they hear to stay on paper."
        if line[1:]
        else ""
    )
    return f"{outage.code}: {line[0]} returns now.{then}"


def order_words(tx: Tx, by: roster.Person, code: str, text: str, channel: str) -> str:
    """The units as somebody writes them: `ED, ICU 5W`."""
    return order(tx, by, code, text.upper().replace(",", " ").split(), channel)


def advance(tx: Tx, outage_id: int | None) -> None:
    """Once the list of whoever had their turn has ended, or stalled, the next unit's turn has come."""
    outage = tx.get(Outage, outage_id) if outage_id else None
    if outage and escalations.of_kind(tx, outage.id or 0, TURN):
        _end_turns(tx, outage, "returned", but=_returning(tx, outage))
    while outage and outage.return_order and not _returning(tx, outage) - {*outage.return_order, *_stalled(tx, outage)}:
        first, *rest = outage.return_order
        outage.return_order = rest
        tx.add(outage)
        journal.write(tx, "turn", outage=outage.code, about=first)
        _turn(tx, outage, first, [first, *rest])


def pass_over(tx: Tx, outage: Outage, unit: str) -> None:
    """A unit is not back at the end of its time: it stays open, and nobody waits for it any longer."""
    journal.write(tx, "turn_stalled", outage=outage.code, about=unit)
    advance(tx, outage.id)


def hold(tx: Tx, outage: Outage) -> None:
    """More is back: who waits for their turn waits with the new lists as well."""
    for task in _recovery(tx, outage, outage.return_order):
        _wait(tx, task)


def call_off(tx: Tx, outage: Outage) -> None:
    """It is down again: nobody has a turn. Lists that nobody has got yet wait for the next restore."""
    for task in _recovery(tx, outage, outage.return_order):
        if task.state != TaskState.WAITING:
            _go(tx, task)
    outage.return_order = []
    tx.add(outage)
    _end_turns(tx, outage, "down again")


def release(tx: Tx, outage: Outage) -> None:
    """Everybody may return: what waited for a turn waits no longer."""
    for task in _recovery(tx, outage, outage.return_order):
        _go(tx, task)
    outage.return_order = []
    tx.add(outage)
    _end_turns(tx, outage, "all may return")


def has_begun(tx: Tx, outage: Outage) -> bool:
    """Is any of its services back?"""
    return any(service.state != ServiceState.DOWN for service in outages.services(tx, outage))


def _line(tx: Tx, outage: Outage, named: list[str], channel: str) -> list[str]:
    every = [row.unit for row in checkins.units(tx, outage.id or 0)]
    unknown = [unit for unit in named if unit not in every]
    if unknown or not named:
        what = f"{', '.join(unknown)} is not a unit of {outage.code}" if unknown else "An order needs units"
        raise Refused(f"{what}; units: {', '.join(every) or 'none'}. Nothing was changed.")
    if not has_begun(tx, outage):
        how = tell.how(channel, "restore", outage.code)
        raise Refused(f"Nothing is back in {outage.code} yet: first {how}. Nothing was changed.")
    returning = _returning(tx, outage)
    line = [unit for unit in dict.fromkeys([*named, *every]) if unit in returning]
    if not line:
        raise Refused(f"No unit of {outage.code} has a priority-1 recovery list open: all may return. "
                      "Nothing was changed.")  # fmt: skip
    return line


def _returning(tx: Tx, outage: Outage) -> set[str]:
    """The units whose priority-1 recovery list has not ended."""
    tx.flush()
    open_ones = [task for task in tasks.of_outage(tx, outage.id or 0, lines=False) if task.state not in tasks.ENDED]
    return {task.unit for task in open_ones if task.unit and task.phase == "recovery" and task.prio == 1}


def _approved(tx: Tx, outage: Outage, by: roster.Person, line: list[str], channel: str) -> None:
    for task in tasks.of_outage(tx, outage.id or 0):
        if task.step == APPROVED_BY and task.state not in tasks.ENDED:
            tasks.settle(tx, task, by.id, ", ".join(line), channel)


def _turn(tx: Tx, outage: Outage, unit: str, line: list[str]) -> None:
    for task in _recovery(tx, outage, [unit]):
        _go(tx, task)
    tx.flush()
    said = _tell(tx, outage, [unit], up=True, line=line)
    charge = roster.charge(tx, unit)
    escalations.start(tx, TURN, _subject(outage, unit), outage.ladders.get(TURN, []), outage_id=outage.id,
                      person_id=charge.id if charge else "", notice_id=said.id if said else None)  # fmt: skip
    tasks.watch(tx, outage.id or 0)


def _subject(outage: Outage, unit: str) -> str:
    return f"{TURN}:{outage.id}:{unit}"


def _turns(tx: Tx, outage: Outage) -> dict[str, escalations.Ladder]:
    """Every unit that has had its turn, with its latest ladder."""
    return {ladder.subject.rpartition(":")[2]: ladder for ladder in escalations.of_kind(tx, outage.id or 0, TURN)}


def _stalled(tx: Tx, outage: Outage) -> set[str]:
    """The units that nobody waits for any longer."""
    return {
        unit
        for unit, ladder in _turns(tx, outage).items()
        if any(rung["do"] == NEXT for rung in ladder.rungs[: None if ladder.lap else ladder.position])
    }


def _end_turns(tx: Tx, outage: Outage, reason: str, but: Collection[str] = ()) -> None:
    for unit, ladder in _turns(tx, outage).items():
        if ladder.state == escalations.LadderState.ACTIVE and unit not in but:
            escalations.stop(tx, ladder.subject, reason)
            outbox.close_notices(tx, ladder.subject, reason)


def _recovery(tx: Tx, outage: Outage, units: list[str]) -> list[Task]:
    waiting = tasks.of_outage(tx, outage.id or 0) if units else []
    return [
        task for task in waiting if task.phase == "recovery" and task.unit in units and task.state not in tasks.ENDED
    ]


def _wait(tx: Tx, task: Task) -> None:
    task.due_at = None
    task.offer_at = None if task.state == TaskState.WAITING else task.offer_at
    tx.add(task)


def _go(tx: Tx, task: Task) -> None:
    """Its clock begins now. Priority 1 is offered at once, the rest at half their time (messages.md R4)."""
    if task.due_at is None:
        task.due_at = tx.now + timedelta(seconds=task.due_after_s)
        if task.state == TaskState.WAITING:
            task.offer_at = tx.now if task.prio == 1 else tx.now + timedelta(seconds=task.due_after_s / 2)
        tx.add(task)


def _tell(tx: Tx, outage: Outage, units: list[str], *, up: bool, line: list[str]) -> outbox.Notice | None:
    """One text to whoever is in charge, for all their units, and a post in each unit's channel; returns the last
    person's notice."""
    in_charge: dict[str, list[str]] = {}
    for unit in units:
        charge = roster.charge(tx, unit) or tell.coordinator(tx, outage)
        if charge:
            in_charge.setdefault(charge.id, []).append(unit)
    facts = {"time": tasks.at(tx, tx.now), "up": up, "order": line}
    heard, subject = None, _subject(outage, units[0]) if up else ""
    for person in roster.people(tx, in_charge).values():
        own = facts | {"units": in_charge[person.id]}
        heard = tell.one(tx, outage, person, "turn", own, lane=outbox.Lane.QUESTION, subject=subject)
    said = outbox.notice(tx, "turn", outage_id=outage.id, exercise=outage.exercise)
    channels = {row.code: row.slack_channel for row in roster.affected_units(tx, outage.sites) if row.slack_channel}
    posts: dict[str, list[str]] = {}
    for unit in units:
        if unit in channels:
            posts.setdefault(channels[unit], []).append(unit)
    outbox.enqueue(tx, said, [
        outbox.post(tx, channel, "turn", facts | {"units": some}, lane=outbox.Lane.QUESTION, exercise=outage.exercise)
        for channel, some in posts.items()
    ])  # fmt: skip
    return heard
