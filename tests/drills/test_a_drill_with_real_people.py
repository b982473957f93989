"""A live drill: planned, previewed, held with whoever is on shift, scored, and over for everybody who was told."""

from tests.people import Channel, Person, Stage

WHY = "the night shift was never drilled"


def test_a_live_drill_from_its_plan_to_its_score(
    stage: Stage, alma: Person, ben: Person, cho: Person, eve: Person, command_centre: Channel
) -> None:
    said = eve.runs("/outage drill").text
    assert "dr1_comms_test" in said and "Twelve hours" not in said and "*all*" in said
    said = eve.runs("/outage drill dr1").text
    assert "It texts 8 people on shift" in said and "Nothing was sent" in said
    assert "between 09:00 and 20:00" in eve.runs("/outage drill dr1 --live").text
    assert "It texts 8 people" in eve.runs(f"/outage drill dr1 --live {WHY}").text
    alma.is_left_alone()

    said = eve.clicks("sure_drill")
    assert said.in_time
    command_centre.shows("EXERCISE - ", "D-1 inject 1 of 6", "done by Muster")
    alma.gets_sms("EXERCISE - MERCY", "Contact test", "1=read").replies("1")
    ben.gets_sms("EXERCISE - MERCY 5W", "Answer for 5W").replies("1")
    cho.gets_sms("EXERCISE - MERCY 3W")
    stage.seen()
    assert stage.outage()["exercise"]

    stage.forward(minutes=5, seconds=10)
    cho.gets_call("check of 3 W").presses("1")
    stage.seen()
    stage.forward(minutes=15)
    command_centre.shows("inject 3 of 6, minute 20", "controller, read this out", "Play that texts fail")
    stage.seen()
    stage.forward(minutes=25)
    alma.has_sms("EXERCISE - MERCY", "EXERCISE OVER")
    command_centre.shows("O-1, No-notice contact test: NOT PASSED", "2 of 2 units accounted for", "at least 60 %")
    stage.seen()
    assert stage.status()["outages"] == []
    said = eve.runs("/outage drill history").text
    assert "O-1 exercise, level 2: No-notice contact test" in said
    alma.is_left_alone(hours=2)


def test_a_drill_is_ended_early_and_a_stranger_to_drills_is_refused(
    stage: Stage, ben: Person, eve: Person, alma: Person
) -> None:
    assert "You may not drill" in ben.runs(f"/outage drill dr1 --live {WHY}").text
    eve.runs(f"/outage drill dr1 --live {WHY}")
    eve.clicks("sure_drill")
    assert "D-1 has ended" in eve.runs("/outage drill end O-1").text
    alma.has_sms("EXERCISE OVER")
    stage.seen()
    alma.is_left_alone(hours=1)
