"""A claimed row as the envelope that leaves, and what a send error makes of it."""

import random
from datetime import timedelta
from typing import Any

from bot.channels import BadAddress, Envelope, Misconfigured, OptedOut, SendError, Sent, Unavailable
from bot.outbox import Outcome, State

LONGEST = 300.0  # seconds between two tries of a message


def envelope(row: Any) -> Envelope:
    return Envelope(
        id=row.id,
        channel=row.channel,
        to=row.address,
        body=row.body,
        claimed_at=row.claimed_at,
        not_after=row.not_after,
        buttons=tuple((label, action, value) for label, action, value in row.buttons),
    )


def taken(row: Any, sent: Sent, askable: bool) -> Outcome:
    state = State.DELIVERED if sent.delivered else State.SENT
    return Outcome(id=row.id, claim=row.claim, state=state, provider_id=sent.provider_id, unasked=not askable)


def refused(row: Any, problem: SendError) -> Outcome:
    """Doubt, another try later, or a failure that another channel may mend.

    A channel that does not accept us stops, and its messages wait as they are.
    """
    said: dict[str, Any] = {"id": row.id, "claim": row.claim, "reason": problem.says, "code": problem.code}
    if problem.doubt:
        return Outcome(state=State.DOUBTFUL, answered=False, **said)
    if isinstance(problem, Misconfigured):
        return Outcome(state=State.QUEUED, due_at=row.claimed_at, stop=True, **said)
    if problem.retry:
        due = row.claimed_at + timedelta(seconds=problem.retry_after or backoff(row.tries))
        return Outcome(state=State.QUEUED, due_at=due, answered=not isinstance(problem, Unavailable), **said)
    return Outcome(state=State.FAILED, other_channel=problem.other_channel,
                   opted_out=isinstance(problem, OptedOut), never=isinstance(problem, BadAddress), **said)  # fmt: skip


def unforeseen(row: Any, problem: Exception) -> Outcome:
    """Nobody knows what happened, so nobody may simply send it again."""
    return Outcome(id=row.id, claim=row.claim, state=State.DOUBTFUL, reason=repr(problem)[:200], answered=False)


def given_back(row: Any) -> Outcome:
    """It never left; whoever is next sends it."""
    return Outcome(id=row.id, claim=row.claim, state=State.QUEUED, due_at=row.claimed_at, untried=True)


def backoff(tries: int) -> float:
    """Seconds until the next try: doubling, with jitter so that a crowd does not come back at once."""
    return min(LONGEST, 2.0 ** min(tries, 8)) * random.uniform(0.8, 1.2)
