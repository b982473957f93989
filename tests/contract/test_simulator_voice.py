"""The fake Twilio's calls, held against the real SDK over real HTTP."""

from datetime import timedelta

import pytest
from aiohttp import web
from twilio.base.exceptions import TwilioRestException
from twilio.twiml.voice_response import Gather, VoiceResponse

from bot.simulator import Fault
from bot.simulator.talk import APP_ERROR
from tests.contract.stage import ALMA, BEN, NUMBER, Stage

pytestmark = [
    pytest.mark.filterwarnings("ignore:The 'auth' parameter is deprecated"),
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated"),
]

EVENTS = ["initiated", "ringing", "answered", "completed"]


@pytest.fixture
def stage():
    with Stage() as stage:
        stage.answers["/voice/7"] = lambda heard: question("/keys/7")
        stage.answers["/keys/7"] = lambda heard: said(f"You pressed {heard.form['Digits'] or 'nothing'}")
        yield stage


def question(action, **options):
    """What the SDK makes of a question with keys, asked once and then given up."""
    response = VoiceResponse()
    gather = Gather(action=action, **({"num_digits": 1, "timeout": 10} | options))
    gather.say("EHR is down. Press 1 if your unit is OK")
    response.append(gather)
    response.say("We call again")
    return str(response)


def said(words):
    response = VoiceResponse()
    response.say(words)
    response.hangup()
    return str(response)


def test_it_takes_a_call_and_answers_as_twilio_does(stage):
    call = stage.call()
    assert (call.status, call.direction, call.to, call.duration) == ("queued", "outbound-api", ALMA, None)
    assert call.sid.startswith("CA") and len(call.sid) == 34 and call.date_created == stage.clock.now()


def test_a_person_answers_presses_a_key_and_hears_what_follows(stage):
    stage.sim.phone(ALMA).set_voice("answers", "1")
    sid = stage.call(status_callback_event=EVENTS).sid
    stage.settle()
    call = stage.sim.phone(ALMA).calls[0]
    assert call.heard == ["EHR is down. Press 1 if your unit is OK", "You pressed 1"] and call.pressed == ["1"]
    told = [("initiated", "0"), ("ringing", "1"), ("in-progress", "2"), ("completed", "3")]
    assert stage.progress() == told and stage.sim.next_due() is None
    assert stage.heard[-1].form["CallDuration"] == "0" and stage.heard[-1].form["SipResponseCode"] == "200"
    assert stage.run(stage.twilio.calls(sid).fetch_async()).status == "completed"


def test_the_app_is_asked_with_the_call_and_the_keys(stage):
    stage.sim.phone(ALMA).set_voice("answers", "9")
    call = stage.call()
    stage.settle()
    asked, keyed = stage.heard[0].form, stage.heard[1].form
    assert (asked["CallSid"], asked["CallStatus"], asked["To"]) == (call.sid, "in-progress", ALMA)
    assert keyed["Digits"] == "9" and stage.progress() == [("completed", "0")]


def test_a_call_rings_until_somebody_presses_a_key(stage):
    stage.call()
    stage.settle()
    alma = stage.sim.phone(ALMA)
    assert alma.call_now.status == "ringing" and stage.heard == []
    call = stage.run(alma.press("1"))
    assert call.status == "completed" and call.said.endswith("You pressed 1")


def test_nobody_answers(stage):
    stage.sim.phone(ALMA).set_voice("ignores")
    call = stage.call(timeout=25)
    stage.settle()
    assert stage.sim.next_due() == stage.clock.now() + timedelta(seconds=25)
    stage.forward(seconds=25)
    assert stage.progress() == [("no-answer", "0")] and stage.heard[-1].form["SipResponseCode"] == "487"
    assert stage.run(stage.twilio.calls(call.sid).fetch_async()).status == "no-answer"


def test_a_phone_is_busy(stage):
    stage.sim.phone(ALMA).set_voice("busy")
    stage.call()
    stage.settle()
    assert stage.progress() == [("busy", "0")]


def test_a_person_declines(stage):
    stage.call()
    stage.settle()
    stage.run(stage.sim.phone(ALMA).hang_up())
    assert stage.progress() == [("busy", "0")]


def test_a_person_who_presses_nothing_hears_the_rest(stage):
    stage.sim.phone(ALMA).set_voice("answers")
    stage.call()
    stage.settle()
    assert stage.progress() == []
    stage.forward(seconds=10)
    assert stage.sim.phone(ALMA).calls[0].heard[-1] == "We call again" and stage.progress() == [("completed", "0")]
    assert stage.heard[-1].form["CallDuration"] == "10" and stage.heard[-1].form["Duration"] == "1"


def test_silence_is_handed_in_when_the_app_wants_it(stage):
    stage.answers["/voice/7"] = lambda heard: question("/keys/7", action_on_empty_result=True)
    stage.sim.phone(ALMA).set_voice("answers")
    stage.call()
    stage.settle()
    stage.forward(seconds=10)
    assert stage.sim.phone(ALMA).calls[0].heard[-1] == "You pressed nothing"


def test_many_keys_end_with_the_closing_key(stage):
    stage.answers["/voice/7"] = lambda heard: question("/keys/7", num_digits=None)
    stage.call()
    stage.settle()
    alma = stage.sim.phone(ALMA)
    assert stage.run(alma.press("48")).status == "in-progress"
    assert stage.run(alma.press("21#")).pressed == ["4821"]


def test_keys_without_a_closing_key_are_handed_in_after_a_while(stage):
    stage.answers["/voice/7"] = lambda heard: question("/keys/7", num_digits=None, timeout=5)
    stage.call()
    stage.settle()
    stage.run(stage.sim.phone(ALMA).press("48"))
    stage.forward(seconds=5)
    assert stage.sim.phone(ALMA).calls[0].pressed == ["48"]


def test_a_redirect_asks_again(stage):
    response = VoiceResponse()
    response.redirect(f"{stage.app_url}/voice/again?n=2")
    stage.answers["/voice/7"] = lambda heard: str(response)
    stage.answers["/voice/again"] = lambda heard: said("Again")
    stage.sim.phone(ALMA).set_voice("answers")
    stage.call()
    stage.settle()
    assert stage.sim.phone(ALMA).calls[0].heard == ["Again"]


def test_a_document_that_leads_back_to_itself_is_broken_off(stage):
    response = VoiceResponse()
    response.redirect("/voice/7")
    stage.answers["/voice/7"] = lambda heard: str(response)
    stage.sim.phone(ALMA).set_voice("answers")
    stage.call()
    stage.settle()
    assert stage.progress() == [("completed", "0")] and stage.sim.complaints[-1].code == 12100


@pytest.mark.parametrize("answer", [web.Response(status=500), "<Response><Say>", "<Response><Dance/></Response>"])
def test_a_broken_app_is_heard_as_such(stage, answer):
    stage.answers["/voice/7"] = lambda heard: answer
    stage.sim.phone(ALMA).set_voice("answers")
    stage.call()
    stage.settle()
    assert stage.sim.phone(ALMA).calls[0].heard == [APP_ERROR] and len(stage.sim.complaints) == 1


def test_a_machine_answers_and_presses_nothing(stage):
    stage.sim.phone(ALMA).set_voice("machine", ring_seconds=20)
    stage.call(machine_detection="Enable")
    stage.settle()
    stage.forward(seconds=20)
    stage.forward(seconds=10)
    assert stage.sim.phone(ALMA).calls[0].pressed == []
    assert stage.heard[-1].form["AnsweredBy"] == "machine_start"


def test_the_app_cancels_a_call_that_rings_and_completes_one_that_runs(stage):
    first, second = stage.call(), stage.call(to=BEN)
    stage.settle()
    stage.run(stage.sim.phone(BEN).pick_up())
    assert stage.run(stage.twilio.calls(first.sid).update_async(status="canceled")).status == "canceled"
    assert stage.run(stage.twilio.calls(second.sid).update_async(status="completed")).status == "completed"
    with pytest.raises(TwilioRestException) as refused:
        stage.run(stage.twilio.calls(first.sid).update_async(status="canceled"))
    assert refused.value.code == 21220


def test_a_call_that_was_canceled_in_the_queue_never_rings(stage):
    sid = stage.call().sid
    stage.run(stage.twilio.calls(sid).update_async(status="canceled"))
    stage.settle()
    assert list(stage.sim.phone(ALMA).calls) == []


def test_it_lists_calls_by_recipient(stage):
    stage.call()
    stage.call(to=BEN)
    assert [call.to for call in stage.run(stage.twilio.calls.list_async(to=BEN))] == [BEN]


def test_calls_start_one_a_second(stage):
    stage.sim.twilio.calls.per_second = 1.0
    stage.call()
    stage.call(to=BEN)
    stage.settle()
    assert (len(stage.sim.phone(ALMA).calls), len(stage.sim.phone(BEN).calls)) == (1, 0)
    stage.forward(seconds=1)
    assert len(stage.sim.phone(BEN).calls) == 1


def test_speaking_takes_time_when_it_should(stage):
    stage.sim.twilio.calls.talk.words_per_second = 2.0
    stage.answers["/voice/7"] = lambda heard: said("one two three four")
    stage.sim.phone(ALMA).set_voice("answers")
    stage.call()
    stage.settle()
    assert stage.sim.next_due() == stage.clock.now() + timedelta(seconds=2)


REFUSALS = [
    ("bad number", {"to": "5550199"}, 21217),
    ("foreign caller", {"from_": BEN}, 21210),
    ("no address", {"url": "voice"}, 21205),
    ("bad callback", {"status_callback": "nowhere"}, 21609),
]


@pytest.mark.parametrize(("label", "given", "code"), REFUSALS, ids=[row[0] for row in REFUSALS])
def test_it_refuses(stage, label, given, code):
    with pytest.raises(TwilioRestException) as refused:
        stage.call(**given)
    assert (refused.value.status, refused.value.code) == (400, code)


def test_a_call_can_fail_or_be_refused(stage):
    stage.sim.twilio.faults.add(Fault(kind="failed", on="call", to=ALMA))
    stage.sim.twilio.faults.add(Fault(kind="refuse", on="call", to=BEN, code=21215))
    stage.call()
    stage.settle()
    assert stage.progress() == [("failed", "0")] and list(stage.sim.phone(ALMA).calls) == []
    with pytest.raises(TwilioRestException) as refused:
        stage.call(to=BEN)
    assert refused.value.code == 21215


def test_a_person_calls_us_and_keys_in_turn(stage):
    stage.answers["/twilio/call"] = lambda heard: question("/keys/7", num_digits=4)
    stage.answers["/keys/7"] = lambda heard: question("/sure/7") if heard.form["Digits"] == "4821" else said("Wrong")
    stage.answers["/sure/7"] = lambda heard: said("Declared")
    call = stage.run(stage.sim.phone(ALMA).call("4821", "1"))
    assert call.pressed == ["4821", "1"] and call.heard[-1] == "Declared" and call.status == "completed"
    form = stage.heard[0].form
    assert (form["Direction"], form["From"], form["To"]) == ("inbound", ALMA, NUMBER)


def test_no_call_to_press_keys_in_is_said(stage):
    with pytest.raises(LookupError, match="No call"):
        stage.run(stage.sim.phone(ALMA).press("1"))
