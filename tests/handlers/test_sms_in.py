"""Texts: who wrote, once, and an answer in TwiML."""

from xml.etree import ElementTree

import pytest
from sqlmodel import select

from bot import access, checkins, tasks
from bot.clock import MovedClock
from bot.outages import Outage, Service
from tests.handlers.conftest import ALMA, BEN, EVE, STRANGER
from tests.handlers.door import Answer, Door


def read(answer: Answer) -> str:
    """The text that goes back; nothing if none does."""
    assert (answer.status, answer.kind.partition(";")[0]) == (200, "text/xml")
    message = ElementTree.fromstring(answer.body).find("Message")
    return "" if message is None else "".join(message.itertext())


def digits(door: Door) -> list[tuple[str, str]]:
    return door.db.read_now(lambda tx: list(tx.exec(select(checkins.Answer.person_id, checkins.Answer.digit))))


def risks(door: Door) -> int:
    return door.db.read_now(lambda tx: sum(task.kind == tasks.Kind.RISK for task in tx.exec(select(tasks.Task))))


@pytest.fixture
def outage(door: Door) -> None:
    door.types("U0EVE", "/outage declare ehr the EHR is down", trigger="declare")


def test_an_unknown_phone_is_told_plainly_and_journaled(door: Door) -> None:
    said = read(door.texts(STRANGER, "9 help"))
    assert "not on our staff list" in said
    assert "nothing was done" in said
    assert [(line.what, line.about) for line in door.lines()] == [("unknown_number", STRANGER)]
    assert risks(door) == 0


def test_an_unknown_phone_is_told_once_in_ten_minutes(door: Door, clock: MovedClock) -> None:
    assert read(door.texts(STRANGER, "hello", sid="SM1"))
    assert not read(door.texts(STRANGER, "hello?", sid="SM2"))
    assert len(door.lines("unknown_number")) == 2


@pytest.mark.usefixtures("outage")
def test_an_answer_counts_once_however_often_it_is_delivered(door: Door) -> None:
    for _ in range(3):
        assert read(door.texts(ALMA, "1", sid="SM7")) == ""
    assert digits(door) == [("alma", "1")]


@pytest.mark.usefixtures("outage")
def test_a_patient_risk_that_is_delivered_twice_calls_one_human(door: Door) -> None:
    assert "T" in read(door.texts(ALMA, "9", sid="SM7"))
    before = door.rows()
    assert read(door.texts(ALMA, "9", sid="SM7")) == ""
    assert door.rows() == before
    assert risks(door) == 1


@pytest.mark.usefixtures("outage")
def test_the_same_words_in_another_text_are_another_answer(door: Door) -> None:
    door.texts(ALMA, "2", sid="SM7")
    door.texts(ALMA, "1", sid="SM8")
    assert digits(door)[-1] == ("alma", "1")


def test_a_nine_without_any_outage_still_calls_a_human(door: Door) -> None:
    read(door.texts(ALMA, "9"))
    assert risks(door) == 1


@pytest.mark.usefixtures("outage")
@pytest.mark.parametrize("body", ["\x00", "9\x00", "é\x00ñ", "👍", "\ufffd", "", "   ", "<Response>&amp;", "x" * 1600])
def test_odd_letters_are_no_error(door: Door, body: str) -> None:
    read(door.texts(BEN, body))


ODD = [
    (ALMA, "1 and 3", "only 1 was noted. If you mean 3, text 3 alone"),
    (ALMA, "3 T9", "3 says nothing of a task, so nothing was changed"),
    (ALMA, "CHARGE 9Z", "no unit 9Z. Text CHARGE"),
    (ALMA, "", "had no words, and pictures cannot be read"),
    (EVE, "VOID O-1", "VOID needs your PIN, as in VOID O-1 1234"),
]


@pytest.mark.usefixtures("outage")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_was_half_understood_is_said_with_the_way_to_mend_it(door: Door) -> None:
    for number, (who, body, said) in enumerate(ODD):
        assert said in read(door.texts(who, body, sid=f"SM{number}"))
    assert door.lines("stray")[0].detail["text"] == "(no words, perhaps a picture)"


def test_without_an_outage_nobody_is_said_to_read_it(door: Door) -> None:
    assert "nobody reads this number now" in read(door.texts(ALMA, "is Epic down?", sid="SM1"))
    assert "OUTAGE needs your PIN" in read(door.texts(EVE, "OUTAGE epic is down", sid="SM2"))


@pytest.mark.usefixtures("outage")
def test_no_pin_and_no_patient_reaches_the_journal(door: Door) -> None:
    door.texts(BEN, "OUTAGE 482913 EHR", sid="SM1")
    door.texts(ALMA, "2 MRN 4482913 in bed 4", sid="SM2")
    stored = " ".join(str(line.model_dump()) for line in door.lines())
    assert "482913" not in stored


@pytest.mark.usefixtures("outage")
def test_what_is_refused_changes_nothing(door: Door) -> None:
    door.db.run(access.set_pin, "eve", access.hash_pin("4829"))
    door.db.run(lambda tx: setattr(tx.exec(select(Outage)).one(), "state", "closed"))
    assert "is closed" in read(door.texts(EVE, "RESTORE O-1 4829"))
    assert door.db.read_now(lambda tx: tx.exec(select(Service.state)).one()) == "down"


def test_five_wrong_pins_lock_the_number(door: Door, clock: MovedClock) -> None:
    door.db.run(access.set_pin, "eve", access.hash_pin("4829"))
    said = [read(door.texts(EVE, "OUTAGE 1111 EHR", sid=f"SM{n}")) for n in range(5)]
    assert ["locked" in text for text in said] == [False] * 4 + [True]
    assert "locked" in read(door.texts(EVE, "OUTAGE 4829 EHR", sid="SM6")).lower()
    assert door.db.read_now(lambda tx: tx.exec(select(Outage)).all()) == []
    clock.forward(minutes=15)
    assert "What still works?" in read(door.texts(EVE, "OUTAGE 4829 EHR", sid="SM7"))
    assert len(door.db.read_now(lambda tx: tx.exec(select(Outage)).all())) == 1
