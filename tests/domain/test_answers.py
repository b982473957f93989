"""Which question an answer is about: by key in a call, by button, changed within minutes, said again."""

import pytest
from sqlmodel import col, select

from bot import checkins, outages, outbox, roster, tasks
from bot.access import Refused
from bot.checkins import Kind
from bot.clock import MovedClock
from bot.command import answers, digest, tell
from bot.db import Database, Tx
from handlers import voice
from tests.domain.test_asking import asks, count
from tests.domain.test_rounds import declare, passes, person, says, standing
from tests.people import hire

OWN = "units:5W Can you stay until noon?"


@pytest.fixture
def night(db: Database) -> Database:
    db.run(hire)
    db.run(declare)
    return db


def call(db: Database, whom: str) -> int:
    """A call about somebody's task."""

    def place(tx: Tx) -> int:
        facts = {"code": "T9", "text": "x", "owner": "y", "why": "z"}
        said = tell.one(tx, outages.find(tx), person(tx, whom), "task_up", facts, lane=1, subject="task:9",
                        also_call=True)  # fmt: skip
        spoken = [outbox.Message.notice_id == said.id, outbox.Message.channel == "voice"]
        return tx.exec(select(outbox.Message.id).where(*spoken)).one() or 0

    return db.run(place)


def clicks(db: Database, who: str, digit: str, kind: Kind = Kind.QUESTION) -> answers.Echo:
    def click(tx: Tx) -> answers.Echo:
        asked = tx.exec(select(checkins.Round.id).where(checkins.Round.kind == kind)).all()[-1]
        return answers.answer(tx, [person(tx, who)], digit, "", "slack", round_id=asked)

    return db.run(click)


def test_a_9_in_a_call_about_a_task_is_about_the_unit_on_duty(night: Database) -> None:
    says(night, "alma", "HERE 3W")
    echo = night.run(voice.press, call(night, "alma"), "9", "CA1")
    assert "3W" in echo.spoken(night.render)[0]
    assert standing(night) == {"3W": "risk", "5W": "silent"}


def test_a_9_in_a_call_of_an_outage_that_did_not_ask_them_is_about_it_all_the_same(night: Database) -> None:
    spoken = call(night, "alma")
    night.run(lambda tx: [tx.delete(row) for row in tx.exec(select(outbox.Recipient)) if row.person_id == "alma"])
    night.run(voice.press, spoken, "9", "CA1")
    assert standing(night)["5W"] == "risk"
    of = select(tasks.Task.outage_id).where(tasks.Task.kind == tasks.Kind.RISK)
    assert night.read_now(lambda tx: tx.exec(of).all()) == [1]


def test_a_button_under_a_question_that_is_over_says_nothing_of_the_unit(night: Database, clock: MovedClock) -> None:
    asks(night, OWN)
    passes(night, clock, minutes=61)
    assert clicks(night, "ben", "2") == ("echo", {"text": "noted: no, after the question was over"})
    assert clicks(night, "ben", "1") is None
    assert standing(night)["5W"] == "silent"
    late = select(checkins.Answer.late).where(checkins.Answer.person_id == "ben")
    assert night.read_now(lambda tx: tx.exec(late).all()) == [True, True]


def test_a_button_under_a_question_to_others_does_nothing(night: Database) -> None:
    asks(night, "units:3W Can you stay until noon?")
    with pytest.raises(Refused, match="was not asked of you"):
        clicks(night, "ben", "1")
    assert standing(night)["5W"] == "silent"
    assert clicks(night, "ben", "9")
    assert standing(night)["5W"] == "risk"


@pytest.mark.parametrize("digits", ["12", "21", "11"])
def test_a_changed_answer_stays_with_its_question_for_ten_minutes(
    night: Database, clock: MovedClock, digits: str
) -> None:
    asks(night, OWN)
    for digit in digits:
        says(night, "ben", digit)
    assert standing(night)["5W"] == "silent"
    found = count(night, Kind.QUESTION)
    assert (found.fine, found.need) == ((0, 1) if digits == "12" else (1, 0))
    says(night, "ben", "1 5W")
    assert standing(night)["5W"] == "ok"


def test_later_the_next_digit_is_about_what_is_not_answered_yet(night: Database, clock: MovedClock) -> None:
    asks(night, OWN)
    says(night, "ben", "1")
    passes(night, clock, minutes=11)
    says(night, "ben", "1")
    assert standing(night)["5W"] == "ok"


def test_a_no_is_an_answer_and_calls_nobody(night: Database) -> None:
    assert "9=PATIENT RISK" in asks(night, "all Can you stay until noon?")
    assert says(night, "alma", "2").sms(night.render).endswith("noted: no")
    assert says(night, "ben", "2")
    calls = select(tasks.Task.id).where(col(tasks.Task.kind) == tasks.Kind.HELP)
    assert night.read_now(lambda tx: tx.exec(calls).all()) == []
    assert count(night, Kind.QUESTION).need == 2


def test_whoever_was_told_in_person_is_accounted_for_in_the_roll_call(night: Database) -> None:
    asks(night, "roll-call units:5W")
    night.run(lambda tx: answers.person_told(tx, person(tx, "eve"), person(tx, "alma"), "Ann"))
    assert (count(night, Kind.ROLL_CALL).fine, count(night, Kind.ROLL_CALL).missing) == (1, 2)


def test_a_charge_nurse_who_alone_is_silent_is_looked_for_by_somebody_else(night: Database, clock: MovedClock) -> None:
    asks(night, "roll-call units:5W")
    for who in ("alma", "abe"):
        says(night, who, "1")
    passes(night, clock, minutes=10)
    whom = select(digest.Concern.person_id).where(digest.Concern.what == digest.ROLL_CALL)
    assert night.read_now(lambda tx: tx.exec(whom).all()) not in ([], ["ben"])


def test_a_question_to_all_stays_at_the_sites_of_the_outage(night: Database) -> None:
    def grow(tx: Tx) -> None:
        tx.add(roster.Site(code="EAST", name="East"))
        tx.add(roster.Unit(code="9X", name="9X", site="EAST"))
        tx.add(roster.Person(id="far", name="Far Off", unit="9X", site="EAST", mobile="+12025550190", place=999))
        outages.find(tx).sites = ["MAIN"]

    night.run(grow)
    asks(night, "all Are you all right?")
    asks(night, "roll-call")
    theirs = select(outbox.Message.kind).where(outbox.Message.person_id == "far")
    assert not {"question", "roll_call"} & set(night.read_now(lambda tx: tx.exec(theirs).all()))


def test_a_question_names_no_patient(night: Database) -> None:
    asked = asks(night, "all Has anyone seen pt John Smith MRN 4471123?")
    assert "Smith" not in asked and "4471123" not in asked and "was taken out" in asked
    bodies = select(outbox.Message.body).where(outbox.Message.kind == "question")
    assert not any("Smith" in body for body in night.read_now(lambda tx: tx.exec(bodies).all()))


def test_a_digest_names_some_of_many_who_are_missing(night: Database, clock: MovedClock) -> None:
    night.run(lambda tx: [tx.add(roster.Person(id=f"n{n}", name=f"Nurse {n}", unit="5W", site="MAIN", place=100 + n,
                                               mobile=f"+120255502{n:02}")) for n in range(40)])  # fmt: skip
    asks(night, "roll-call units:5W")
    passes(night, clock, minutes=10)
    concerns = night.read_now(lambda tx: tx.exec(select(digest.Concern)).all())
    facts = night.read_now(lambda tx: digest.facts(tx, outages.find(tx), list(concerns)))
    named = facts["missing"]
    assert isinstance(named, list) and len(named) == digest.NAMED + 1 and named[-1] == "and 13 more"
