"""How the people of a declaration are counted: each once, by the rules of the contract, whatever the rows say."""

import tracemalloc
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import insert

from bot import board, outages, outbox, roster
from bot.checkins import Answer, Round, Standing, UnitCheck
from bot.db import Database, Tx
from bot.outages import Outage
from bot.outbox import Expansion, Message, Notice, Recipient, State
from tests.conftest import START

PEOPLE = ("ada", "bea", "cy", "dot", "eli")
ADDRESSES = ("+12025550111", "+12025550112", "U0CY")
CHANNELS = ("sms", "voice", "slack", "none")
FIRST, SECOND_ONE = 1, 2  # outages
OURS, AGAIN, OTHERS = 1, 2, 3  # rounds and notices: the declaration's, a later one of it, another outage's
BEST = ("delivered", "sent", "queued", "failed", "unreachable")
COUNTS = {"sending": "queued", "doubtful": "queued", "expired": "failed", "withdrawn": "failed"}
MEANS = {"1": "ok", "4": "ok", "2": "help", "3": "help", "9": "risk", "A": "unavailable"}


@dataclass
class Rows:
    """What the tables hold."""

    people: dict[str, str] = field(default_factory=dict)  # the declaration's, with the address they were to hear it at
    messages: list[tuple[int, str, str, str, int, str]] = field(default_factory=list)  # notice … round, state
    answers: list[tuple[int, str, str, bool]] = field(default_factory=list)  # round, person, digit, late
    told: set[str] = field(default_factory=set)  # asked for a unit that was told in person

    def best(self, person: str) -> str:
        """How far the notice got, reckoned in plain words."""
        if any(who == person and round_id != OTHERS for round_id, who, *_ in self.answers):
            return "delivered"
        if person in self.told:
            return "told_in_person"
        states = [COUNTS.get(state, state) for notice, who, _, address, _, state in self.messages
                  if notice == OURS and (who == person or address == self.people[person])]  # fmt: skip
        return min(states, key=BEST.index, default="failed")

    def said(self, person: str) -> str:
        mine = [(digit, late) for round_id, who, digit, late in self.answers if who == person and round_id != OTHERS]
        in_time = [MEANS[digit] for digit, late in mine if not late]
        return in_time[-1] if in_time else "late" if mine else "silent"


@pytest.fixture
def outage(tx: Tx) -> Outage:
    return begun(tx)


def begun(tx: Tx) -> Outage:
    """Two outages; the first has asked twice."""
    given: dict[str, Any] = {"level": 2, "sites": [], "by": "eve", "commander": "eve", "summary": "", "exercise": False}
    first, second = outages.begin(tx, **given), outages.begin(tx, **given)
    for number, outage in ((OURS, first), (AGAIN, first), (OTHERS, second)):
        tx.add(Notice(id=number, outage_id=outage.id, kind="alert", opened_at=tx.now))
        tx.flush()
        tx.add(Round(id=number, outage_id=outage.id or 0, notice_id=number, opened_at=tx.now))
    first.notice_id, second.notice_id = OURS, OTHERS
    for place, person in enumerate(reversed(PEOPLE)):
        tx.add(roster.Person(id=person, name=person.title(), unit="5W", place=place))
    tx.flush()
    return first


def write(tx: Tx, rows: Rows) -> None:
    tx.add_all([Recipient(notice_id=OURS, person_id=who, address=address) for who, address in rows.people.items()])
    tx.add_all([Recipient(notice_id=AGAIN, person_id=who, address=ADDRESSES[0]) for who in PEOPLE])
    for number, row in enumerate(rows.messages):
        tx.add(message(*row, reason=f"{row[-1]} {number}"))
    for round_id, who, digit, late in rows.answers:
        tx.add(Answer(round_id=round_id, person_id=who, digit=digit, at=START, channel="sms", late=late))
        tx.flush()  # in this order
    tx.add_all([
        UnitCheck(outage_id=FIRST, unit=f"U{n}", standing=Standing.TOLD, asked=who)
        for n, who in enumerate(sorted(rows.told))
    ])  # fmt: skip
    tx.add(UnitCheck(outage_id=FIRST, unit="5W", standing=Standing.SILENT, asked="ada"))
    tx.add(UnitCheck(outage_id=SECOND_ONE, unit="5W", standing=Standing.TOLD, asked="bea"))
    tx.flush()


def message(notice: int, who: str, channel: str, address: str, round: int, state: str, reason: str = "") -> Message:
    return Message(notice_id=notice, person_id=who, kind="alert", channel=channel, address=address, round=round, lane=1,
                   body="EHR DOWN", created_at=START, due_at=START, state=state, reason=reason)  # fmt: skip


def possible(rows: Rows) -> Rows:
    """Without the messages that the table's two unique keys make impossible."""
    seen: set[tuple[object, ...]] = set()
    kept = []
    for row in rows.messages:
        notice, who, channel, address, round, _ = row
        keys = {(notice, "who", who, channel, round), (notice, "at", channel, address, round)}
        if not keys & seen:
            kept.append(row)
            seen |= keys
    rows.messages = kept
    return rows


NIGHTS = st.builds(
    Rows,
    people=st.dictionaries(st.sampled_from(PEOPLE), st.sampled_from(ADDRESSES)),
    messages=st.lists(
        st.tuples(
            st.sampled_from([OURS, OURS, OURS, OTHERS]),
            st.sampled_from([*PEOPLE, "#C1"]),
            st.sampled_from(CHANNELS),
            st.sampled_from(ADDRESSES),
            st.integers(0, 1),
            st.sampled_from([str(state) for state in State]),
        ),
        max_size=14,
    ),
    answers=st.lists(
        st.tuples(
            st.sampled_from([OURS, AGAIN, OTHERS]), st.sampled_from(PEOPLE), st.sampled_from(list(MEANS)), st.booleans()
        ),
        max_size=6,
    ),
    told=st.sets(st.sampled_from(PEOPLE), max_size=2),
).map(possible)


@given(rows=NIGHTS)
@hypothesis_settings(
    max_examples=100, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
def test_it_counts_as_a_plain_reckoning_does(tx: Tx, outage: Outage, rows: Rows) -> None:
    point = tx.begin_nested()
    try:
        write(tx, rows)
        best = {who: rows.best(who) for who in rows.people}
        assert counted(board.reach(tx, outage), "people") == (len(best), Counter(best.values()))
        said = Counter(rows.said(who) for who in rows.people)
        assert counted(board.checkin(tx, outage), "asked") == (len(best), said)
        lost = [who for who in reversed(PEOPLE) if best.get(who) in ("failed", "unreachable")]
        assert [(one["id"], one["reason"]) for one in board.unreached(tx, outage)] == [
            (who, reason(rows, who)) for who in lost
        ]
    finally:
        point.rollback()


def counted(counts: dict[str, int], whole: str) -> tuple[int, Counter[str]]:
    """How many in all, and the parts that are not 0."""
    return counts[whole], +Counter({name: count for name, count in counts.items() if name != whole})


def reason(rows: Rows, who: str) -> str:
    """That of the last message to the person."""
    last = [f"{row[-1]} {n}" for n, row in enumerate(rows.messages) if row[:2] == (OURS, who)]
    return last[-1] if last else ""


PHONE, SECOND, SLACK = ADDRESSES
#: what it is about → ada's and perhaps bea's rows, and how far ada was reached
REACHED = {
    "nothing was written for her": (Rows({"ada": PHONE}), "failed"),
    "her text waits": (Rows({"ada": PHONE}, [(OURS, "ada", "sms", PHONE, 0, "queued")]), "queued"),
    "nobody knows whether it was taken": (Rows({"ada": PHONE}, [(OURS, "ada", "sms", PHONE, 0, "doubtful")]), "queued"),
    "it waited too long": (Rows({"ada": PHONE}, [(OURS, "ada", "sms", PHONE, 0, "expired")]), "failed"),
    "she has no address": (Rows({"ada": "nobody:ada"}, [(OURS, "ada", "none", "nobody:ada", 0, "unreachable")]),
                           "unreachable"),
    "the text failed and the call got through": (
        Rows({"ada": PHONE}, [(OURS, "ada", "sms", PHONE, 0, "failed"), (OURS, "ada", "voice", PHONE, 0, "delivered")]),
        "delivered",
    ),
    "her second phone got it": (
        Rows({"ada": PHONE}, [(OURS, "ada", "sms", PHONE, 0, "failed"), (OURS, "ada", "sms", SECOND, 1, "sent")]),
        "sent",
    ),
    "who shares her phone got it": (
        Rows({"ada": PHONE, "bea": PHONE}, [(OURS, "bea", "sms", PHONE, 0, "delivered")]), "delivered"
    ),
    "who shares her phone was called": (
        Rows({"ada": PHONE, "bea": PHONE},
             [(OURS, "ada", "sms", PHONE, 0, "sent"), (OURS, "bea", "voice", PHONE, 0, "delivered")]),
        "delivered",
    ),
    "another notice reached her": (Rows({"ada": PHONE}, [(OTHERS, "ada", "sms", PHONE, 0, "delivered")]), "failed"),
    "she answered what is called failed": (
        Rows({"ada": PHONE}, [(OURS, "ada", "sms", PHONE, 0, "failed")], [(OURS, "ada", "1", False)]), "delivered"
    ),
    "she was told in person": (
        Rows({"ada": PHONE}, [(OURS, "ada", "sms", PHONE, 0, "delivered")], told={"ada"}), "told_in_person"
    ),
    "she was told in person and answered": (
        Rows({"ada": PHONE}, answers=[(OURS, "ada", "2", False)], told={"ada"}), "delivered"
    ),
}  # fmt: skip
#: ada's answers, and how they count
SAID = {
    "none": ([], "silent"),
    "the latest counts": ([(OURS, "ada", "1", False), (OURS, "ada", "9", False)], "risk"),
    "an answer to a later check counts": ([(OURS, "ada", "2", False), (AGAIN, "ada", "4", False)], "ok"),
    "one that came too late": ([(OURS, "ada", "3", True)], "late"),
    "a late one replaces none in time": ([(OURS, "ada", "3", False), (OURS, "ada", "1", True)], "help"),
    "she is away": ([(OURS, "ada", "A", False)], "unavailable"),
    "another outage's": ([(OTHERS, "ada", "9", False)], "silent"),
}


@pytest.mark.parametrize(("rows", "expected"), REACHED.values(), ids=REACHED)
def test_each_is_counted_once_by_the_best_that_happened(tx: Tx, outage: Outage, rows: Rows, expected: str) -> None:
    write(tx, rows)
    heard = board.reach(tx, outage)
    assert heard["people"] == len(rows.people)
    assert heard[expected] == sum(rows.best(who) == expected for who in rows.people) > 0
    assert rows.best("ada") == expected


@pytest.mark.parametrize(("answers", "expected"), SAID.values(), ids=SAID)
def test_each_is_counted_once_by_the_latest_answer(
    tx: Tx, outage: Outage, answers: list[tuple[int, str, str, bool]], expected: str
) -> None:
    write(tx, Rows({"ada": PHONE, "bea": SECOND}, answers=answers))
    asked = counted(board.checkin(tx, outage), "asked")
    assert asked == (2, Counter([expected, "silent"]))


def test_who_is_not_written_yet_is_queued_and_silent(tx: Tx, outage: Outage) -> None:
    write(tx, Rows({"ada": PHONE}, [(OURS, "ada", "sms", PHONE, 0, "delivered")], [(OURS, "ada", "1", False)]))
    tx.add(Expansion(notice_id=OURS, outage_id=FIRST, audience={}, words={}, lane=1, people=5000, written=1000))
    assert outbox.still_to_write(tx, OURS) == 4000
    assert counted(board.reach(tx, outage), "people") == (4001, Counter(queued=4000, delivered=1))
    assert counted(board.checkin(tx, outage), "asked") == (4001, Counter(silent=4000, ok=1))


def test_an_outage_that_nobody_was_told_of_counts_nobody(tx: Tx, outage: Outage) -> None:
    write(tx, Rows({"ada": PHONE}))
    outage.notice_id = None
    assert set(board.reach(tx, outage).values()) == set(board.checkin(tx, outage).values()) == {0}
    assert board.unreached(tx, outage) == []


def test_its_figures_are_of_one_moment(db: Database) -> None:
    """People are written by the thousand while somebody looks."""
    db.run(begun)

    def look(tx: Tx) -> tuple[int, int]:
        outage = outages.find(tx, "O-1")
        people = board.reach(tx, outage)["people"]
        db.run(lambda writer: write(writer, Rows({"ada": PHONE})))
        return people, board.checkin(tx, outage)["asked"]

    assert db.read_now(look) == (0, 0)
    assert db.read_now(lambda tx: board.reach(tx, outages.find(tx, "O-1"))["people"]) == 1


def test_it_holds_no_row_of_a_person(tx: Tx, outage: Outage) -> None:
    """However many they are: five thousand rows would be several megabytes."""
    many = [f"p{number}" for number in range(5000)]
    row = message(OURS, "", "sms", "", 0, "failed").model_dump(exclude={"id"})
    tx.execute(insert(Message), [row | {"person_id": who, "address": who} for who in many])
    tx.execute(insert(Recipient), [{"notice_id": OURS, "person_id": who, "address": who} for who in many])
    board.status(tx)  # what is compiled once, and stays
    tracemalloc.start()
    try:
        assert board.status(tx, outage.code)["outages"][0]["reach"]["failed"] == 5000
        board.detail(tx, outage)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
