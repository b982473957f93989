"""The promise of the next update is kept; services come back, are verified, and the all-clear ends it."""

import pytest

from tests.people import Person, Stage


def test_the_owner_is_reminded_and_a_holding_update_goes_out_by_itself(stage: Stage, alma: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    alma.gets_sms("Next 04:40")
    stage.seen()
    stage.forward(minutes=25)
    eve.has_sms("04:40", "O-1", "/outage update")
    stage.seen()
    stage.forward(minutes=5)
    alma.gets_sms("04:40: Doctors: orders on paper only", "EHR still DOWN", "Next 05:10")
    stage.forward(minutes=30)
    alma.gets_sms("05:10: Clinics", "EHR still DOWN")
    stage.forward(minutes=30)
    alma.gets_sms("05:40: no new word", "EHR", "Next 06:10")
    eve.has_sms("no update came by 04:40")


def test_an_update_keeps_the_promise(stage: Stage, alma: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    alma.gets_sms("Next 04:40")
    stage.forward(minutes=20)
    assert "Sent to" in eve.runs("/outage update next:45m vendor works on it").text
    alma.gets_sms("vendor works on it", "Next 05:15").is_left_alone(minutes=40)


def test_a_correction_names_what_it_corrects(stage: Stage, alma: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    alma.gets_sms("Epic is down")
    eve.runs("/outage correct only reports are down")
    alma.gets_sms("CORRECT", "04:10", "only reports are down")


def test_a_higher_level_tells_more_people(stage: Stage, alma: Person, ben: Person, eve: Person) -> None:
    eve.runs("/outage declare level:1 ehr Epic is slow")
    ben.gets_sms("Epic is slow")
    alma.is_left_alone()
    assert "level 3" in eve.runs("/outage raise 3").text
    alma.gets_sms("Epic is slow", "1=read")
    assert any("LEVEL 3" in text.body for text in ben.phone.inbox)
    assert stage.outage()["level"] == 3


def test_one_service_back_the_other_still_down(stage: Stage, alma: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr,email Epic and mail are down")
    alma.gets_sms("Epic and mail")
    assert "Still down: EHR" in eve.runs("/outage restore email").text
    alma.gets_sms("EMAIL IS BACK", "EHR STILL DOWN")
    assert stage.outage()["service_states"] == {"ehr": "down", "email_documents": "restored"}
    assert stage.outage()["state"] == "declared"


@pytest.mark.both_databases  # a whole outage
def test_recovery_to_the_all_clear(stage: Stage, alma: Person, ben: Person, cho: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    for nurse in (ben, cho):
        nurse.replies("1")
    stage.seen()
    stage.forward(minutes=50)
    eve.runs("/outage restore")
    alma.gets_sms("still DOWN").gets_sms("EHR IS BACK", "re-enter")
    assert stage.outage()["state"] == "restored"
    eve.runs("/outage verify")
    alma.gets_sms("EHR")
    eve.runs("/outage close")
    refused = eve.clicks("sure_close", "D0EVE").text
    assert "priority-1 recovery tasks are open" in refused
    eve.runs("/outage close O-1 all units back-entered")
    assert "closed" in eve.clicks("sure_close", "D0EVE").text
    alma.gets_sms("ALL CLEAR")
    assert stage.status()["outages"] == []
    stage.seen()
    alma.is_left_alone(hours=3)


def test_closing_withdraws_what_waits_and_later_recovery_tasks_live_on(stage: Stage, finn: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    eve.runs("/outage restore")
    eve.runs("/outage close O-1 short one")
    eve.clicks("sure_close", "D0EVE")
    states = stage.ask(_states)
    assert {state for phase, state in states if phase != "recovery"} <= {"done", "cancelled"}
    assert {state for phase, state in states if phase == "recovery"} & {"waiting", "offered"}


def test_an_exercise_says_so_in_every_text_and_ends_when_it_gets_real(stage: Stage, alma: Person, eve: Person) -> None:
    stage.tell(_exercise)
    alma.gets_sms("EXERCISE - MERCY")
    stage.seen()
    eve.runs("/outage declare ehr Epic is really down")
    alma.gets_sms("EXERCISE", "OVER")
    alma.gets_sms("MERCY: Epic is really down")
    assert [outage["exercise"] for outage in stage.status()["outages"]] == [False]


def test_by_sms_alone_with_a_pin(stage: Stage, alma: Person, dana: Person) -> None:
    from bot import access

    hashed = access.hash_pin("4711")
    stage.tell(lambda tx: access.set_pin(tx, "dana", hashed))
    dana.replies("OUTAGE 9999 ehr").gets_sms("PIN is wrong")
    dana.replies("OUTAGE 4711 ehr Epic is down").gets_sms("DECLARED O-1")
    alma.gets_sms("Epic is down")
    dana.replies("UPDATE 4711 vendor works on it")
    alma.gets_sms("vendor works on it")
    stage.seen()
    alma.replies("STATUS").gets_sms("O-1", "EHR")


def _states(tx):  # type: ignore[no-untyped-def]
    from sqlmodel import select

    from bot.tasks import Task

    return [(task.phase, task.state) for task in tx.exec(select(Task).where(Task.number >= 0))]


def _exercise(tx):  # type: ignore[no-untyped-def]
    from bot import command, roster

    return command.declare(
        tx, tx.get(roster.Person, "eve"), command.Request(services=["ehr"], text="practice", exercise=True), "cli"
    )
