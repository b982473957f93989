"""Text at 0, call at 5, the unit's landline at 8, a visit at 10 minutes; bedside staff are never called."""

from tests.people import Channel, Person, Stage

LANDLINE = "+12025550151"


def calls_to(stage: Stage, number: str) -> int:
    return sum(call.to == number for call in stage.sim.twilio.calls)


def test_a_silent_unit_is_texted_called_rung_and_visited(
    stage: Stage,
    alma: Person,
    abe: Person,
    ben: Person,
    cho: Person,
    dana: Person,
    eve: Person,
    command_centre: Channel,
) -> None:
    eve.runs("/outage declare ehr Epic is down")
    ben.gets_sms("MERCY 5W", "Epic is down", "1=OK", "9=PATIENT RISK", "04:15").gets_sms("LIST")
    alma.gets_sms("Epic is down", "1=read", "Next 04:40")
    abe.gets_sms("Epic is down")
    cho.gets_sms("Answer for 3W").replies("1")
    ben.lets_it_ring()
    stage.sim.phone(LANDLINE).set_voice("ignores")

    stage.forward(minutes=4, seconds=59)
    assert calls_to(stage, ben.number) == 0
    stage.forward(seconds=1)
    assert calls_to(stage, ben.number) == 1
    stage.forward(minutes=3)
    assert calls_to(stage, LANDLINE) == 1
    stage.seen()
    stage.forward(minutes=2)
    dana.gets_sms("NO ANSWER 5W", "TOLD 5W")
    assert stage.outage()["units"] == {"ok": 1, "help": 0, "risk": 0, "silent": 1, "told": 0}

    dana.replies("TOLD 5W").gets_sms("5W told in person by Dana")
    assert stage.outage()["units"] == {"ok": 1, "help": 0, "risk": 0, "silent": 0, "told": 1}
    assert calls_to(stage, alma.number) == calls_to(stage, abe.number) == 0


def test_the_landline_answers_for_the_unit(stage: Stage, ben: Person, dana: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    ben.lets_it_ring()
    stage.sim.phone(LANDLINE).set_voice("answers", "1")
    stage.forward(minutes=8)
    assert stage.outage()["units"]["ok"] == 1
    stage.seen()
    stage.forward(minutes=5)
    assert "5W" not in "".join(text.body for text in dana.phone.inbox if "NO ANSWER" in text.body)


def test_a_call_is_answered_by_a_key_only(stage: Stage, ben: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    stage.seen()
    stage.forward(minutes=5)
    ben.gets_call("check of 5 W", "Press 1")
    assert stage.outage()["units"]["silent"] == 2
    ben.presses("2")
    assert stage.outage()["units"] == {"ok": 0, "help": 1, "risk": 0, "silent": 1, "told": 0}
