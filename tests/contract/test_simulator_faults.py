"""What can go wrong at the fake Twilio, seen by the real SDK; and how much it can take."""

import asyncio
import json
from datetime import timedelta

import aiohttp
import pytest
from twilio.base.exceptions import TwilioException, TwilioRestException

from bot.simulator import Fault
from tests.contract.stage import ALMA, BEN, NUMBER, Stage

# The SDK's own HTTP client passes aiohttp its credentials in a way that aiohttp no longer likes.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The 'auth' parameter is deprecated"),
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated"),
]


@pytest.fixture
def stage():
    with Stage() as stage:
        yield stage


def test_a_number_can_be_refused(stage):
    stage.sim.twilio.faults.add(Fault(kind="refuse", to=ALMA, code=21614))
    with pytest.raises(TwilioRestException) as refused:
        stage.text()
    assert refused.value.code == 21614 and stage.text(to=BEN).sid


@pytest.mark.parametrize(("kind", "told"), [("undelivered", ["sent", "undelivered"]), ("failed", ["failed"])])
def test_a_text_can_fail_on_its_way(stage, kind, told):
    stage.sim.twilio.faults.add(Fault(kind=kind, to=ALMA, code=30005))
    message = stage.text()
    stage.settle()
    assert stage.receipts() == told and stage.heard[-1].form["ErrorCode"] == "30005"
    assert stage.run(stage.twilio.messages(message.sid).fetch_async()).error_code == 30005
    assert stage.sim.phone(ALMA).inbox == []


@pytest.mark.parametrize(("kind", "status"), [("throttle", 429), ("outage", 503)])
def test_it_can_be_busy_or_down_once(stage, kind, status):
    stage.sim.twilio.faults.add(Fault(kind=kind, on="sms", times=1))
    with pytest.raises(TwilioRestException) as failed:
        stage.text()
    assert failed.value.status == status and list(stage.sim.twilio.messages) == []
    assert stage.text().sid


def test_it_can_refuse_and_hang_up(stage):
    stage.sim.twilio.faults.add(Fault(kind="hangup_before_accept", times=1))
    with pytest.raises(aiohttp.ServerDisconnectedError):
        stage.text()
    assert stage.run(stage.twilio.messages.list_async(to=ALMA)) == []


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("hangup_after_accept", aiohttp.ServerDisconnectedError),
        ("unreadable", json.JSONDecodeError),
        ("error_after_accept", TwilioRestException),
    ],
)
def test_it_can_take_a_text_and_not_say_so(stage, kind, error):
    stage.sim.twilio.faults.add(Fault(kind=kind, to=ALMA, times=1))
    with pytest.raises(error):
        stage.text()
    assert [message.body for message in stage.run(stage.twilio.messages.list_async(to=ALMA))] == ["EHR is down"]
    stage.settle()
    assert stage.receipts() == ["sent", "delivered"]


def test_it_can_be_too_slow(stage):
    stage.sim.twilio.faults.add(Fault(kind="slow", seconds=5))
    with pytest.raises(TimeoutError):
        stage.run(asyncio.wait_for(stage.twilio.messages.create_async(to=ALMA, from_=NUMBER, body="x"), 0.05))


def test_a_list_can_be_out_while_sending_works(stage):
    stage.sim.twilio.faults.add(Fault(kind="outage", on="list"))
    assert stage.text().sid
    with pytest.raises(TwilioException):
        stage.run(stage.twilio.messages.list_async(to=ALMA))


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("receipts_repeated", ["sent", "sent", "delivered", "delivered"]),
        ("receipts_out_of_order", ["delivered", "sent"]),
        ("receipts_withheld", []),
    ],
)
def test_receipts_can_be(stage, kind, told):
    stage.sim.twilio.faults.add(Fault(kind=kind, times=1))
    stage.text()
    stage.settle()
    assert stage.receipts() == told and len(stage.sim.phone(ALMA).inbox) == 1


def test_receipts_can_be_late(stage):
    stage.sim.twilio.faults.add(Fault(kind="receipts_late", seconds=90))
    stage.text()
    stage.settle()
    assert stage.receipts() == [] and stage.sim.next_due() == stage.clock.now() + timedelta(seconds=90)
    stage.forward(seconds=90)
    assert stage.receipts() == ["sent", "delivered"]


def test_receipts_can_come_before_the_answer(stage):
    stage.sim.twilio.faults.add(Fault(kind="receipts_first"))
    assert stage.text().status == "queued"
    assert stage.receipts() == ["sent", "delivered"]


def test_a_fault_can_strike_a_share(stage):
    stage.sim.twilio.faults.add(Fault(kind="undelivered", code=30003, share=0.5))
    for number in range(20):
        stage.text(to=f"+120255502{number:02d}")
    stage.settle()
    assert 3 < stage.receipts().count("undelivered") < 17


def test_a_fault_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="hangup_after_accept"):
        Fault(kind="hang_up")


def test_a_thousand_texts_with_latency_come_through_in_live_mode():
    with Stage(latency=0.05) as stage:
        stage.run(_flood(stage, 1_000))
        assert len(stage.receipts()) == 2_000


async def _flood(stage, texts):
    running = asyncio.create_task(stage.sim.run())
    doors = asyncio.Semaphore(100)
    callback = f"{stage.app_url}/receipts/7"

    async def send(number):
        async with doors:
            to = f"+1303555{number:04d}"
            await stage.twilio.messages.create_async(to=to, from_=NUMBER, body="down", status_callback=callback)

    await asyncio.gather(*map(send, range(texts)))
    await stage.sim.settle()
    running.cancel()
