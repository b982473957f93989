"""The clock, and the one that tests move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from bot.clock import Clock, FastClock, MovedClock

FOUR_TEN = datetime(2026, 11, 22, 4, 10, tzinfo=UTC)


def test_it_tells_aware_utc():
    assert Clock().now().tzinfo is UTC


def test_a_moved_clock_stands_still():
    clock = MovedClock(FOUR_TEN)
    assert clock.now() == clock.now() == FOUR_TEN


def test_it_moves_on():
    clock = MovedClock(FOUR_TEN)
    assert clock.forward(minutes=5, seconds=1) == FOUR_TEN + timedelta(minutes=5, seconds=1) == clock.now()


def test_it_jumps():
    clock = MovedClock(FOUR_TEN)
    clock.set(FOUR_TEN.replace(hour=3))
    assert clock.now().hour == 3


def test_it_keeps_utc_whatever_it_is_set_to():
    chicago = timezone(timedelta(hours=-6))
    assert MovedClock(FOUR_TEN.astimezone(chicago)).now().tzinfo is UTC


def test_it_refuses_a_naive_moment():
    with pytest.raises(ValueError):
        MovedClock(datetime(2026, 11, 22))


def test_a_fast_clock_begins_where_it_is_told_and_runs_ahead():
    fast, real = FastClock(FOUR_TEN, 1_000), Clock().now()
    while Clock().now() - real < timedelta(milliseconds=10):
        pass
    assert timedelta(seconds=10) <= fast.now() - FOUR_TEN < timedelta(hours=1)


def test_a_fast_clock_changes_its_speed_without_a_jump():
    clock = FastClock(FOUR_TEN, 6)
    clock.run(0)
    assert FOUR_TEN <= clock.now() == clock.now() < FOUR_TEN + timedelta(minutes=1)
    assert clock.speed == 0
