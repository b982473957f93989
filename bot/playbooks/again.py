"""What comes again while an outage lasts: the tasks of every operational period, and the check of each unit. Both are
written as they stood when the outage began."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sqlmodel import col, select

from bot import outages, tasks
from bot.db import Tx
from bot.outages import Outage
from bot.playbooks.shelf import CORE
from bot.playbooks.start import REPEAT_CHECK, check

CHECK_S = timedelta(minutes=10)  # until a unit has to have answered a check that is asked anew


def again(tx: Tx, outage: Outage) -> int:
    """Write the tasks of every operational period anew, but for those of an earlier one that are still open; returns
    how many."""
    unfinished = set(tx.exec(select(tasks.Task.step).where(
        tasks.Task.outage_id == outage.id, col(tasks.Task.state).not_in(tasks.ENDED)
    )))  # fmt: skip
    fresh = [each for each in _repeats(tx, outage) if each["step"] not in {*unfinished, REPEAT_CHECK}]
    for each in fresh:
        tx.add(tasks.Task(**each, outage_id=outage.id, kind=tasks.Kind.PLAYBOOK))
    tx.flush()
    tasks.open_phase(tx, outage, "declared", {})
    tasks.set_clock(tx, outage.id or 0)
    return len(fresh)


def check_again(tx: Tx, outage: Outage, units: Iterable[str]) -> None:
    """The check of these units is open again: one task for each unit, however often it is asked."""
    found = select(tasks.Task).where(tasks.Task.outage_id == outage.id, tasks.Task.step == REPEAT_CHECK)
    known = {task.unit: task for task in tx.exec(found)}
    planned = next((each for each in _repeats(tx, outage) if each["step"] == REPEAT_CHECK), None)
    for unit in units if planned else ():
        task = known.get(unit) or check(tx, _of_unit(outage, planned or {}, unit))
        task.state, task.offered_at, task.ended_at = tasks.TaskState.OFFERED, tx.now, None
        task.due_at = tx.now + CHECK_S
        tx.add(task)
    tx.flush()


def _of_unit(outage: Outage, planned: dict[str, Any], unit: str) -> tasks.Task:
    return tasks.Task(**planned, outage_id=outage.id, kind=tasks.Kind.CHECK, unit=unit)


def _repeats(tx: Tx, outage: Outage) -> list[dict[str, Any]]:
    """What the playbooks of core and of the services that are down have come again."""
    down = {service.service for service in outages.down(tx, outage)}
    return [each for each in outage.repeats if each["playbook"] in {CORE, *down}]
