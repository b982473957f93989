"""What the providers report of messages: ranked, never backwards, in any order and any number of times."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, func, select, update

from bot.channels import Receipt
from bot.db import Tx
from bot.outbox.rows import RANK, Message, State

MESSAGE = Message.__table__  # type: ignore[attr-defined]

Standing = tuple[State, str, str]  # state, reason, code


@dataclass
class Standings:
    """How messages stand, and what is to be written of it."""

    state: dict[int, State]
    known: dict[int, str]  # by whose id the provider knows it, where we know that
    moved: dict[int, Standing]
    new: dict[int, str]  # the provider's ids that we did not know


def receipts(tx: Tx, reports: Sequence[tuple[int, Receipt]]) -> list[State | None]:
    """Move messages on by what the providers report; never backwards. Returns each one's state before, if it is ours.

    They are found by our own ids, so this settles one whose sender died before it stored the provider's.
    """
    standings = _standings(tx, {message_id for message_id, _ in reports})
    before = [_apply(standings, message_id, got) for message_id, got in reports]
    _write(tx, standings)
    return before


def _standings(tx: Tx, ids: set[int]) -> Standings:
    """These messages as they stand, locked."""
    mine = select(MESSAGE.c.id, MESSAGE.c.state, MESSAGE.c.provider_id).where(MESSAGE.c.id.in_(ids))
    rows = tx.execute(mine.order_by(MESSAGE.c.id).with_for_update()).all()
    return Standings({row.id: State(row.state) for row in rows}, {row.id: row.provider_id for row in rows}, {}, {})


def _apply(standings: Standings, message_id: int, got: Receipt) -> State | None:
    before, known = standings.state.get(message_id), standings.known.get(message_id)
    if before is None or (known and known != got.provider_id):
        return None
    state = State(got.state)
    if RANK[state] > RANK[before]:
        standings.state[message_id] = state
        standings.moved[message_id] = (state, got.reason, got.code)
        if not known:
            standings.known[message_id] = standings.new[message_id] = got.provider_id
    return before


def _write(tx: Tx, standings: Standings) -> None:
    """Those that end alike by one statement: most of them are simply delivered."""
    alike: dict[Standing, list[int]] = {}
    for message_id, standing in standings.moved.items():
        alike.setdefault(standing, []).append(message_id)
    for (state, reason, code), ids in alike.items():
        fresh: dict[str, Any] = {"state": state, "reason": reason, "code": code}
        fresh["handed_at"] = func.coalesce(MESSAGE.c.handed_at, tx.now)
        fresh["delivered_at"] = tx.now if state is State.DELIVERED else None
        tx.execute(update(MESSAGE).where(MESSAGE.c.id.in_(ids)).values(**fresh))
    if standings.new:
        learnt = update(MESSAGE).where(MESSAGE.c.id == bindparam("b_id")).values(provider_id=bindparam("b_provider_id"))
        rows = [{"b_id": message_id, "b_provider_id": known} for message_id, known in standings.new.items()]
        tx.connection().execute(learnt, rows)
