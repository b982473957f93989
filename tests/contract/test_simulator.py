"""The fake Twilio's texts, held against the real SDK over real HTTP."""

from datetime import timedelta

import aiohttp
import pytest
from twilio.base.exceptions import TwilioRestException

from tests.contract.stage import ALMA, BEN, NUMBER, POOL, SERVICE, Stage

# The SDK's own HTTP client passes aiohttp its credentials in a way that aiohttp no longer likes.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The 'auth' parameter is deprecated"),
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated"),
]


@pytest.fixture
def stage():
    with Stage() as stage:
        yield stage


def test_it_takes_a_text_and_answers_as_twilio_does(stage):
    message = stage.text(body="EHR is down")
    assert (message.status, message.direction, message.to) == ("queued", "outbound-api", ALMA)
    assert message.sid.startswith("SM") and len(message.sid) == 34
    assert message.date_created == stage.clock.now()
    assert message.date_sent is None and message.error_code is None and message.price is None


def test_it_delivers_a_text_and_sends_signed_receipts(stage):
    message = stage.text()
    assert stage.sim.busy and stage.receipts() == []
    stage.settle()
    assert stage.receipts() == ["sent", "delivered"]
    assert [text.body for text in stage.sim.phone(ALMA).inbox] == ["EHR is down"]
    form = stage.heard[-1].form
    assert (form["MessageSid"], form["To"], form["From"]) == (message.sid, ALMA, NUMBER)
    assert form["RawDlrDoneDate"] == "2611220410" and "ErrorCode" not in form
    assert stage.run(stage.twilio.messages(message.sid).fetch_async()).status == "delivered"


def test_it_chooses_the_sender_of_a_messaging_service_afterwards(stage):
    message = stage.text(from_=None, messaging_service_sid=SERVICE)
    assert (message.status, message.from_, message.num_segments) == ("accepted", None, "0")
    stage.settle()
    assert stage.receipts() == ["queued", "sent", "delivered"]
    assert stage.heard[-1].form["MessagingServiceSid"] == SERVICE
    assert stage.run(stage.twilio.messages(message.sid).fetch_async()).from_ == POOL


REFUSALS = [
    ("bad number", {"to": "12345"}, 21211),
    ("to itself", {"to": NUMBER}, 21211),
    ("foreign sender", {"from_": "+12025550199"}, 21606),
    ("no sender", {"from_": None}, 21603),
    ("unknown service", {"messaging_service_sid": "MG" + "9" * 32}, 21705),
    ("empty", {"body": ""}, 21602),
    ("too long", {"body": "x" * 1601}, 21617),
    ("too long in emoji", {"body": "😀" * 801}, 21617),
    ("underscore in the callback's host", {"status_callback": "http://my_host/receipts"}, 21609),
]


@pytest.mark.parametrize(("label", "given", "code"), REFUSALS, ids=[row[0] for row in REFUSALS])
def test_it_refuses(stage, label, given, code):
    with pytest.raises(TwilioRestException) as refused:
        stage.text(**given)
    assert (refused.value.status, refused.value.code) == (400, code)
    assert not stage.sim.busy and list(stage.sim.twilio.messages) == []


def test_it_refuses_a_wrong_token(stage):
    stage.twilio.password = "wrong"
    stage.twilio.auth = ("AC1", "wrong")
    with pytest.raises(TwilioRestException) as refused:
        stage.text()
    assert (refused.value.status, refused.value.code) == (401, 20003)


def test_it_lists_by_recipient_newest_first_over_pages(stage):
    for number in range(5):
        stage.text(body=f"to Alma {number}")
        stage.text(to=BEN)
        stage.clock.forward(seconds=1)
    listed = stage.run(stage.twilio.messages.list_async(to=ALMA, page_size=2))
    assert [message.body for message in listed] == [f"to Alma {number}" for number in (4, 3, 2, 1, 0)]
    assert stage.run(stage.twilio.messages.list_async(to=ALMA, page_size=2, limit=3))[-1].body == "to Alma 2"
    assert stage.run(stage.twilio.messages.list_async(from_="+12025550199")) == []


def test_a_text_that_waits_hides_from_a_list_by_date(stage):
    stage.text()
    since = stage.clock.now() - timedelta(hours=1)
    assert stage.run(stage.twilio.messages.list_async(date_sent_after=since)) == []
    stage.settle()
    assert len(stage.run(stage.twilio.messages.list_async(date_sent_after=since))) == 1
    assert stage.run(stage.twilio.messages.list_async(date_sent_before=since)) == []


def test_it_redacts_a_text_and_cancels_none(stage):
    message = stage.text()
    assert stage.run(stage.twilio.messages(message.sid).update_async(body="")).body == ""
    with pytest.raises(TwilioRestException) as refused:
        stage.run(stage.twilio.messages(message.sid).update_async(status="canceled"))
    assert refused.value.code == 30409


def test_an_unknown_message_is_not_found(stage):
    with pytest.raises(TwilioRestException) as refused:
        stage.run(stage.twilio.messages("SM" + "0" * 32).fetch_async())
    assert (refused.value.status, refused.value.code) == (404, 20404)


SEGMENTS = [
    ("a", 160, 1), ("a", 161, 2), ("a", 306, 2), ("a", 307, 3), ("é", 160, 1), ("€", 80, 1), ("€", 81, 2), ("í", 70, 1),
    ("í", 71, 2), ("😀", 35, 1), ("😀", 36, 2),
]  # fmt: skip


@pytest.mark.parametrize(("letter", "times", "segments"), SEGMENTS)
def test_it_counts_segments(stage, letter, times, segments):
    assert stage.text(body=letter * times).num_segments == str(segments)


def test_a_sender_sends_so_many_segments_a_second(stage):
    stage.sim.twilio.messages.segments_per_second = 2.0
    for body in ("one", "two", "x" * 161, "last"):
        stage.text(body=body)
    stage.settle()
    assert len(stage.sim.phone(ALMA).inbox) == 1
    stage.forward(seconds=1)
    assert len(stage.sim.phone(ALMA).inbox) == 3
    assert stage.sim.next_due() == stage.clock.now() + timedelta(seconds=1)
    stage.forward(seconds=1)
    assert [text.body for text in stage.sim.phone(ALMA).inbox][-1] == "last"


def test_a_text_that_waited_beyond_its_validity_fails(stage):
    stage.sim.twilio.messages.segments_per_second = 0.01
    stage.text()
    stage.text(body="stale", validity_period=60)
    stage.settle()
    stage.forward(seconds=61)
    assert stage.receipts() == ["sent", "delivered", "failed"]
    assert stage.heard[-1].form["ErrorCode"] == "30036"


def test_a_full_queue_refuses_a_number_and_fails_a_service(stage):
    stage.sim.twilio.messages.segments_per_second = 0.00001
    stage.text()
    with pytest.raises(TwilioRestException) as refused:
        stage.text()
    assert refused.value.code == 21611
    stage.text(from_=None, messaging_service_sid=SERVICE)
    stage.text(from_=None, messaging_service_sid=SERVICE)
    stage.settle()
    assert [heard.form["ErrorCode"] for heard in stage.heard if "ErrorCode" in heard.form] == ["30001"]


# ---- texts that come in


def test_a_text_from_a_person_is_a_signed_webhook_with_blank_fields(stage):
    answer = stage.run(stage.sim.phone(ALMA).text("1"))
    form = stage.heard[0].form
    assert answer.status == 204 and stage.heard[0].path == "/twilio/sms"
    assert (form["From"], form["To"], form["Body"], form["ToCity"], form["NumMedia"]) == (ALMA, NUMBER, "1", "", "0")
    assert form["MessageSid"] == form["SmsMessageSid"]
    assert "I-Twilio-Idempotency-Token" in stage.heard[0].headers


def test_a_reply_in_the_answer_arrives_as_a_text(stage):
    stage.answers["/twilio/sms"] = lambda heard: "<Response><Message>A human is called &amp; comes</Message></Response>"
    stage.run(stage.sim.phone(ALMA).text("9"))
    assert [text.body for text in stage.sim.phone(ALMA).inbox] == ["A human is called & comes"]
    assert next(iter(stage.sim.twilio.messages)).direction == "outbound-reply"


def test_a_plain_answer_is_texted_to_the_person_as_twilio_would(stage):
    stage.answers["/twilio/sms"] = lambda heard: aiohttp.web.Response(text="OK")
    stage.run(stage.sim.phone(ALMA).text("9"))
    assert [text.body for text in stage.sim.phone(ALMA).inbox] == ["OK"]


def test_stop_opts_out_until_start_and_still_reaches_the_app(stage):
    alma = stage.sim.phone(ALMA)
    stage.run(alma.text("Stop "))
    assert stage.heard[0].form["Body"] == "Stop " and alma.inbox == [] and alma.thread[-1].network
    with pytest.raises(TwilioRestException) as refused:
        stage.text()
    assert refused.value.code == 21610
    stage.text(from_=None, messaging_service_sid=SERVICE)  # another sender, which she did not stop
    stage.run(alma.text("start"))
    assert stage.text().status == "queued"


def test_stop_in_a_sentence_is_no_opt_out(stage):
    stage.run(stage.sim.phone(ALMA).text("stop please"))
    assert stage.text().status == "queued"


def test_stop_to_one_number_stops_its_whole_service(stage):
    stage.run(stage.sim.phone(ALMA).text("END", to=POOL))
    assert stage.heard[0].form["MessagingServiceSid"] == SERVICE
    with pytest.raises(TwilioRestException) as refused:
        stage.text(from_=None, messaging_service_sid=SERVICE)
    assert refused.value.code == 21610


def test_the_app_gone_is_a_complaint_and_nothing_else(stage):
    stage.sim.app_url = "http://127.0.0.1:9"
    assert stage.run(stage.sim.phone(ALMA).text("1")) is None
    assert [complaint.code for complaint in stage.sim.complaints] == [11205]


def test_a_webhook_is_tried_again_only_as_its_overrides_say(stage):
    stage.answers["/receipts/7"] = lambda heard: aiohttp.web.Response(status=500)
    stage.text(status_callback=f"{stage.app_url}/receipts/7#rc=2&rp=5xx")
    stage.settle()
    assert stage.receipts() == ["sent"] * 3 + ["delivered"] * 3
    assert [complaint.code for complaint in stage.sim.complaints] == [11200, 11200]
