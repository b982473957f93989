"""Texts over the wire: the real SDK against a scripted provider."""

from base64 import b64encode
from datetime import timedelta

import pytest

from bot.channels import OptedOut, SendError, Sent, Unavailable
from bot.channels.sms import REFUSALS, Sms, reply_twiml
from bot.simulator.twiml import Message, verbs
from tests.channels.provider import BODY, CLAIMED, Answer, envelope, refusal, talk

SID = "SM" + "a" * 32
TAKEN = Answer(201, {"sid": SID, "status": "queued", "body": BODY, "to": "+12125550142", "num_segments": "1"})


def opens(**options):
    account = {"account_sid": "AC1", "auth_token": "token", "public_url": "https://muster.test/", "sender": "+15550100"}
    return lambda url: Sms(**account | options, api_url=url)


def send(answer, message=None, **options):
    """What sending brought, and what the provider heard."""
    return talk([answer], opens(**options), lambda sms: sms.send(message or envelope()))


def test_it_hands_a_text_over():
    sent, heard = send(TAKEN)
    assert sent == Sent(provider_id=SID)
    assert [(heard[0].method, heard[0].path)] == [("POST", "/2010-04-01/Accounts/AC1/Messages.json")]
    assert heard[0].form == {
        "To": ["+12125550142"],
        "Body": [BODY],
        "From": ["+15550100"],
        "StatusCallback": ["https://muster.test/twilio/receipts/7"],
    }
    assert heard[0].headers["Authorization"] == "Basic " + b64encode(b"AC1:token").decode()


def test_a_messaging_service_chooses_the_sender():
    _, heard = send(TAKEN, sender="", messaging_service_sid="MG1")
    assert heard[0].form["MessagingServiceSid"] == ["MG1"] and "From" not in heard[0].form


@pytest.mark.parametrize(
    ("worth", "period"),
    [
        (timedelta(minutes=10), "600"),
        (timedelta(seconds=1), "5"),
        (timedelta(minutes=-1), "5"),
        (timedelta(days=2), "36000"),
    ],
)
def test_it_says_how_long_a_text_is_worth_sending(worth, period):
    _, heard = send(TAKEN, envelope(not_after=CLAIMED + worth))
    assert heard[0].form["ValidityPeriod"] == [period]


def test_a_problem_in_the_newer_form_is_read_too():
    problem = {"type": "https://x", "title": "Opted out", "status": 400, "code": 21610, "detail": "no"}
    error, _ = send(Answer(400, problem))
    assert (type(error), error.code) == (OptedOut, "21610")


def test_an_unknown_code_is_told():
    error, _ = send(refusal(400, 99999))
    assert (error.code, error.says) == ("99999", "Twilio refused this message")


@pytest.mark.parametrize(("header", "seconds"), [("3", 3.0), ("1.5", 1.5), ("", 0.0), ("soon", 0.0), ("86400", 300.0)])
def test_it_says_how_long_to_wait(header, seconds):
    error, _ = send(Answer(429, {"code": 20429}, {"Retry-After": header}))
    assert error.retry_after == seconds


def test_an_edge_in_the_environment_does_not_bend_the_address(monkeypatch):
    monkeypatch.setenv("TWILIO_EDGE", "sydney")
    monkeypatch.setenv("TWILIO_REGION", "au1")
    assert send(TAKEN)[0] == Sent(provider_id=SID)


def test_every_refusal_is_a_line_for_a_person():
    for kind, says in REFUSALS.values():
        assert issubclass(kind, SendError) and 10 < len(says) < 100 and says[0].isupper()


def listed(sid, created="Sun, 22 Nov 2026 04:10:09 +0000", body=BODY, **facts):
    return {"sid": sid, "body": body, "date_created": created, "direction": "outbound-api", "status": "sent"} | facts


def page(*rows, **more):
    return Answer(200, {"messages": list(rows), "page": 0, "page_size": 50, "next_page_uri": None} | more)


def look_for(*answers, message=None):
    return talk(list(answers), opens(), lambda sms: sms.look_for(message or envelope()))


@pytest.mark.parametrize(
    ("label", "row", "found"),
    [
        ("the same text", listed("SM1"), True),
        ("a second before the claim", listed("SM1", "Sun, 22 Nov 2026 04:10:08 +0000"), True),
        ("59 s before the claim", listed("SM1", "Sun, 22 Nov 2026 04:09:10 +0000"), True),
        ("an earlier one", listed("SM1", "Sun, 22 Nov 2026 04:09:09 +0000"), False),
        ("no date", listed("SM1", None), False),
        ("another text", listed("SM1", body="MERCY: all clear"), False),
        ("no text", listed("SM1", body=None), False),
        ("trial account", listed("SM1", body="Sent from your Twilio trial account - " + BODY), True),
        ("spaces changed", listed("SM1", body=BODY.replace(" ", "\u00a0 ") + "\n"), True),
        ("a reply of theirs", listed("SM1", direction="inbound"), False),
        ("a reply of ours by TwiML", listed("SM1", direction="outbound-reply"), False),
    ],
)  # fmt: skip
def test_which_text_could_be_ours(label, row, found):
    sent, heard = look_for(page(row))
    assert [one.provider_id for one in sent] == (["SM1"] if found else [])
    assert heard[0].query["To"] == "+12125550142" and "DateSent>" not in heard[0].query


def test_smart_encoding_does_not_hide_a_text():
    sent, _ = look_for(page(listed("SM1", body='Say "OK" - now...')), message=envelope(body="Say “OK” – now…"))
    assert [one.provider_id for one in sent] == ["SM1"]


def test_candidates_come_oldest_first_over_all_pages():
    late, early = "Sun, 22 Nov 2026 04:10:20 +0000", "Sun, 22 Nov 2026 04:10:10 +0000"
    first = page(
        listed("SM4", late, status="delivered"),
        listed("SM3", early),
        next_page_uri="/2010-04-01/more?To=%2B1&PageToken=x",
    )
    sent, heard = look_for(first, page(listed("SM2", early), listed("SM1", early)))
    assert [(one.provider_id, one.delivered) for one in sent] == [
        ("SM1", False),
        ("SM2", False),
        ("SM3", False),
        ("SM4", True),
    ]
    assert heard[1].query == {"To": "+1", "PageToken": "x"}


@pytest.mark.parametrize(
    "answer", [refusal(500, 20500), refusal(401, 20003), refusal(429, 20429), Answer(200, "<html>"), Answer(200, "{}")]
)
def test_what_cannot_be_asked_is_unavailable(answer):
    error, _ = look_for(answer)
    assert type(error) is Unavailable


def test_a_text_is_answered_by_one_or_by_nothing():
    assert verbs(reply_twiml("MERCY: <9> & more")) == [Message("MERCY: <9> & more")]
    assert verbs(reply_twiml(None)) == [] == verbs(reply_twiml(""))
