"""An outage that lasts: every four hours each unit is asked once more, and is chased as at first if it is silent."""

from bot import checkins, roster
from tests.people import Person, Stage


def standings(stage: Stage) -> dict[str, str]:
    return stage.ask(lambda tx: {row.unit: row.standing for row in checkins.units(tx, 1)})


def asked(person: Person) -> int:
    return sum("still DOWN. 1=" in text.body for text in person.phone.inbox)


def test_every_four_hours_each_unit_is_asked_once_more(
    stage: Stage, alma: Person, ben: Person, cho: Person, dana: Person, eve: Person
) -> None:
    eve.runs("/outage declare ehr Epic is down")
    ben.replies("1")
    cho.replies("1")
    stage.forward(hours=3, minutes=59)
    stage.seen()
    stage.forward(minutes=1)
    ben.gets_sms("5W: EHR still DOWN", "1=OK", "patients on paper (1 24)", "No answer by 08:15")
    assert (asked(ben), asked(cho), asked(alma)) == (1, 1, 0)
    assert standings(stage) == {"3W": "silent", "5W": "silent"}
    ben.replies("1 24")
    stage.forward(minutes=10)
    dana.has_sms("NO ANSWER 3W")
    assert standings(stage) == {"3W": "silent", "5W": "ok"}
    dana.replies("TOLD 3W")
    eve.runs("/outage restore")
    stage.forward(hours=5)
    assert standings(stage) == {"3W": "told", "5W": "ok"}
    assert (asked(ben), asked(cho), asked(alma)) == (1, 1, 0)


def test_a_roll_call_is_answered_by_text_button_and_word(
    stage: Stage, alma: Person, abe: Person, ben: Person, eve: Person
) -> None:
    eve.runs("/outage declare ehr Epic is down")
    assert "3 people on shift in 5W" in eve.runs("/checkin roll-call units:5W").body
    stage.seen()
    alma.has_sms("ROLL-CALL", "HERE 5W").replies("HERE 5W").gets_sms("on shift in 5W")
    abe.replies("AWAY").gets_sms("not on shift")
    ben.clicks("round_1", "C05W")
    assert stage.outage()["roll_call"] == {"asked": 3, "on_site": 2, "away": 1, "missing": 0}
    assert stage.outage()["units"]["silent"] == 2
    assert "2 on site, 1 away, 0 not accounted for" in eve.runs("/checkin roll-call list").body
    assert "Ben Ode told in person" in eve.runs("/checkin told @ben by Dana").body
    assert stage.outage()["units"]["told"] == 1


def test_a_section_chief_reports_by_a_form(stage: Stage, finn: Person, jon: Person, eve: Person) -> None:
    stage.tell(lambda tx: setattr(tx.get(roster.Person, "finn"), "roles", ["planning_chief"]))
    eve.runs("/outage declare ehr Epic is down")
    stage.seen()
    assert "planning, logistics" in eve.runs("/checkin sitrep ask").body
    jon.gets_sms("SITREP 1, logistics", "1/7").replies("Forms reach all units").gets_sms("2/7: new risks?")
    finn.gets_sms("SITREP 1, planning")
    finn.clicks("sitrep_open")
    slack = stage.sim.slack
    assert "goes to the commander" in stage.do(slack.submit(finn.slack, values={"decisions": "close clinics"})).body
    stage.seen()
    stage.forward(minutes=45)
    eve.has_sms("SITREP 1 O-1: 2 of 2 chiefs", "DECIDE: planning close clinics")
    assert "logistics: objective: Forms reach all units" in eve.runs("/checkin sitrep").body
