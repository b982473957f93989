"""Who is not who they say they are gets 403, and leaves nothing but a line in the journal."""

from collections import Counter
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from twilio.request_validator import RequestValidator

from tests.handlers.conftest import ALMA
from tests.handlers.door import FORM, Answer, Door
from tests.people import CAST, UNITS

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # rows are not what this is about

TWILIO = ["/twilio/sms", "/twilio/receipts/7", "/twilio/voice/7", "/twilio/call"]
TEXT = {"MessageSid": "SM1", "CallSid": "CA1", "From": ALMA, "Body": "9", "Digits": "9", "MessageStatus": "delivered"}
HIRED = Counter(person=len(CAST), unit=len(UNITS), site=1)
DECLARE = urlencode({"command": "/outage", "text": "declare ehr down", "user_id": "U0EVE", "trigger_id": "t1"}).encode()


def refused(door: Door, answer: Answer, path: str) -> None:
    assert answer.status == 403
    assert "Nothing was done" in answer.body
    assert [(line.what, line.about) for line in door.lines()] == [("unsigned_request", path)]
    assert door.rows() - HIRED == Counter(journal=1)


@pytest.mark.parametrize("path", TWILIO)
@pytest.mark.parametrize("signature", ["", "bm9uc2Vuc2U=", "é"], ids=["none", "wrong", "odd"])
def test_twilio_unsigned(door: Door, path: str, signature: str) -> None:
    refused(door, door.twilio(path, TEXT, signature=signature), path)


@pytest.mark.parametrize("path", TWILIO)
def test_twilio_signed_with_another_token(door: Door, path: str) -> None:
    refused(door, door.twilio(path, TEXT, token="stolen"), path)


def test_twilio_signed_for_another_address(door: Door) -> None:
    signed = RequestValidator("new-token").compute_signature("https://evil.example.org/twilio/sms", TEXT)
    refused(door, door.twilio("/twilio/sms", TEXT, signature=signed), "/twilio/sms")


def test_twilio_with_another_field_than_was_signed(door: Door) -> None:
    signed = RequestValidator("new-token").compute_signature("https://muster.example.org/twilio/sms", TEXT)
    refused(door, door.twilio("/twilio/sms", TEXT | {"Body": "1"}, signature=signed), "/twilio/sms")


@pytest.mark.parametrize("body", [b"\xff\xfe", b"{}", b"", b"&" * 3000], ids=["bytes", "json", "empty", "fields"])
def test_twilio_unsigned_and_malformed(door: Door, body: bytes) -> None:
    answer = door.post("/twilio/sms", body, {"Content-Type": FORM, "X-Twilio-Signature": "bm9uc2Vuc2U="})
    refused(door, answer, "/twilio/sms")


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=x", "application/json"])
def test_twilio_unsigned_in_another_shape(door: Door, kind: str) -> None:
    refused(door, door.post("/twilio/sms", b"--x\r\n\r\n", {"Content-Type": kind}), "/twilio/sms")


@pytest.mark.parametrize("token", ["new-token", "old-token"])
def test_twilio_while_the_token_is_changed(door: Door, token: str) -> None:
    form = {"MessageSid": "SM1", "From": ALMA, "Body": "1"}
    assert door.twilio("/twilio/sms", form, token=token).status == 200


@pytest.mark.parametrize("secret", ["new-secret", "old-secret"])
def test_slack_while_the_secret_is_changed(door: Door, secret: str) -> None:
    assert door.slack(DECLARE, secret=secret).status == 200
    assert len(door.lines("declared")) == 1


def test_slack_signed_with_another_secret(door: Door) -> None:
    refused(door, door.slack(DECLARE, secret="stolen"), "/slack/events")


@pytest.mark.parametrize("signature", ["", "v0=00", "v0=é", "nonsense"])
def test_slack_wrongly_signed(door: Door, signature: str) -> None:
    refused(door, door.slack(DECLARE, signature=signature), "/slack/events")


@pytest.mark.parametrize("minutes", [-6, 6])
def test_slack_too_old_or_from_tomorrow(door: Door, minutes: int) -> None:
    moment = door.db.clock.now() + timedelta(minutes=minutes)
    refused(door, door.slack(DECLARE, stamp=str(int(moment.timestamp()))), "/slack/events")


def test_slack_four_minutes_old_is_fresh_enough(door: Door) -> None:
    moment = door.db.clock.now() - timedelta(minutes=4)
    assert door.slack(DECLARE, stamp=str(int(moment.timestamp()))).status == 200


@pytest.mark.parametrize("stamp", ["", "now", "1.5", "-1", "²", "9" * 400, "9" * 5000, "1e9", " 1"])
def test_slack_with_a_time_that_is_none(door: Door, stamp: str) -> None:
    refused(door, door.slack(DECLARE, stamp=stamp), "/slack/events")


@pytest.mark.parametrize("body", [b"\xff\xfe", b"{", b"", b"payload=%7B"], ids=["bytes", "json", "empty", "payload"])
def test_slack_unsigned_and_malformed(door: Door, body: bytes) -> None:
    refused(door, door.slack(body, signature="v0=00"), "/slack/events")


def test_what_was_replayed_within_five_minutes_has_no_second_effect(door: Door) -> None:
    door.slack(DECLARE)
    before = door.rows()
    assert door.slack(DECLARE).status == 200
    assert door.rows() == before
