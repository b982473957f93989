"""The clock, and the one that tests move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from bot.clock import Clock, MovedClock

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
