"""The real seams: the machine's clock, chance and fresh names. Nothing else in the runtime reads them."""

from __future__ import annotations

import asyncio
import random
import secrets
import time

__all__ = ["SystemClock", "SystemIds", "SystemRng"]


class SystemClock:
    """The machine's clocks."""

    def now_ns(self) -> int:
        """Return the wall clock, UTC nanoseconds."""
        return time.time_ns()

    def monotonic_ns(self) -> int:
        """Return a clock that never goes back."""
        return time.monotonic_ns()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class SystemIds:
    """Names nobody has used before."""

    def fresh(self, prefix: str) -> str:
        """Return a new id that begins with ``prefix``."""
        return f"{prefix}{secrets.token_hex(6)}"


class SystemRng:
    """Chance for reconnect jitter; nothing that decides a trade."""

    def __init__(self) -> None:
        self._chance = random.SystemRandom()

    def uniform(self, low: float, high: float) -> float:
        """Return a number in [low, high)."""
        return self._chance.uniform(low, high)
