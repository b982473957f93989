"""Which providers are given messages: a circuit for each, closed, open or half-open (docs/lifecycles.md).

What several workers find goes into one row, so that all of them stop and start together. A circuit that opens
withdraws nothing: what is queued waits, or goes to the next provider.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, select, update

from bot import journal
from bot.db import Tx, insert_new
from bot.outbox.rows import CircuitState, Health, Message, State

TRIP = 5  # failures in a row that open a circuit
PROBE_EVERY = timedelta(seconds=5)
OK, TROUBLE, STOPPED = "ok", "trouble", "stopped"
MESSAGE = Message.__table__  # type: ignore[attr-defined]
HEALTH = Health.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Found:
    """What a provider was found to do. `answered`: the last thing it did was to take or refuse something in plain
    words; `stop`: it does not accept us, and nobody but a person can mend that; `failures`: the most in a row."""

    answered: bool
    stop: bool = False
    failures: int = 0
    reason: str = ""


def allowance(tx: Tx, provider: str, limit: int) -> int:
    """How many messages the provider may be given now: as many as asked for, one to see, or none."""
    row = _row(tx, provider)
    if row is None or row.circuit == CircuitState.CLOSED:
        return limit
    if row.circuit == CircuitState.OPEN or row.probe_at > tx.now:
        return 0
    mine = update(HEALTH).where(HEALTH.c.name == provider, HEALTH.c.probe_at == row.probe_at)
    won = tx.execute(mine.values(probe_at=tx.now + PROBE_EVERY).returning(HEALTH.c.name)).first()
    return min(limit, 1) if won else 0


def found(tx: Tx, provider: str, what: Found) -> str:
    """Note what a provider did; returns the state of the channel (ok, trouble, stopped) if it has changed, else ""."""
    row = _row(tx, provider)
    is_well = what.answered and not what.stop and what.failures < TRIP
    if is_well and (row is None or (row.state == OK and not row.failures)):
        return ""  # the usual case costs one look
    insert_new(tx, HEALTH, [{"name": provider, "state": OK, "reason": "", "at": tx.now, "circuit": CircuitState.CLOSED,
                             "failures": 0}])  # fmt: skip
    row = _row(tx, provider, lock=True)
    assert row is not None
    fresh = _after(tx, row, what)
    tx.execute(update(HEALTH).where(HEALTH.c.name == provider).values(at=tx.now, **fresh))
    if (fresh["state"], fresh["circuit"]) == (row.state, row.circuit):
        return ""
    journal.write(
        tx, "channel", channel=provider, state=fresh["state"], circuit=fresh["circuit"], reason=fresh["reason"]
    )
    tx.wakes()
    return str(fresh["state"]) if fresh["state"] != row.state else ""


def due_for_probe(tx: Tx, providers: Sequence[str]) -> list[str]:
    """The providers that are to be probed now: those whose circuit is open, each by one worker at a time, and those
    that are half open, of which there may be nothing to send."""
    due = [HEALTH.c.name.in_(providers), HEALTH.c.circuit == CircuitState.OPEN, HEALTH.c.probe_at <= tx.now]
    taken = update(HEALTH).where(*due).values(probe_at=tx.now + PROBE_EVERY)
    half = select(HEALTH.c.name).where(HEALTH.c.name.in_(providers), HEALTH.c.circuit == CircuitState.HALF_OPEN)
    return [*tx.execute(taken.returning(HEALTH.c.name)).scalars(), *tx.execute(half).scalars()]


def probed(tx: Tx, provider: str, channel: str, what: Found) -> str:
    """A provider that answers again is given one message, to see; while none waits, it is taken to be well. Returns
    the state of the channel if it has changed, else ""."""
    row = _row(tx, provider, lock=True)
    if row is None or row.circuit == CircuitState.CLOSED:
        return ""
    if what.stop or (what.answered and not _waits(tx, channel)):
        return found(tx, provider, what)
    if what.answered and row.circuit == CircuitState.OPEN:
        fresh = {"circuit": CircuitState.HALF_OPEN, "probe_at": tx.now, "at": tx.now}
        tx.execute(update(HEALTH).where(HEALTH.c.name == provider).values(**fresh))
        journal.write(tx, "channel", channel=provider, state=row.state, circuit=CircuitState.HALF_OPEN)
        tx.wakes()
    elif not what.answered:
        tx.execute(update(HEALTH).where(HEALTH.c.name == provider).values(reason=what.reason or row.reason))
    return ""


def states(tx: Tx) -> dict[str, Row[Any]]:
    """Every provider's row, by name."""
    return {row.name: row for row in tx.execute(select(HEALTH))}


def _after(tx: Tx, row: Row[Any], what: Found) -> dict[str, Any]:
    """How the row stands after this."""
    if what.stop:
        return _opened(tx, row, what) | {"state": STOPPED}
    if what.answered and what.failures < TRIP:
        return {"state": OK, "circuit": CircuitState.CLOSED, "failures": 0, "reason": "", "opened_at": None,
                "probe_at": None}  # fmt: skip
    failures = row.failures + what.failures
    if failures >= TRIP or row.circuit != CircuitState.CLOSED:
        return _opened(tx, row, what) | {"state": STOPPED if row.state == STOPPED else TROUBLE}
    return {"state": TROUBLE, "circuit": row.circuit, "failures": failures, "reason": what.reason,
            "opened_at": row.opened_at, "probe_at": row.probe_at}  # fmt: skip


def _opened(tx: Tx, row: Row[Any], what: Found) -> dict[str, Any]:
    return {"circuit": CircuitState.OPEN, "failures": row.failures + what.failures, "reason": what.reason,
            "opened_at": row.opened_at or tx.now, "probe_at": tx.now + PROBE_EVERY}  # fmt: skip


def _waits(tx: Tx, channel: str) -> bool:
    """Is there a message for the channel, or one of which nobody knows yet whether it will be queued again?"""
    some = [select(MESSAGE.c.id).where(MESSAGE.c.channel == channel, MESSAGE.c.state == state).limit(1)
            for state in (State.QUEUED, State.DOUBTFUL)]  # fmt: skip
    return any(tx.execute(query).first() is not None for query in some)


def _row(tx: Tx, provider: str, lock: bool = False) -> Row[Any] | None:
    query = select(HEALTH).where(HEALTH.c.name == provider)
    return tx.execute(query.with_for_update() if lock else query).first()
