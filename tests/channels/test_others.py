"""Texts through other gateways: the real Apprise against a scripted gateway."""

import asyncio
import logging
import logging.config
import time

import pytest
from uvicorn.config import LOGGING_CONFIG

from bot import texting
from bot.channels import Misconfigured, Sent, Unavailable
from bot.channels.others import Others, signed
from tests.channels.provider import BODY, Answer, envelope, handed, nobody_there, talk, traits

YES = Answer(200, "{}")


def opens(rest="send?:to={to}", scheme="json", place=1, **options):
    return lambda url: Others(f"{scheme}://{url.removeprefix('http://')}/{rest}", place, **options)


def send(answer, message=None, open_it=None):
    """What sending brought, and what the gateway heard."""
    return talk([answer], open_it or opens(), lambda gateway: gateway.send(message or envelope()))


def test_it_hands_a_text_over():
    sent, heard = send(YES)
    assert sent == Sent(provider_id="others-1:7")
    assert [(request.method, request.path) for request in heard] == [("POST", "/send")]
    assert (heard[0].json["message"], heard[0].json["to"], heard[0].json["title"]) == (BODY, "+12125550142", "")
    assert heard[0].json["attachments"] == []


def test_each_gateway_has_its_name():
    gateway = Others("json://127.0.0.1/{to}", 2)
    assert (gateway.name, gateway.askable) == ("others-2", False)


@pytest.mark.parametrize(
    ("rest", "scheme", "path", "query"),
    [
        ("{to}", "json", "/+12125550142", {}),
        ("send?-to={to}&method=get", "form", "/send", {"to": "+12125550142"}),
        ("send?-to={to}", "json", "/send", {"to": "+12125550142"}),
    ],
)
def test_the_number_stands_wherever_the_address_wants_it(rest, scheme, path, query):
    _, heard = send(YES, open_it=opens(rest, scheme))
    assert heard[0].path == path and query.items() <= heard[0].query.items()


@pytest.mark.parametrize(
    ("url", "number"),
    [
        ("bulksms://user:pass@{to}", "+12125550142"),
        ("clickatell://key/{to}", "12125550142"),
        ("sinch://" + "a" * 32 + ":" + "b" * 32 + "@12345/{to}", "+12125550142"),
        ("signal://localhost:8080/18005550100/{to}", "+12125550142"),
        ("vonage://a1234567:b234567890123456@18005550100/{to}", "12125550142"),
    ],
)
def test_sms_services_get_the_number_as_their_gateway_wants_it(url, number):
    gateway = Others(url, 1)
    assert gateway._gateway("+12125550142").targets == [number]


@pytest.mark.parametrize(
    ("label", "answer"),
    [
        ("a definite no, perhaps", Answer(400, {"error": "bad number"})),
        ("not signed in", Answer(401, "")),
        ("too fast", Answer(429, "")),
        ("trouble", Answer(503, "<html>")),
        ("redirect", Answer(302, "", {"Location": "/elsewhere"})),
        ("redirect that keeps the text", Answer(307, "", {"Location": "/elsewhere"})),
        ("hang-up", Answer(drops=True)),
        ("hang-up within the answer", Answer(200, {"ok": True}, cuts=True)),
    ],
)
def test_every_no_is_doubt(label, answer):
    error, heard = send(answer)
    assert type(error) is Unavailable and traits(error) == {"doubt"} and error.says
    assert len(heard) == 1, "never sent twice"


def test_retries_in_the_address_are_not_heeded():
    error, heard = send(Answer(503, ""), open_it=opens("send?:to={to}&retry=3&wait=0"))
    assert type(error) is Unavailable and len(heard) == 1


def test_nobody_listening_cannot_be_told_from_any_other_no():
    error = asyncio.run(nobody_there(opens(), envelope()))
    assert type(error) is Unavailable and traits(error) == {"doubt"}


def test_a_slow_gateway_is_doubt_and_keeps_nobody():
    began = time.monotonic()
    error, _ = send(Answer(hangs=0.5), open_it=opens(timeout=0.1))
    assert type(error) is Unavailable and traits(error) == {"doubt"}
    assert time.monotonic() - began < 5


def test_the_address_cannot_ask_for_more_time_than_there_is():
    gateway = Others("json://127.0.0.1/{to}?cto=60&rto=600", 1)._gateway("+12125550142")
    assert sum(gateway.request_timeout) < 10


def test_the_loop_goes_on_while_a_gateway_hangs():
    async def both(gateway):
        turns = 0
        sending = asyncio.ensure_future(gateway.send(envelope()))
        while not sending.done():
            await asyncio.sleep(0.01)
            turns += 1
        return await sending, turns

    (sent, turns), _ = talk([Answer(200, "{}", hangs=0.3)], opens(), both)
    assert sent.provider_id and turns > 5


def test_what_never_began_is_no_doubt(monkeypatch):
    monkeypatch.setattr("bot.channels.others.AT_ONCE", 1)

    async def two(gateway):
        return await asyncio.gather(*(gateway.send(envelope(id=id)) for id in (1, 2)), return_exceptions=True)

    (first, second), heard = talk([Answer(200, "{}", hangs=0.5)] * 2, opens(timeout=0.2), two)
    assert (traits(first), traits(second)) == ({"doubt"}, {"retry"}) and len(heard) == 1


@pytest.mark.parametrize("url", ["nosuch://host/{to}", "json://{to}?format=telepathy&:x={to}", "sinch://{to}"])
def test_an_address_that_cannot_be_used_is_a_wrong_setting(url):
    error, heard = send(YES, open_it=lambda _: Others(url, 3))
    assert type(error) is Misconfigured and "Gateway 3" in error.says and "SMS_FALLBACK_URLS" in error.says
    assert heard == []


def test_it_can_be_asked_nothing():
    async def asked(gateway):
        assert await gateway.probe() is None
        assert await gateway.receipts(handed("others-1:1")) == {}
        return await gateway.look_for(envelope())

    error, heard = talk([], opens(), asked)
    assert type(error) is Unavailable and heard == []


def test_nothing_but_a_send_error_comes_out_of_it():
    async def late(gateway):
        await gateway.close()
        return await gateway.send(envelope())

    assert type(talk([], opens(), late)[0]) is Unavailable


@pytest.mark.parametrize(
    ("numbers", "note"),
    [
        ({"text_to": "+12025550199", "call": "x7000"}, "Reply to +12025550199"),
        ({"call": "x7000"}, "Call x7000"),
        ({}, None),
    ],
)
def test_a_text_says_where_to_answer(numbers, note):
    _, heard = send(YES, open_it=opens(**numbers))
    assert heard[0].json["message"] == (f"{BODY}\n{note}" if note else BODY)


@pytest.mark.parametrize(
    ("body", "segments"), [("x" * 138, 1), ("x" * 139, 2), ("“x” " + "x" * 100, 1), ("x" * 160, 2), ("x" * 300, 3)]
)
def test_a_text_stays_one_segment_where_it_can(body, segments):
    text = signed(body, "Reply to +12025550199")
    assert texting.segments(text) == segments and text.endswith("x\nReply to +12025550199")


def test_letters_that_cost_nothing_stay():
    assert signed("“x”", "Call x7000") == "“x”\nCall x7000"


# What Apprise and the libraries below it must not do


def test_somebodys_shell_cannot_bend_it(monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login alma password hush")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    sent, heard = send(YES)
    assert isinstance(sent, Sent) and "Authorization" not in heard[0].headers


def test_it_writes_no_file(monkeypatch, tmp_path):
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "TMPDIR"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert isinstance(send(YES)[0], Sent)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("answer", [YES, Answer(503, "no"), Answer(drops=True)])
def test_no_log_holds_a_number_or_a_text(caplog, answer):
    logging.config.dictConfig(LOGGING_CONFIG)  # as when the server starts
    caplog.set_level(logging.DEBUG)
    for name in ("apprise", "urllib3", "urllib3.connectionpool", "requests"):
        caplog.set_level(logging.DEBUG, logger=name)
    send(answer, open_it=opens("{to}?:to={to}"))
    assert "2125550142" not in caplog.text and "Epic" not in caplog.text
