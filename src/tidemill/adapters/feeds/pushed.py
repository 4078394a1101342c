"""Ticks and bars pushed by a person or a program: through the API, the command line, a test."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tidemill.adapters.feeds.barrows import bar_groups
from tidemill.model.errors import LinkDown, UnknownName
from tidemill.model.heard import HeardBar
from tidemill.ports.feed import MarketSink
from tidemill.ports.seams import Clock

__all__ = ["PushedFeed"]


class PushedFeed:
    """Waits for ticks, quotes and bars that others push; what is impossible is quarantined like any other tick.

    Args:
        clock: stamps what comes without a stamp.
    """

    delay_ns = 0
    is_replay = False

    def __init__(self, clock: Clock, *, name: str = "pushed") -> None:
        self.name = name
        self._clock = clock
        self._sink: MarketSink | None = None
        self._place: dict[str, int] = {}
        self._closed: asyncio.Future[None] | None = None

    async def stream(self, symbols: Sequence[str], sink: MarketSink) -> None:
        """Take pushes for these symbols until ``close`` is called or the task is cancelled."""
        self._place = {symbol: number for number, symbol in enumerate(symbols)}
        self._sink = sink
        self._closed = asyncio.get_running_loop().create_future()
        sink.link(is_up=True, text="ready for pushed ticks")
        try:
            await self._closed
        finally:
            self._sink, self._closed = None, None

    def close(self) -> None:
        """Let ``stream`` return; what was pushed before is not lost."""
        if self._closed is not None and not self._closed.done():
            self._closed.set_result(None)

    def push_trade(self, symbol: str, price: float, size: float = 0.0, *, ts_ns: int = 0, seq: int = 0) -> None:
        """Push one trade, stamped now unless it brings a stamp.

        Raises:
            LinkDown: no run listens. UnknownName: the run does not trade the symbol.
        """
        sink, instrument = self._find(symbol)
        sink.trade(instrument, ts_ns or self._clock.now_ns(), price, size, seq)

    def push_quote(self, symbol: str, bid: float, ask: float, *, ts_ns: int = 0) -> None:
        """Push one quote; errors as of ``push_trade``."""
        sink, instrument = self._find(symbol)
        sink.quote(instrument, ts_ns or self._clock.now_ns(), bid, ask)

    def push_bars(self, bars: Sequence[HeardBar]) -> None:
        """Push closed bars; those that end at one instant reach the run together. Errors as of ``push_trade``."""
        found = [(self._find(bar.symbol), bar) for bar in bars]
        for group in bar_groups([(instrument, bar) for (_, instrument), bar in found]):
            found[0][0][0].bars(group)

    def _find(self, symbol: str) -> tuple[MarketSink, int]:
        if self._sink is None:
            raise LinkDown("No run listens to pushed ticks; start one with this feed, then push again.")
        if symbol not in self._place:
            raise UnknownName("symbol in this run", symbol, self._place)
        return self._sink, self._place[symbol]
