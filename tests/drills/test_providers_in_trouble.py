"""Twilio fails, comes back, refuses us, or says nothing: who hears it which way, and nobody twice."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web
from sqlmodel import select

from bot import journal, outages
from bot.clock import MovedClock
from bot.simulator import Fault
from tests.people import COMMAND_CHANNEL, Channel, Person, Stage, slack_id, whole

pytestmark = pytest.mark.both_databases  # claims, doubt and circuits are rows


class Gateway:
    """Another provider's door, as Apprise knocks at it: it takes everything."""

    def __init__(self, stage: Stage):
        self.took: list[dict[str, Any]] = []
        self.stage = stage
        self.port = stage.do(self._open())

    def texts_to(self, number: str) -> list[str]:
        return [each["message"] for each in self.took if each["to"] == number]

    def close(self) -> None:
        self.stage.do(self._runner.cleanup())

    async def _open(self) -> int:
        site = web.Application()
        site.router.add_post("/{to}", self._take)
        self._runner = web.AppRunner(site)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return int(self._runner.addresses[0][1])

    async def _take(self, request: web.Request) -> web.Response:
        self.took.append(json.loads(await request.text()) | {"to": request.match_info["to"]})
        return web.Response(text="taken")


@pytest.fixture
def gateway(stage: Stage) -> Iterator[Gateway]:
    """A second provider for texts; the process is started anew to know of it."""
    made = Gateway(stage)
    stage.stop()
    stage.more["sms_fallback_urls"] = f"json://127.0.0.1:{made.port}/{{to}}"
    stage.start()
    yield made
    made.close()


def breaks(stage: Stage, kind: str, on: str = "sms", **how: Any) -> Fault:
    return stage.sim.twilio.faults.add(Fault(kind, on=on, **how))


def circuits(stage: Stage) -> dict[str, str]:
    return stage.status()["engine"]["circuits"]  # type: ignore[no-any-return]


def lines(stage: Stage, what: str) -> list[journal.Line]:
    return stage.ask(lambda tx: list(tx.exec(select(journal.Line).where(journal.Line.what == what))))


def test_a_second_provider_carries_the_texts_until_the_first_is_back(
    stage: Stage, gateway: Gateway, alma: Person, eve: Person
) -> None:
    outage, lists = breaks(stage, "hangup_before_accept"), breaks(stage, "hangup_before_accept", on="list")
    eve.runs("/outage declare ehr Epic is down")
    stage.forward(minutes=1)
    assert circuits(stage) == {"sms": "open", "voice": "closed", "slack": "closed", "others-1": "closed"}
    assert stage.status()["engine"]["channels"]["sms"] == "trouble"
    stage.sim.twilio.faults.remove(outage)
    stage.sim.twilio.faults.remove(lists)
    stage.forward(minutes=2)
    eve.runs("/outage update Still down")
    stage.forward(minutes=1)
    assert circuits(stage)["sms"] == "closed"
    assert [what.what for what in lines(stage, "channel")]
    heard = Counter(gateway.texts_to(alma.number)) + Counter(text.body for text in alma.phone.inbox)
    assert len(heard) == 2, heard
    assert set(heard.values()) == {1}
    stage.seen()


def test_a_text_by_the_second_provider_says_where_to_answer(
    stage: Stage, gateway: Gateway, alma: Person, eve: Person
) -> None:
    breaks(stage, "refuse", code=20003)
    breaks(stage, "refuse", on="list", code=20003)
    eve.runs("/outage declare ehr Epic is down")
    stage.forward(seconds=30)
    (text,) = gateway.texts_to(alma.number)
    assert "Epic is down" in text
    assert "+12025550199" in text
    alma.replies("1")
    assert stage.outage()["checkin"]["ok"] == 1
    stage.seen()


def test_wrong_settings_stop_the_texts_and_everybody_who_can_mend_them_is_told(
    stage: Stage, alma: Person, dana: Person, eve: Person, finn: Person, command_centre: Channel
) -> None:
    wrong, also = breaks(stage, "refuse", code=20003), breaks(stage, "refuse", on="list", code=20003)
    eve.runs("/outage declare ehr Epic is down")
    stage.forward(seconds=10)
    said = [message.text for message in stage.sim.slack.messages(slack_id("finn"))]
    assert any("Texts cannot leave" in text and "account SID" in text for text in said), said
    command_centre.shows("Texts cannot leave")
    assert stage.status()["engine"]["channels"]["sms"] == "stopped"
    assert stage.outage()["reach"]["failed"] == 0
    assert not alma.phone.inbox
    stage.sim.twilio.faults.remove(wrong)
    stage.sim.twilio.faults.remove(also)
    stage.forward(seconds=15)
    alma.gets_sms("Epic is down")
    assert stage.status()["engine"]["channels"]["sms"] == "ok"
    assert len([text for text in said if "Texts cannot leave" in text]) == 1
    stage.seen()


def test_while_no_text_can_leave_whoever_waits_for_one_is_called(stage: Stage, alma: Person, eve: Person) -> None:
    breaks(stage, "hangup_before_accept")
    breaks(stage, "hangup_before_accept", on="list")
    eve.runs("/outage declare ehr Epic is down")
    stage.forward(seconds=50)
    alma.gets_call("Epic is down")
    alma.presses("1")
    assert stage.outage()["checkin"]["ok"] == 1
    stage.sim.twilio.faults.clear()
    stage.forward(minutes=2)
    assert not alma.phone.inbox, "she has answered: the text is no longer needed"
    stage.seen()


def test_a_receipt_that_stays_away_is_asked_for(stage: Stage, alma: Person, eve: Person) -> None:
    breaks(stage, "receipts_withheld")
    eve.runs("/outage declare ehr Epic is down")
    before = stage.outage()["reach"]
    assert before["sent"] > before["delivered"]
    stage.forward(minutes=4)
    after = stage.outage()["reach"]
    assert after["delivered"] == after["people"]
    stage.seen()


def test_a_text_that_nobody_can_vouch_for_makes_the_ladder_climb(
    stage: Stage, ben: Person, alma: Person, eve: Person
) -> None:
    breaks(stage, "stuck", to=ben.number)
    breaks(stage, "stuck", to=alma.number)
    eve.runs("/outage declare ehr Epic is down")
    stage.seen()
    stage.forward(minutes=2, seconds=50)
    assert not [call for call in stage.sim.twilio.calls if call.to == ben.number]
    stage.forward(minutes=1)
    assert [call for call in stage.sim.twilio.calls if call.to == ben.number]
    assert not [call for call in stage.sim.twilio.calls if call.to == alma.number], "nobody waits for her answer"
    stage.seen()


def test_what_expired_is_counted_and_asked_about(
    stage: Stage, gwen: Person, eve: Person, command_centre: Channel
) -> None:
    """Calls are refused too, so that nothing else reaches her within the hour that the alert is worth."""
    breaks(stage, "hangup_before_accept")
    breaks(stage, "hangup_before_accept", on="list")
    breaks(stage, "hangup_before_accept", on="call")
    eve.runs("/outage declare ehr Epic is down")
    stage.seen()
    stage.forward(minutes=62)
    command_centre.shows("waited too long", "still wanted")
    stage.sim.twilio.faults.clear()
    stage.forward(seconds=30)
    stage.seen()
    alert = stage.ask(lambda tx: outages.find(tx, "O-1").notice_id)
    eve.clicks("sure_again", command_centre.id, f"O-1 {alert}")
    assert any("Epic is down" in text.body for text in gwen.phone.inbox)
    stage.seen()


def test_slack_in_trouble_delays_no_text(stage: Stage, alma: Person, eve: Person) -> None:
    stage.sim.slack.faults.add(Fault("outage", on="chat.postMessage"))
    eve.runs("/outage declare ehr Epic is down")
    alma.gets_sms("Epic is down")
    stage.seen()


@pytest.mark.parametrize("kind", ["hangup_after_accept", "error_after_accept", "unreadable"])
def test_doubt_is_resolved_by_asking_and_nobody_hears_it_twice(
    database_url: str, clock: MovedClock, kind: str
) -> None:
    stage = Stage(database_url, clock)
    eve = Person(stage, "eve", "+12025550116")
    breaks(stage, kind)
    breaks(stage, kind, on="call")
    stage.sim.slack.faults.add(Fault(kind, on="chat.postMessage"))
    eve.runs("/outage declare ehr Epic is down")
    stage.forward(minutes=2)
    stage.sim.twilio.faults.clear()
    stage.sim.slack.faults.clear()
    stage.forward(minutes=2)
    texts = Counter((text.to, text.body) for text in stage.sim.twilio.messages)
    assert [text for text, count in texts.items() if count > 1] == []
    for channel in (COMMAND_CHANNEL, "C05W", slack_id("eve"), slack_id("dana"), slack_id("ben")):
        posts = Counter(message.text for message in stage.sim.slack.messages(channel))
        assert [post for post, count in posts.items() if count > 1] == []
    assert stage.outage()["reach"]["queued"] == 0
    assert stage.status()["engine"]["doubtful"] == 0
    whole(stage)
    stage.seen()
    stage.close()


def test_a_number_that_never_works_is_not_texted_again_that_day(stage: Stage, ben: Person, eve: Person) -> None:
    refusal = breaks(stage, "refuse", to=ben.number, code=21211)
    eve.runs("/outage declare ehr Epic is down")
    stage.forward(minutes=1)
    tried = refusal.struck
    eve.runs("/outage update Still down")
    assert refusal.struck == tried > 0
    assert any("Still down" in message.text for message in stage.sim.slack.messages(ben.slack))
    stage.seen()
