"""Callbacks that are signed and yet odd: always answered, without effect where they are not about us, never a crash."""

from collections import Counter

import pytest

from tests.handlers.conftest import ALMA, EVE
from tests.handlers.door import Door

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # rows are not what this is about

TEXT = {"MessageSid": "SM1", "From": ALMA, "To": "+12025550199", "Body": "9"}
CALL = {"CallSid": "CA1", "CallStatus": "in-progress"}
KEY = CALL | {"Digits": "9"}
#: What Twilio may call, with what; 4711 is no message of ours
CALLBACKS = {
    "a text": ("/twilio/sms", TEXT, 200),
    "a receipt of a text": ("/twilio/receipts/4711", {"MessageSid": "SM1", "MessageStatus": "delivered"}, 204),
    "a receipt of a call": ("/twilio/receipts/4711", CALL, 204),
    "a call that is picked up": ("/twilio/voice/4711", CALL, 200),
    "a key": ("/twilio/voice/4711", KEY, 200),
    "somebody calls": ("/twilio/call", CALL | {"From": ALMA}, 200),
    "somebody calls and presses": ("/twilio/call", KEY | {"From": ALMA}, 200),
}
each = pytest.mark.parametrize(("path", "form", "status"), CALLBACKS.values(), ids=CALLBACKS)
MORE = {"ApiVersion": "2010-04-01", "OfTomorrow": "", "NumMedia": "0", "Ä": "ö\x01", "Body2": "x" * 1000}


@each
def test_of_our_account_it_is_answered(door: Door, path: str, form: dict[str, str], status: int) -> None:
    assert door.twilio(path, form | {"AccountSid": "AC1"}).status == status


@each
def test_of_another_account_it_has_no_effect(door: Door, path: str, form: dict[str, str], status: int) -> None:
    before = door.rows()
    assert door.twilio(path, form | {"AccountSid": "AC2"}).status == 204
    assert door.rows() - before == Counter(journal=1)
    assert [(line.what, line.about) for line in door.lines()] == [("other_account", path)]


@each
def test_with_fields_that_nobody_knows_it_is_answered(
    door: Door, path: str, form: dict[str, str], status: int
) -> None:
    assert door.twilio(path, form | MORE).status == status


@each
def test_replayed_it_has_no_second_effect(door: Door, path: str, form: dict[str, str], status: int) -> None:
    assert door.twilio(path, form).status == status
    before = door.rows()
    assert door.twilio(path, form).status == status
    again = door.rows() - before
    assert again in (Counter(), Counter(journal=1)), "at most that it came is noted once more"


def test_a_receipt_of_another_text_than_the_one_we_know_is_journaled(door: Door) -> None:
    for sid in ("SM1", "SM2"):
        assert door.twilio("/twilio/receipts/4711", {"MessageSid": sid, "MessageStatus": "sent"}).status == 204
    assert [line.detail["provider"] for line in door.lines("receipt_unknown")] == ["SM1", "SM2"]


@pytest.mark.parametrize("sid", ["", "x" * 3000, "SM1\n", "☃"])
def test_an_odd_id_is_answered(door: Door, sid: str) -> None:
    for path in ("/twilio/receipts/4711", "/twilio/voice/4711", "/twilio/call", "/twilio/sms"):
        form = {"MessageSid": sid, "CallSid": sid, "From": EVE, "MessageStatus": "sent", "Body": "1"}
        assert door.twilio(path, form).status in (200, 204, 400)
