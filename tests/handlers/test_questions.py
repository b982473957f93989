"""What only asks is answered beside the writer: however many ask, no alert waits for them."""

import threading
from collections.abc import Iterator

import pytest

from bot.db import Tx
from tests.handlers.door import Door

#: what is typed → what is answered
QUESTIONS = {
    "/outage status": "Told",
    "/outage status O-1": "Answers of",
    "/outage help": "/outage declare",
    "/outage frobnicate": "is not a verb of /outage",
    "/outage close": "Close O-1?",
    "/outage void": "Void O-1?",
    "/task list": "*T",
}


@pytest.fixture
def busy(door: Door) -> Iterator[Door]:
    """An outage runs, and the writer is at something long."""
    door.types("U0EVE", "/outage declare ehr the EHR is down")
    begun, over = threading.Event(), threading.Event()

    def long(tx: Tx) -> None:
        begun.set()
        over.wait(30)

    writing = threading.Thread(target=door.db.run, args=(long,))
    writing.start()
    begun.wait(30)
    yield door
    over.set()
    writing.join()


@pytest.mark.parametrize(("words", "says"), QUESTIONS.items(), ids=QUESTIONS)
def test_a_question_waits_for_no_writer(busy: Door, words: str, says: str) -> None:
    answer = busy.types("U0EVE", words)
    assert answer.status == 200
    assert says in answer.body


@pytest.mark.parametrize("words", QUESTIONS)
def test_a_question_leaves_no_trace(door: Door, words: str) -> None:
    door.types("U0EVE", "/outage declare ehr the EHR is down")
    before = door.rows()
    door.types("U0EVE", words, trigger="t2")
    assert door.rows() == before


@pytest.mark.parametrize(
    ("account", "words", "what", "says"),
    [
        ("U0EVE", "/outage status O-9", "refused", "There is no outage O-9"),
        ("U0BEN", "/outage close", "refused", "Those who may"),
        ("U0NOBODY", "/outage status", "unknown_account", "not on the staff list"),
    ],
)
def test_a_refusal_is_written_down_once(door: Door, account: str, words: str, what: str, says: str) -> None:
    assert says in door.types(account, words).body
    assert [line.what for line in door.lines()] == [what]
    door.types(account, words)
    assert [line.what for line in door.lines()] == [what]
