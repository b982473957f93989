"""Receipts: whatever the provider reports is committed before it is answered, and nothing it can say is an error."""

import pytest
from sqlmodel import select

from bot import outbox
from bot.db import Tx
from bot.outbox import Draft, Lane, Message
from tests.handlers.conftest import ALMA
from tests.handlers.door import Door


def queued(tx: Tx, channel: str = "sms") -> int:
    said = outbox.notice(tx, "alert")
    outbox.enqueue(tx, said, [Draft(person_id="alma", channel=channel, address=ALMA, lane=Lane.ALERT, body="EHR DOWN")])
    return tx.exec(select(Message.id)).one() or 0


def text(door: Door, id: int, status: str, sid: str = "SM1", **more: str) -> int:
    return door.twilio(f"/twilio/receipts/{id}", {"MessageSid": sid, "MessageStatus": status} | more).status


def call(door: Door, id: int, status: str, sid: str = "CA1") -> int:
    return door.twilio(f"/twilio/receipts/{id}", {"CallSid": sid, "CallStatus": status}).status


def state(door: Door, id: int) -> str:
    found = door.db.read_now(lambda tx: tx.get(Message, id))
    assert found
    return found.state


@pytest.mark.parametrize(
    ("status", "becomes"),
    [
        ("queued", "sent"),
        ("sending", "sent"),
        ("sent", "sent"),
        ("delivered", "delivered"),
        ("undelivered", "failed"),
        ("failed", "failed"),
    ],
)
def test_a_text(door: Door, status: str, becomes: str) -> None:
    id = door.db.run(queued)
    assert text(door, id, status) == 204
    assert state(door, id) == becomes


@pytest.mark.parametrize(
    ("status", "becomes"),
    [
        ("initiated", "sent"),
        ("ringing", "sent"),
        ("completed", "delivered"),
        ("busy", "failed"),
        ("no-answer", "failed"),
    ],
)
def test_a_call(door: Door, status: str, becomes: str) -> None:
    id = door.db.run(queued, "voice")
    assert call(door, id, status) == 204
    assert state(door, id) == becomes


def test_out_of_order(door: Door) -> None:
    id = door.db.run(queued)
    for status in ("delivered", "sent", "queued", "failed"):
        assert text(door, id, status) == 204
    assert state(door, id) == "delivered"


def test_twice(door: Door) -> None:
    id = door.db.run(queued)
    text(door, id, "delivered")
    before = door.rows()
    assert text(door, id, "delivered") == 204
    assert door.rows() == before


def test_a_failure_says_why(door: Door) -> None:
    id = door.db.run(queued)
    text(door, id, "undelivered", ErrorCode="30003")
    (line,) = door.lines("failed")
    assert (line.who, line.detail["code"]) == ("alma", "30003")
    found = door.db.read_now(lambda tx: tx.get(Message, id))
    assert found
    assert found.reason


def test_for_no_message_of_ours(door: Door) -> None:
    assert text(door, 4711, "delivered") == 204
    assert [line.about for line in door.lines()] == ["message 4711"]


def test_for_another_text_of_the_same_message(door: Door) -> None:
    id = door.db.run(queued)
    text(door, id, "sent", sid="SM1")
    assert text(door, id, "failed", sid="SM2") == 204
    assert state(door, id) == "sent"
    assert len(door.lines("receipt_unknown")) == 1


@pytest.mark.parametrize("form", [{"MessageSid": "SM1", "MessageStatus": "of tomorrow"}, {"MessageSid": "SM1"}])
def test_with_a_status_that_nobody_knows(door: Door, form: dict[str, str]) -> None:
    id = door.db.run(queued)
    assert door.twilio(f"/twilio/receipts/{id}", form).status == 204
    assert state(door, id) == "queued"
