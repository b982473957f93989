"""What each no of a provider means, and each way in which a line fails: nothing is lost, nothing goes out twice."""

import asyncio

import pytest

from bot.channels import BadAddress, Misconfigured, OptedOut, Rejected, Throttled, Unavailable, slack, sms, voice
from bot.channels.slack import Slack
from bot.channels.sms import Sms
from bot.channels.voice import Voice
from tests.channels.provider import BODY, Answer, envelope, nobody_there, refusal, talk, traits

TRAITS = {
    Throttled: {"retry"},
    Unavailable: {"doubt"},
    BadAddress: {"other_channel"},
    OptedOut: {"other_channel"},
    Rejected: {"other_channel"},
    Misconfigured: {"stop"},
}

ACCOUNT = [  # any call to Twilio
    ("account closed", 401, 10001, Misconfigured),
    ("wrong sign-in", 401, 20003, Misconfigured),
    ("account suspended", 403, 20005, Misconfigured),
    ("unknown account", 404, 20404, Misconfigured),
    ("too many requests at once", 429, 20429, Throttled),
    ("trouble at Twilio", 500, 20500, Unavailable),
    ("Twilio unavailable", 503, 20503, Unavailable),
    ("bad number", 400, 21211, BadAddress),
    ("trial account, strange number", 400, 21608, Rejected),
    ("bad address for receipts", 400, 21609, Misconfigured),
]
TEXTS = [
    *ACCOUNT,
    ("foreign sender", 400, 21212, Misconfigured),
    ("country off", 400, 21408, Rejected),
    ("sender sends no texts", 400, 21601, Misconfigured),
    ("empty text", 400, 21602, Rejected),
    ("no sender", 400, 21603, Misconfigured),
    ("sender does not reach this phone", 400, 21606, Rejected),
    ("replied STOP", 400, 21610, OptedOut),
    ("hours of queue", 400, 21611, Rejected),
    ("no way to this phone", 400, 21612, Rejected),
    ("no mobile phone", 400, 21614, BadAddress),
    ("text too long", 400, 21617, Rejected),
    ("landline", 400, 21635, BadAddress),
    ("no sender of the service fits this phone", 400, 21703, Rejected),
    ("service without senders", 400, 21704, Misconfigured),
    ("unknown service", 400, 21705, Misconfigured),
    ("the day's texts are used up", 429, 63038, Rejected),
]
CALLS = [
    *ACCOUNT,
    ("too many calls at once", 429, 10004, Throttled),
    ("country off", 400, 13227, Rejected),
    ("bad address for the words", 400, 21205, Misconfigured),
    ("strange caller", 400, 21210, Misconfigured),
    ("foreign caller", 400, 21212, Misconfigured),
    ("cannot be reached", 400, 21214, BadAddress),
    ("country off, told otherwise", 400, 21215, Rejected),
    ("bad number for a call", 400, 21217, BadAddress),
    ("trial account, strange number for a call", 400, 21219, Rejected),
    ("a day of calls waits", 400, 22005, Rejected),
]
UNHEARD = [
    ("never heard of", 400, 99999, Rejected),
    ("never heard of, in a hurry", 429, 99999, Throttled),
    ("never heard of, at Twilio", 500, 99999, Unavailable),
    ("no code but the status", 400, 400, Unavailable),
    ("a code of nothing", 400, 0, Unavailable),
]


def words(kind, *errors):
    return [(error, kind) for error in errors]


SLACK = [
    *words(Misconfigured, "access_denied", "account_inactive", "app_access_restricted", "ekm_access_denied",
           "invalid_auth", "missing_scope", "no_permission", "not_allowed_token_type", "not_authed",
           "org_login_required", "team_access_not_granted", "token_expired", "token_revoked",
           "two_factor_setup_required"),
    *words(Unavailable, "fatal_error", "internal_error", "request_timeout", "service_unavailable"),
    *words(Throttled, "message_limit_exceeded", "rate_limited", "ratelimited"),
    *words(BadAddress, "cannot_dm_bot", "channel_not_found", "is_archived", "user_disabled", "user_not_found",
           "user_not_visible", "users_not_found"),
    *words(Rejected, "invalid_blocks", "messages_tab_disabled", "msg_blocks_too_long", "msg_too_long",
           "not_in_channel", "restricted_action", "moon_phase_wrong"),
]  # fmt: skip

PAGE = "<html>who are you"
LINES = [  # every provider alike
    ("no code", Answer(400, {"message": "?"}), Unavailable),
    ("a code that is no number", Answer(400, {"message": "?", "code": None}), Unavailable),
    ("400 page", Answer(400, PAGE), Unavailable),
    ("403 page", Answer(403, PAGE), Unavailable),
    ("408 page", Answer(408, PAGE), Unavailable),
    ("429 page", Answer(429, PAGE), Throttled),
    ("500 page", Answer(500, PAGE), Unavailable),
    ("502 page", Answer(502, PAGE), Unavailable),
    ("503 page", Answer(503, PAGE), Unavailable),
    ("redirect", Answer(302, "", {"Location": "/elsewhere"}), Unavailable),
    ("redirect that keeps the message", Answer(307, "", {"Location": "/elsewhere"}), Unavailable),
    ("captive portal", Answer(200, PAGE), Unavailable),
    ("201 that cannot be read", Answer(201, '{"sid": "SM'), Unavailable),
    ("201 that is no text", Answer(201, b'\xff\xfe{"'), Unavailable),
    ("201 without an id", Answer(201, {"status": "queued"}), Unavailable),
    ("201 with a number for an id", Answer(201, {"ok": True, "sid": 7, "channel": "C1"}), Unavailable),
    ("201 with a list", Answer(201, "[]"), Unavailable),
    ("201 with nothing in it", Answer(201, ""), Unavailable),
    ("201 with null in it", Answer(201, "null"), Unavailable),
    ("hang-up", Answer(drops=True), Unavailable),
    ("hang-up within the answer", Answer(201, {"ok": True, "sid": "SM1", "channel": "C1", "ts": "1"}, cuts=True),
     Unavailable),
]  # fmt: skip

ACCOUNT_OF_OURS = {"account_sid": "AC1", "auth_token": "token", "public_url": "https://muster.test"}


def texts(**options):
    return lambda url: Sms(**ACCOUNT_OF_OURS, sender="+15550100", api_url=url, **options)


def calls(**options):
    return lambda url: Voice(**ACCOUNT_OF_OURS, sender="+15550100", api_url=url, **options)


def posts(**options):
    return lambda url: Slack(token="xoxb-test", base_url=f"{url}/api/", **options)


each_channel = pytest.mark.parametrize("opens", [texts, calls, posts])


def send(opens, *answers, **options):
    """What sending brought, once for all: a second request would find no answer."""
    message = envelope(to="C1") if opens is posts else envelope()
    error, heard = talk(list(answers), opens(**options), lambda channel: channel.send(message))
    assert len(heard) == 1, "never sent twice"
    return error


def means(error, kind):
    assert type(error) is kind and error.says
    assert traits(error) == TRAITS[kind]


@pytest.mark.parametrize(("label", "status", "code", "kind"), [*TEXTS, *UNHEARD], ids=lambda value: str(value))
def test_what_a_refused_text_means(label, status, code, kind):
    means(send(texts, refusal(status, code)), kind)


@pytest.mark.parametrize(("label", "status", "code", "kind"), [*CALLS, *UNHEARD], ids=lambda value: str(value))
def test_what_a_refused_call_means(label, status, code, kind):
    means(send(calls, refusal(status, code)), kind)


@pytest.mark.parametrize(("word", "kind"), SLACK)
def test_what_a_refused_slack_message_means(word, kind):
    error = send(posts, Answer(200, {"ok": False, "error": word}))
    means(error, kind)
    assert error.code == word


def test_every_code_that_we_know_is_told_here():
    assert {code for _, _, code, _ in TEXTS} == set(sms.REFUSALS)
    assert {code for _, _, code, _ in CALLS} == set(voice.REFUSALS)
    known = slack.STOPS | slack.DOUBTS | slack.THROTTLES | set(slack.BAD_ADDRESSES) | set(slack.REJECTIONS)
    assert {word for word, _ in SLACK} == known | {"moon_phase_wrong"}


@each_channel
@pytest.mark.parametrize(("label", "answer", "kind"), LINES, ids=[row[0] for row in LINES])
def test_what_a_broken_line_means(opens, label, answer, kind):
    means(send(opens, answer), kind)


@pytest.mark.parametrize("opens", [texts, calls])
def test_a_401_page_is_a_refused_sign_in(opens):
    means(send(opens, Answer(401, PAGE)), Misconfigured)


def test_a_401_page_in_the_name_of_slack_is_doubt():
    means(send(posts, Answer(401, PAGE)), Unavailable)


@pytest.mark.parametrize("opens", [texts, calls])
@pytest.mark.parametrize("code", [20429, 99999])
def test_twilio_says_how_long_to_wait(opens, code):
    error = send(opens, refusal(429, code, **{"Retry-After": "7"}))
    assert (type(error), error.retry_after, error.code) == (Throttled, 7.0, str(code))


@each_channel
def test_a_slow_answer_is_doubt(opens):
    means(send(opens, Answer(201, hangs=0.5), timeout=0.1), Unavailable)


@each_channel
@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:1", "https://127.0.0.1:1", "http://nowhere.invalid"],
    ids=["refused", "refused TLS", "no such host"],
)
def test_nobody_listening_is_no_doubt(opens, url):
    error = asyncio.run(nobody_there(opens(), envelope(to="C1"), url))
    assert type(error) is Unavailable and traits(error) == {"retry"}


@each_channel
def test_a_provider_without_its_certificate_is_no_doubt(opens):
    error, heard = talk([], lambda url: opens()(url.replace("http:", "https:")), lambda one: one.send(envelope()))
    assert type(error) is Unavailable and traits(error) == {"retry"} and heard == []


def test_a_character_that_cannot_be_written_is_replaced():
    answers = [Answer(201, {"sid": "SM1"})]
    sent, heard = talk(answers, texts(), lambda one: one.send(envelope(body=BODY + " \udce9")))
    assert (sent.provider_id, heard[0].form["Body"]) == ("SM1", [BODY + " ?"])
