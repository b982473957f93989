"""Two declare at once; the process stops in the middle; one answers in Slack while the phone rings; a void."""

import pytest

from tests.people import Channel, Person, Stage

pytestmark = pytest.mark.both_databases  # who writes first, and what a restart finds


def test_two_managers_declare_at_once(stage: Stage, dana: Person, eve: Person, alma: Person) -> None:
    first = eve.runs("/outage declare ehr Epic is down")
    stage.forward(seconds=40)
    second = dana.runs("/outage declare ehr Epic cannot be reached")
    assert "Declared O-1" in first.text
    assert "O-1" in second.text and "already declared; you are credited" in second.text
    alma.gets_sms("Epic is down").is_left_alone()
    assert len(stage.status()["outages"]) == 1


def test_a_second_service_joins_the_running_outage(stage: Stage, dana: Person, eve: Person, alma: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    alma.gets_sms("Epic is down")
    assert "added to it" in dana.runs("/outage declare email").text
    alma.gets_sms("email DOWN").is_left_alone()
    assert stage.outage()["services"] == ["ehr", "email_documents"]


def test_a_restart_in_the_middle_loses_and_repeats_nothing(
    stage: Stage, alma: Person, ben: Person, cho: Person, dana: Person, eve: Person
) -> None:
    eve.runs("/outage declare ehr Epic is down")
    ben.gets_sms("Answer for 5W").gets_sms("LIST")
    alma.gets_sms("Epic is down")
    cho.replies("1")
    stage.seen()
    stage.stop()
    stage.clock.forward(minutes=6)
    stage.start()
    stage.settle()
    ben.gets_call("check of 5 W").presses("1")
    alma.is_left_alone(minutes=3)
    assert stage.outage()["units"]["ok"] == 2
    assert sum("Epic is down" in text.body for text in alma.phone.inbox) == 1


def test_what_was_queued_before_a_stop_leaves_after_the_start(stage: Stage, alma: Person, eve: Person) -> None:
    stage.do(stage.sim.slack.command(eve.slack, "/outage", "declare ehr Epic is down"))
    assert not alma.phone.inbox
    stage.stop()
    stage.start()
    alma.gets_sms("Epic is down").is_left_alone()


def test_an_answer_in_slack_while_the_phone_rings(
    stage: Stage, ben: Person, cho: Person, dana: Person, eve: Person, ward: Channel
) -> None:
    eve.runs("/outage declare ehr Epic is down")
    cho.replies("1")
    stage.seen()
    stage.forward(minutes=5)
    ben.gets_call()
    ben.clicks("check_1", "C05W")
    assert stage.outage()["units"]["ok"] == 2
    stage.do(ben.phone.pick_up())
    stage.settle()
    assert "Thank you" in ben.phone.calls[-1].said and "Press 1" not in ben.phone.calls[-1].said
    stage.forward(minutes=6)
    assert not [text for text in dana.phone.inbox if "NO ANSWER" in text.body]


def test_void_tells_exactly_those_who_got_the_alert(stage: Stage, alma: Person, ben: Person, eve: Person) -> None:
    eve.runs("/outage declare level:1 ehr Epic is slow")
    stage.seen()
    got = {phone.number for phone in stage.sim.phones if phone.inbox}
    assert "Void O-1" in eve.runs("/outage void O-1").text
    eve.clicks("sure_void", "D0EVE")
    told = {
        phone.number for phone in stage.sim.phones if any("IGNORE our 04:10 text" in text.body for text in phone.inbox)
    }
    assert told == got and alma.number not in told
    ben.gets_sms("IGNORE our 04:10 text", "sent by mistake")
    stage.seen()
    ben.is_left_alone(hours=2)
    assert stage.status()["outages"] == []


def test_a_late_void_needs_a_second_person(stage: Stage, ben: Person, dana: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    ben.replies("2")
    eve.runs("/outage void")
    assert "second person" in eve.clicks("sure_void", "D0EVE").text
    assert stage.outage()["state"] == "declared"
    dana.runs("/outage void")
    assert "voided" in dana.clicks("sure_void", "D0DANA").text


def test_who_may_not_is_told_who_may(stage: Stage, ben: Person, alma: Person) -> None:
    assert "You may not declare an outage. Those who may: Dana Reed" in ben.runs("/outage declare ehr").text
    assert stage.status()["outages"] == []
    assert not alma.phone.inbox
