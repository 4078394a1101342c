"""What every source of market data must be able to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from tidemill.model.heard import Heard

__all__ = ["Dialect", "Feed", "MarketSink"]


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

    def missed(self, rows: NDArray[Any]) -> None:
        """Take closed bars that nobody heard at their time, those of one instant at once, as of ``bars``."""

    def link(self, is_up: bool, text: str, code: str = "") -> None:
        """Take word of the connection.

        Args:
            is_up: whether data come now.
            code: what is to be told: empty: it came or went; ``SAFE_MODE``: it has been away for long, and is looked
                for; ``FEED_GARBAGE``: it says what nobody can read.
        """


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


class Dialect(Protocol):
    """How one vendor's stream is spoken to and understood: pure functions of texts, no socket, no clock."""

    def hello(self, symbols: Sequence[str]) -> list[str]:
        """Return what is said after connecting: who we are, what we want."""

    def ask(self, symbols: Sequence[str], since_ns: int, until_ns: int) -> list[str]:
        """Return how the stream itself is asked for bars that were missed; empty when it cannot tell any."""

    def read(self, text: str) -> list[Heard]:
        """Return what one message says.

        Raises:
            DataError: nobody can tell.
        """
