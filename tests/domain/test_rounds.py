"""Rounds and operational periods: who is asked again, when, and what an answer then counts for."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from bot import board, checkins, escalations, journal, outages, playbooks, roster, tasks, timers
from bot.checkins import Kind, Question, Round
from bot.clock import MovedClock
from bot.command import end, levels, opening, periods, rounds, rungs, words
from bot.db import Database, Tx
from bot.playbooks.shelf import SHIPPED
from bot.texting import parse_reply
from handlers.sms import hear
from handlers.timers import HANDLERS
from tests.people import CAST, hire

NUMBER = {id: f"+120255501{digits}" for id, _, _, digits, *_ in CAST}


@pytest.fixture
def night(db: Database) -> Database:
    db.run(hire)
    db.run(declare)
    return db


def declare(tx: Tx, text: str = "level:2 ehr Epic is down") -> None:
    opening.declare(tx, person(tx, "eve"), words.declaration(text, playbooks.current(tx).find), "cli")


def person(tx: Tx, id: str) -> roster.Person:
    found = roster.person(tx, id)
    assert found
    return found


def says(db: Database, who: str, text: str) -> Any:
    once = f"SM{len(db.read_now(lambda tx: tx.exec(select(checkins.Answer.id)).all()))}{who}{text}"
    return db.run(hear, once, NUMBER[who], text, parse_reply(text))


def passes(db: Database, clock: MovedClock, **by: float) -> None:
    clock.forward(**by)
    while db.run(timers.fire_due, HANDLERS):
        pass


def standing(db: Database) -> dict[str, str]:
    return db.read_now(lambda tx: {row.unit: row.standing for row in checkins.units(tx, 1)})


def steps(db: Database, step: str) -> list[str]:
    query = select(tasks.Task.unit, tasks.Task.state).where(tasks.Task.step == step)
    query = query.order_by(tasks.Task.unit, tasks.Task.id)
    return db.read_now(lambda tx: [" ".join(row).strip() for row in tx.exec(query)])


def test_the_check_of_a_round_is_one_task_a_unit_however_often_it_is_asked(night: Database, clock: MovedClock) -> None:
    says(night, "ben", "1")
    assert steps(night, "CORE-X4") == []
    passes(night, clock, hours=4)
    assert steps(night, "CORE-X4") == ["3W offered", "5W offered"]
    says(night, "ben", "1 24")
    assert steps(night, "CORE-X4") == ["3W offered", "5W done"]
    passes(night, clock, hours=4)
    assert steps(night, "CORE-X4") == ["3W offered", "5W offered"]


def test_what_is_said_behind_the_digit_is_the_proof(night: Database, clock: MovedClock) -> None:
    passes(night, clock, hours=4)
    says(night, "ben", "1 24")
    given = select(tasks.Task.given).where(tasks.Task.step == "CORE-X4", tasks.Task.unit == "5W")
    assert night.read_now(lambda tx: tx.exec(given).one()) == "1 24"
    says(night, "cho", "1 12 patients")
    shown = night.read_now(lambda tx: board.status(tx)["outages"][0])
    assert shown["on_paper"] == {"3W": 12, "5W": 24}
    assert board.flat(shown)["paper"] == "36 (3W 12, 5W 24)"


def test_a_unit_that_stays_silent_is_one_visit(night: Database) -> None:
    def reach_the_last_rung(tx: Tx) -> None:
        rounds.ask_every_unit(tx, outages.find(tx))
        for ladder in escalations.active(tx, "unit:1:3W"):
            rungs.visit(tx, ladder, {})

    for _ in range(3):
        night.run(reach_the_last_rung)
    visits = select(tasks.Task.unit).where(tasks.Task.kind == tasks.Kind.VISIT)
    assert night.read_now(lambda tx: tx.exec(visits).all()) == ["3W"]


def test_whoever_came_to_be_in_charge_since_answers_for_the_unit(night: Database, clock: MovedClock) -> None:
    night.run(lambda tx: tx.add(roster.Person(id="zoe", name="Zoe New", unit="5W", site="MAIN", mobile="+12025550190")))
    says(night, "ben", "AWAY")
    night.run(hear, "SMzoe", "+12025550190", "CHARGE 5W", parse_reply("CHARGE 5W"))
    night.run(hear, "SMzoe1", "+12025550190", "1", parse_reply("1"))
    assert standing(night)["5W"] == "ok"


def test_a_risk_that_is_being_seen_to_outlasts_a_round(night: Database, clock: MovedClock) -> None:
    says(night, "ben", "9")
    passes(night, clock, hours=4)
    assert standing(night) == {"3W": "silent", "5W": "risk"}


def test_a_higher_level_asks_only_whoever_has_said_nothing_for_a_round(night: Database, clock: MovedClock) -> None:
    says(night, "ben", "1")
    passes(night, clock, hours=1)
    night.run(lambda tx: escalations.stop(tx, "unit:1:3W", "its last rung was climbed"))
    night.run(lambda tx: levels.raise_level(tx, person(tx, "eve"), "", 3, "cli"))
    assert night.read_now(asked_units) == [["3W"]]
    assert standing(night)["5W"] == "ok"


def asked_units(tx: Tx) -> list[list[str]]:
    return [row.units for row in tx.exec(select(Round).where(Round.kind == Kind.CHECK))]


def test_a_ladder_that_runs_is_not_begun_anew(night: Database, clock: MovedClock) -> None:
    passes(night, clock, minutes=6)
    before = night.read_now(lambda tx: timers.next_due(tx))
    night.run(lambda tx: rounds.ask_again(tx, person(tx, "eve"), ""))
    assert night.read_now(lambda tx: timers.next_due(tx)) == before


def test_periods_are_numbered_and_bring_their_tasks_again(night: Database, clock: MovedClock) -> None:
    night.run(lambda tx: [finish(tx, task) for task in tx.exec(select(tasks.Task)) if task.step == "CORE-X1"])
    for _ in range(12):
        passes(night, clock, hours=1)
    assert night.read_now(lambda tx: board.status(tx)["outages"][0]["period"]) == 2
    assert steps(night, "CORE-X1") == ["done", "waiting"]
    assert len(steps(night, "CORE-X2")) == 1  # nobody has done that of the first period
    began = select(journal.Line.about).where(journal.Line.what == "period_began").order_by(col(journal.Line.id))
    assert night.read_now(lambda tx: tx.exec(began).all()) == ["period 1", "period 2"]
    in_order = select(Round.closed_at).order_by(col(Round.id))
    assert night.read_now(lambda tx: [at is None for at in tx.exec(in_order)]) == [True, False, False, True]


def test_what_comes_again_is_as_it_was_when_the_outage_began(night: Database, tmp_path: Path) -> None:
    edited = (SHIPPED / "core.yaml").read_text().replace("plan for next period", "another plan").replace("4h", "9h")
    (tmp_path / "core.yaml").write_text(edited.replace("repeat check; count", "something else; count"))
    night.settings = night.settings.model_copy(update={"playbooks_dir": str(tmp_path)})
    night.run(lambda tx: [finish(tx, task) for task in tx.exec(select(tasks.Task)) if task.step == "CORE-X2"])
    night.run(lambda tx: periods.turn(tx, 1))
    said = select(tasks.Task.sms).where(col(tasks.Task.step).in_(["CORE-X2", "CORE-X4"])).distinct()
    assert set(night.read_now(lambda tx: tx.exec(said).all())) == {
        "write action plan for next period", "repeat check; count patients on paper",
    }  # fmt: skip


def test_nothing_comes_round_once_the_services_are_back(night: Database, clock: MovedClock) -> None:
    passes(night, clock, hours=5)
    night.run(lambda tx: end.restore(tx, person(tx, "eve"), "", [], "", "cli"))
    assert not night.read_now(lambda tx: set(tx.exec(select(timers.Timer.kind)))) & {"round", "period"}
    night.run(lambda tx: declare(tx, "email Mail is down"))
    assert night.read_now(lambda tx: outages.find(tx).period) == 2


def test_level_0_has_no_rounds(db: Database) -> None:
    db.run(hire)
    db.run(declare, "level:0 ehr Epic is slow")
    assert not db.read_now(lambda tx: set(tx.exec(select(timers.Timer.kind)))) & {rounds.ROUND, periods.PERIOD}


def finish(tx: Tx, task: tasks.Task) -> None:
    task.state, task.ended_at = tasks.TaskState.DONE, tx.now
    tx.add(task)


def question(round_id: int, kind: Kind, outage: int = 1, answered: bool = False, late: bool = False) -> Question:
    return Question(round_id, round_id, outage, f"O-{outage}", kind, "", late, answered)


ALERT, OTHER = question(1, Kind.ALERT), question(2, Kind.ALERT, outage=2)
CHECK, ROLL, OWN = question(3, Kind.CHECK), question(4, Kind.ROLL_CALL), question(5, Kind.QUESTION)
SAID = question(5, Kind.QUESTION, answered=True)
COUNTS: list[tuple[str, list[Question], str, str, bool, list[Question]]] = [
    ("a 1 to alerts", [OTHER, ALERT], "1", "", True, [ALERT, OTHER]),
    ("the latest check of each outage", [CHECK, OTHER, ALERT], "2", "", True, [OTHER, CHECK]),
    ("the latest question", [OWN, ROLL, ALERT], "2", "", True, [OWN]),
    ("for a unit OK is said to its check only", [ROLL, ALERT], "1", "", True, [ROLL]),
    ("a bedside 1 also says read", [ROLL, ALERT], "1", "", False, [ALERT, ROLL]),
    ("once it is answered the next comes", [SAID, ALERT], "1", "", True, [ALERT]),
    ("but not while a changed answer replaces it", [replace(SAID, lately=True), ALERT], "1", "", True,
     [replace(SAID, lately=True)]),
    ("a digit that it does not know is about the unit", [ROLL, ALERT], "2", "", False, [ALERT]),
    ("a unit's code makes it about the unit", [OWN, ALERT], "2", "5W", True, [ALERT]),
    ("a risk is about no question", [OWN, ALERT], "9", "", False, [ALERT]),
    ("when all is over the last one is answered late", [question(2, Kind.ALERT, late=True)], "1", "", False,
     [question(2, Kind.ALERT, late=True)]),
    ("nothing was asked", [], "1", "", False, []),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "digit", "unit", "speaks", "meant"), [row[1:] for row in COUNTS],
                         ids=[row[0] for row in COUNTS])  # fmt: skip
def test_what_a_digit_counts_for(
    asked: list[Question], digit: str, unit: str, speaks: bool, meant: list[Question]
) -> None:
    assert checkins.counts_for(asked, digit, unit, speaks) == meant
