"""What staff read is what was said: a task's words, a declarer's own, in whatever language; and nothing beyond."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from bot import command, outages, outbox, roster, tasks
from bot.command import course
from bot.db import Tx
from tests.people import hire

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def noon(tx: Tx) -> Tx:
    tx.now = NOON
    hire(tx)
    tx.flush()
    return tx


def eve(tx: Tx) -> roster.Person:
    found = roster.person(tx, "eve")
    assert found
    return found


def speaks(tx: Tx, **languages: str) -> None:
    for id, language in languages.items():
        person = roster.person(tx, id)
        assert person
        person.language = language
        tx.add(person)
    tx.flush()


def declare(tx: Tx, *services: str, text: str = "") -> outages.Outage:
    return outages.find(tx, command.declare(tx, eve(tx), command.Request(list(services), text), "slack").code)


def texts(tx: Tx, person_id: str) -> list[str]:
    tx.flush()
    mine = select(outbox.Message).where(outbox.Message.person_id == person_id).order_by(outbox.Message.id)
    return [message.body for message in tx.exec(mine)]


def to_be_told(tx: Tx, outage: outages.Outage, words: str) -> tasks.Task:
    """The one task that an update is to fill has these words."""
    one, *rest = tasks.of_outage(tx, outage.id or 0, tasks.TaskState.WAITING)
    for task in rest:
        task.tells = False
    one.tells, one.sms, one.offer_at = True, words, tx.now
    tx.flush()
    return one


ACCENTED = ["Don’t use the portal", "Radiology – call first...", "Avisad a radiología, sí"]


@pytest.mark.parametrize("words", ACCENTED)
def test_a_task_in_any_letters_is_told_by_an_update(noon: Tx, words: str) -> None:
    outage = declare(noon, "ehr")
    task = to_be_told(noon, outage, words)
    command.update(noon, eve(noon), outage.code, "still down", None, "slack")
    assert task.state == tasks.TaskState.DONE and words[-5:].strip(" .í") in texts(noon, "alma")[-1]


@pytest.mark.parametrize("words", ACCENTED)
def test_a_task_in_any_letters_is_told_when_nobody_writes_and_once(noon: Tx, words: str) -> None:
    outage = declare(noon, "ehr")
    task = to_be_told(noon, outage, words)
    for _ in range(2):
        noon.now += timedelta(minutes=30)
        course.hold(noon, outage.id or 0)
    first, second = texts(noon, "alma")[-2:]
    assert task.state == tasks.TaskState.DONE
    assert words[-5:].strip(" .í") in first and "no new word" in second


def test_words_that_fit_no_text_leave_the_holding_text(noon: Tx) -> None:
    outage = declare(noon, "ehr")
    task = to_be_told(noon, outage, "a very long way to say it " * 12)
    course.hold(noon, outage.id or 0)
    assert "no new word. Treat EHR as DOWN" in texts(noon, "alma")[-1]
    assert task.state == tasks.TaskState.WAITING
