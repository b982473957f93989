"""Calls that no ladder asked for: HELP brings one back, and who calls us hears the state and answers by keypad."""

import pytest
from sqlmodel import select

from bot import access, roster
from bot.db import Tx
from bot.simulator.call import Call
from tests.people import UNITS, Channel, Person, Stage


def dials(person: Person, *keys: str) -> Call:
    """The person rings us and presses these keys when asked."""
    call = person.stage.do(person.phone.call(*keys))
    person.stage.settle()
    return call


def has_pin(stage: Stage, id: str, pin: str) -> None:
    hashed = access.hash_pin(pin)
    stage.tell(lambda tx: access.set_pin(tx, id, hashed))


def person(tx: Tx, id: str) -> roster.Person:
    return tx.exec(select(roster.Person).where(roster.Person.id == id)).one()


def test_help_brings_a_call_back_once_in_ten_minutes(
    stage: Stage, alma: Person, eve: Person, command_centre: Channel
) -> None:
    eve.runs("/outage declare ehr Epic is down")
    stage.seen()
    alma.replies("HELP").gets_call("You asked us to call", "down", "Press 1 if you are OK").presses("2")
    command_centre.shows("Alma Quill", "HELP")
    assert stage.outage()["checkin"]["help"] == 1
    stage.seen()
    alma.replies("info").is_left_alone(minutes=4)
    stage.forward(minutes=7)
    stage.seen()
    alma.replies("info").gets_call("You asked us to call")


def test_a_charge_nurse_is_called_with_the_keys_of_her_unit(stage: Stage, cho: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    stage.seen()
    cho.replies("Info").gets_call("Press 1 if 3 W is OK", "2 if you need staff").presses("4")
    assert stage.outage()["units"]["ok"] == 1


def test_help_with_no_outage_open_brings_the_number_to_call(stage: Stage, alma: Person) -> None:
    alma.replies("help").gets_call("No outage is open", "5 5 5 5")


def test_who_cannot_be_called_is_texted_the_state(stage: Stage, alma: Person, eve: Person) -> None:
    stage.tell(lambda tx: setattr(person(tx, "alma"), "no_voice", True))
    eve.runs("/outage declare ehr Epic is down")
    stage.seen()
    alma.replies("HELP").gets_sms("O-1", "DOWN").replies("HELP").is_left_alone(minutes=4)


def test_who_calls_us_hears_the_state_and_answers(stage: Stage, alma: Person, ben: Person, eve: Person) -> None:
    assert "No outage is open" in dials(alma).said
    eve.runs("/outage declare ehr Epic is down")
    stage.seen()
    assert "Press 1 if you are OK" in dials(alma, "1").said
    call = dials(ben, "1")
    assert "Press 1 if 5 W is OK" in call.said and "PIN" not in call.said
    assert stage.outage()["checkin"]["ok"] == 2 and stage.outage()["units"]["ok"] == 1


def test_who_calls_back_about_a_patient_risk_takes_it(
    stage: Stage, alma: Person, dana: Person, gwen: Person, eve: Person
) -> None:
    eve.runs("/outage declare ehr Epic is down")
    dana.takes_tasks()
    gwen.takes_tasks()
    alma.replies("9")
    stage.seen()
    dana.lets_it_ring()
    stage.forward(minutes=1)
    assert "Patient risk in 5 W" in dials(dana, "1").said
    gwen.is_left_alone(minutes=5)


def test_a_units_landline_that_calls_back_hears_the_question_it_missed(stage: Stage, cho: Person, eve: Person) -> None:
    """The phone on the wall stands at the unit, on no staff list."""
    eve.runs("/outage declare ehr Epic is down")
    landline = Person(stage, "3W", UNITS["3W"])
    landline.lets_it_ring()
    while not [call for call in stage.sim.twilio.calls if call.to == landline.number]:
        stage.forward(minutes=1)
    assert "3 W" in dials(landline, "1").said
    assert "not on our staff list" in dials(Person(stage, "nobody", "+12025550199")).said
    assert stage.outage()["units"]["ok"] == 1


@pytest.mark.both_databases  # what a call is about is found by SQL
def test_a_declarer_keys_the_pin_and_then_1(stage: Stage, alma: Person, eve: Person) -> None:
    has_pin(stage, "eve", "4829")
    assert "key your PIN" in dials(eve).said
    assert "Press 1 to declare" in dials(eve, "4829#").said
    assert stage.status()["outages"] == [], "the PIN alone declares nothing"
    assert "You declared O 1" in dials(eve, "4829#", "1").said
    eve.gets_sms("DECLARED O-1")
    assert stage.outage()["services"] == ["core"]
    alma.gets_sms("DOWN")
    assert "runs already" in dials(eve, "4829#", "1").said


def test_five_wrong_pins_lock_the_number_and_tell_the_administrators(stage: Stage, finn: Person, eve: Person) -> None:
    has_pin(stage, "eve", "4829")
    stage.tell(lambda tx: setattr(person(tx, "finn"), "permissions", ["admin"]))
    said = [dials(eve, f"111{digit}#").said for digit in range(4)]
    assert all("try again" in each for each in said)
    finn.is_left_alone()
    assert "locked" in dials(eve, "1115#").said
    finn.gets_sms("5 wrong PINs", "Eve Sand", "04:25").gets_slack("5 wrong PINs")
    assert "locked" in dials(eve, "4829#", "1").said
    stage.forward(minutes=15)
    assert "You declared" in dials(eve, "4829#", "1").said


def test_no_key_of_a_pin_is_stored(stage: Stage, eve: Person) -> None:
    has_pin(stage, "eve", "48291")
    dials(eve, "77777#")
    dials(eve, "48291#", "1")

    def everything(tx: Tx) -> str:
        from sqlmodel import SQLModel

        return " ".join(str(row) for table in SQLModel.metadata.tables.values() for row in tx.execute(select(table)))

    said = stage.ask(everything)
    assert "77777" not in said and "48291" not in said
