"""What nobody is sure of: leases that ran out, messages that a provider may have, receipts that stay away."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, select, update

from bot import journal
from bot.channels import Sent
from bot.db import Tx, one_at_a_time
from bot.db import claim as claim_rows
from bot.outbox.engine import ASK, LEASE, MESSAGE, OPEN_NOTICE
from bot.outbox.rows import UNDER_WAY, Lane, State

WHOLE = timedelta(seconds=1)  # providers tell the time in whole seconds
CONFIRM = timedelta(minutes=3)  # how long a receipt may stay away before the provider is asked
GIVE_UP = timedelta(minutes=5)  # how long a provider that cannot be asked is waited for


def sweep(tx: Tx, limit: int = 500) -> list[Row[Any]]:
    """What time alone does: a lease that ran out becomes doubt, a message past its validity expires.

    Returns the expired rows, at most `limit`. What came back to the queue after it was withdrawn is withdrawn now.
    """
    lost = [MESSAGE.c.state == State.SENDING, MESSAGE.c.lease_until < tx.now]
    doubt = {"state": State.DOUBTFUL, "asked": 0, "due_at": tx.now + ASK[0], "reason": "lost track while sending"}
    tx.execute(update(MESSAGE).where(*lost).values(**doubt))
    again = [MESSAGE.c.state == State.QUEUED, MESSAGE.c.claimed_at.is_not(None)]
    unwanted = ~OPEN_NOTICE | (MESSAGE.c.not_after <= MESSAGE.c.claimed_at)
    tx.execute(update(MESSAGE).where(*again, unwanted).values(state=State.WITHDRAWN, reason="no longer needed"))
    stale = [MESSAGE.c.state == State.QUEUED, MESSAGE.c.not_after <= tx.now]
    gone = {"state": State.EXPIRED, "reason": "waited longer than it was worth"}
    return claim_rows(tx, MESSAGE, stale, [MESSAGE.c.not_after, MESSAGE.c.id], limit, gone)


def stuck(tx: Tx, channel: str, mark: str, limit: int) -> list[Row[Any]]:
    """Urgent messages that wait on a channel and are not marked yet; marked now, with a reason that people read."""
    waiting = [MESSAGE.c.channel == channel, MESSAGE.c.lane <= Lane.QUESTION, MESSAGE.c.reason != mark, OPEN_NOTICE]
    found: list[Row[Any]] = []
    for state in (State.DOUBTFUL, State.QUEUED):
        some, order = [MESSAGE.c.state == state, *waiting], [MESSAGE.c.lane, MESSAGE.c.id]
        found += claim_rows(tx, MESSAGE, some, order, limit - len(found), {"reason": mark})
    return found


def doubtful(tx: Tx, limit: int = 50) -> list[Row[Any]]:
    """The doubtful messages that the provider should be asked about now, leased to the caller."""
    due = [MESSAGE.c.state == State.DOUBTFUL, MESSAGE.c.due_at <= tx.now]
    return claim_rows(tx, MESSAGE, due, [MESSAGE.c.due_at, MESSAGE.c.id], limit, {"due_at": tx.now + LEASE})


def unconfirmed(tx: Tx, channels: Sequence[str], limit: int = 200) -> list[Row[Any]]:
    """The messages that a provider took and of which nothing more was heard for CONFIRM, oldest first; of urgent
    lanes only, since of the others nobody waits for an answer."""
    silent = [MESSAGE.c.state == State.SENT, MESSAGE.c.asked == 0, MESSAGE.c.handed_at <= tx.now - CONFIRM,
              MESSAGE.c.channel.in_(channels), MESSAGE.c.lane <= Lane.QUESTION]  # fmt: skip
    return list(tx.execute(select(*MESSAGE.c).where(*silent).order_by(MESSAGE.c.handed_at).limit(limit)).all())


def resolve(tx: Tx, message_id: int, found: Sequence[Sent], can_ask: bool) -> State:
    """Decide a doubtful message by what the provider was found to hold, oldest first.

    What another row has recorded is not this one's. Only "never seen", asked twice, queues it again.
    """
    one_at_a_time(tx, "resolve")  # or two messages with the same words would take the same text for theirs
    row = tx.execute(select(MESSAGE).where(MESSAGE.c.id == message_id).with_for_update()).one()
    if row.state != State.DOUBTFUL:
        return State(row.state)
    fresh = _resolved(tx, row, [sent for sent in found if not _recorded(tx, sent.provider_id)], can_ask)
    tx.execute(update(MESSAGE).where(MESSAGE.c.id == message_id).values(**fresh))
    tx.wakes()
    return State(fresh.get("state", row.state))


def _resolved(tx: Tx, row: Row[Any], found: list[Sent], can_ask: bool) -> dict[str, Any]:
    found = _nearest(tx, row, found)
    if found and _could_be_of_another(tx, row):
        return {"due_at": tx.now + ASK[0]}
    if found:
        state = State.DELIVERED if found[0].delivered else State.SENT
        return {"state": state, "provider_id": found[0].provider_id, "handed_at": row.claimed_at, "reason": "",
                "delivered_at": tx.now if found[0].delivered else None}  # fmt: skip
    if not can_ask:
        return _unasked(tx, row)
    if row.asked + 1 < len(ASK):
        return {"asked": row.asked + 1, "due_at": tx.now + ASK[1] - ASK[0]}
    return {"state": State.QUEUED, "asked": 0, "claim": "", "due_at": tx.now, "tries": row.tries + 1}


def _nearest(tx: Tx, row: Row[Any], found: list[Sent]) -> list[Sent]:
    """What was made after another message to this address was claimed is that one's: a call says only whom it calls."""
    same = [MESSAGE.c.channel == row.channel, MESSAGE.c.address == row.address, MESSAGE.c.body == row.body]
    same = same[:2] if row.channel == "voice" else same
    others = select(MESSAGE.c.claimed_at).where(*same, MESSAGE.c.id != row.id, MESSAGE.c.claimed_at > row.claimed_at)
    later = tx.execute(others.where(MESSAGE.c.state.in_(UNDER_WAY))).scalars().all()
    return [sent for sent in found if not any(sent.created_at and at <= sent.created_at + WHOLE for at in later)]


def _could_be_of_another(tx: Tx, row: Row[Any]) -> bool:
    """Something else to this address is being sent: what was found may be that, not recorded yet."""
    to = [MESSAGE.c.channel == row.channel, MESSAGE.c.address == row.address, MESSAGE.c.state == State.SENDING]
    return bool(tx.execute(select(MESSAGE.c.id).where(*to).limit(1)).first())


def _unasked(tx: Tx, row: Row[Any]) -> dict[str, Any]:
    """The provider cannot be asked: wait. In the end what is urgent goes again, perhaps twice; the rest fails."""
    if tx.now - row.claimed_at < GIVE_UP:
        return {"due_at": tx.now + ASK[1]}
    if row.lane > Lane.QUESTION:
        reason = "nobody could say whether it was taken"
        journal.write(tx, "failed", about=f"message {row.id}", channel=row.channel, who=row.person_id, reason=reason)
        return {"state": State.FAILED, "reason": reason}
    journal.write(tx, "possible_duplicate", about=f"message {row.id}", channel=row.channel)
    return {"state": State.QUEUED, "asked": 0, "claim": "", "due_at": tx.now}


def _recorded(tx: Tx, provider_id: str) -> bool:
    return bool(tx.execute(select(MESSAGE.c.id).where(MESSAGE.c.provider_id == provider_id).limit(1)).first())
