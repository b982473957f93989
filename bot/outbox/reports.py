"""What the providers report of messages: ranked, never backwards, in any order and any number of times."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, select, update

from bot.channels import Receipt
from bot.db import Tx
from bot.outbox.rows import RANK, Message, State

MESSAGE = Message.__table__  # type: ignore[attr-defined]


def receipts(tx: Tx, reports: Sequence[tuple[int, Receipt]]) -> list[State | None]:
    """Move messages on by what the providers report; never backwards. Returns each one's state before, if it is ours.

    They are found by our own ids, so this settles one whose sender died before it stored the provider's.
    """
    rows = _held(tx, [message_id for message_id, _ in reports])
    moved: dict[int, dict[str, Any]] = {}
    before = [_moved(tx, rows.get(message_id), got, moved) for message_id, got in reports]
    if moved:
        fresh: dict[str, Any] = {name: bindparam(name) for name in next(iter(moved.values())) if name != "b_id"}
        mine = update(MESSAGE).where(MESSAGE.c.id == bindparam("b_id")).values(**fresh)
        tx.connection().execute(mine, list(moved.values()))
    return before


def _held(tx: Tx, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """These messages as they stand, locked."""
    known = [MESSAGE.c[name] for name in ("id", "state", "reason", "code", "provider_id", "handed_at", "delivered_at")]
    query = select(*known).where(MESSAGE.c.id.in_(set(ids))).order_by(MESSAGE.c.id).with_for_update()
    return {row.id: dict(row._mapping) for row in tx.execute(query)}


def _moved(tx: Tx, row: dict[str, Any] | None, got: Receipt, moved: dict[int, dict[str, Any]]) -> State | None:
    """Apply one report to a message as it stands; what is to be written is added to `moved`."""
    if row is None or (row["provider_id"] and row["provider_id"] != got.provider_id):
        return None
    before, state = State(row["state"]), State(got.state)
    if RANK[state] > RANK[before]:
        row.update(state=state, reason=got.reason, code=got.code, provider_id=got.provider_id)
        row["handed_at"] = row["handed_at"] or tx.now
        row["delivered_at"] = tx.now if state is State.DELIVERED else None
        moved[row["id"]] = {"b_id": row["id"]} | {name: value for name, value in row.items() if name != "id"}
    return before
