"""Operational periods, numbered from 1: at the end of each the units and the section chiefs are asked anew, and the
tasks of every period come again. The chiefs are asked a while after the beginning, too. They end with the downtime."""

from datetime import timedelta

from bot import checkins, journal, playbooks, timers
from bot.checkins import Kind
from bot.command import rounds, situation
from bot.db import Tx
from bot.outages import Outage, OutageState

PERIOD = "period"  # the timer of its end


def begin(tx: Tx, outage: Outage) -> None:
    """The first period, or the next one of an outage that came back; nothing while one runs, or at level 0."""
    waits = timers.due_at(tx, PERIOD, str(outage.id))
    if outage.level > 0 and outage.rhythm and outage.state == OutageState.DECLARED and not waits:
        _start(tx, outage)
        rounds.set_clock(tx, outage)
        if "first_report" in outage.rhythm:  # an outage keeps the playbook that it began with
            at = tx.now + timedelta(seconds=outage.rhythm["first_report"])
            timers.set_for(tx, situation.FIRST, str(outage.id), at)


def turn(tx: Tx, outage_id: int) -> None:
    """A period ends and the next begins."""
    outage = tx.get(Outage, outage_id)
    if outage is None or outage.state != OutageState.DECLARED:
        return
    _start(tx, outage)
    rounds.ask_every_unit(tx, outage)
    playbooks.again(tx, outage)
    situation.ask(tx, outage)


def stop(tx: Tx, outage: Outage) -> None:
    """The downtime is over: nothing of it comes round any more."""
    for timer in (PERIOD, rounds.ROUND, situation.FIRST):
        timers.cancel(tx, timer, str(outage.id))
    checkins.close_rounds(tx, outage, Kind.CHECK)
    situation.close(tx, outage)


def _start(tx: Tx, outage: Outage) -> None:
    outage.period, outage.period_began_at = outage.period + 1, tx.now
    tx.add(outage)
    timers.set_for(tx, PERIOD, str(outage.id), tx.now + timedelta(seconds=outage.rhythm["period"]))
    journal.write(tx, "period_began", outage=outage.code, about=f"period {outage.period}")
