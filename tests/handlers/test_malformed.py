"""What is signed and yet makes no sense gets 400 and a sentence, never a 500; what is too large gets 413."""

import json
from urllib.parse import urlencode

import pytest

from tests.handlers.conftest import ALMA
from tests.handlers.door import FORM, Answer, Door

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # rows are not what this is about

JSON = "application/json"
TOO_LARGE = 256 * 1024 + 1


def refused(answer: Answer, status: int = 400) -> None:
    assert answer.status == status, answer.body
    said = json.loads(answer.body)["detail"] if answer.kind.startswith(JSON) else answer.body
    assert said.endswith("Nothing was done."), said


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/twilio/sms", {}),
        ("/twilio/sms", {"MessageSid": "", "From": "", "Body": ""}),
        ("/twilio/sms", {"From": ALMA, "Body": "1"}),
        ("/twilio/sms", {"MessageSid": "SM1", "Body": "1"}),
        ("/twilio/sms", {"MessageSid": "", "From": ALMA, "Body": "1"}),
        ("/twilio/voice/7", {}),
        ("/twilio/voice/7", {"From": ALMA}),
        ("/twilio/call", {"CallSid": "CA1"}),
        ("/twilio/call", {"From": ALMA}),
        ("/twilio/receipts/7", {}),
    ],
)
def test_a_form_of_twilios_that_lacks_what_it_needs(door: Door, path: str, form: dict[str, str]) -> None:
    refused(door.twilio(path, form))
    assert door.lines() == []


@pytest.mark.parametrize("path", ["/twilio/receipts/4294967296", "/twilio/voice/99999999999999999999"])
def test_a_message_number_that_no_message_can_have(door: Door, path: str) -> None:
    refused(door.twilio(path, {"MessageSid": "SM1", "MessageStatus": "sent", "CallSid": "CA1"}))


@pytest.mark.parametrize("path", ["/twilio/receipts/seven", "/twilio/receipts/-1", "/twilio/receipts/", "/nowhere"])
def test_an_address_that_is_none(door: Door, path: str) -> None:
    assert door.twilio(path, {"MessageSid": "SM1"}).status == 404


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (FORM, b"payload=%7Bnot+json"),
        (FORM, b"payload="),
        (FORM, b"payload=%5B%5D"),
        (FORM, b"payload=17"),
        (FORM, b"payload=null"),
        (FORM, urlencode({"payload": '{"type": "block_actions"}'}).encode()),
        (FORM, urlencode({"payload": '{"type": "block_actions", "user": {"id": "U0EVE"}, "actions": []}'}).encode()),
        (FORM, urlencode({"payload": '{"type": "view_submission", "user": {"id": "U0EVE"}}'}).encode()),
        (FORM, b"command=%2Foutage&text=declare"),
        (FORM, b"text=declare&user_id=U0EVE"),
        (FORM, b"nonsense"),
        (FORM, b"&" * 5000),
        (FORM, b""),
        (FORM, b"\xff\xfe"),
        (JSON, b"{"),
        (JSON, b"{}"),
        (JSON, b'{"type": ['),
        ("text/plain", b"hello"),
    ],
)
def test_a_body_of_slacks_that_cannot_be_read(door: Door, kind: str, body: bytes) -> None:
    answer = door.slack(body, kind)
    refused(answer, 403 if body.startswith(b"\xff") else 400)
    assert [line.what for line in door.lines()] == ["unsigned_request"] * (answer.status == 403)


def test_deeply_nested_json_is_no_reason_to_fall_over(door: Door) -> None:
    refused(door.slack(b'{"a":' * 50_000, JSON))


def test_an_event_that_nobody_listens_to_is_answered(door: Door) -> None:
    body = json.dumps({"type": "event_callback", "event": {"type": "reaction_added"}, "event_id": "Ev1"}).encode()
    assert door.slack(body, JSON).status == 404


def test_slack_may_ask_whether_the_address_is_ours(door: Door) -> None:
    answer = door.slack(json.dumps({"type": "url_verification", "challenge": "abc"}).encode(), JSON)
    assert (answer.status, json.loads(answer.body)) == (200, {"challenge": "abc"})


@pytest.mark.parametrize("path", ["/twilio/sms", "/twilio/receipts/7", "/slack/events", "/healthz"])
def test_a_body_that_says_it_is_too_large(door: Door, path: str) -> None:
    answer = door.post(path, b"x" * TOO_LARGE, {"Content-Type": FORM})
    refused(answer, 413)
    assert door.lines() == []


@pytest.mark.parametrize("path", ["/twilio/sms", "/slack/events"])
def test_a_body_that_is_too_large_and_does_not_say_so(door: Door, path: str) -> None:
    refused(door.post(path, [b"x" * 64 * 1024] * 5, {"Content-Type": FORM}), 413)
    assert door.lines() == []


def test_the_largest_body_that_is_taken(door: Door) -> None:
    form = {"MessageSid": "SM1", "From": ALMA, "Body": "x" * 250_000}
    assert door.twilio("/twilio/sms", form).status == 200
