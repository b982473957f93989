"""A patient risk and a call for help: called until somebody has it, and not forgotten once somebody does."""

import pytest

from bot import checkins, escalations, tasks
from bot.access import Refused
from bot.checkins import Standing, UnitCheck
from bot.command import answers, risks, rungs
from bot.db import Tx
from bot.outages import Outage
from bot.tasks import Kind, Task, TaskState
from tests.domain.test_escalations_who import by_id, concerns, texts
from tests.domain.test_tasks import forward, says


@pytest.fixture
def risk(tx: Tx, outage: Outage) -> Task:
    """What Alma of 5W sent a 9 for."""
    tx.add(UnitCheck(outage_id=outage.id or 0, unit="5W", asked="ben", standing=Standing.RISK))
    return risks.report(tx, outage, by_id(tx, "alma"), "5W", "wrong drug")


def called(tx: Tx, person: str) -> int:
    return len(texts(tx, person, "voice"))


@pytest.mark.parametrize("verb", ["blocked", "cannot"])
def test_whoever_gets_no_further_has_the_next_called_at_once(tx: Tx, risk: Task, verb: str) -> None:
    assert says(tx, "dana", verb, risk.code, "nobody picks up") == f"MERCY: {risk.code}: the next person is called"
    forward(tx, 0)
    assert (called(tx, "dana"), called(tx, "gwen")) == (1, 1)
    assert (risk.state, risk.note) == (TaskState.OFFERED, "wrong drug; Dana Reed: nobody picks up")


@pytest.mark.parametrize("verb", ["blocked", "cannot"])
def test_whoever_had_it_and_gets_no_further_has_the_next_called_and_never_its_sender(
    tx: Tx, risk: Task, verb: str
) -> None:
    says(tx, "dana", "have", risk.code)
    forward(tx, 3)
    assert not called(tx, "gwen")
    says(tx, "dana", verb, risk.code)
    assert risk.state == TaskState.OFFERED
    forward(tx, 12)
    assert called(tx, "gwen") and called(tx, "hugo") and called(tx, "eve") and not called(tx, "alma")


def test_the_word_of_another_leaves_it_where_it_is(tx: Tx, risk: Task) -> None:
    forward(tx, 2)
    says(tx, "dana", "have", risk.code)
    assert "is with Dana" in says(tx, "gwen", "cannot", risk.code)
    assert (risk.owner, risk.state) == ("dana", TaskState.ACCEPTED)
    says(tx, "dana", "done", risk.code)
    with pytest.raises(Refused, match="already done"):
        says(tx, "dana", "cannot", risk.code)


def test_nobody_has_it_so_its_sender_hears_and_calling_goes_on(tx: Tx, risk: Task) -> None:
    forward(tx, 8)
    assert "NOBODY has" in texts(tx, "alma")[-1] and called(tx, "finn") == 1, "he manages"
    before = called(tx, "dana")
    forward(tx, 120)
    assert called(tx, "dana") >= before + 11
    assert sum("NOBODY has" in text for text in texts(tx, "alma")) == 1


def test_whoever_has_it_is_reminded_and_then_those_above_hear_singly(tx: Tx, risk: Task) -> None:
    says(tx, "dana", "have", risk.code)
    forward(tx, 9)
    assert "OVERDUE" not in texts(tx, "dana")[-1]
    forward(tx, 1)
    assert f"{risk.code} OVERDUE" in texts(tx, "dana")[-1]
    forward(tx, 10)
    assert any(risk.code in text and "late" in text for text in texts(tx, "gwen") + texts(tx, "eve"))


def test_its_unit_leaves_the_risk_with_it(tx: Tx, outage: Outage, risk: Task) -> None:
    row = checkins.units(tx, outage.id or 0)[0]
    says(tx, "dana", "have", risk.code)
    assert row.standing == Standing.RISK
    says(tx, "dana", "done", risk.code)
    assert (row.standing, row.by) == (Standing.TOLD, "dana")


def test_help_that_was_promised_is_asked_after(tx: Tx, outage: Outage) -> None:
    heard = checkins.Heard("2", outage, [], unit="5W", units=["5W"])
    answers.help_for(tx, heard, by_id(tx, "ben"), "")
    task = next(task for task in tasks.of_outage(tx, outage.id or 0) if task.kind == Kind.HELP)
    says(tx, "iris", "have", task.code)
    forward(tx, 10)
    assert f"{task.code} OVERDUE" in texts(tx, "iris")[-1]
    forward(tx, 20)
    assert (task.code, "late") in concerns(tx, "eve")


def test_a_visit_that_nobody_makes_is_asked_after(tx: Tx, outage: Outage) -> None:
    tx.add(UnitCheck(outage_id=outage.id or 0, unit="5W", asked="ben"))
    ladder = escalations.start(tx, "silence", f"unit:{outage.id}:5W", [], outage_id=outage.id, person_id="ben")
    rungs.visit(tx, ladder, {})
    forward(tx, 10)
    assert "OVERDUE" in texts(tx, "dana")[-1] and "go and see 5W" in texts(tx, "dana")[-1]
    forward(tx, 10)
    assert any(what == "late" for _, what in concerns(tx, "gwen") + concerns(tx, "eve"))
