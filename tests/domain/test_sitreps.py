"""Reports of the situation: asked by text one question after the other, kept by field, assembled for the commander."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import select

from bot import journal, outages, outbox, roster, sitreps, tasks, timers
from bot.clock import MovedClock
from bot.command import asking, end, reading, situation
from bot.db import Database, Tx
from bot.sitreps import FIELDS, Report
from bot.texting import parse_reply
from handlers.sms import hear
from tests.domain.test_rounds import declare, passes, person, says
from tests.people import hire

OLA = "+12025550180"


@pytest.fixture
def night(db: Database) -> Database:
    """Ola is the operations chief, Jon the logistics chief."""
    db.run(hire)
    db.run(lambda tx: tx.add(roster.Person(id="ola", name="Ola Byrd", unit="OPS", site="MAIN", mobile=OLA,
                                           roles=["operations_chief"])))  # fmt: skip
    db.run(declare)
    return db


def asks(db: Database, text: str = "sitrep ask") -> str:
    return db.run(lambda tx: asking.checkin(tx, person(tx, "eve"), text, "slack"))


def ola(db: Database, text: str, once: int = 0) -> Any:
    return db.run(hear, f"SM{text}{once}", OLA, text, parse_reply(text))


def said(db: Database, who: str = "ola") -> dict[str, str]:
    query = select(Report).where(Report.person_id == who).order_by(Report.id.desc())  # type: ignore[union-attr]
    return db.read_now(lambda tx: tx.exec(query).first().said)  # type: ignore[union-attr]


def texts(db: Database, who: str, kind: str) -> list[str]:
    query = select(outbox.Message.body).where(outbox.Message.person_id == who, outbox.Message.kind == kind)
    return db.read_now(lambda tx: list(tx.exec(query.where(outbox.Message.channel == "sms"))))


def test_the_chiefs_on_shift_are_asked_and_answer_in_words(night: Database) -> None:
    assert asks(night) == "2 section chiefs are asked: operations, logistics."
    assert "SITREP 1, operations: 7 questions" in texts(night, "ola", "sitrep")[0]
    assert "2/7: new risks?" in ola(night, "All units are on paper").sms(night.render)
    assert "3/7: staff needed?" in ola(night, "-").sms(night.render)
    assert "4/7: staff needed?" in ola(night, "beds 12").sms(night.render)
    assert said(night) == {"objective": "All units are on paper", "risks": "", "beds": "12"}


def test_a_digit_means_the_same_while_a_question_waits(night: Database) -> None:
    asks(night)
    ola(night, "9")
    assert ola(night, "1") is None
    assert said(night) == {}


def test_a_word_answers_the_question_that_waits_before_anything_else(night: Database) -> None:
    def give(tx: Tx) -> str:
        return tasks.open_new(tx, outages.find(tx), tasks.Kind.ADHOC, "x", "bring paper", prio=2, due_s=900,
                              owner="ola").code  # fmt: skip

    code = night.run(give)
    asks(night)
    assert night.run(reading.read, [("SM1", OLA)]) == [False]
    assert "2/7" in ola(night, "Done").sms(night.render)
    assert "3/7" in ola(night, "Yes").sms(night.render)
    assert said(night) == {"objective": "Done", "risks": "Yes"}
    assert not night.read_now(lambda tx: tasks.find(tx, code, person(tx, "ola")).ended_at)


def test_a_text_is_an_answer_for_half_an_hour_only(night: Database, clock: MovedClock) -> None:
    asks(night)
    clock.forward(minutes=31)
    assert "a person will read" in ola(night, "All units are on paper").sms(night.render)
    assert said(night) == {}
    assert "a person will read" in says(night, "alma", "Where is the toner").sms(night.render)


def test_what_there_is_goes_to_the_commander_with_who_is_missing(night: Database, clock: MovedClock) -> None:
    asks(night)
    ola(night, "decisions stop elective surgery")
    passes(night, clock, minutes=20)
    assert any("Your report waits: objective?" in text for text in texts(night, "jon", "digest"))
    passes(night, clock, minutes=25)
    assert texts(night, "eve", "sitrep_report") == [
        "MERCY SITREP 1 O-1: 1 of 2 chiefs, not logistics. DECIDE: operations stop elective surgery"
    ]
    assert "operations: decisions: stop elective surgery" in asks(night, "sitrep")
    assert night.read_now(lambda tx: sitreps.waiting(tx, ["jon"])) is None


def test_it_goes_at_once_when_all_have_said_all(night: Database, clock: MovedClock) -> None:
    asks(night)
    for number in range(len(FIELDS)):
        ola(night, "-", once=number)
    night.run(fill, "jon", {"supplies": "toner"})
    passes(night, clock, minutes=0)
    assert "2 of 2 chiefs. Supplies: logistics toner" in texts(night, "eve", "sitrep_report")[0]
    kinds = night.read_now(lambda tx: set(tx.exec(select(timers.Timer.kind))))
    assert not kinds & {situation.REMIND, situation.DUE}


def fill(tx: Tx, who: str, values: dict[str, str]) -> str:
    report = tx.exec(select(Report).where(Report.person_id == who)).one()
    return situation.fill(tx, person(tx, who), report.id or 0, values)


def test_what_was_said_is_handed_in_when_it_is_asked_anew_or_the_downtime_ends(night: Database) -> None:
    for once in range(2):
        asks(night)
        ola(night, "decisions close clinics", once)
    assert len(texts(night, "eve", "sitrep_report")) == 1
    night.run(lambda tx: end.restore(tx, person(tx, "eve"), "", [], "", "cli"))
    assert len(texts(night, "eve", "sitrep_report")) == 2


@pytest.mark.parametrize(("verb", "told"), [(end.close, 1), (end.void, 0)])
def test_a_report_that_is_open_at_the_end_is_closed_with_a_note(night: Database, verb: Any, told: int) -> None:
    asks(night)
    ola(night, "decisions close clinics")
    why = ["all is well"] if verb is end.close else []
    night.run(lambda tx: verb(tx, person(tx, "eve"), "", *why, "cli"))
    reports = select(outbox.Message).where(outbox.Message.kind == "sitrep_report", outbox.Message.channel == "sms")
    assert [row.state for row in night.read_now(lambda tx: list(tx.exec(reports)))] == ["queued"] * told
    [line] = night.read_now(lambda tx: list(tx.exec(select(journal.Line).where(journal.Line.what == "sitrep_closed"))))
    assert line.detail["unfinished"] == ["operations_chief", "logistics_chief"]
    assert line.detail["said"]["operations_chief"] == {"decisions": "close clinics"}


def test_one_is_asked_for_after_an_hour_and_one_in_every_period(night: Database, clock: MovedClock) -> None:
    asked = []
    for _ in range(12):
        passes(night, clock, hours=1)
        asked.append(len(texts(night, "ola", "sitrep")))
    assert asked == [1] * 11 + [2]
    first, second = texts(night, "ola", "sitrep")
    assert "SITREP 1" in first and "SITREP 2" in second


def test_the_clock_asks_for_no_first_one_beside_somebody_s(night: Database, clock: MovedClock) -> None:
    asks(night)
    passes(night, clock, hours=2)
    assert len(texts(night, "ola", "sitrep")) == 1


def test_without_a_chief_nobody_is_asked(db: Database) -> None:
    db.run(hire)
    db.run(lambda tx: setattr(person(tx, "jon"), "roles", []))
    db.run(declare)
    assert asks(db).startswith("Nobody on shift is a section chief")


@settings(max_examples=50, deadline=None)
@given(waits_for=st.sampled_from(FIELDS), text=st.text(max_size=60), name=st.sampled_from(["", *FIELDS]))
def test_any_text_says_something_of_one_field(waits_for: str, text: str, name: str) -> None:
    field, said = sitreps.understood(waits_for, f"{name} {text}" if name else text)
    assert field in ({name, waits_for} if name else FIELDS)
    assert said == said.strip() and len(said) <= len(f"{name} {text}")


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("12 of them", ("staff", "12 of them")),
        ("Beds: 12", ("beds", "12")),
        ("beds", ("staff", "beds")),
        ("risks -", ("risks", "")),
        ("-", ("staff", "")),
    ],
)
def test_the_name_of_a_field_in_front_answers_that(text: str, means: tuple[str, str]) -> None:
    assert sitreps.understood("staff", text) == means
