"""The rows of an outage: which moves it may make, which one is meant, and how it is numbered."""

from datetime import timedelta
from itertools import product

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from bot import journal, outages
from bot.access import Refused
from bot.db import Tx
from bot.outages import ENDED, MOVES, RUNNING, Outage, OutageState, ServiceState
from tests.conftest import START

DECLARED, RESTORED, VERIFIED, CLOSED = (
    OutageState.DECLARED,
    OutageState.RESTORED,
    OutageState.VERIFIED,
    OutageState.CLOSED,
)


def begun(tx: Tx, state: str = DECLARED, *, exercise: bool = False, **more: object) -> Outage:
    given = {"level": 2, "sites": ["MAIN"], "by": "eve", "commander": "eve", "summary": "EHR is down"} | more
    outage = outages.begin(tx, exercise=exercise, **given)  # type: ignore[arg-type]
    outage.state = state
    tx.flush()
    return outage


def test_it_makes_the_moves_of_its_life_and_no_others(tx: Tx) -> None:
    outage = begun(tx)
    for before, after in product(OutageState, OutageState):
        outage.state = before
        if after in MOVES.get(before, set()):
            outages.move(tx, outage, after, "eve")
            assert outage.state == after
        else:
            with pytest.raises(Refused, match=f"O-1 is {before}"):
                outages.move(tx, outage, after, "eve")
            assert outage.state == before


@pytest.mark.parametrize("ended", ENDED)
def test_from_the_end_there_is_no_way_back(ended: OutageState) -> None:
    assert ended not in MOVES


def test_every_state_can_be_reached() -> None:
    assert {OutageState.SUSPECTED, DECLARED}.union(*MOVES.values()) == set(OutageState)


@pytest.mark.parametrize(
    ("before", "after", "stamp"),
    [
        (DECLARED, RESTORED, "restored_at"),
        (RESTORED, VERIFIED, "verified_at"),
        (VERIFIED, CLOSED, "closed_at"),
        (DECLARED, OutageState.VOIDED, "closed_at"),
    ],
)
def test_a_move_is_stamped_and_journaled(tx: Tx, before: str, after: OutageState, stamp: str) -> None:
    outage = begun(tx, before)
    outages.move(tx, outage, after, "eve", "all looked at")
    assert getattr(outage, stamp) == START
    assert outage.end_reason == "all looked at"
    line = tx.exec(select(journal.Line)).one()
    assert (line.what, line.who, line.outage, line.detail) == (after, "eve", "O-1", {"reason": "all looked at"})


def test_a_new_one_promises_an_update(tx: Tx) -> None:
    assert begun(tx).next_update_at == START + timedelta(minutes=30)
    assert begun(tx, level=4).next_update_at == START + timedelta(minutes=60)
    assert begun(tx, every=timedelta(minutes=45)).next_update_at == START + timedelta(minutes=45)


def test_codes_go_up(tx: Tx) -> None:
    assert [begun(tx).code for _ in range(3)] == ["O-1", "O-2", "O-3"]


def test_a_series_begins_anew_and_others_go_on(tx: Tx) -> None:
    assert [outages.number(tx, "T") for _ in range(2)] == [1, 2]
    outages.number(tx, "O")
    outages.restart_numbers(tx, "T")
    assert (outages.number(tx, "T"), outages.number(tx, "O")) == (1, 2)
    outages.restart_numbers(tx, "never used")


def test_without_a_code_the_only_real_one_is_meant(tx: Tx) -> None:
    begun(tx, CLOSED)
    real = begun(tx)
    begun(tx, exercise=True)
    assert outages.find(tx) is real


def test_an_exercise_is_meant_only_when_nothing_real_is_open(tx: Tx) -> None:
    drill = begun(tx, exercise=True)
    assert outages.find(tx) is drill
    real = begun(tx)
    assert outages.find(tx) is real


def test_two_that_are_open_must_be_told_apart(tx: Tx) -> None:
    begun(tx, summary="EHR is down")
    begun(tx, summary="mail is down")
    with pytest.raises(Refused, match=r"O-2 \(mail is down\), O-1 \(EHR is down\)"):
        outages.find(tx)


@pytest.mark.parametrize("code", ["O-1", "o-1"])
def test_it_is_found_by_its_code_in_any_case_even_when_it_has_ended(tx: Tx, code: str) -> None:
    outage = begun(tx, CLOSED)
    assert outages.find(tx, code) is outage


def test_an_unknown_code_is_refused_with_the_open_ones(tx: Tx) -> None:
    begun(tx)
    with pytest.raises(Refused, match=r"There is no outage O-9\. Open: O-1 \(EHR is down\)"):
        outages.find(tx, "o-9")


def test_when_none_is_open_it_says_how_to_declare(tx: Tx) -> None:
    begun(tx, OutageState.SUSPECTED)
    with pytest.raises(Refused, match="No outage is open"):
        outages.find(tx)


def test_the_running_ones_are_newest_first_real_ones_before_exercises(tx: Tx) -> None:
    for state in OutageState:
        begun(tx, state)
    begun(tx, exercise=True)
    found = outages.running(tx)
    assert [outage.state for outage in found] == [*reversed(RUNNING), DECLARED]
    assert [outage.exercise for outage in found] == [False, False, False, True]


def test_a_service_is_down_until_it_is_back_and_may_go_down_again(tx: Tx) -> None:
    outage = begun(tx)
    outages.add_service(tx, outage, "ehr", "Epic", {})
    outages.add_service(tx, outage, "email", "email", {})
    (ehr, _) = outages.services(tx, outage)
    ehr.state, ehr.restored_at = ServiceState.RESTORED, START
    tx.flush()
    assert [service.service for service in outages.down(tx, outage)] == ["email"]
    outages.add_service(tx, outage, "ehr", "Epic", {})
    assert [service.service for service in outages.down(tx, outage)] == ["ehr", "email"]
    assert ehr.restored_at is None


def test_one_that_goes_down_again_is_no_longer_restored(tx: Tx) -> None:
    """`status --json` says when it was restored, and null while it is not."""
    outage = begun(tx)
    outages.move(tx, outage, RESTORED, "eve")
    outages.move(tx, outage, DECLARED, "eve")
    assert outage.restored_at is None


@pytest.mark.parametrize("odd", [{"level": 5}, {"level": -1}, {"state": "paused"}])
def test_an_impossible_row_is_refused_by_the_database(tx: Tx, odd: dict[str, object]) -> None:
    given = {"code": "O-1", "level": 2, "declared_at": START} | odd
    tx.add(Outage(**given))
    with pytest.raises(IntegrityError):
        tx.flush()
