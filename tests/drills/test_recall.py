"""A staff call at four in the morning: who is woken, who is not, and who may go back to sleep."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from bot import command, roster
from bot.clock import MovedClock
from bot.db import Tx
from tests.people import Person, Stage, hire, whole

#: Off shift tonight, and all can do it: id, unit, last digits
OFF = (
    ("nora", "ICU", "31"), ("olga", "ICU", "32"), ("paul", "ICU", "33"), ("quin", "ICU", "34"), ("rosa", "3W", "35"),
    ("sam", "3W", "36"), ("tess", "3W", "37"), ("uma", "ICU", "38"), ("vera", "ICU", "39"), ("walt", "ICU", ""),
    ("xena", "ICU", "41"),
)  # fmt: skip
NIGHT_SHIFT = ("alma", "ben", "cho", "dana", "eve")


@pytest.fixture
def stage(database_url: str, clock: MovedClock) -> Iterator[Stage]:
    made = Stage(database_url, clock, night_staff)
    yield made
    whole(made)
    made.close()


def night_staff(tx: Tx) -> None:
    """The cast is on shift until 07:00; Nora is on call, Uma came off at 23:00, Vera is on leave, Xena opted out."""
    hire(tx)
    tx.add(roster.Unit(code="ICU", name="ICU", site="MAIN"))
    for place, (id, unit, digits) in enumerate(OFF, 100):
        tx.add(roster.Person(id=id, name=id.title(), unit=unit, mobile=digits and f"+120255501{digits}",
                             skills=["rn"], place=place, opted_out_at=tx.now if id == "xena" else None))  # fmt: skip
    tx.get_one(roster.Person, "alma").skills = ["rn"]
    tx.flush()
    for id in NIGHT_SHIFT:
        _duty(tx, id, -9, 3)
    _duty(tx, "nora", -9, 3, "oncall")
    _duty(tx, "uma", -12, -5)
    tx.add(roster.Leave(person_id="vera", starts_at=tx.now - timedelta(days=2), ends_at=tx.now + timedelta(days=5)))
    roster.forget(tx)


def _duty(tx: Tx, who: str, start: int, end: int, kind: str = "shift") -> None:
    at = tx.now.replace(minute=0)
    tx.add(roster.Shift(person_id=who, kind=kind, starts_at=at + timedelta(hours=start),
                        ends_at=at + timedelta(hours=end)))  # fmt: skip


def people(stage: Stage) -> dict[str, Person]:
    return {id: Person(stage, id, f"+120255501{digits}") for id, _, digits in OFF if digits}


@pytest.mark.both_databases  # who is called is found by SQL
def test_a_recall_at_four_in_the_morning(stage: Stage, eve: Person) -> None:
    nora, olga, paul, quin, rosa, sam, tess, uma, vera, xena = people(stage).values()
    eve.runs("/outage declare ehr Epic is down")
    stage.seen()

    said = eve.runs("/outage recall need:2 skill:RN unit:ICU from:06:00").text
    assert "R1" in said and "0 of 2 ICU RN coming" in said and "Waiting for 1: Nora" in said
    assert "04:20 same unit, off shift (3), 04:30 all who can do it (3)" in said
    for reason in ("1 on shift already", "1 resting", "1 on leave or away", "1 no phone", "1 opted out of texts"):
        assert reason in said, said
    assert "/outage recall stop R1" in said

    nora.gets_sms("STAFF CALL R1 (on call): need 2 ICU RN from 06:00 at MAIN")
    nora.gets_call("staff call to you who are on call").presses("1")
    for other in (olga, paul, quin, rosa, sam, tess):
        other.is_left_alone(minutes=1)

    stage.forward(minutes=4)
    olga.gets_sms("STAFF CALL R1 (voluntary)", "1=there in 30 min", "4=cannot")
    paul.gets_sms("(voluntary)")
    quin.gets_sms("(voluntary)")
    olga.replies("2").gets_sms("you come, there by 05:20", "HERE ICU", "4 R1")
    eve.gets_sms("R1: 2 of 2 coming", "Filled")
    paul.replies("1").gets_sms("RESERVE")
    quin.gets_sms("R1: filled, thank you", "Please rest")
    assert "Staff calls: R1 2 of 2 coming, 1 reserve" in eve.runs("/outage status").text

    stage.forward(minutes=20)
    nora.replies("4 R1").gets_sms("you cannot come")
    paul.gets_sms("YOU ARE NEEDED NOW", "from 06:00")
    rosa.is_left_alone()
    olga.replies("4 car is dead").gets_sms("you cannot come")
    for other in (rosa, sam, tess):
        other.gets_sms("STAFF CALL R1 (voluntary)")
    rosa.replies("3").gets_sms("you come, there by 06:40")
    sam.replies("1").gets_sms("RESERVE")
    tess.gets_sms("filled")
    quin.replies("1").gets_sms("filled")

    paul.replies("HERE ICU").gets_sms("on shift in ICU")
    rosa.replies("HERE ICU").gets_sms("on shift in ICU")
    sam.gets_sms("enough people came", "rest")
    made = stage.outage()["recalls"][0]
    assert (made["state"], made["coming"], made["arrived"]) == ("closed", 2, 2)
    for rung in (olga, paul, quin, rosa, sam, tess):
        rung.gets_call()
    for other in (nora, olga, quin, sam, tess, uma, vera, xena):
        other.is_left_alone(minutes=10)


def test_with_two_open_questions_muster_asks_which(stage: Stage, eve: Person) -> None:
    olga, paul = people(stage)["olga"], people(stage)["paul"]
    eve.runs("/outage declare level:4 ehr Epic is down")
    stage.seen()
    eve.runs("/outage recall need:1 skill:rn unit:ICU from:06:00")
    stage.forward(minutes=10)
    olga.gets_sms("STAFF CALL R1")
    paul.gets_sms("STAFF CALL R1")
    olga.replies("2").gets_sms("2 can mean 60 min (R1) or need help (O-1). Text 2 R1 or 2 O-1")
    olga.replies("2 O-1").gets_sms("need help")
    paul.replies("1").gets_sms("you come")
    olga.replies("3 R1").gets_sms("RESERVE")
    olga.replies("9").gets_sms("PATIENT RISK")


@pytest.mark.both_databases  # who is called is found by SQL
def test_when_the_outage_ends_nobody_need_come(stage: Stage, eve: Person) -> None:
    nora, olga = people(stage)["nora"], people(stage)["olga"]
    nora.lets_it_ring()
    eve.runs("/outage declare ehr Epic is down")
    stage.seen()
    eve.runs("/outage recall need:2 skill:rn unit:ICU from:06:00")
    nora.gets_sms("STAFF CALL R1")
    nora.replies("1").gets_sms("you come")
    stage.seen()
    stage.tell(lambda tx: command.void(tx, tx.get_one(roster.Person, "eve"), "O-1", "cli"))
    nora.gets_sms("STAFF CALL R1 IS CALLED OFF: do not come in")
    olga.is_left_alone(minutes=60)
    all_are_left_alone(stage)


def test_it_may_be_stopped(stage: Stage, eve: Person) -> None:
    nora = people(stage)["nora"]
    nora.lets_it_ring()
    eve.runs("/outage declare ehr Epic is down")
    eve.runs("/outage recall need:2 skill:rn unit:ICU from:06:00")
    stage.seen()
    assert "called off" in eve.runs("/outage recall stop R1").text
    assert "cancelled" in eve.runs("/outage recall").text
    nora.gets_sms("CALLED OFF: do not come in")
    nora.replies("1 R1").gets_sms("CALLED OFF")
    all_are_left_alone(stage)


def test_who_has_no_phone_answers_in_slack(stage: Stage, eve: Person) -> None:
    walt = Person(stage, "walt", "")
    stage.sim.slack.add_user(walt.slack, "Walt")
    stage.tell(lambda tx: setattr(tx.get_one(roster.Person, "walt"), "slack_id", walt.slack))
    eve.runs("/outage declare ehr Epic is down")
    eve.runs("/outage recall need:1 skill:rn unit:ICU from:06:00")
    stage.forward(minutes=10)
    walt.gets_slack("Staff call R1", "need 1 ICU rn")
    walt.clicks("recall_2")
    assert stage.outage()["recalls"][0]["coming"] == 1
    stage.seen()


def all_are_left_alone(stage: Stage) -> None:
    for person in people(stage).values():
        person.is_left_alone()
