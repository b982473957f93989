"""Alive, and ready."""

import json

from bot.clock import MovedClock
from bot.command import delivery
from bot.db import read_engine
from tests.handlers.door import Door


def test_it_is_alive(door: Door) -> None:
    assert door.get("/healthz").status == 200


def test_it_is_not_ready_before_a_worker_has_beaten(door: Door) -> None:
    answer = door.get("/readyz")
    assert answer.status == 503
    said = json.loads(answer.body)
    assert said == {"ready": False, "last_beat_s": None, "away_since": None, "kept": 0, "set_aside": 0}


def test_it_is_ready_for_ten_seconds_after_a_beat(door: Door, clock: MovedClock) -> None:
    door.db.run(delivery.beat)
    clock.forward(seconds=10)
    assert door.get("/readyz").status == 200
    clock.forward(seconds=1)
    assert door.get("/readyz").status == 503


def test_it_is_not_ready_without_its_database(door: Door) -> None:
    door.db.reader.dispose()
    door.db.reader = read_engine("sqlite:////nowhere/muster.db")
    answer = door.get("/readyz")
    assert (answer.status, json.loads(answer.body)["ready"]) == (503, False)
    assert "the database does not answer" in json.loads(answer.body)["says"]
    assert door.get("/healthz").status == 200
