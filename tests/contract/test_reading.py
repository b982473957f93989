"""The bare `1`, taken in by the hundred: the same comes of it as when each is heard alone."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlmodel import col, select

from bot import checkins, journal, outages, outbox, playbooks, roster
from bot.clock import MovedClock
from bot.command import end, opening, words
from bot.command.reading import read
from bot.db import Database, Tx
from bot.texting import parse_reply
from handlers.sms import hear
from tests.people import CAST, hire

NUMBER = {id: f"+120255501{digits}" for id, _, _, digits, *_ in CAST}
SHARED = "+12025550190"


@pytest.fixture
def night(db: Database) -> Database:
    """Alma and Abe share a third phone; everybody is told of an outage."""
    db.run(_hire)
    db.run(_declare)
    return db


def _hire(tx: Tx) -> None:
    hire(tx)
    for id in ("alma", "abe"):
        person = tx.get(roster.Person, id)
        assert person
        person.mobile2 = SHARED
        tx.add(person)
    tx.flush()
    roster.forget(tx)


def _declare(tx: Tx, text: str = "level:3 ehr Epic is down") -> None:
    eve = roster.person(tx, "eve")
    assert eve
    opening.declare(tx, eve, words.declaration(text, playbooks.current(tx).find), "cli")


def _close(tx: Tx) -> None:
    eve = roster.person(tx, "eve")
    assert eve
    end.close(tx, eve, "O-1", "over", "cli")


def each(tx: Tx, texts: list[tuple[str, str]]) -> None:
    for sid, number in texts:
        assert hear(tx, sid, number, "1", parse_reply("1")) is None


def picture(db: Database, verb: Callable[[Tx, Any], Any], texts: list[tuple[str, str]]) -> dict[str, Any]:
    """What the database holds after the verb; taken back afterwards."""
    with db.engine.connect() as connection, connection.begin() as transaction:
        with db.tx_on(connection) as tx:
            verb(tx, texts)
            tx.flush()
            answers = select(checkins.Answer.person_id, checkins.Answer.digit, checkins.Answer.late)
            states = select(outbox.Message.person_id, outbox.Message.state, outbox.Message.reason)
            lines = select(journal.Line.who, journal.Line.outage, journal.Line.detail)
            seen = {
                "answers": sorted(map(tuple, tx.exec(answers))),
                "messages": sorted(map(tuple, tx.exec(states))),
                "journal": sorted(map(str, tx.exec(lines.where(col(journal.Line.what) == "answered")))),
            }
        transaction.rollback()
    return seen


@pytest.mark.parametrize(
    "senders",
    [
        [NUMBER["alma"]],
        [NUMBER["alma"], NUMBER["abe"], NUMBER["kit"]],
        [SHARED],
        [SHARED, NUMBER["alma"], SHARED],
    ],
    ids=["one", "three", "a shared phone", "one person by two phones"],
)
def test_it_is_as_if_each_was_heard_alone(night: Database, senders: list[str]) -> None:
    texts = [(f"SM{number}", sender) for number, sender in enumerate(senders)]
    assert picture(night, read, texts) == picture(night, each, texts)


def test_it_answers_every_outage_that_runs(night: Database) -> None:
    night.run(_declare, "new email Mail is down level:3")
    texts = [("SM1", NUMBER["alma"]), ("SM2", NUMBER["kit"])]
    seen = picture(night, read, texts)
    assert seen == picture(night, each, texts)
    assert len(seen["answers"]) == 4


def test_one_that_comes_late_is_kept_as_late(night: Database, clock: MovedClock) -> None:
    night.run(_close)
    clock.forward(minutes=1)
    texts = [("SM1", NUMBER["alma"])]
    seen = picture(night, read, texts)
    assert seen == picture(night, each, texts)
    assert seen["answers"] == [("alma", "1", True)]


def test_whoever_speaks_for_a_unit_is_left_to_be_heard_alone(night: Database) -> None:
    assert night.run(read, [("SM1", NUMBER["ben"]), ("SM2", NUMBER["alma"])]) == [False, True]
    assert night.read_now(lambda tx: tx.exec(select(checkins.Answer.person_id)).all()) == ["alma"]
    assert night.run(hear, "SM1", NUMBER["ben"], "1", parse_reply("1")) is None
    standing = night.read_now(lambda tx: {row.unit: row.standing for row in checkins.units(tx, 1)})
    assert standing["5W"] == "ok"


def test_a_number_that_nobody_knows_is_left_to_be_heard_alone(night: Database) -> None:
    assert night.run(read, [("SM1", "+12025550198")]) == [False]
    assert night.run(hear, "SM1", "+12025550198", "1", parse_reply("1"))


def test_a_repeat_has_no_effect(night: Database) -> None:
    text = ("SM1", NUMBER["alma"])
    assert night.run(read, [text, text]) == [True, True]
    assert night.run(read, [text]) == [True]
    assert night.read_now(lambda tx: len(tx.exec(select(checkins.Answer)).all())) == 1


def test_the_journal_of_many_holds(night: Database) -> None:
    night.run(read, [(f"SM{n}", number) for n, number in enumerate(NUMBER.values())])
    assert night.run(journal.verify).broken_at is None


def test_a_text_from_somebody_who_was_asked_nothing_says_nothing(db: Database) -> None:
    db.run(_hire)
    assert db.run(read, [("SM1", NUMBER["alma"])]) == [True]
    assert db.read_now(lambda tx: tx.exec(select(checkins.Answer)).all()) == []
    assert db.read_now(outages.running) == []
