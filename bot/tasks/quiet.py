"""Who sleeps is disturbed by priority only (messages.md R5): 1 by text and call, 2 by text, 3 in the morning."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot import outbox, roster
from bot.db import Tx
from bot.tasks.rows import Task, delay

MORNING = time(7, 0)


def spares(tx: Tx, person: roster.Person, prio: int, *, call: bool = False) -> bool:
    """Is this person to be left alone now? Only who is off shift is, and only before seven in the morning; with
    `call`, or where nothing but a call would reach them, for a priority 2 as well."""
    if prio < 2 or _local(tx).time() >= MORNING or not off_shift(tx, person):
        return False
    return prio > 2 or call or outbox.best(tx, person).channel == "voice"


def next_morning(tx: Tx) -> datetime:
    local = _local(tx)
    day = timedelta(days=0 if local.time() < MORNING else 1)
    return local.replace(hour=MORNING.hour, minute=0, second=0, microsecond=0) + day


def put_off(tx: Tx, task: Task) -> None:
    """It waits for the morning, and has as long from then on."""
    morning = next_morning(tx)
    delay(tx, task, morning - tx.now)
    task.offer_at = morning


def off_shift(tx: Tx, person: roster.Person) -> bool:
    """On call at home, or not on duty at all; where no rota covers the hour, nobody knows, and people are told."""
    held = roster.duty_of(tx, person.id)
    return held.kind == "oncall" if held else roster.covered(tx)


def _local(tx: Tx) -> datetime:
    return tx.now.astimezone(ZoneInfo(tx.settings.timezone))
