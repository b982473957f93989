"""Calls over the wire: the real SDK against a scripted provider."""

import asyncio

import pytest

from bot.channels import BadAddress, Misconfigured, Receipt, Rejected, SendError, Sent, Throttled, Unavailable
from bot.channels.voice import REFUSALS, Voice, ask, receipt, say_and_hang_up
from bot.simulator.twiml import Gather, Hangup, Say, verbs
from tests.channels.provider import Answer, envelope, nobody_there, talk

SID = "CA" + "a" * 32
TAKEN = Answer(201, {"sid": SID, "status": "queued", "direction": "outbound-api"})
WORDS = "Epic and email are down. Press 1 if your unit is OK"
KEYS = "https://muster.test/twilio/voice/7?a=1&b=2"


def refusal(status, code):
    return Answer(status, {"code": code, "message": "no", "more_info": "", "status": status})


def opens(**options):
    account = {"account_sid": "AC1", "auth_token": "token", "public_url": "https://muster.test", "sender": "+15550101"}
    return lambda url: Voice(**account | options, api_url=url)


def send(answer, **options):
    """What calling brought, and what the provider heard."""
    return talk([answer], opens(**options), lambda voice: voice.send(envelope(channel="voice")))


def test_it_places_a_call():
    sent, heard = send(TAKEN)
    assert sent == Sent(provider_id=SID)
    assert [(heard[0].method, heard[0].path)] == [("POST", "/2010-04-01/Accounts/AC1/Calls.json")]
    assert heard[0].form == {
        "To": ["+12125550142"],
        "From": ["+15550101"],
        "Url": ["https://muster.test/twilio/voice/7"],
        "StatusCallback": ["https://muster.test/twilio/receipts/7"],
        "StatusCallbackEvent": ["initiated", "ringing", "answered", "completed"],
        "Timeout": ["25"],
    }


@pytest.mark.parametrize(
    ("label", "answer", "kind"),
    [
        ("bad token", refusal(401, 20003), Misconfigured),
        ("bad caller id", refusal(400, 21210), Misconfigured),
        ("too many at once", refusal(429, 20429), Throttled),
        ("bad number", refusal(400, 21211), BadAddress),
        ("cannot be reached", refusal(400, 21214), BadAddress),
        ("country off", refusal(400, 21215), Rejected),
        ("a day of calls waits", refusal(400, 22005), Rejected),
        ("never heard of", refusal(400, 99999), Rejected),
        ("server error", refusal(500, 20500), Unavailable),
        ("unreadable 201", Answer(201, "<html>"), Unavailable),
        ("201 without an id", Answer(201, {}), Unavailable),
        ("line cut", Answer(drops=True), Unavailable),
    ],
)
def test_what_an_answer_means(label, answer, kind):
    error, heard = send(answer)
    assert type(error) is kind and error.doubt is (kind is Unavailable) and len(heard) == 1


def test_a_slow_answer_is_doubt():
    error, heard = send(Answer(201, hangs=0.5), timeout=0.1)
    assert type(error) is Unavailable and error.doubt and len(heard) == 1


def test_nobody_listening_is_no_doubt():
    error = asyncio.run(nobody_there(opens(), envelope(channel="voice")))
    assert isinstance(error, Unavailable) and not error.doubt and error.retry


def test_every_refusal_is_a_line_for_a_person():
    for kind, says in REFUSALS.values():
        assert issubclass(kind, SendError) and 10 < len(says) < 100 and says[0].isupper()


def listed(sid, created="Sun, 22 Nov 2026 04:10:09 +0000", **facts):
    return {"sid": sid, "date_created": created, "direction": "outbound-api", "status": "ringing"} | facts


def look_for(answer):
    return talk([answer], opens(), lambda voice: voice.look_for(envelope(channel="voice")))


def test_it_finds_the_calls_that_could_be_ours_oldest_first():
    rows = [
        listed("CA5", direction="inbound"),
        listed("CA4", "Sun, 22 Nov 2026 04:10:30 +0000", status="completed"),
        listed("CA3"),
        listed("CA2"),
        listed("CA1", "Sun, 22 Nov 2026 04:09:09 +0000"),
    ]
    sent, heard = look_for(Answer(200, {"calls": rows, "page": 0, "next_page_uri": None}))
    assert [(one.provider_id, one.delivered) for one in sent] == [("CA2", False), ("CA3", False), ("CA4", True)]
    assert (heard[0].path, heard[0].query["To"]) == ("/2010-04-01/Accounts/AC1/Calls.json", "+12125550142")


def test_what_cannot_be_asked_is_unavailable():
    assert type(look_for(refusal(503, 20503))[0]) is Unavailable


@pytest.mark.parametrize(
    ("status", "state", "rank"),
    [
        ("queued", "sent", 0),
        ("initiated", "sent", 1),
        ("ringing", "sent", 2),
        ("in-progress", "delivered", 4),
        ("completed", "delivered", 5),
    ],
)
def test_what_a_status_means(status, state, rank):
    assert receipt({"CallSid": "CA1", "CallStatus": status}) == Receipt(provider_id="CA1", state=state, rank=rank)


@pytest.mark.parametrize(
    ("status", "reason", "try_other"),
    [
        ("busy", "the line was busy", False),
        ("no-answer", "nobody picked up", False),
        ("failed", "the call could not be put through", True),
        ("canceled", "the call was taken back", False),
    ],
)
def test_why_a_call_reached_nobody(status, reason, try_other):
    got = receipt({"CallSid": "CA1", "CallStatus": status, "SipResponseCode": "486"})
    wanted = Receipt(provider_id="CA1", state="failed", rank=3, code="486", reason=reason, try_other=try_other)
    assert got == wanted


@pytest.mark.parametrize("form", [{}, {"CallSid": "CA1", "CallStatus": "levitating"}, {"CallStatus": "busy"}])
def test_what_it_does_not_know_it_ignores(form):
    assert receipt(form) is None


def test_it_asks_for_a_key_says_it_again_and_gives_up():
    question = Gather(action=KEYS, timeout=8.0, num_digits=1, says=(WORDS,))
    assert verbs(ask(WORDS, KEYS, "en")) == [question, question, Hangup()]
    assert verbs(ask(WORDS, KEYS, "en", times=1)) == [question, Hangup()]


def test_silence_is_never_sent_to_us_for_an_answer():
    assert "actionOnEmptyResult" not in ask(WORDS, KEYS, "en"), "a voicemail would be asked for ever"


def test_it_says_a_thing_and_hangs_up():
    assert verbs(say_and_hang_up("5W <says> & more\x0b\x00", "en")) == [Say("5W <says> & more"), Hangup()]


@pytest.mark.parametrize(("language", "voice"), [("en", "en-US"), ("es", "es-US"), ("es-MX", "es-MX"), ("xx", "en-US")])
def test_it_speaks_the_language(language, voice):
    assert f'language="{voice}"' in ask(WORDS, KEYS, language)
    assert f'language="{voice}"' in say_and_hang_up(WORDS, language)
