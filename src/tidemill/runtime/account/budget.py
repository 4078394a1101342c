"""How often a broker may be asked: a token bucket that leaves room for cancels and exits."""

from __future__ import annotations

from tidemill.model.bars import MINUTE_NS
from tidemill.ports.seams import Clock

__all__ = ["Budget"]

_SHARE = 0.7  # of the quota; the rest is kept for cancels and exits


class Budget:
    """A token bucket for questions.

    Args:
        per_minute: requests the broker allows; questions use seven tenths of them.
        clock: whose monotonic time fills it.
    """

    def __init__(self, per_minute: float, clock: Clock) -> None:
        self._rate = per_minute * _SHARE / MINUTE_NS
        self._room = max(per_minute * _SHARE / 4.0, 4.0)
        self._clock = clock
        self._tokens, self._at = self._room, clock.monotonic_ns()

    def take(self, count: int) -> bool:
        """Take tokens, all or none."""
        now = self._clock.monotonic_ns()
        self._tokens, self._at = min(self._tokens + (now - self._at) * self._rate, self._room), now
        if self._tokens < count:
            return False
        self._tokens -= count
        return True
