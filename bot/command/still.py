"""Bringing an outage to rest: nothing of it waits, climbs or is promised any more."""

from bot import checkins, escalations, outages, outbox, roster, tasks, timers
from bot.command import levels, periods, recalling, tell
from bot.db import Tx
from bot.outages import Outage, OutageState

OVER = "drill.over"  # the timer: people hear in the morning of an exercise that ended at night


def still(tx: Tx, outage: Outage, reason: str) -> None:
    """Withdraw what waits, stop what climbs, forget what was promised; but a patient risk is called on about."""
    levels.end(tx, outage)
    risks = tasks.risks(tx, outage.id or 0)
    escalations.stop_outage(tx, outage.id or 0, reason, but=risks)
    outbox.close_outage(tx, outage.id or 0, reason, but=risks)
    periods.stop(tx, outage)
    recalling.call_off_all(tx, outage, reason)
    checkins.close_rounds(tx, outage)
    for promise in (tell.REMIND, tell.DUE):
        timers.cancel(tx, promise, str(outage.id))


def end_exercises(tx: Tx, by: roster.Person) -> list[tasks.Task]:
    """A real outage ends every exercise; the real alert follows. Returns the patient risks that were still open."""
    risks: list[tasks.Task] = []
    for outage in outages.running(tx):
        if outage.exercise:
            unseen = tasks.of_outage(tx, outage.id or 0, *tasks.OPEN)
            risks += [task for task in unseen if task.kind == tasks.Kind.RISK]
            end_exercise(tx, outage, by.id, "a real outage was declared")
            say_over(tx, outage, real=True)
    for subject in timers.take(tx, OVER):  # hours later, "real" would confuse whoever works on the real one
        if untold := tx.get(Outage, int(subject)):
            say_over(tx, untold, real=True)
    return risks


def end_exercise(tx: Tx, outage: Outage, who: str, reason: str) -> None:
    """Nothing more of it happens, whatever is still open."""
    outages.move(tx, outage, OutageState.CLOSED, who, reason)
    tasks.cancel_open(tx, outage.id or 0, reason=reason)  # before, so that no risk of an exercise is left
    still(tx, outage, reason)


def say_over(tx: Tx, outage: Outage, real: bool = False) -> None:
    """Everybody who was told of an exercise hears that it is over; `real` once it has become real."""
    tell.everyone(tx, outage, "exercise_over", {"real": real or None}, lane=outbox.Lane.ALERT)
