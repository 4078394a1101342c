"""A run as far as it is watched, and how it is watched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tidemill.runtime.core import Core
from tidemill.runtime.guard.halts import Halts
from tidemill.runtime.orders.book import OrderBook
from tidemill.runtime.watch.heartbeat import HeartSettings, Sensors

__all__ = ["Supervised", "Supervision"]


class Supervised(Protocol):
    """A run, as far as it is watched."""

    terms: Any
    parts: Any
    core: Core
    book: OrderBook
    desk: Any
    present: Any

    def now(self) -> tuple[int, int]:
        """Return wall and monotonic clock of the run."""

    def alert(self, severity: int, kind: str, text: str) -> None:
        """Write down what a person should know."""


@dataclass(slots=True)
class Supervision:
    """How a run is watched.

    Args:
        halts: the same object the run's guard asks.
        beat_file: its heartbeat. sensors: of its machine.
        words: what its heartbeat row tells, as JSON.
        watchdog: name of the watchdog's heartbeat row; empty: none is expected.
        settings: of the heartbeat.
    """

    halts: Halts
    beat_file: Path
    sensors: Sensors
    words: Callable[[], str] = lambda: "{}"
    watchdog: str = ""
    settings: HeartSettings | None = None
