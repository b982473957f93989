"""What became of what was taken: as a provider reports it, in any order, and as it says when it is asked."""

import asyncio
from datetime import timedelta
from itertools import permutations

import pytest

from bot.channels import Misconfigured, Receipt, Throttled, Unavailable, Wants, sms, voice
from bot.channels.slack import Slack
from bot.channels.sms import DELIVERY, Sms
from bot.channels.twilio import FETCHED, LISTED, PAGE
from bot.channels.voice import Voice
from bot.clock import MovedClock
from bot.outbox import RANK, State
from bot.simulator import NUMBER, TWILIO_SID, TWILIO_TOKEN, Fault, Simulator
from tests.channels.provider import CLAIMED, Answer, envelope, handed, refusal, talk, traits

TEXT_STATUSES = {
    "accepted": ("sent", 0), "scheduled": ("sent", 0), "queued": ("sent", 1), "sending": ("sent", 2),
    "sent": ("sent", 3), "partially_delivered": ("sent", 3),
    "undelivered": ("failed", 4), "failed": ("failed", 4), "canceled": ("failed", 4),
    "delivered": ("delivered", 5), "read": ("delivered", 6),
}  # fmt: skip
CALL_STATUSES = {
    "queued": ("sent", 0), "initiated": ("sent", 1), "ringing": ("sent", 2),
    "busy": ("failed", 3), "no-answer": ("failed", 3), "failed": ("failed", 3), "canceled": ("failed", 3),
    "in-progress": ("delivered", 4), "completed": ("delivered", 5),
}  # fmt: skip
UNDELIVERED = [  # code, what is to follow
    ("21610", Wants.NEVER),
    ("21703", Wants.OTHER),
    ("21704", Wants.OTHER),
    ("21705", Wants.OTHER),
    ("30001", Wants.OTHER),
    ("30002", Wants.OTHER),
    ("30003", Wants.OTHER),
    ("30004", Wants.OTHER),
    ("30005", Wants.NEVER),
    ("30006", Wants.NEVER),
    ("30007", Wants.OTHER),
    ("30008", Wants.OTHER),
    ("30022", Wants.OTHER),
    ("30023", Wants.OTHER),
    ("30024", Wants.OTHER),
    ("30027", Wants.OTHER),
    ("30032", Wants.OTHER),
    ("30033", Wants.OTHER),
    ("30034", Wants.OTHER),
    ("30035", Wants.OTHER),
    ("30036", Wants.NOTHING),
    ("30410", Wants.OTHER),
    ("30450", Wants.OTHER),
    ("30610", Wants.OTHER),
    ("30640", Wants.OTHER),
]


def text(status, **more):
    return sms.receipt({"MessageSid": "SM1", "MessageStatus": status} | more)


def call(status, **more):
    return voice.receipt({"CallSid": "CA1", "CallStatus": status} | more)


@pytest.mark.parametrize(("status", "meaning"), TEXT_STATUSES.items())
def test_what_a_status_of_a_text_means(status, meaning):
    got = text(status, RawDlrDoneDate="2607171206", FieldOfTomorrow="?")
    assert got and (got.provider_id, got.state, got.rank) == ("SM1", *meaning)


@pytest.mark.parametrize(("status", "meaning"), CALL_STATUSES.items())
def test_what_a_status_of_a_call_means(status, meaning):
    got = call(status, SequenceNumber="3", FieldOfTomorrow="?")
    assert got and (got.provider_id, got.state, got.rank) == ("CA1", *meaning)


def test_every_status_that_we_know_is_told_here():
    assert sms.STATUSES == TEXT_STATUSES and voice.STATUSES == CALL_STATUSES


@pytest.mark.parametrize("statuses", [TEXT_STATUSES, CALL_STATUSES], ids=["texts", "calls"])
def test_whoever_goes_by_the_state_alone_never_goes_back(statuses):
    for (state, rank), (other, higher) in permutations(statuses.values(), 2):
        assert rank >= higher or RANK[State(state)] <= RANK[State(other)]


@pytest.mark.parametrize(("code", "wants"), UNDELIVERED)
@pytest.mark.parametrize("status", ["undelivered", "failed"])
def test_why_a_text_did_not_arrive(status, code, wants):
    got = text(status, ErrorCode=code)
    assert got and (got.state, got.code, got.wants) == ("failed", code, wants)
    assert got.opted_out is (code == "21610") and got.try_other is (wants is not Wants.NOTHING)
    assert 10 < len(got.reason) < 60


def test_every_delivery_error_that_we_know_is_told_here():
    assert [code for code, _ in UNDELIVERED] == list(DELIVERY)


@pytest.mark.parametrize("code", ["99999", "0", ""])
def test_an_error_that_nobody_knows_wants_another_channel(code):
    got = text("undelivered", ErrorCode=code)
    wanted = Receipt(
        provider_id="SM1", state="failed", rank=4, code=code, reason="the carrier did not deliver it", wants=Wants.OTHER
    )
    assert got == wanted


def test_a_text_that_was_taken_back_is_sent_no_other_way():
    got = text("canceled")
    assert got and (got.wants, got.reason) == (Wants.NOTHING, "the text was taken back")


@pytest.mark.parametrize(
    ("status", "reason", "wants"),
    [
        ("busy", "the line was busy", Wants.NOTHING),
        ("no-answer", "nobody picked up", Wants.NOTHING),
        ("failed", "the call could not be put through", Wants.OTHER),
        ("canceled", "the call was taken back", Wants.NOTHING),
    ],
)
def test_why_a_call_reached_nobody(status, reason, wants):
    wanted = Receipt(provider_id="CA1", state="failed", rank=3, code="486", reason=reason, wants=wants)
    assert call(status, SipResponseCode="486") == wanted


@pytest.mark.parametrize(
    "form",
    [{}, {"MessageSid": "SM1"}, {"MessageStatus": "sent"}, {"MessageSid": "SM1", "MessageStatus": "teleported"},
     {"MessageSid": "SM1", "SmsStatus": "received"}, {"CallSid": "CA1", "CallStatus": "levitating"},
     {"CallStatus": "busy"}],
)  # fmt: skip
def test_what_it_does_not_know_it_ignores(form):
    assert sms.receipt(form) is None and voice.receipt(form) is None


@pytest.mark.parametrize(("account", "heeded"), [("AC1", True), (None, True), ("AC2", False), ("", False)])
def test_another_account_reports_nothing_to_us(account, heeded):
    theirs = {"AccountSid": account} if account is not None else {}
    taken = {"MessageSid": "SM1", "MessageStatus": "sent"} | theirs
    rung = {"CallSid": "CA1", "CallStatus": "ringing"} | theirs
    assert bool(sms.receipt(taken, "AC1")) is bool(voice.receipt(rung, "AC1")) is heeded
    assert sms.receipt(taken) and voice.receipt(rung)


# Asked by us


def texts(url):
    return Sms(account_sid="AC1", auth_token="token", public_url="https://muster.test", sender="+15550100", api_url=url)


def calls(url):
    return Voice(
        account_sid="AC1", auth_token="token", public_url="https://muster.test", sender="+15550100", api_url=url
    )


def posts(url):
    return Slack(token="xoxb-test", base_url=f"{url}/api/")


def shown(sid, status="delivered", error_code=None):
    return {"sid": sid, "status": status, "error_code": error_code}


def page(kind, *rows, more=None):
    return Answer(200, {kind: list(rows), "page": 0, "page_size": PAGE, "next_page_uri": more})


def ask(opens, wanted, *answers):
    return talk(list(answers), opens, lambda channel: channel.receipts(wanted))


MANY = [f"SM{number}" for number in range(FETCHED + 2)]


def test_a_few_texts_are_asked_about_one_by_one():
    got, heard = ask(texts, handed("SM1", "SM2"), Answer(200, shown("SM1")), Answer(200, shown("SM2", "sent")))
    assert {id: (one.provider_id, one.state, one.rank) for id, one in got.items()} == {
        1: ("SM1", "delivered", 5),
        2: ("SM2", "sent", 3),
    }
    paths = {f"/2010-04-01/Accounts/AC1/Messages/SM{number}.json" for number in (1, 2)}
    assert {(request.method, request.path) for request in heard} == {("GET", path) for path in paths}


def test_many_texts_are_asked_about_at_once():
    got, heard = ask(texts, handed(*MANY), page("messages", *(shown(sid) for sid in reversed(MANY))))
    assert sorted(got) == list(range(1, len(MANY) + 1)) and {one.state for one in got.values()} == {"delivered"}
    assert heard[0].path == "/2010-04-01/Accounts/AC1/Messages.json"
    assert heard[0].query == {
        "DateSent>": "2026-11-22T04:09:09Z",
        "DateSent<": "2026-11-22T04:20:09Z",
        "PageSize": "1000",
    }


def test_many_calls_are_asked_about_at_once():
    rows = [shown(sid, "no-answer") for sid in MANY]
    got, heard = ask(calls, handed(*MANY), page("calls", *rows))
    assert {(one.state, one.code, one.wants) for one in got.values()} == {("failed", "no-answer", Wants.NOTHING)}
    assert heard[0].path == "/2010-04-01/Accounts/AC1/Calls.json"
    assert {"StartTime>", "StartTime<", "PageSize"} == set(heard[0].query)


def test_how_long_ago_is_asked_for_goes_by_the_first_and_the_last():
    early, late = handed(*MANY[:20]), handed(*MANY[20:], at=CLAIMED + timedelta(minutes=30))
    _, heard = ask(texts, [*early, *late], page("messages", *(shown(sid) for sid in MANY)))
    query = heard[0].query
    assert (query["DateSent>"], query["DateSent<"]) == ("2026-11-22T04:09:09Z", "2026-11-22T04:50:09Z")


def test_the_list_is_read_only_until_all_are_found():
    first = page("messages", *(shown(sid) for sid in MANY[:20]), more="/2010-04-01/more?PageToken=x")
    second = page("messages", *(shown(sid) for sid in MANY[20:]), more="/2010-04-01/more?PageToken=y")
    got, heard = ask(texts, handed(*MANY), first, second)
    assert len(got) == len(MANY) and [request.query.get("PageToken") for request in heard] == [None, "x"]


def test_the_list_ends_somewhere():
    pages = [page("messages", *([shown("SM")] * PAGE), more="/2010-04-01/more?PageToken=x")] * (LISTED // PAGE)
    missing = [Answer(404, {"code": 20404, "status": 404})] * FETCHED
    got, heard = ask(texts, handed(*MANY), *pages, *missing)
    assert got == {} and len(heard) == LISTED // PAGE + FETCHED


def test_what_the_list_hides_is_asked_about_one_by_one_the_first_of_it():
    waiting = MANY[2:]
    listed = page("messages", *(shown(sid) for sid in MANY[:2]))
    more = handed(*MANY, *(f"SM{number}" for number in range(100, 140)))
    got, heard = ask(texts, more, listed, *(Answer(200, shown(sid, "queued")) for sid in waiting))
    assert len(heard) == 1 + FETCHED and len(got) == 2 + FETCHED
    assert {one.state for one in got.values()} == {"delivered", "sent"}


def test_a_failure_that_was_asked_for_says_the_same_as_one_that_was_told():
    got, _ = ask(texts, handed("SM1"), Answer(200, shown("SM1", "undelivered", 30005)))
    assert got == {1: text("undelivered", ErrorCode="30005")}


def test_what_twilio_does_not_know_is_left_out():
    got, _ = ask(texts, handed("SM1"), Answer(404, {"code": 20404, "status": 404}))
    assert got == {}
    assert ask(texts, handed("SM1"), Answer(200, shown("SM1", "teleported")))[0] == {}
    assert ask(texts, [])[0] == {}


def test_slack_has_nothing_to_add():
    assert ask(posts, handed("C1:1.1")) == ({}, [])


TROUBLE = [
    ("wrong sign-in", refusal(401, 20003), Misconfigured, {"stop"}),
    ("too many at once", refusal(429, 20429, **{"Retry-After": "3"}), Throttled, {"retry"}),
    ("trouble", refusal(503, 20503), Unavailable, set()),
    ("a page", Answer(502, "<html>"), Unavailable, set()),
    ("captive portal", Answer(200, "<html>"), Unavailable, set()),
    ("nothing to read", Answer(200, "{}"), Unavailable, set()),
    ("hang-up", Answer(drops=True), Unavailable, set()),
]
each_trouble = pytest.mark.parametrize(("label", "answer", "kind", "wants"), TROUBLE, ids=[row[0] for row in TROUBLE])


@each_trouble
@pytest.mark.parametrize("opens", [texts, calls])
def test_when_twilio_cannot_be_asked_about_many(opens, label, answer, kind, wants):
    error, _ = ask(opens, handed(*MANY), answer)
    assert type(error) is kind and traits(error) == wants and error.says


def test_when_twilio_cannot_be_asked_about_one():
    error, _ = ask(texts, handed("SM1"), refusal(503, 20503))
    assert type(error) is Unavailable and traits(error) == set()


@pytest.mark.parametrize("wanted", [["SM1"], MANY])
def test_asking_does_not_take_for_ever(monkeypatch, wanted):
    monkeypatch.setattr("bot.channels.twilio.LONGEST", 0.1)
    error, _ = ask(texts, handed(*wanted), Answer(200, shown("SM1"), hangs=0.5))
    assert type(error) is Unavailable and not error.doubt


def knock(opens, answer):
    error, heard = talk([answer], opens, lambda channel: channel.probe())
    return error, heard[0]


@pytest.mark.parametrize(
    ("opens", "answer", "path"),
    [
        (texts, page("messages", shown("SM1")), "/2010-04-01/Accounts/AC1/Messages.json"),
        (texts, page("messages"), "/2010-04-01/Accounts/AC1/Messages.json"),
        (calls, page("calls", shown("CA1")), "/2010-04-01/Accounts/AC1/Calls.json"),
        (posts, Answer(200, {"ok": True, "user_id": "U0"}), "/api/auth.test"),
    ],
)
def test_a_probe_asks_for_next_to_nothing(opens, answer, path):
    error, request = knock(opens, answer)
    assert error is None and request.path == path
    assert opens is posts or (request.method, request.query) == ("GET", {"PageSize": "1"})


@each_trouble
@pytest.mark.parametrize("opens", [texts, calls])
def test_what_a_probe_of_twilio_finds(opens, label, answer, kind, wants):
    error, _ = knock(opens, answer)
    assert type(error) is kind and traits(error) == wants and error.says


@pytest.mark.parametrize(
    ("label", "answer", "kind"),
    [
        ("wrong token", Answer(200, {"ok": False, "error": "invalid_auth"}), Misconfigured),
        ("too fast", Answer(429, {"ok": False, "error": "ratelimited"}), Throttled),
        ("trouble", Answer(200, {"ok": False, "error": "fatal_error"}), Unavailable),
        ("a word of tomorrow", Answer(200, {"ok": False, "error": "moon_phase_wrong"}), Unavailable),
        ("a page", Answer(503, "<html>"), Unavailable),
        ("captive portal", Answer(200, "<html>"), Unavailable),
        ("hang-up", Answer(drops=True), Unavailable),
    ],
)
def test_what_a_probe_of_slack_finds(label, answer, kind):
    error, _ = knock(posts, answer)
    assert type(error) is kind and not error.doubt and error.says


@pytest.mark.parametrize("opens", [texts, calls, posts])
def test_a_probe_of_nobody_finds_nobody(opens):
    async def knocks():
        channel = opens("http://127.0.0.1:1")
        try:
            await channel.probe()
        finally:
            await channel.close()

    with pytest.raises(Unavailable):
        asyncio.run(knocks())


def test_the_whole_way_of_texts_against_the_simulator():
    """Thirty texts whose receipts never came: one refused by the carrier, one that still waits, the rest delivered."""

    async def go(sim, channel):
        sim.twilio.faults.add(Fault(kind="undelivered", to=number(3), code=30005))
        sim.twilio.faults.add(Fault(kind="stuck", to=number(4)))
        return await taken(sim, channel)

    got = asyncio.run(simulated(Sms, go))
    assert len(got) == 30
    assert (got[3].state, got[3].wants) == ("failed", Wants.NEVER)
    assert (got[4].state, got[4].rank) == ("sent", 1)
    assert {got[id].state for id in got if id not in (3, 4)} == {"delivered"}


def test_the_whole_way_of_calls_against_the_simulator():
    """Thirty calls, one a second: the first was dialed and the line was busy, the next 24 are known to wait."""

    async def go(sim, channel):
        sim.phone(number(1)).set_voice("busy")
        sim.twilio.calls.per_second = 1.0
        return await taken(sim, channel)

    got = asyncio.run(simulated(Voice, go))
    assert (got.pop(1).code, {one.rank for one in got.values()}) == ("busy", {0})
    assert sorted(got) == list(range(2, 26))


def number(place):
    return f"+120255501{place:02}"


async def taken(sim, channel):
    """What is known of thirty messages after the provider did what it could at once."""
    sent = [await channel.send(envelope(id=place, to=number(place))) for place in range(1, 31)]
    await sim.settle()
    return await channel.receipts(handed(*(one.provider_id for one in sent)))


async def simulated(kind, go):
    sim = Simulator(now=MovedClock(CLAIMED).now)
    sim.twilio.faults.add(Fault(kind="receipts_withheld"))
    url = await sim.start()
    channel = kind(
        account_sid=TWILIO_SID, auth_token=TWILIO_TOKEN, public_url="http://127.0.0.1:1", sender=NUMBER, api_url=url
    )
    try:
        return await go(sim, channel)
    finally:
        await channel.close()
        await sim.stop()
