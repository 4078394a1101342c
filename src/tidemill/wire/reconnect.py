"""When to try again after a connection broke: a state machine without a clock, a socket or a task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["LinkState", "LinkStatus", "Reconnect"]

_JITTER = 0.25


class LinkState(StrEnum):
    """Where a connection stands. In safe mode no attempt has worked for long; probing goes on, entries do not."""

    IDLE = "idle"
    UP = "up"
    WAITING = "waiting"
    SAFE_MODE = "safe_mode"


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """What a connection tells about itself.

    Args:
        attempts: attempts that failed since it was up last.
        losses: how often it broke.
    """

    state: LinkState
    connected: bool
    symbols: tuple[str, ...]
    attempts: int
    losses: int


class Reconnect:
    """Waits 1 s, 2 s, 4 s ... up to 60 s between attempts, each shortened by chance so that many do not come at once.

    Args:
        uniform: where chance comes from: a number between two others.
        first_s, longest_s: first and longest wait, seconds.
        patience: failed attempts after which safe mode begins; it ends with the next connection.
    """

    def __init__(
        self,
        uniform: Callable[[float, float], float],
        *,
        first_s: float = 1.0,
        longest_s: float = 60.0,
        patience: int = 10,
    ) -> None:
        self._uniform = uniform
        self._first_s = first_s
        self._longest_s = longest_s
        self._patience = patience
        self._symbols: dict[str, None] = {}
        self.state = LinkState.IDLE
        self.attempts = 0
        self.losses = 0

    def subscribe(self, symbol: str) -> None:
        """Remember a subscription, to be made again after every reconnect."""
        self._symbols[symbol] = None

    def unsubscribe(self, symbol: str) -> None:
        """Forget a subscription; one that was never made changes nothing."""
        self._symbols.pop(symbol, None)

    def connected(self) -> tuple[str, ...]:
        """Note that the connection is up; return what has to be subscribed, in the order it was asked for."""
        self.state = LinkState.UP
        self.attempts = 0
        return tuple(self._symbols)

    def lost(self) -> float:
        """Note that the connection broke; return the seconds to wait before the next attempt."""
        if self.state is LinkState.UP:
            self.losses += 1
        self.state = LinkState.WAITING if self.state is not LinkState.SAFE_MODE else self.state
        return self._wait()

    def failed(self) -> float:
        """Note that an attempt failed; return the seconds to wait before the next one. There is always a next one."""
        self.attempts += 1
        self.state = LinkState.SAFE_MODE if self.attempts >= self._patience else LinkState.WAITING
        return self._wait()

    def status(self) -> LinkStatus:
        """Return what the connection tells about itself."""
        return LinkStatus(self.state, self.state is LinkState.UP, tuple(self._symbols), self.attempts, self.losses)

    def _wait(self) -> float:
        if self.state is LinkState.SAFE_MODE:
            return self._longest_s
        # two to the power of 62 outgrows any longest wait; no attempt count can overflow
        longest = min(self._first_s * 2.0 ** min(self.attempts, 62), self._longest_s)
        return longest * self._uniform(1.0 - _JITTER, 1.0)
