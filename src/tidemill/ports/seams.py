"""The seams of determinism: time, identity, chance and network come through these; so a run can be simulated."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Clock", "Ids", "Net", "Rng", "Wire"]


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


class Wire(Protocol):
    """One open connection that carries texts both ways."""

    async def send(self, text: str) -> None:
        """Send one message; raises LinkDown when the connection is gone."""

    async def receive(self) -> str:
        """Return the next message, as soon as there is one; raises LinkDown when the connection is gone."""

    async def close(self) -> None:
        """Let go of the connection, at once; a second time changes nothing."""


class Net(Protocol):
    """Where connections come from; the only way of the runtime and of feeds to the network."""

    async def connect(self, url: str) -> Wire:
        """Return an open connection.

        Raises:
            LinkDown: not now. NotAuthorised, ConfigError: not with these credentials, not at this address.
        """
