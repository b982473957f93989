"""People are not phones: some share one, some have two, some cannot hear, some cannot text."""

from typing import Any

from bot import roster
from bot.db import Tx
from bot.simulator.faults import Fault
from tests.people import UNITS, Person, Stage

LANDLINE, SECOND = "+12025550161", "+12025550162"


def change(stage: Stage, id: str, **columns: Any) -> None:
    def verb(tx: Tx) -> None:
        person = tx.get(roster.Person, id)
        for name, value in columns.items():
            setattr(person, name, value)

    stage.tell(verb)


def calls(stage: Stage, number: str) -> list[str]:
    return [call.said for call in stage.sim.twilio.calls if call.to == number]


def test_an_answer_counts_for_everybody_asked_at_a_shared_phone(
    stage: Stage, alma: Person, abe: Person, eve: Person
) -> None:
    change(stage, "abe", mobile=alma.number)
    eve.runs("/outage declare ehr Epic is down")
    alma.gets_sms("Epic is down").is_left_alone()  # one text for both
    alma.replies("1")
    assert stage.outage()["checkin"]["ok"] == 2
    stage.seen()
    alma.replies("AWAY").gets_sms("several people", "AWAY Abe")
    assert stage.outage()["checkin"]["unavailable"] == 0
    alma.replies("AWAY abe").gets_sms("not on shift")
    assert (stage.outage()["checkin"]["ok"], stage.outage()["checkin"]["unavailable"]) == (1, 1)


def test_a_task_by_a_shared_phone_is_its_owners(stage: Stage, kit: Person, lea: Person, eve: Person) -> None:
    change(stage, "lea", mobile=kit.number)
    eve.runs("/outage declare ehr Epic is down")
    code = next(text.body for text in kit.phone.inbox if "=I have it" in text.body).split("Text 1 ")[1].split("=")[0]
    kit.replies(f"2 {code}")
    kit.replies(f"1 {code}")
    assert code in eve.runs("/task list").text.split("Lea Marsh")[1]


def test_the_second_number_is_the_first_resend(stage: Stage, kit: Person, eve: Person) -> None:
    change(stage, "kit", mobile2=SECOND)
    eve.runs("/outage declare ehr Epic is down")
    stage.seen()
    second = Person(stage, "kit", SECOND)
    second.is_left_alone()
    stage.forward(minutes=2)
    assert "=I have it" in second.phone.inbox[-1].body
    second.takes_tasks()
    kit.is_left_alone(minutes=3)


def test_a_dead_first_number_goes_over_to_the_second_and_its_answer_counts(
    stage: Stage, alma: Person, eve: Person
) -> None:
    change(stage, "alma", mobile2=SECOND)
    stage.sim.twilio.faults.add(Fault("undelivered", to=alma.number, on="sms", code=30003))
    eve.runs("/outage declare ehr Epic is down")
    second = Person(stage, "alma", SECOND)
    second.gets_sms("Epic is down").replies("1")
    assert stage.outage()["checkin"]["ok"] == 1


def test_the_deaf_are_never_called_and_their_units_landline_rings(
    stage: Stage, cho: Person, dana: Person, eve: Person
) -> None:
    change(stage, "cho", no_voice=True, landline=LANDLINE)
    change(stage, "dana", no_voice=True)
    eve.runs("/outage declare ehr Epic is down")
    stage.seen()
    cho.is_left_alone(minutes=4)
    stage.forward(minutes=1)
    cho.gets_sms("Answer for 3W")
    stage.forward(minutes=3)
    assert calls(stage, UNITS["3W"])
    cho.replies("9")
    stage.forward(minutes=1)
    assert not calls(stage, cho.number) + calls(stage, LANDLINE) + calls(stage, dana.number)
    dana.has_sms("PATIENT RISK 3W")


def test_who_cannot_text_is_called_and_answers_by_key(
    stage: Stage, abe: Person, cho: Person, kit: Person, eve: Person
) -> None:
    change(stage, "abe", mobile="", landline=LANDLINE)
    change(stage, "cho", no_sms=True)
    change(stage, "kit", mobile="", landline=SECOND)
    eve.runs("/outage declare ehr Epic is down")
    Person(stage, "abe", LANDLINE).gets_call("Press 1 if you have heard this").presses("1")
    cho.gets_call("check of 3 W").presses("4")
    assert len(calls(stage, cho.number)) == 1, "a phone that is talked on is not called"
    Person(stage, "kit", SECOND).gets_call("pharmacy", "Press 1").presses("1")
    assert (stage.outage()["checkin"]["ok"], stage.outage()["units"]["ok"]) == (3, 1)
    stage.forward(minutes=1)
    cho.gets_call("the list for 3 W")
    assert not abe.phone.inbox and not cho.phone.inbox and not kit.phone.inbox
    stage.seen()
    assert "Kit Rowan" in eve.runs("/task list").text


def test_one_answer_counts_in_both_of_two_open_outages(stage: Stage, alma: Person, ben: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    eve.runs("/outage declare new email mail is down")
    ben.replies("1")
    alma.replies("2")
    newest, oldest = stage.status()["outages"]
    assert (newest["units"]["ok"], oldest["units"]["ok"]) == (1, 1)
    assert (newest["checkin"]["help"], oldest["checkin"]["help"]) == (1, 1)
