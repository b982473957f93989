"""While it runs and at its end: what a correction names, what comes before the all-clear, and what outlives it."""

from datetime import timedelta

import pytest

from bot import escalations, outages, playbooks, roster, tasks, timers
from bot.access import Refused
from bot.command import answers, callbacks, course, end, levels, opening, optouts, risks, words
from bot.db import Tx
from bot.outages import Outage, OutageState
from bot.playbooks.start import levels as rules
from handlers.timers import HANDLERS
from tests.domain.test_escalations_who import by_id, texts
from tests.people import hire


@pytest.fixture
def eve(tx: Tx) -> roster.Person:
    hire(tx)
    return by_id(tx, "eve")


def declare(tx: Tx, by: roster.Person, *services: str, level: int = 3) -> Outage:
    done = opening.declare(tx, by, words.Request(services=list(services) or ["ehr"], text="x", level=level), "cli")
    tx.flush()
    return outages.find(tx, done.code)


def passes(tx: Tx, **time: float) -> None:
    """The time goes by, and every timer fires when it is due."""
    stop = tx.now + timedelta(**time)
    while (due := timers.next_due(tx)) and due <= stop:
        tx.now = max(tx.now, due)
        timers.fire_due(tx, HANDLERS)
    tx.now = stop


def questions(tx: Tx, outage: Outage) -> list[tasks.Task]:
    return [task for task in tasks.of_outage(tx, outage.id or 0) if task.kind == tasks.Kind.DECIDE]


def test_what_was_voided_cannot_come_back(tx: Tx, eve: roster.Person) -> None:
    outage = declare(tx, eve, "ehr", "email_documents")
    end.void(tx, eve, outage.code, "cli")
    heard = len(texts(tx, "ben"))
    for verb in (end.verify, end.void):
        with pytest.raises(Refused, match="is voided"):
            verb(tx, eve, outage.code, "cli")
    with pytest.raises(Refused, match=r"O-1 is voided\. Nothing was sent or changed"):
        end.restore(tx, eve, outage.code, ["ehr"], "", "cli")
    with pytest.raises(Refused, match="is voided"):
        end.close(tx, eve, outage.code, "over", "cli")
    assert len(texts(tx, "ben")) == heard


def test_a_call_for_help_is_named_before_the_all_clear_and_a_patient_risk_outlives_it(
    tx: Tx, eve: roster.Person
) -> None:
    outage = declare(tx, eve)
    risk = risks.report(tx, outage, by_id(tx, "ben"), "5W", "")
    answers.answer(tx, [by_id(tx, "cho")], "2", "", "sms")
    helped = next(task for task in tasks.of_outage(tx, outage.id or 0) if task.kind == tasks.Kind.HELP)
    end.restore(tx, eve, outage.code, [], "", "cli")
    with pytest.raises(Refused) as refused:
        end.close(tx, eve, outage.code, "", "cli")
    assert f"Somebody waits for help: {risk.code} call 5W now, {helped.code}" in str(refused.value)
    assert "recovery tasks are open" in str(refused.value)
    end.close(tx, eve, outage.code, "all are well", "cli")
    assert (risk.state, helped.state, outage.state) == ("offered", "cancelled", OutageState.CLOSED)
    before = len(texts(tx, "gwen", "voice") + texts(tx, "hugo", "voice"))
    passes(tx, minutes=10)
    assert len(texts(tx, "gwen", "voice") + texts(tx, "hugo", "voice")) > before, "it is called about until one has it"
    tasks.accept(tx, risk, by_id(tx, "dana"), "sms")
    assert not escalations.active(tx, risk.offer)


def test_a_correction_names_what_everybody_got(tx: Tx, eve: roster.Person) -> None:
    outage = declare(tx, eve)
    tx.now += timedelta(minutes=7)
    callbacks.call(tx, [by_id(tx, "alma")], by_id(tx, "alma").mobile)
    optouts.opted_out(tx, by_id(tx, "ben").mobile)
    tx.now += timedelta(minutes=2)
    assert "04:10" in course.correct(tx, eve, outage.code, "only the lab is down", "cli")


def test_the_clock_raises_no_level_that_is_no_longer_called_for(tx: Tx, eve: roster.Person) -> None:
    outage = declare(tx, eve, "ehr", "email_documents", level=2)
    passes(tx, seconds=20)
    (asked,) = questions(tx, outage)
    end.restore(tx, eve, outage.code, ["email_documents"], "", "cli")
    passes(tx, minutes=15)
    assert (outage.level, asked.state, asked.given) == (2, "done", "no longer called for")


@pytest.fixture
def at_3(tx: Tx, eve: roster.Person) -> Outage:
    outage = outages.begin(tx, level=3, sites=["MAIN"], by="eve", commander="", summary="Epic is down", exercise=False)
    outage.levels = rules(playbooks.current(tx))
    outages.add_service(tx, outage, "ehr", "Epic", {})
    levels.watch(tx, outage)
    return outage


def test_level_4_is_asked_again_when_nobody_answers_and_less_and_less_often(tx: Tx, at_3: Outage) -> None:
    for hours, asked in ((4, 1), (1.9, 1), (0.2, 2), (2.5, 2), (1, 3)):
        passes(tx, hours=hours)
        assert len(questions(tx, at_3)) == asked, hours
    assert sum(task.is_open() for task in questions(tx, at_3)) == 1
    assert at_3.level == 3


def test_the_question_of_level_4_goes_to_the_relief(tx: Tx, at_3: Outage) -> None:
    passes(tx, hours=4)
    (asked,) = questions(tx, at_3)
    before = asked.owner
    levels.pass_on(tx, at_3, by_id(tx, before))
    assert asked.owner not in ("", before)
    assert asked.code in texts(tx, asked.owner)[-1] and "Raise it to 4" in texts(tx, asked.owner)[-1]
