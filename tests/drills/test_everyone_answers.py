"""Everyone answers, and nobody is disturbed again until the next promised update."""

import pytest

from bot import board
from tests.people import Person, Stage

pytestmark = pytest.mark.both_databases  # all write at once

EVERYBODY = ("alma", "abe", "ben", "cho", "dana", "eve", "finn", "gwen", "hugo", "iris", "jon", "kit", "lea")


def test_nobody_who_answered_is_disturbed_again(
    stage: Stage, alma: Person, abe: Person, ben: Person, cho: Person, eve: Person
) -> None:
    eve.runs("/outage declare level:1 ehr Epic is slow")
    ben.gets_sms("Answer for 5W").gets_sms("LIST").replies("1")
    cho.gets_sms("Answer for 3W").gets_sms("LIST").replies("1")
    assert stage.outage()["units"] == {"ok": 2, "help": 0, "risk": 0, "silent": 0, "told": 0}
    ben.is_left_alone(minutes=14)
    cho.is_left_alone()
    alma.is_left_alone()
    abe.is_left_alone()


def test_no_thanks_for_a_1_and_every_other_answer_is_echoed(
    stage: Stage, alma: Person, ben: Person, eve: Person
) -> None:
    eve.runs("/outage declare ehr Epic is down")
    alma.gets_sms("Epic is down").replies("1").is_left_alone()
    ben.gets_sms("Answer for 5W").gets_sms("LIST").replies("4").gets_sms("noted: 5W, not affected").is_left_alone()


def test_a_changed_answer_counts_as_the_latest(stage: Stage, ben: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    ben.replies("1")
    assert stage.outage()["units"]["ok"] == 1
    ben.replies("3")
    assert stage.outage()["units"] == {"ok": 0, "help": 1, "risk": 0, "silent": 1, "told": 0}
    assert stage.outage()["checkin"]["help"] == 1


def test_an_answer_after_the_end_is_kept_as_late(stage: Stage, alma: Person, eve: Person) -> None:
    eve.runs("/outage declare level:3 ehr Epic is down")
    eve.runs("/outage close O-1 it was a loose cable")
    eve.clicks("sure_close", "D0EVE")
    alma.replies("1")
    stage.seen()
    late = stage.ask(lambda tx: board.status(tx, "O-1"))["outages"][0]["checkin"]
    assert late["late"] == 1 and late["ok"] == 0


def test_the_figures_add_up(stage: Stage, alma: Person, ben: Person, eve: Person) -> None:
    eve.runs("/outage declare level:3 ehr,email Epic and mail are down")
    alma.replies("2")
    ben.replies("9")
    outage = stage.outage()
    reach, check = outage["reach"], outage["checkin"]
    assert (
        sum(reach[name] for name in ("queued", "sent", "delivered", "failed", "unreachable", "told_in_person"))
        == reach["people"]
        == len(EVERYBODY)
    )
    assert (
        sum(check[name] for name in ("ok", "help", "risk", "unavailable", "late", "silent"))
        == check["asked"]
        == reach["people"]
    )
    assert (check["help"], check["risk"]) == (1, 1)
