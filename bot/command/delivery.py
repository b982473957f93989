"""What the dispatcher and the receipts report, and what a failed delivery sets off."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select

from bot import journal, outbox
from bot.channels import Receipt
from bot.command import lapses
from bot.db import Tx
from bot.outbox import Health, Message, Outcome, State

MESSAGE = Message.__table__  # type: ignore[attr-defined]


def settle(tx: Tx, outcomes: Sequence[Outcome]) -> None:
    """Write what became of what was sent; what definitely failed goes another way."""
    failed = {outcome.id: outcome for outcome in outbox.settle(tx, outcomes) if outcome.state is State.FAILED}
    for row in tx.execute(select(MESSAGE).where(MESSAGE.c.id.in_(list(failed)))).all() if failed else []:
        outcome = failed[row.id]
        journal.write(
            tx,
            "failed",
            channel=row.channel,
            about=f"message {row.id}",
            who=row.person_id,
            code=outcome.code,
            reason=outcome.reason,
        )
        if outcome.other_channel:
            lapses.undelivered(tx, row, outcome.reason, outcome.opted_out)


def receipt(tx: Tx, message_id: int, got: Receipt) -> None:
    """A provider's report on a message; unknown and late ones are journaled, never an error."""
    before = outbox.receipt(tx, message_id, got)
    if before is None:
        journal.write(tx, "receipt_unknown", about=f"message {message_id}", provider=got.provider_id, state=got.state)
    elif got.state == State.FAILED and outbox.RANK[State(before.state)] < outbox.RANK[State.FAILED]:
        journal.write(
            tx,
            "failed",
            channel=before.channel,
            about=f"message {message_id}",
            who=before.person_id,
            code=got.code,
            reason=got.reason,
        )
        if got.try_other:
            lapses.undelivered(tx, before, got.reason, got.opted_out)


def sweep(tx: Tx) -> int:
    """What time alone does to messages; what expired is journaled by notice, and tried on another way."""
    gone: list[Row[Any]] = outbox.sweep(tx)
    for row in gone:
        lapses.undelivered(tx, row, "expired")
    for notice_id in {row.notice_id for row in gone}:
        count = sum(row.notice_id == notice_id for row in gone)
        journal.write(tx, "expired", about=f"notice {notice_id}", messages=count)
    return len(gone)


def health(tx: Tx, name: str, state: str, reason: str = "") -> None:
    """How a channel does (`ok`, `trouble`, `stopped`); a change is journaled. `beat` says when a worker last beat."""
    row = tx.get(Health, name) or Health(name=name, state="", at=tx.now)
    if row.state != state and name != outbox.BEAT:
        journal.write(tx, "channel", channel=name, state=state, reason=reason)
    row.state, row.reason, row.at = state, reason, tx.now
    tx.add(row)
