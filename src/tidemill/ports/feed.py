"""What every source of market data must be able to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

__all__ = ["Feed", "MarketSink"]


class MarketSink(Protocol):
    """Where a feed puts what it hears; nothing here blocks, overflow is the sink's business."""

    def bars(self, rows: NDArray[Any]) -> None:
        """Take closed bars that end at one instant: EVENT rows of kind BAR, in instrument order."""

    def trade(self, instrument: int, ts_ns: int, price: float, size: float, seq: int = 0) -> None:
        """Take one trade print; ``seq`` is the number by which its source knows it, the same when it comes again."""

    def quote(self, instrument: int, ts_ns: int, bid: float, ask: float) -> None:
        """Take a top-of-book quote; a newer one of the same instrument may replace it unseen."""

    def actions(self, rows: NDArray[Any]) -> None:
        """Take splits and dividends that apply now: EVENT rows."""

    async def ready(self) -> None:
        """Wait while the engine is behind (for feeds that can: replay, history; never a live socket)."""

    def link(self, is_up: bool, text: str) -> None:
        """Take word that the connection came or went."""


class Feed(Protocol):
    """A source of market data for a run's instruments, by row."""

    name: str
    delay_ns: int  # how far behind the market this feed is by contract; 0: real time
    is_replay: bool  # its stamps are the clock of the run

    async def stream(self, symbols: Sequence[str], sink: MarketSink) -> None:
        """Push data until the source ends or the task is cancelled; reconnecting is this method's business.

        Raises:
            ConfigError: a symbol is not offered. NotAuthorised: the key does not allow this feed.
        """
