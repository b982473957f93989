"""The only caller of `datetime.now`: everybody else asks a clock, so that tests and drills can move it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    """Real time, always aware and always UTC."""

    def now(self) -> datetime:
        """The present moment, in UTC."""
        return datetime.now(UTC)


class MovedClock(Clock):
    """A clock that stands still until somebody moves it."""

    def __init__(self, at: datetime) -> None:
        self.set(at)

    def now(self) -> datetime:
        """The moment that this clock was last moved to."""
        return self._at

    def forward(self, **by: float) -> datetime:
        """Moves on by `timedelta` keywords (`minutes=5`) and returns the new moment."""
        self.set(self._at + timedelta(**by))
        return self._at

    def set(self, at: datetime) -> None:
        """Jumps to a moment; a naive one is refused with ValueError, since nobody knows which hour it means."""
        if at.tzinfo is None:
            raise ValueError("MovedClock needs an aware datetime, as in datetime(2026, 11, 22, 4, 10, tzinfo=UTC)")
        self._at = at.astimezone(UTC)


class FastClock(Clock):
    """A clock that runs `speed` times as fast as real time from the moment `at` on; the speed may change as it goes."""

    def __init__(self, at: datetime, speed: float) -> None:
        self._from = (super().now(), at.astimezone(UTC), speed)  # one value, since other threads read it

    def now(self) -> datetime:
        """The present moment by this clock."""
        real, at, speed = self._from
        return at + (super().now() - real) * speed

    @property
    def speed(self) -> float:
        """How many times faster than real time it runs now."""
        return self._from[2]

    def run(self, speed: float) -> None:
        """Goes on at another speed, from where it is."""
        self._from = (super().now(), self.now(), speed)
