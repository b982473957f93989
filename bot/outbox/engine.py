"""Claim, settle, receipt, sweep: how a message moves between its states. All in batches of Core statements."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, exists, select, update

from bot import journal
from bot.channels import Receipt, Sent
from bot.db import Tx, insert_new, one_at_a_time
from bot.db import claim as claim_rows
from bot.outbox.rows import RANK, UNDER_WAY, Budget, Lane, Message, Notice, State

LEASE = timedelta(seconds=30)
GIVE_UP = timedelta(minutes=5)  # how long a provider that cannot be asked is waited for
ASK = (timedelta(seconds=3), timedelta(seconds=10))  # after doubt began, the provider is asked this long later
MESSAGE = Message.__table__  # type: ignore[attr-defined]
NOTICE = Notice.__table__  # type: ignore[attr-defined]
BUDGET = Budget.__table__  # type: ignore[attr-defined]
OPEN_NOTICE = exists().where(NOTICE.c.id == MESSAGE.c.notice_id, NOTICE.c.closed_at.is_(None))


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one claimed message: `state` is sent, delivered, failed, doubtful or queued (try again)."""

    id: int
    claim: str
    state: State
    provider_id: str = ""
    reason: str = ""
    code: str = ""
    due_at: datetime | None = None  # when it is queued again
    other_channel: bool = False
    opted_out: bool = False


def claim(tx: Tx, channel: str, worker: str, limit: int, per_second: float = 0) -> list[Row[Any]]:
    """Take what is due on a channel, in order of lane, least recently contacted, id; within the channel's budget.

    `per_second` is in segments, 0 for no limit; a batch may overdraw by its last message. Messages of a closed
    notice are passed over.
    """
    tokens = _refill(tx, channel, per_second) if per_second else float(limit)
    if tokens <= 0:
        return []
    due = [MESSAGE.c.state == State.QUEUED, MESSAGE.c.channel == channel, MESSAGE.c.due_at <= tx.now, OPEN_NOTICE,
           MESSAGE.c.not_after.is_(None) | (MESSAGE.c.not_after > tx.now)]  # fmt: skip
    order = [MESSAGE.c.lane, MESSAGE.c.last_contacted_at, MESSAGE.c.id]
    taking = {"state": State.SENDING, "claim": worker, "claimed_at": tx.now, "lease_until": tx.now + LEASE}
    rows = claim_rows(tx, MESSAGE, due, order, min(limit, int(tokens) + 1), taking)
    rows.sort(key=lambda row: (row.lane, row.last_contacted_at, row.id))
    return _spend(tx, channel, rows, tokens) if per_second else rows


def settle(tx: Tx, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Write what became of claimed messages; returns those that were still ours to settle.

    One whose claim we no longer own, or that a receipt has settled before us, is left alone.
    """
    owned = _owned(tx, outcomes)
    rows = [_settled(tx, outcome) for outcome in owned]
    if rows:
        fresh: dict[str, Any] = {name: bindparam(name) for name in rows[0] if name != "b_id"}
        mine = update(MESSAGE).where(MESSAGE.c.id == bindparam("b_id"))
        tx.connection().execute(mine.values(tries=MESSAGE.c.tries + 1, **fresh), rows)
    return owned


def receipt(tx: Tx, message_id: int, got: Receipt) -> Row[Any] | None:
    """Move a message on by what the provider reports; never backwards. Returns the row before, if it is ours.

    It finds the message by our own id, so it settles one whose sender died before it stored the provider's.
    """
    before = tx.execute(select(MESSAGE).where(MESSAGE.c.id == message_id).with_for_update()).first()
    if before is None or (before.provider_id and before.provider_id != got.provider_id):
        return None
    state = State(got.state)
    if RANK[state] > RANK[State(before.state)]:
        fresh: dict[str, Any] = {"state": state, "reason": got.reason, "code": got.code, "provider_id": got.provider_id}
        fresh["handed_at"] = before.handed_at or tx.now
        if state is State.DELIVERED:
            fresh["delivered_at"] = tx.now
        tx.execute(update(MESSAGE).where(MESSAGE.c.id == message_id).values(**fresh))
    return before


def sweep(tx: Tx) -> list[Row[Any]]:
    """What time alone does: a lease that ran out becomes doubt, a message past its validity expires.

    Returns the expired rows. What came back to the queue after it was withdrawn is withdrawn now.
    """
    lost = [MESSAGE.c.state == State.SENDING, MESSAGE.c.lease_until < tx.now]
    doubt = {"state": State.DOUBTFUL, "asked": 0, "due_at": tx.now + ASK[0], "reason": "lost track while sending"}
    tx.execute(update(MESSAGE).where(*lost).values(**doubt))
    again = [MESSAGE.c.state == State.QUEUED, MESSAGE.c.claimed_at.is_not(None)]
    unwanted = ~OPEN_NOTICE | (MESSAGE.c.not_after <= MESSAGE.c.claimed_at)
    tx.execute(update(MESSAGE).where(*again, unwanted).values(state=State.WITHDRAWN, reason="no longer needed"))
    stale = [MESSAGE.c.state == State.QUEUED, MESSAGE.c.not_after <= tx.now]
    gone = update(MESSAGE).where(*stale).values(state=State.EXPIRED, reason="waited longer than it was worth")
    return list(tx.execute(gone.returning(*MESSAGE.c)).all())


def doubtful(tx: Tx, limit: int = 50) -> list[Row[Any]]:
    """The doubtful messages that the provider should be asked about now, leased to the caller."""
    due = [MESSAGE.c.state == State.DOUBTFUL, MESSAGE.c.due_at <= tx.now]
    return claim_rows(tx, MESSAGE, due, [MESSAGE.c.id], limit, {"due_at": tx.now + LEASE})


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


def _could_be_of_another(tx: Tx, row: Row[Any]) -> bool:
    """Something else to this address is being sent: what was found may be that, not recorded yet."""
    to = [MESSAGE.c.channel == row.channel, MESSAGE.c.address == row.address, MESSAGE.c.state == State.SENDING]
    return bool(tx.execute(select(MESSAGE.c.id).where(*to).limit(1)).first())


def _unasked(tx: Tx, row: Row[Any]) -> dict[str, Any]:
    """The provider cannot be asked: wait. In the end what is urgent goes again, perhaps twice; the rest fails."""
    if tx.now - row.claimed_at < GIVE_UP:
        return {"due_at": tx.now + ASK[1]}
    if row.lane > Lane.QUESTION:
        return {"state": State.FAILED, "reason": "nobody could say whether it was taken"}
    journal.write(tx, "possible_duplicate", about=f"message {row.id}", channel=row.channel)
    return {"state": State.QUEUED, "asked": 0, "claim": "", "due_at": tx.now}


def _recorded(tx: Tx, provider_id: str) -> bool:
    return bool(tx.execute(select(MESSAGE.c.id).where(MESSAGE.c.provider_id == provider_id).limit(1)).first())


def _owned(tx: Tx, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes whose message is still under way on the claim they belong to."""
    mine = [MESSAGE.c.id.in_([outcome.id for outcome in outcomes]), MESSAGE.c.state.in_(UNDER_WAY)]
    held = dict(tx.execute(select(MESSAGE.c.id, MESSAGE.c.claim).where(*mine).with_for_update()).all())
    return [outcome for outcome in outcomes if held.get(outcome.id) == outcome.claim]


def _settled(tx: Tx, outcome: Outcome) -> dict[str, Any]:
    handed = outcome.state in (State.SENT, State.DELIVERED)
    due = outcome.due_at or (tx.now + ASK[0] if outcome.state is State.DOUBTFUL else tx.now)
    return {
        "b_id": outcome.id, "state": outcome.state, "provider_id": outcome.provider_id,
        "reason": outcome.reason, "code": outcome.code, "due_at": due, "asked": 0,
        "handed_at": tx.now if handed else None, "delivered_at": tx.now if outcome.state is State.DELIVERED else None,
    }  # fmt: skip


def _refill(tx: Tx, channel: str, per_second: float) -> float:
    """Lock the channel's budget row and let it grow to now; a second's worth is the most it holds."""
    insert_new(tx, BUDGET, [{"channel": channel, "tokens": max(per_second, 1.0), "refilled_at": tx.now}])
    row = tx.execute(select(BUDGET).where(BUDGET.c.channel == channel).with_for_update()).one()
    grown = row.tokens + (tx.now - row.refilled_at).total_seconds() * per_second
    tokens = min(max(per_second, 1.0), grown)
    tx.execute(update(BUDGET).where(BUDGET.c.channel == channel).values(tokens=tokens, refilled_at=tx.now))
    return tokens


def _spend(tx: Tx, channel: str, rows: list[Row[Any]], tokens: float) -> list[Row[Any]]:
    """Keep what the budget pays for, the last message may overdraw it; put the rest back."""
    kept: list[Row[Any]] = []
    for row in rows:
        if tokens <= 0:
            break
        tokens -= row.segments
        kept.append(row)
    back = [row.id for row in rows[len(kept) :]]
    if back:
        tx.execute(update(MESSAGE).where(MESSAGE.c.id.in_(back)).values(state=State.QUEUED, claim="", lease_until=None))
    tx.execute(update(BUDGET).where(BUDGET.c.channel == channel).values(tokens=tokens))
    return kept
