"""Claim and settle: a message on its way to the provider. All in batches of Core statements."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, exists, select, update

from bot.db import Tx, insert_new
from bot.db import claim as claim_rows
from bot.outbox import circuits
from bot.outbox.rows import UNDER_WAY, Budget, Message, Notice, State

LEASE = timedelta(seconds=30)
ASK = (timedelta(seconds=3), timedelta(seconds=10))  # after doubt began, the provider is asked this long later
MESSAGE = Message.__table__  # type: ignore[attr-defined]
NOTICE = Notice.__table__  # type: ignore[attr-defined]
BUDGET = Budget.__table__  # type: ignore[attr-defined]
#: What a sender needs to know of a message
CLAIMED = [
    MESSAGE.c[name]
    for name in """
        id channel person_id address body buttons segments lane last_contacted_at not_after claim claimed_at tries
        provider
    """.split()
]
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
    never: bool = False  # this address will never do on this channel
    untried: bool = False  # it never left
    unasked: bool = False  # nobody can be asked later what became of it
    answered: bool = True  # the provider said yes or no in plain words
    stop: bool = False  # it does not accept us at all


def claim(
    tx: Tx,
    channel: str,
    worker: str,
    limit: int,
    per_second: float = 0,
    providers: Sequence[str] = (),
    before: int | None = None,
) -> list[Row[Any]]:
    """Take what is due on a channel, in order of lane, least recently contacted, id; within the channel's budget.

    It is for the first of the `providers` whose circuit lets it through. `per_second` is in segments, 0 for no limit;
    a batch may overdraw by its last message; with `before` only lanes that go before that one. Messages of a closed
    notice are passed over.
    """
    tokens = _refill(tx, channel, per_second) if per_second else float(limit)
    if tokens <= 0:
        return []
    provider, limit = _let_through(tx, providers or (channel,), limit)
    if not limit:
        return []
    due = [MESSAGE.c.state == State.QUEUED, MESSAGE.c.channel == channel, MESSAGE.c.due_at <= tx.now, OPEN_NOTICE,
           MESSAGE.c.not_after.is_(None) | (MESSAGE.c.not_after > tx.now)]  # fmt: skip
    if before is not None:
        due.append(MESSAGE.c.lane < before)
    order = [MESSAGE.c.lane, MESSAGE.c.last_contacted_at, MESSAGE.c.id]
    taking = {"state": State.SENDING, "claim": worker, "claimed_at": tx.now, "lease_until": tx.now + LEASE,
              "provider": provider}  # fmt: skip
    rows = claim_rows(tx, MESSAGE, due, order, min(limit, int(tokens) + 1), taking, CLAIMED)
    rows.sort(key=lambda row: (row.lane, row.last_contacted_at, row.id))
    return _spend(tx, channel, rows, tokens) if per_second else rows


def give_back(tx: Tx, claim: str) -> None:
    """Nothing of this claim was sent; nobody knew whether it had been made."""
    mine = update(MESSAGE).where(MESSAGE.c.claim == claim, MESSAGE.c.state.in_(UNDER_WAY))
    tx.execute(mine.values(state=State.QUEUED, claim="", lease_until=None))


def settle(tx: Tx, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Write what became of claimed messages; returns those that were still ours to settle.

    One whose claim we no longer own, or that a receipt has settled before us, is left alone.
    """
    owned = _owned(tx, outcomes)
    rows = [_settled(tx, outcome) for outcome in owned]
    if rows:
        fresh: dict[str, Any] = {name: bindparam(name) for name in rows[0] if not name.startswith("b_")}
        mine = update(MESSAGE).where(MESSAGE.c.id == bindparam("b_id"))
        tx.connection().execute(mine.values(tries=MESSAGE.c.tries + bindparam("b_tried"), **fresh), rows)
    return owned


def _owned(tx: Tx, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes whose message is still under way on the claim they belong to."""
    mine = [MESSAGE.c.id.in_([outcome.id for outcome in outcomes]), MESSAGE.c.state.in_(UNDER_WAY)]
    locked = select(MESSAGE.c.id, MESSAGE.c.claim).where(*mine).order_by(MESSAGE.c.id).with_for_update()
    held = dict(tx.execute(locked).all())
    return [outcome for outcome in outcomes if held.get(outcome.id) == outcome.claim]


def _settled(tx: Tx, outcome: Outcome) -> dict[str, Any]:
    handed = outcome.state in (State.SENT, State.DELIVERED)
    due = outcome.due_at or (tx.now + ASK[0] if outcome.state is State.DOUBTFUL else tx.now)
    return {
        "b_id": outcome.id, "b_tried": int(not outcome.untried), "state": outcome.state,
        "provider_id": outcome.provider_id, "reason": outcome.reason, "code": outcome.code, "due_at": due,
        "asked": int(outcome.unasked),
        "handed_at": tx.now if handed else None, "delivered_at": tx.now if outcome.state is State.DELIVERED else None,
    }  # fmt: skip


def _let_through(tx: Tx, providers: Sequence[str], limit: int) -> tuple[str, int]:
    """The first provider that may be given something now, and how much."""
    for provider in providers:
        if room := circuits.allowance(tx, provider, limit):
            return provider, room
    return "", 0


def _refill(tx: Tx, channel: str, per_second: float) -> float:
    """Lock the channel's budget row; what it has grown to by now. A second's worth is the most it holds."""
    most, locked = max(per_second, 1.0), select(BUDGET).where(BUDGET.c.channel == channel).with_for_update()
    row = tx.execute(locked).one_or_none()
    if row is None:
        insert_new(tx, BUDGET, [{"channel": channel, "tokens": most, "refilled_at": tx.now}])
        row = tx.execute(locked).one()
    passed = (tx.now - row.refilled_at).total_seconds()
    if passed < 0:  # a clock was set back, or lags behind another's
        tx.execute(update(BUDGET).where(BUDGET.c.channel == channel).values(refilled_at=tx.now))
    return float(min(most, row.tokens + max(passed, 0.0) * per_second))


def _spend(tx: Tx, channel: str, rows: list[Row[Any]], tokens: float) -> list[Row[Any]]:
    """Keep what the budget pays for, the last message may overdraw it; put the rest back. Where nothing is spent
    nothing is written: the budget grows by itself."""
    if not rows:
        return rows
    kept: list[Row[Any]] = []
    for row in rows:
        if tokens <= 0:
            break
        tokens -= row.segments
        kept.append(row)
    back = [row.id for row in rows[len(kept) :]]
    if back:
        tx.execute(update(MESSAGE).where(MESSAGE.c.id.in_(back)).values(state=State.QUEUED, claim="", lease_until=None))
    tx.execute(update(BUDGET).where(BUDGET.c.channel == channel).values(tokens=tokens, refilled_at=tx.now))
    return kept
