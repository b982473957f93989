"""An outage that lasts: every four hours each unit is asked once more, and is chased as at first if it is silent."""

from bot import checkins
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
