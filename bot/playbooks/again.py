"""What comes again while an outage lasts: the tasks of every operational period, and the check of each unit."""

from collections.abc import Iterable
from datetime import timedelta

from sqlmodel import col, select

from bot import outages, tasks
from bot.db import Tx
from bot.outages import Outage
from bot.playbooks.schema import PhaseName, Step
from bot.playbooks.shelf import CORE, Library
from bot.playbooks.start import REPEAT_CHECK, check, row

CHECK_S = timedelta(minutes=10)  # until a unit has to have answered a check that is asked anew


def again(tx: Tx, outage: Outage, library: Library) -> int:
    """Write the tasks of every operational period anew, but for those of an earlier one that are still open; returns
    how many."""
    unfinished = set(tx.exec(select(tasks.Task.step).where(
        tasks.Task.outage_id == outage.id, col(tasks.Task.state).not_in(tasks.ENDED)
    )))  # fmt: skip
    fresh = [
        (playbook, phase, step)
        for playbook, phase, step in _steps(tx, outage, library)
        if step.every and step.id not in unfinished
    ]
    for playbook, phase, step in fresh:
        tx.add(row(library, outage, playbook, phase, step, tasks.Kind.PLAYBOOK))
    tx.flush()
    tasks.open_phase(tx, outage, "declared", {})
    tasks.set_clock(tx, outage.id or 0)
    return len(fresh)


def check_again(tx: Tx, outage: Outage, library: Library, units: Iterable[str]) -> None:
    """The check of these units is open again: one task for each unit, however often it is asked."""
    found = select(tasks.Task).where(tasks.Task.outage_id == outage.id, tasks.Task.step == REPEAT_CHECK)
    known = {task.unit: task for task in tx.exec(found)}
    planned = next((each for each in _steps(tx, outage, library) if each[2].id == REPEAT_CHECK), None)
    for unit in units if planned else ():
        playbook, phase, step = planned  # type: ignore[misc]
        task = known.get(unit) or check(tx, outage, playbook, phase, step, unit)
        task.state, task.offered_at, task.ended_at = tasks.TaskState.OFFERED, tx.now, None
        task.due_at = tx.now + CHECK_S
        tx.add(task)
    tx.flush()


def _steps(tx: Tx, outage: Outage, library: Library) -> list[tuple[str, PhaseName, Step]]:
    """What the playbooks of core and of the services that are down hold."""
    down = [service.service for service in outages.down(tx, outage)]
    ids = [each for each in dict.fromkeys([CORE, *down]) if each in library.playbooks]
    return [(each, phase, step) for each in ids for phase, step in library.playbooks[each].steps]
