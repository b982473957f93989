"""What compares both sides is not blind: each sort of loss and of double is seen."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot import playbooks
from tests.chaos import hospital
from tests.chaos.stories import CLIMBING
from tests.chaos.truth import Taken, Tally, rows_and_providers, told

ADDRESS = "+12025550111"


def row(**more: Any) -> SimpleNamespace:
    said = {"id": 1, "said": "alert", "channel": "sms", "address": ADDRESS, "body": "use paper", "state": "sent"}
    return SimpleNamespace(**said | {"reason": ""} | more)


def taken(id: int = 1) -> Taken:
    return Taken(id, "sms", ADDRESS, "use paper", "delivered")


@pytest.mark.parametrize(
    ("rows", "there", "figures"),
    [
        ([row()], [taken()], {}),
        ([row(state="failed", reason="landline")], [], {}),
        ([row()], [], {"lost": 1}),
        ([row(state="queued")], [], {"stuck": 1}),
        ([row(state="doubtful")], [taken()], {"stuck": 1}),
        ([row()], [taken(), taken(), taken()], {"doubled": 2}),
        ([row()], [taken(), taken(0)], {"doubled": 1}),
        ([row(), row(id=2)], [taken(), taken(2)], {"doubled": 1}),
        ([row(), row(id=2, body="another thing")], [taken(), taken(2)], {}),
        ([row(said="unit_check"), row(id=2, said="unit_check")], [taken(), taken(2)], {}),
    ],
    ids="once failed only_we_say_so waits in_doubt thrice without_a_row two_rows two_things asked_again".split(),
)
def test_it_sees_what_is_lost_doubled_or_stuck(rows: list[Any], there: list[Taken], figures: dict[str, int]) -> None:
    tally = Tally("any", "any")
    rows_and_providers(tally, rows, there)
    assert {name: getattr(tally, name) for name in ("lost", "doubled", "stuck") if getattr(tally, name)} == figures


@pytest.mark.parametrize(
    ("rows", "there", "reached"),
    [
        ([row()], {1}, True),
        ([], {1}, False),
        ([row(state="unreachable", reason="no phone number")], set(), True),
        ([row(state="failed")], set(), False),
    ],
    ids="told no_row a_reason no_reason".split(),
)
def test_somebody_was_told_or_stands_there_with_a_reason(rows: list[Any], there: set[int], reached: bool) -> None:
    assert told({ADDRESS: rows}, "somebody", ADDRESS, there) is reached


@pytest.mark.parametrize("ladders", [{}, CLIMBING])
def test_its_playbooks_are_used_as_they_are_written(tmp_path: Path, ladders: dict[str, tuple[str, ...]]) -> None:
    hospital.write(tmp_path, 60, ladders)
    assert playbooks.library(str(tmp_path / "playbooks")).complaints == []
