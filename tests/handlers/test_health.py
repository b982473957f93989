"""Alive, and ready."""

import json

from structlog.testing import capture_logs

from bot import outbox
from bot.clock import MovedClock
from bot.command import delivery
from bot.db import read_engine
from tests.handlers.door import Door


def test_it_is_alive(door: Door) -> None:
    assert door.get("/healthz").status == 200


def test_it_is_not_ready_before_a_worker_has_beaten(door: Door) -> None:
    answer = door.get("/readyz")
    assert (answer.status, json.loads(answer.body)) == (503, {"ready": False, "last_beat_s": None})


def test_it_is_ready_for_ten_seconds_after_a_beat(door: Door, clock: MovedClock) -> None:
    door.db.run(delivery.health, outbox.BEAT, "ok")
    clock.forward(seconds=10)
    assert door.get("/readyz").status == 200
    clock.forward(seconds=1)
    assert door.get("/readyz").status == 503


def test_it_is_not_ready_without_its_database(door: Door) -> None:
    door.db.reader.dispose()
    door.db.reader = read_engine("sqlite:////nowhere/muster.db")
    with capture_logs() as logged:
        answer = door.get("/readyz")
    assert (answer.status, json.loads(answer.body)["says"]) == (503, "the database does not answer")
    assert [line["log_level"] for line in logged] == ["error"]
    assert door.get("/healthz").status == 200
