"""Calls over the wire: the real SDK against a scripted provider."""

import pytest

from bot.channels import SendError, Sent, Unavailable
from bot.channels.voice import REFUSALS, Voice, ask, say_and_hang_up
from bot.simulator.twiml import Gather, Hangup, Say, verbs
from tests.channels.provider import Answer, envelope, refusal, talk

SID = "CA" + "a" * 32
TAKEN = Answer(201, {"sid": SID, "status": "queued", "direction": "outbound-api"})
WORDS = "Epic and email are down. Press 1 if your unit is OK"
KEYS = "https://muster.test/twilio/voice/7?a=1&b=2"


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
