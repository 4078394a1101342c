"""How often something happened lately, by the clock that never jumps."""

from __future__ import annotations

from collections import deque

__all__ = ["SlidingCount"]


class SlidingCount:
    """Counts what happened within a window that moves along.

    Args:
        window_s: its length, seconds.
    """

    def __init__(self, window_s: float) -> None:
        self._window_ns = int(window_s * 1e9)
        self._stamps: deque[int] = deque()

    def add(self, mono_ns: int) -> None:
        """Note that it happened."""
        self._stamps.append(mono_ns)

    def count(self, mono_ns: int) -> int:
        """Return how often it happened within the window that ends now."""
        stamps, first = self._stamps, mono_ns - self._window_ns
        while stamps and stamps[0] <= first:
            stamps.popleft()
        return len(stamps)
