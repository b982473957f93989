"""The journal has no gaps, and a sealed line cannot be changed unnoticed."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, update
from sqlmodel import col, select

from bot import journal
from bot.db import Database, Tx
from bot.journal import GENESIS, SYSTEM, Line, chained, digest
from tests.conftest import START

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
#: every field of a line that says something → a value it might be changed to
FIELDS: dict[str, Any] = {
    "at": st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    "outage": TEXT, "who": TEXT, "what": TEXT, "channel": TEXT, "about": TEXT,
    "detail": st.dictionaries(st.text(max_size=5), JSON, max_size=3).filter(lambda detail: detail != {"erased": True}),
    "salt": TEXT, "digest": TEXT, "prev": TEXT, "hash": TEXT, "seq": st.none() | st.integers(-9, 9),
}  # fmt: skip


def story(tx: Tx, count: int = 5) -> None:
    for number in range(count):
        journal.write(tx, "answered", outage="O-1", who="alma", channel="sms", about="5W", digit=number, note="é ñ")


def sealed(tx: Tx, count: int = 5) -> list[Line]:
    story(tx, count)
    assert journal.verify(tx).broken_at is None
    return list(tx.exec(select(Line).order_by(col(Line.seq))))


def change(tx: Tx, id: int | None, **fields: Any) -> None:
    tx.execute(update(Line).where(col(Line.id) == id).values(**fields))
    tx.expire_all()


def test_a_line_says_who_did_what_when(tx: Tx) -> None:
    journal.write(tx, "answered", outage="O-1", who="alma", channel="sms", about="5W", digit="2")
    line = tx.exec(select(Line)).one()
    assert (line.at, line.outage, line.who, line.what) == (START, "O-1", "alma", "answered")
    assert (line.channel, line.about, line.detail, line.seq) == ("sms", "5W", {"digit": "2"}, None)


def test_when_nobody_did_it_muster_did(tx: Tx) -> None:
    journal.write(tx, "climbed")
    assert tx.exec(select(Line.who)).one() == SYSTEM


def test_a_detail_that_json_has_no_word_for_is_written_as_text(tx: Tx) -> None:
    journal.write(tx, "timer", due=START, after=timedelta(minutes=5), by={10: "a", 9: "b"})
    assert journal.verify(tx).broken_at is None
    assert tx.exec(select(Line.detail)).one()["due"] == str(START)


def test_sealing_numbers_and_chains(tx: Tx) -> None:
    lines = sealed(tx)
    assert [line.seq for line in lines] == [1, 2, 3, 4, 5]
    assert [line.prev for line in lines] == [GENESIS, *(line.hash for line in lines[:-1])]
    assert len({line.hash for line in lines}) == 5


def test_sealing_goes_on_where_it_stopped(tx: Tx) -> None:
    story(tx, 5)
    assert [journal.seal(tx, limit=2) for _ in range(4)] == [2, 2, 1, 0]
    sealed(tx, 2)
    assert journal.verify(tx).lines == 7


def test_an_empty_journal_is_whole(tx: Tx) -> None:
    assert journal.verify(tx) == journal.Verdict(0)


def test_verify_seals_the_tail_first(tx: Tx) -> None:
    story(tx, 3)
    assert journal.verify(tx).lines == 3
    assert tx.exec(select(Line.seq).where(col(Line.seq).is_(None))).all() == []


def test_the_same_twice_has_two_digests(tx: Tx) -> None:
    """A salted one: nobody can try out what an erased detail may have said."""
    story(tx, 1)
    story(tx, 1)
    assert len(set(tx.exec(select(Line.digest)))) == 2


def test_an_erased_detail_still_verifies(tx: Tx) -> None:
    line = sealed(tx)[2]
    change(tx, line.id, detail={"erased": True})
    assert journal.verify(tx) == journal.Verdict(5)


@pytest.mark.parametrize("field", FIELDS)
def test_a_changed_field_is_noticed(db: Database, field: str) -> None:
    ids = db.run(lambda tx: [line.id for line in sealed(tx)])

    @given(new=FIELDS[field], which=st.integers(0, 4))
    @settings(max_examples=8, deadline=None, database=None, derandomize=True)
    def tampered(new: Any, which: int) -> None:
        def verdict(tx: Tx) -> tuple[bool, int | None]:
            was = getattr(tx.get(Line, ids[which]), field)
            change(tx, ids[which], **{field: new})
            found = journal.verify(tx).broken_at
            tx.rollback()
            return was == new, found

        try:
            same, broken_at = db.run(verdict)
        except Exception as refused:
            assert "UNIQUE" in str(refused).upper(), "the database itself refuses a number twice"
            return
        assert (broken_at is None) is same

    tampered()


def test_a_line_with_its_number_taken_away_is_not_sealed_anew(tx: Tx) -> None:
    last = sealed(tx)[-1]
    change(tx, last.id, seq=None, what="nothing")
    assert journal.verify(tx).broken_at == 5


@pytest.mark.parametrize("which", [0, 2])
def test_a_removed_line_is_noticed(tx: Tx, which: int) -> None:
    lines = sealed(tx)
    tx.execute(delete(Line).where(col(Line.id) == lines[which].id))
    tx.expire_all()
    assert journal.verify(tx).broken_at == which + 1


def test_two_lines_that_changed_places_are_noticed(tx: Tx) -> None:
    lines = sealed(tx)
    first, second = lines[1].id, lines[2].id
    change(tx, first, seq=99)
    change(tx, second, seq=2)
    change(tx, first, seq=3)
    assert journal.verify(tx).broken_at == 2


def test_a_line_that_was_put_in_later_is_noticed(tx: Tx) -> None:
    last = sealed(tx)[-1]
    forged = Line(at=START, who="alma", what="answered", salt="s", digest=digest("s", {}), seq=6, prev=last.hash)
    forged.hash = chained(forged, 6, last.hash)[::-1]
    tx.add(forged)
    tx.flush()
    assert journal.verify(tx).broken_at == 6


@given(detail=st.dictionaries(st.text(max_size=5), JSON, max_size=3))
@settings(deadline=None, database=None)
def test_a_digest_survives_the_database(detail: dict[str, Any]) -> None:
    """What is read back is what JSON makes of it, whatever its order."""
    import json

    again = json.loads(json.dumps(dict(reversed(detail.items()))))
    assert digest("salt", again) == digest("salt", detail)


def test_sealing_in_several_threads_makes_one_chain(db: Database) -> None:
    for _ in range(4):
        db.run(story, 20)

    def seal(_: int) -> int:
        done = 0
        while count := db.run(journal.seal, 7):
            done += count
        return done

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(seal, range(4))) == 80
    assert db.run(journal.verify) == journal.Verdict(80)


def test_writers_go_on_while_lines_are_sealed(db: Database) -> None:
    with ThreadPoolExecutor(4) as pool:
        written = [pool.submit(db.run, story, 3) for _ in range(20)]
        sealing = [pool.submit(db.run, journal.seal) for _ in range(10)]
        for each in (*written, *sealing):
            each.result()
    assert db.run(journal.verify) == journal.Verdict(60)
