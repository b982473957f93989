"""A 2 or 3 reaches the right person at once, a 9 calls a human whatever else is open."""

from tests.people import Channel, Person, Stage


def test_a_bedside_2_reaches_her_charge_nurse_at_once(stage: Stage, alma: Person, ben: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    stage.seen()
    alma.replies("2 no forms here").gets_sms("need help", "Ben")
    ben.gets_sms("5W NEEDS HELP", "Alma", "no forms here", "1 T").gets_slack("needs help", "Alma")
    alma.replies("2").gets_sms("need help")
    ben.is_left_alone()


def test_a_units_2_reaches_the_labor_pool_and_its_3_logistics(
    stage: Stage, ben: Person, cho: Person, iris: Person, jon: Person, dana: Person, eve: Person
) -> None:
    eve.runs("/outage declare ehr Epic is down")
    stage.seen()
    ben.replies("2").gets_sms("need staff", "Iris")
    iris.gets_sms("5W NEEDS STAFF", "charge nurse")
    dana.gets_sms("Need staff: 5W")
    cho.replies("3").gets_sms("need forms", "Jon")
    jon.gets_sms("3W NEEDS FORMS")
    dana.is_left_alone(minutes=4)  # one digest in ten minutes
    assert stage.outage()["units"] == {"ok": 0, "help": 2, "risk": 0, "silent": 0, "told": 0}


def test_help_that_nobody_takes_climbs(stage: Stage, alma: Person, ben: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    ben.replies("1")
    stage.seen()
    alma.replies("2").gets_sms("need help")
    ben.gets_sms("NEEDS HELP").gets_slack("needs help")
    stage.forward(minutes=5)
    ben.gets_call("5 W needs help").presses("1")
    task = next(text.body for text in ben.phone.inbox if "NEEDS HELP" in text.body).split("Text 1 ")[1].split("=")[0]
    assert "accepted" in eve.runs("/task list").text.split(task)[1].splitlines()[0]


def test_patient_risk_calls_one_after_the_other_until_somebody_has_it(
    stage: Stage,
    alma: Person,
    ben: Person,
    dana: Person,
    gwen: Person,
    hugo: Person,
    eve: Person,
    command_centre: Channel,
) -> None:
    eve.runs("/outage declare ehr Epic is down")
    dana.takes_tasks()
    gwen.takes_tasks()
    stage.seen()
    alma.replies("9 pump stopped").gets_sms("PATIENT RISK 5W", "being called")
    command_centre.shows("PATIENT RISK 5W")
    dana.lets_it_ring().gets_sms("PATIENT RISK 5W", "+12025550151", "I have it").gets_slack("PATIENT RISK").gets_call()
    gwen.is_left_alone()
    stage.forward(minutes=2)
    gwen.gets_sms("PATIENT RISK 5W").gets_call("Patient risk in 5 W").presses("1")
    hugo.is_left_alone(minutes=5)
    assert len([call for call in stage.sim.twilio.calls if call.to == gwen.number]) == 1
    assert not [call for call in stage.sim.twilio.calls if call.to == hugo.number]
    assert stage.outage()["units"]["risk"] == 1
    assert stage.outage()["checkin"]["risk"] == 1


def test_the_sender_is_never_called_about_her_own_risk(stage: Stage, dana: Person, gwen: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    stage.seen()
    dana.replies("9").gets_sms("PATIENT RISK")
    dana.is_left_alone(seconds=1)
    assert not [call for call in stage.sim.twilio.calls if call.to == dana.number]


def test_a_9_counts_with_no_outage_open(stage: Stage, alma: Person, dana: Person) -> None:
    alma.replies("9").gets_sms("PATIENT RISK", "being called")
    dana.gets_sms("PATIENT RISK 5W").gets_slack("PATIENT RISK").gets_call("Patient risk").presses("1")
    stage.forward(minutes=10)
    assert not stage.sim.phone("+12025550118").inbox


def test_a_patients_name_in_a_note_is_held_back_and_the_digit_acts(
    stage: Stage, alma: Person, ben: Person, eve: Person
) -> None:
    eve.runs("/outage declare ehr Epic is down")
    stage.seen()
    alma.replies("2 Smith MRN 123456 bed 4").gets_sms("need help")
    ben.gets_sms("5W NEEDS HELP")
    said = "".join(text.body for text in ben.phone.inbox) + "".join(m.text for m in stage.sim.slack.messages(ben.slack))
    assert "Smith" not in said and "123456" not in said
