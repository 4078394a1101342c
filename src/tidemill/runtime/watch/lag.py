"""How far behind the event loop is: a turn that takes too long delays every halt, cancel and fill after it."""

from __future__ import annotations

from collections import deque

from tidemill.ports.seams import Clock

__all__ = ["LagMeter"]

_TICK_S = 0.05
_WINDOW_S = 5.0  # a pause is remembered so long: what came in meanwhile has to be worked off first
_DEGRADED_S = 0.25


class LagMeter:
    """Sleeps for a moment, over and over, and measures how much later it wakes.

    Args:
        clock: of the run.
        tick_s: length of the moment. window_s: how long the longest lag counts.
    """

    def __init__(self, clock: Clock, *, tick_s: float = _TICK_S, window_s: float = _WINDOW_S) -> None:
        self._clock, self._tick_s, self._window_ns = clock, tick_s, int(window_s * 1e9)
        self._seen: deque[tuple[int, float]] = deque()  # (when, seconds), longest first

    async def serve(self) -> None:
        """Measure until cancelled."""
        while True:
            asked = self._clock.monotonic_ns()
            await self._clock.sleep(self._tick_s)
            self.note(asked, self._clock.monotonic_ns())

    def note(self, asked_ns: int, woke_ns: int) -> None:
        """Take one measurement; stamps are the monotonic clock."""
        lag_s = max((woke_ns - asked_ns) / 1e9 - self._tick_s, 0.0)
        while self._seen and self._seen[-1][1] <= lag_s:
            self._seen.pop()
        self._seen.append((woke_ns, lag_s))
        while self._seen[0][0] < woke_ns - self._window_ns:
            self._seen.popleft()

    @property
    def lag_s(self) -> float:
        """Return the longest lag of the last seconds."""
        return self._seen[0][1] if self._seen else 0.0

    @property
    def is_degraded(self) -> bool:
        """Tell whether the loop is so late that a person should know (beyond 250 ms)."""
        return self.lag_s > _DEGRADED_S
