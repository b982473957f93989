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


def test_a_recall_is_counted_and_a_provider_that_fails_comes_back() -> None:
    called = played("dr3", staff=60)
    assert {mark["name"] for mark in called["marks"]} == {"responded_45_min_pct", "filled_by_min"}
    assert called["marks"][0]["got"] is not None
    down = played("dr5")
    assert down["timeline"][-1]["what"] == "closed: the drill is over"
    assert down["accounted"] == down["units"]
