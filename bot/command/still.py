"""Bringing an outage to rest: nothing of it waits, climbs or is promised any more."""

from bot import checkins, escalations, outages, outbox, roster, tasks, timers
from bot.command import periods, tell
from bot.db import Tx
from bot.outages import Outage, OutageState


def still(tx: Tx, outage: Outage, reason: str) -> None:
    """Withdraw what waits, stop what climbs, forget what was promised."""
    escalations.stop_outage(tx, outage.id or 0, reason)
    outbox.close_outage(tx, outage.id or 0, reason)
    periods.stop(tx, outage)
    checkins.close_rounds(tx, outage)
    for promise in (tell.REMIND, tell.DUE):
        timers.cancel(tx, promise, str(outage.id))


def end_exercises(tx: Tx, by: roster.Person) -> None:
    """A real outage ends every exercise; the real alert follows."""
    for outage in outages.running(tx):
        if outage.exercise:
            reason = "a real outage was declared"
            outages.move(tx, outage, OutageState.CLOSED, by.id, reason)
            still(tx, outage, reason)
            tasks.cancel_open(tx, outage.id or 0, reason=reason)
            facts = {"text": "EXERCISE OVER. A REAL outage is declared, its text follows"}
            tell.everyone(tx, outage, "told_you", facts, lane=outbox.Lane.ALERT)
