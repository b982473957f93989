"""Whatever befalls a message, in whatever order: it never moves backwards, and `delivered` wins. On both databases."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete
from sqlmodel import col

from bot import outbox
from bot.channels import Receipt, Sent
from bot.clock import MovedClock
from bot.command import delivery
from bot.db import Database, Tx
from bot.outbox import RANK, Draft, Lane, Message, Notice, Outcome, State

SIDS = st.sampled_from(["SM1", "SM2"])
STATES = [State.SENT, State.DELIVERED, State.FAILED, State.DOUBTFUL, State.QUEUED]
AGAIN = {State.QUEUED, State.DOUBTFUL}  # how a message under way may go back: refused for now, or never seen


class AnyOrder(RuleBasedStateMachine):
    """One message, and everything that can befall it. `db` is set by the test."""

    db: Database
    clock: MovedClock
    claims = Bundle("claims")
    questions = Bundle("questions")

    @initialize()
    def begin(self) -> None:
        self.before, self.was_delivered, self.workers = State.QUEUED, False, 0
        self.sids: set[str] = set()
        self.id = self.db.run(fresh, self.clock)

    @rule(target=claims)
    def claim(self) -> str:
        self.workers += 1
        worker = f"w{self.workers}"
        taken = asyncio.run(self.db.at_once(outbox.claim, "sms", worker, 10))
        assert not taken or self.before is State.QUEUED
        return worker

    @rule(claim=consumes(claims), state=st.sampled_from(STATES), sid=SIDS)
    def settle(self, claim: str, state: State, sid: str) -> None:
        handed = state in (State.SENT, State.DELIVERED)
        self.db.run(outbox.settle, [Outcome(id=self.id, claim=claim, state=state, provider_id=sid if handed else "")])

    @rule(state=st.sampled_from(["sent", "delivered", "failed"]), sid=SIDS)
    def receipt(self, state: str, sid: str) -> None:
        self.db.run(delivery.receipts, [(self.id, Receipt(provider_id=sid, state=state, rank=0))])

    @rule(seconds=st.sampled_from([1, 5, 31, 400]))
    def time_passes(self, seconds: int) -> None:
        self.clock.forward(seconds=seconds)
        self.db.run(outbox.sweep)

    @rule(target=questions)
    def ask(self) -> int:
        """The provider is asked; its answer may come when all has changed."""
        return sum(row.id for row in asyncio.run(self.db.at_once(outbox.doubtful)))

    @rule(asked=consumes(questions), found=st.booleans(), can_ask=st.booleans(), sid=SIDS)
    def is_told(self, asked: int, found: bool, can_ask: bool, sid: str) -> None:
        if asked:
            self.db.run(outbox.resolve, asked, [Sent(provider_id=sid)] if found and can_ask else [], can_ask)

    @rule()
    def is_answered(self) -> None:
        self.db.run(lambda tx: outbox.withdraw(tx, [row(tx, self.id).notice_id], "alma"))

    @invariant()
    def it_never_moves_backwards(self) -> None:
        if not hasattr(self, "id"):
            return
        found = self.db.read_now(row, self.id)
        now = State(found.state)
        onward = RANK[now] >= RANK[self.before]
        assert onward or (now in AGAIN and RANK[self.before] == RANK[State.SENDING]), f"{self.before} became {now}"
        assert now is State.DELIVERED or not self.was_delivered
        assert found.delivered_at is not None or now is not State.DELIVERED
        assert found.handed_at is not None or now not in (State.SENT, State.DELIVERED)
        self.before, self.was_delivered = now, now is State.DELIVERED


@pytest.fixture
def any_order(db: Database, clock: MovedClock) -> Iterator[Callable[[], Any]]:
    AnyOrder.db, AnyOrder.clock = db, clock
    yield AnyOrder
    del AnyOrder.db, AnyOrder.clock


def test_it_never_moves_backwards_and_delivered_wins(any_order: Callable[[], Any]) -> None:
    run_state_machine_as_test(
        any_order,
        settings=settings(
            max_examples=30,
            stateful_step_count=20,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def fresh(tx: Tx, clock: MovedClock) -> int:
    """Nothing but one message to alma."""
    tx.execute(delete(Notice).where(col(Notice.id) > 0))
    said = outbox.notice(tx, "alert", subject="outage:1")
    worth = clock.now() + timedelta(minutes=10)
    drafted = Draft(
        person_id="alma", channel="sms", address="+12025550111", lane=Lane.ALERT, body="EHR DOWN", not_after=worth
    )
    outbox.enqueue(tx, said, [drafted])
    return tx.execute(outbox.rows.Message.__table__.select()).one().id  # type: ignore[attr-defined,no-any-return]


def row(tx: Tx, id: int) -> Message:
    found = tx.get(Message, id)
    assert found
    return found
