"""Clocks, names and chance for tests and simulations: nothing in them comes from the machine."""

from __future__ import annotations

import asyncio
import heapq
import random

from tidemill.testing.simloop import SimLoop

__all__ = ["CountingIds", "ManualClock", "SeededRng", "SimClock"]

_SECOND_NS = 1_000_000_000
_START_NS = 1_704_205_800 * _SECOND_NS  # 2024-01-02 14:30 UTC, the open in New York


class ManualClock:
    """A clock that moves only when it is told to; sleepers wake in the order of their times.

    Args:
        start_ns: wall clock at the beginning, UTC.
    """

    def __init__(self, start_ns: int = _START_NS) -> None:
        self._wall = start_ns
        self._mono = 0
        self._count = 0
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []

    def now_ns(self) -> int:
        """Return the wall clock."""
        return self._wall

    def monotonic_ns(self) -> int:
        """Return nanoseconds since the beginning."""
        return self._mono

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has been moved that far."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._sleepers, (self._mono + round(seconds * _SECOND_NS), self._count, waiter))
        await waiter

    def advance(self, seconds: float) -> None:
        """Move both clocks on; whoever slept until then is woken."""
        passed = round(seconds * _SECOND_NS)
        self._wall += passed
        self._mono += passed
        while self._sleepers and self._sleepers[0][0] <= self._mono:
            waiter = heapq.heappop(self._sleepers)[2]
            if not waiter.done():
                waiter.set_result(None)

    def jump(self, seconds: float) -> None:
        """Set the wall clock forward or back; intervals do not notice."""
        self._wall += round(seconds * _SECOND_NS)


class SimClock:
    """The clock of a simulated loop.

    Args:
        loop: whose virtual time it shows.
        start_ns: wall clock when that time is zero, UTC.
    """

    def __init__(self, loop: SimLoop, start_ns: int = _START_NS) -> None:
        self._loop = loop
        self._start = start_ns

    def now_ns(self) -> int:
        """Return the wall clock."""
        return self._start + self._loop.now_ns

    def monotonic_ns(self) -> int:
        """Return virtual nanoseconds since the loop was made."""
        return self._loop.now_ns

    async def sleep(self, seconds: float) -> None:
        """Wait in virtual time."""
        await asyncio.sleep(seconds)

    def jump(self, seconds: float) -> None:
        """Set the wall clock forward or back; intervals do not notice."""
        self._start += round(seconds * _SECOND_NS)


class SeededRng:
    """Chance that is the same for the same seed.

    Args:
        seed: of the sequence.
    """

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - seeded, for tests

    def uniform(self, low: float, high: float) -> float:
        """Return a number in [low, high)."""
        return low + (high - low) * self._chance.random()


class CountingIds:
    """Names that count: r1, r2, ...; each prefix counts by itself."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def fresh(self, prefix: str) -> str:
        """Return the next name of a prefix."""
        self._counts[prefix] = self._counts.get(prefix, 0) + 1
        return f"{prefix}{self._counts[prefix]}"
