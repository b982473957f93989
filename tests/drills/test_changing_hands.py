"""People come, go, lose their phones and answer twice: the question follows whoever is in charge."""

import re

from bot.db import Tx
from bot.simulator import Fault
from tests.people import Person, Stage


def calls_to(stage: Stage, person: Person) -> int:
    return sum(call.to == person.number for call in stage.sim.twilio.calls)


def test_a_second_call_for_help_reaches_a_human_again(stage: Stage, alma: Person, ben: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    stage.seen()
    alma.replies("2").gets_sms("need help", "Ben")
    ben.gets_sms("NEEDS HELP").gets_slack("needs help")
    alma.replies("2 still nobody here").gets_sms("need help", "Ben")
    ben.gets_sms("NEEDS HELP", "still nobody here").gets_slack("still nobody")
    code = re.findall(r"T\d+", ben.phone.inbox[-1].body)[0]
    ben.replies(f"DONE {code}").gets_sms("done")
    alma.replies("2").gets_sms("need help", "Ben")
    ben.gets_sms("NEEDS HELP")


def test_away_hands_the_unit_on_and_charge_takes_it(stage: Stage, alma: Person, ben: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    stage.seen()
    ben.replies("AWAY").gets_sms("not on shift")
    assert stage.outage()["checkin"]["unavailable"] == 1
    alma.replies("CHARGE 5W").gets_sms("in charge of 5W").gets_sms("Answer for 5W")
    alma.replies("1")
    assert stage.outage()["units"]["ok"] == 1
    stage.forward(minutes=6)
    assert calls_to(stage, ben) == 0


def test_two_outages_at_once_are_answered_by_one_digit(stage: Stage, ben: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    eve.runs("/outage declare new phones desk phones are dead")
    ben.replies("1")
    assert [outage["units"]["ok"] for outage in stage.status()["outages"]] == [1, 1]


def test_a_button_answers_the_outage_it_stands_under(stage: Stage, ben: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    eve.runs("/outage declare new phones desk phones are dead")
    ben.clicks("check_1", "C05W", "O-1 1")
    by_code = {outage["code"]: outage["units"]["ok"] for outage in stage.status()["outages"]}
    assert by_code == {"O-1": 1, "O-2": 0}


def test_two_dead_mobiles_come_to_an_end(stage: Stage, alma: Person, eve: Person) -> None:
    from bot import roster

    second = "+12025550171"
    stage.tell(lambda tx: setattr(tx.get(roster.Person, "alma"), "mobile2", second))
    for number in (alma.number, second):
        stage.sim.twilio.faults.add(Fault(kind="undelivered", to=number, on="sms", code=30003))
    eve.runs("/outage declare ehr Epic is down")
    alma.gets_call("Epic is down", "Press 1").presses("1")
    assert stage.outage()["checkin"]["ok"] == 1


def test_a_backup_who_cannot_leaves_the_task_with_its_owner(
    stage: Stage, kit: Person, lea: Person, eve: Person
) -> None:
    eve.runs("/outage declare ehr Epic is down")
    stage.settle()
    code = re.findall(r"T\d+", next(text.body for text in kit.phone.inbox if "pharmacy" in text.body))[0]
    kit.replies(f"1 {code}")
    stage.seen()
    lea.replies(f"2 {code}").gets_sms(f"{code} is with somebody")
    kit.is_left_alone(minutes=1)


def test_a_risk_stays_in_sight_while_it_is_seen_to(
    stage: Stage, alma: Person, ben: Person, dana: Person, eve: Person
) -> None:
    eve.runs("/outage declare ehr Epic is down")
    dana.takes_tasks()
    alma.replies("9")
    ben.replies("1")
    dana.replies("TOLD 5W")
    assert stage.outage()["units"]["risk"] == 1


def test_a_risk_that_nobody_has_reaches_the_commander(stage: Stage, alma: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    eve.takes_tasks()
    alma.replies("9")
    stage.seen()
    stage.forward(minutes=6)
    eve.has_sms("PATIENT RISK 5W").gets_call("Patient risk")


def test_a_wrong_key_is_asked_again(stage: Stage, ben: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    stage.seen()
    stage.forward(minutes=5)
    ben.presses("5")
    assert "no meaning" in ben.phone.calls[-1].said and stage.outage()["units"]["silent"] == 2
    ben.presses("1")
    assert stage.outage()["units"]["ok"] == 1


def test_raised_from_watch_the_units_are_asked(
    stage: Stage, alma: Person, ben: Person, finn: Person, eve: Person
) -> None:
    eve.runs("/outage declare level:0 ehr vendor says maybe")
    ben.is_left_alone()
    assert stage.outage()["level"] == 0 and sum(stage.outage()["units"].values()) == 0
    eve.runs("/outage raise 2")
    ben.has_sms("Answer for 5W").has_sms("LIST")
    alma.gets_sms("vendor says maybe")
    assert stage.outage()["units"]["silent"] == 2


def test_a_site_that_joins_is_alerted(stage: Stage, alma: Person, dana: Person, eve: Person) -> None:
    from bot import roster

    def east(tx: Tx) -> None:
        tx.add(roster.Site(code="EAST", name="East house"))
        tx.add(roster.Unit(code="9E", name="9E", site="EAST"))
        tx.add(roster.Person(id="zoe", name="Zoe Ash", unit="9E", site="EAST", mobile="+12025550172", place=50))
        roster.forget(tx)

    stage.tell(east)
    eve.runs("/outage declare sites:main ehr Epic is down")
    stage.settle()
    assert not stage.sim.phone("+12025550172").inbox
    said = dana.runs("/outage declare sites:main,east ehr").text
    assert "added to it" in said and "just now" in said
    assert [text.body for text in stage.sim.phone("+12025550172").inbox if "Epic is down" in text.body]
    assert stage.outage()["units"]["silent"] == 3


def test_closed_at_once_the_recovery_goes_on(stage: Stage, finn: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    eve.runs("/outage close O-1 back already")
    assert "recovery tasks go on" in eve.clicks("sure_close", "D0EVE").text
    stage.seen()
    stage.forward(hours=1)
    assert [text.body for phone in stage.sim.phones for text in phone.inbox if not text.seen]


def test_odd_buttons_and_codes_do_nothing(stage: Stage, alma: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    for odd in (
        "/task done T²",
        "/task done T99999999999999999999",
        "/outage raise ²",
        "/outage update next:9999d",
        "/task @nobody x",
    ):
        assert eve.runs(odd).text
    assert "level:9" in eve.runs("/outage declare email level:9 too").text
    assert stage.outage()["state"] == "declared" and stage.outage()["level"] == 2


def test_told_two_units_one_of_them_unknown(stage: Stage, dana: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    stage.seen()
    dana.replies("TOLD 5W and 9Z").gets_sms("5W told in person", "9Z is not a unit")
