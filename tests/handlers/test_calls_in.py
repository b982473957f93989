"""Calls: what is spoken is TwiML, and a key counts once."""

from xml.etree import ElementTree

import pytest
from sqlmodel import select

from bot import checkins, outbox, tasks
from bot.db import Tx
from bot.outbox import Message
from tests.handlers.conftest import ALMA, STRANGER
from tests.handlers.door import Answer, Door


def heard(answer: Answer) -> str:
    assert (answer.status, answer.kind.partition(";")[0]) == (200, "text/xml")
    return " ".join("".join(said.itertext()) for said in ElementTree.fromstring(answer.body).iter("Say"))


def asks(answer: Answer) -> list[str]:
    """Where the keys of a call are sent to."""
    return [gather.attrib["action"] for gather in ElementTree.fromstring(answer.body).iter("Gather")]


@pytest.fixture
def placed(door: Door) -> int:
    """A call to alma about an outage; the number of its message."""
    door.types("U0EVE", "/outage declare ehr the EHR is down", trigger="declare")

    def place(tx: Tx) -> int:
        alert = tx.exec(select(Message).where(Message.person_id == "alma")).one()
        notice = tx.get(outbox.Notice, alert.notice_id)
        said = outbox.Draft(person_id="alma", channel="voice", address=ALMA, lane=1, body="The EHR is down.", round=1)
        outbox.enqueue(tx, notice, [said])
        return tx.exec(select(Message.id).where(Message.channel == "voice", Message.person_id == "alma")).one()

    return door.db.run(place)


def answered(door: Door, id: int, **more: str) -> Answer:
    return door.twilio(f"/twilio/voice/{id}", {"CallSid": "CA1", "CallStatus": "in-progress"} | more)


def called(door: Door, number: str, **more: str) -> Answer:
    return door.twilio("/twilio/call", {"CallSid": "CA2", "From": number} | more)


def digits(door: Door) -> list[str]:
    return door.db.read_now(lambda tx: list(tx.exec(select(checkins.Answer.digit))))


def test_a_call_of_ours_says_its_text_and_waits_for_a_key(door: Door, placed: int) -> None:
    answer = answered(door, placed)
    assert "The EHR is down." in heard(answer)
    assert set(asks(answer)) == {f"https://muster.example.org/twilio/voice/{placed}"}
    assert digits(door) == [], "who picks up has not answered: it may be a voicemail"


def test_a_key_is_an_answer_and_once(door: Door, placed: int) -> None:
    for _ in range(3):
        assert heard(answered(door, placed, Digits="1"))
    assert digits(door) == ["1"]


@pytest.mark.parametrize("key", ["*", "#", "7", "0"])
def test_a_key_that_means_nothing_is_no_answer(door: Door, placed: int, key: str) -> None:
    heard(answered(door, placed, Digits=key))
    assert digits(door) == []


def test_a_call_about_what_is_over_says_so_and_asks_nothing(door: Door, placed: int) -> None:
    door.db.run(lambda tx: outbox.close_outage(tx, 1, "closed"))
    answer = answered(door, placed)
    assert heard(answer)
    assert asks(answer) == []


def test_a_call_of_which_nothing_is_known_ends_politely(door: Door) -> None:
    assert "no longer needed" in heard(answered(door, 4711))
    assert "no longer needed" in heard(answered(door, 4711, Digits="9"))


def test_who_calls_us_hears_the_state_and_may_answer(door: Door, placed: int) -> None:
    answer = called(door, ALMA)
    assert "Press 1" in heard(answer)
    assert set(asks(answer)) == {"https://muster.example.org/twilio/call"}
    heard(called(door, ALMA, Digits="1"))
    assert digits(door) == ["1"]


def test_who_calls_us_while_nothing_is_open_hears_that(door: Door) -> None:
    assert "No outage is open" in heard(called(door, ALMA))


def test_a_patient_risk_by_phone_calls_one_human(door: Door, placed: int) -> None:
    for _ in range(2):
        heard(called(door, ALMA, Digits="9"))
    kinds = door.db.read_now(lambda tx: list(tx.exec(select(tasks.Task.kind))))
    assert kinds.count(tasks.Kind.RISK) == 1


@pytest.mark.parametrize("more", [{}, {"Digits": "9"}], ids=["calls", "presses"])
def test_an_unknown_phone_is_told_plainly_and_journaled(door: Door, more: dict[str, str]) -> None:
    assert "not on our staff list" in heard(called(door, STRANGER, **more))
    assert [line.about for line in door.lines("unknown_number")] == [STRANGER]
