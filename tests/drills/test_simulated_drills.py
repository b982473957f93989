"""`muster drill`: a made-up hospital plays a script, and the same seed tells the same story."""

import asyncio
from typing import Any

from bot.cli.hospital import play


def played(scenario: str, seed: int = 3, staff: int = 30) -> dict[str, Any]:
    return asyncio.run(play(scenario, staff, 0.0, seed, lambda done, of: None))


def test_the_same_seed_tells_the_same_story() -> None:
    first, second = played("dr2"), played("dr2")
    assert first == second
    assert first["people"] > 20 and first["units"] == first["accounted"] == 4
    times = first["times"]
    assert times["first_notice"] < times["reached_50"] <= times["reached_90"] < times["answered_50"] < 600
    told = [moment["what"] for moment in first["timeline"]]
    for part in ("inject: Log-ins fail", "declared at level 2", "patient risk", "update: ", "back: ehr", "closed: "):
        assert any(what.startswith(part) for what in told), part
    assert {mark["name"] for mark in first["marks"] if mark["passed"]} >= {"declared_by_min", "next_update_missed"}


def test_another_seed_tells_another_story_and_a_provider_that_fails_comes_back() -> None:
    first, second = played("dr5", seed=1), played("dr5", seed=2)
    assert first["timeline"] != second["timeline"]
    for found in (first, second):
        assert found["timeline"][-1]["what"] == "closed: the drill is over"
        assert found["accounted"] == found["units"]
