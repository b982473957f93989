"""`muster drill`: a made-up hospital plays a script, and the same seed tells the same story."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.cli.hospital import play

MUSTER = str(Path(sys.executable).with_name("muster"))
SEED, STAFF = 3, 20
SHORT = """
drill: short
title: The texts fail for a while
minutes: 12
level: 1
injects:
  - {at: 0m, who: system, do: declare, say: "It goes down"}
  - {at: 1m, who: control, do: texts_off, say: "The texts fail"}
  - {at: 6m, who: control, do: texts_on, say: "They are back"}
"""


def played(scenario: str) -> dict[str, Any]:
    return asyncio.run(play(scenario, STAFF, 0.0, SEED, lambda done, of: None))


def typed(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {name: os.environ[name] for name in ("PATH", "TEMPLATES_DIR") if name in os.environ}
    return subprocess.run([MUSTER, "drill", *words], cwd=folder, env=env, capture_output=True, text=True, timeout=300)


def test_the_same_seed_tells_the_same_story_in_one_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own" / "drills").mkdir(parents=True)
    (tmp_path / "own" / "drills" / "short.yaml").write_text(SHORT.strip())
    monkeypatch.setenv("TEMPLATES_DIR", str(tmp_path / "own"))
    (tmp_path / "empty").mkdir()
    said = typed(tmp_path / "empty", "short", "--staff", str(STAFF), "--seed", str(SEED), "--json")
    assert (said.returncode, said.stderr) == (0, "")
    told, here = json.loads(said.stdout), played("short")
    assert told == json.loads(json.dumps(here))
    assert here["timeline"][-1]["what"] == "closed: the drill is over"
    assert here["accounted"] == here["units"] == 4, "although the provider failed for 5 minutes"
    assert list((tmp_path / "empty").iterdir()) == [], "its own database, and nothing of it stays"


def test_a_drill_tells_its_story_and_takes_its_times() -> None:
    found = played("dr2")
    times = found["times"]
    assert times["first_notice"] < times["reached_50"] <= times["reached_90"] < times["answered_50"] < 600
    told = [moment["what"] for moment in found["timeline"]]
    for part in ("inject: Log-ins fail", "declared at level 2", "patient risk", "update: ", "back: ehr", "closed: "):
        assert any(what.startswith(part) for what in told), part
    assert {mark["name"] for mark in found["marks"] if mark["passed"]} >= {"declared_by_min", "next_update_missed"}


def test_a_recall_is_counted() -> None:
    found = played("dr3")
    assert {mark["name"] for mark in found["marks"]} == {"responded_45_min_pct", "filled_by_min"}
    assert found["marks"][0]["got"] is not None
    updates = {moment["what"] for moment in found["timeline"] if moment["what"].startswith("update: ")}
    assert updates == {"update: no change"}, "no system is down, so no vendor works on it"


def test_what_cannot_be_drilled_is_refused_in_one_sentence(tmp_path: Path) -> None:
    said = typed(tmp_path, "nonesuch")
    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr.startswith("There is no drill nonesuch. There are: dr1_comms_test, ")
