"""The seams of determinism: time, identity and chance come through these; so a run can be replayed and simulated."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Clock", "Ids", "Rng"]


class Clock(Protocol):
    """Where time comes from; the only place in the runtime that reads a clock or sleeps."""

    def now_ns(self) -> int:
        """Return the wall clock, UTC nanoseconds; it may jump."""

    def monotonic_ns(self) -> int:
        """Return a clock that never goes back, for intervals and deadlines."""

    async def sleep(self, seconds: float) -> None:
        """Wait; in a simulation the time passes at once."""


class Ids(Protocol):
    """Where fresh names come from: run ids, owners of leases. Order ids are not fresh, they are derived."""

    def fresh(self, prefix: str) -> str:
        """Return a new id that begins with ``prefix``."""


class Rng(Protocol):
    """Where chance comes from: jitter of reconnects, nothing that decides a trade."""

    def uniform(self, low: float, high: float) -> float:
        """Return a number in [low, high)."""
