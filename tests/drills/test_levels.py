"""The level is raised by a person, or by the clock when nobody answers; what the clock does wakes nobody."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from bot import outages, roster
from bot.clock import MovedClock
from bot.db import Tx
from tests.conftest import START
from tests.people import Channel, Person, Stage, nobody_is_disturbed

ON_SHIFT = ("alma", "ben", "cho", "dana", "finn")  # tonight; everybody else sleeps


def rota(tx: Tx) -> None:
    """A night with a rota: those who are not on it are asleep."""
    for id in ON_SHIFT:
        hours = {"starts_at": START - timedelta(hours=9), "ends_at": START + timedelta(hours=12)}
        tx.add(roster.Shift(person_id=id, role="", unit="", kind="shift", **hours))
    roster.forget(tx)


def question(person: Person) -> str:
    text = next(text.body for text in reversed(person.phone.inbox) if "=raise" in text.body)
    return re.findall(r"\bT\d+\b", text)[0]


def level(stage: Stage) -> int:
    return int(stage.outage()["level"])


def raised_by(stage: Stage) -> list[str]:
    from sqlmodel import select

    from bot.journal import Line

    return stage.ask(lambda tx: [line.who for line in tx.exec(select(Line).where(Line.what == "raised"))])


def test_level_1_for_half_an_hour_asks_the_house_supervisor_and_she_raises_it(
    stage: Stage, alma: Person, dana: Person, eve: Person, command_centre: Channel
) -> None:
    eve.runs("/outage declare level:1 ehr Epic is slow")
    stage.forward(minutes=29)
    stage.seen()
    stage.forward(minutes=1)
    dana.has_sms("O-1", "still level 1", "Raise it to 2", "=raise", "No answer by 04:50")
    command_centre.shows("Raise O-1 to level 2?")
    assert level(stage) == 1
    alma.is_left_alone()
    dana.replies(f"1 {question(dana)}")
    dana.has_sms("O-1 is at level 2")
    alma.has_sms("1=read")
    assert (level(stage), raised_by(stage)) == (2, ["dana"])
    stage.forward(minutes=15)
    assert raised_by(stage) == ["dana"]


def test_nobody_answers_so_the_clock_raises_it_and_the_commander_is_told(
    stage: Stage, alma: Person, gwen: Person, eve: Person
) -> None:
    stage.tell(rota)
    eve.runs("/outage declare level:1 ehr Epic is slow")
    stage.forward(minutes=39)
    assert level(stage) == 1
    stage.forward(minutes=1)
    assert (level(stage), raised_by(stage)) == (2, ["muster"])
    eve.has_sms("nobody answered T", "O-1 is raised to level 2")
    alma.has_sms("1=read")
    assert "O-1 is at level 1" in eve.runs("/outage lower 1").text
    alma.has_sms("outage now LEVEL 1, not 2", "Next 05:20")
    stage.forward(minutes=50)
    assert (level(stage), raised_by(stage)) == (1, ["muster"])


def test_leave_it_is_remembered_for_an_hour_and_then_for_longer(stage: Stage, dana: Person, eve: Person) -> None:
    eve.runs("/outage declare level:1 ehr Epic is slow")
    asked: list[int] = []
    for minute in range(0, 5 * 60, 5):
        if any("=raise" in text.body and not text.seen for text in dana.phone.inbox):
            asked.append(minute)
            dana.replies(f"2 {question(dana)}")
        stage.seen()
        stage.forward(minutes=5)
    assert level(stage) == 1
    assert asked == [30, 90, 210]


@pytest.mark.both_databases  # who is told of it is found by SQL
def test_a_second_system_asks_the_commander_and_wakes_nobody(
    stage: Stage, alma: Person, hugo: Person, dana: Person, eve: Person
) -> None:
    """Hugo may manage, sleeps, and holds no role that is needed at once: only a person's raise tells him."""
    stage.tell(rota)
    stage.tell(lambda tx: tx.add(roster.Person(id="sol", name="Sol Ray", unit="OPS", site="MAIN", place=60,
                                               mobile="+12025550181", permissions=["manage"])))  # fmt: skip
    eve.runs("/outage declare level:2 ehr Epic is down")
    dana.runs("/outage declare email")
    eve.has_sms("Raise it to 3", "No answer by 04:20")
    sleeper = stage.sim.phone("+12025550181")
    stage.forward(minutes=10)
    assert (level(stage), raised_by(stage)) == (3, ["muster"])
    assert not sleeper.inbox
    eve.runs("/outage raise 4")
    stage.settle()
    assert sleeper.inbox


def test_level_4_is_only_ever_considered(stage: Stage, alma: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr,email Epic and mail are down")
    stage.forward(hours=4)
    eve.has_sms("Raise it to 4", "all staff, partners", "Not raised by itself")
    stage.forward(hours=8)
    assert level(stage) == 3
    assert sum("Raise it to 4" in text.body for text in eve.phone.inbox) == 3, "after two hours, then after three"
    eve.replies(f"1 {question(eve)}")
    assert (level(stage), raised_by(stage)) == (4, ["eve"])


def test_by_button_and_nothing_is_asked_once_it_is_over(stage: Stage, dana: Person, eve: Person, finn: Person) -> None:
    eve.runs("/outage declare level:1 ehr Epic is slow")
    stage.forward(minutes=30)
    code = question(dana)
    assert "text 1" in finn.runs(f"/task done {code}").text
    eve.runs("/outage restore")
    assert "settled" in dana.clicks("task_have", dana.slack, code).text
    stage.forward(hours=5)
    assert level(stage) == 1
    stage.seen()
    nobody_is_disturbed(stage)


def test_an_outage_from_before_there_were_rounds_can_be_raised(stage: Stage, eve: Person) -> None:
    eve.runs("/outage declare level:1 ehr Epic is slow")

    def older(tx: Tx) -> None:
        outage = outages.find(tx, "O-1")
        outage.rhythm, outage.levels = {}, []
        tx.add(outage)

    stage.tell(older)
    assert "O-1 is at level 3" in eve.runs("/outage raise 3").text
    stage.seen()


def test_a_hospital_has_its_own_thresholds_and_a_running_outage_keeps_those_it_began_with(
    database_url: str, clock: MovedClock, tmp_path: Path
) -> None:
    own = (Path("templates/playbooks/core.yaml")).read_text()
    (tmp_path / "core.yaml").write_text(own.replace("after: 30m, ask: house_supervisor", "after: 5m, ask: safety"))
    stage = Stage(database_url, clock, playbooks_dir=str(tmp_path))
    eve, hugo = Person(stage, "eve", "+12025550116"), Person(stage, "hugo", "+12025550119")
    eve.runs("/outage declare level:1 ehr Epic is slow")
    stage.forward(minutes=5)
    hugo.has_sms("Raise it to 2")
    rules = stage.ask(lambda tx: outages.find(tx, "O-1").levels)
    assert rules[1] == {"from": 1, "to": 2, "after": 300, "services": 0, "ask": "safety", "acts_after": 600}
    stage.close()


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{from: 3, to: 4, ask: safety, acts_after: 5m}", "only a person sets level 4"),
        ("{from: 2, to: 2, ask: safety}", "write a `to` above 2"),
        ("{from: 1, to: 2, ask: nobody_at_all}", "no role is called nobody_at_all"),
        ("{form: 1, to: 2, ask: safety}", "did you mean from?"),
    ],
)
def test_a_wrong_threshold_is_reported_with_its_line(line: str, complaint: str) -> None:
    from bot.playbooks.checked import read

    playbook, mistakes = read(f"playbook: core\ntitle: Ours\nlevels:\n  - {line}\n", "core.yaml")
    assert playbook is None
    assert any(mistake.startswith("core.yaml:4:") and complaint in mistake for mistake in mistakes), mistakes
