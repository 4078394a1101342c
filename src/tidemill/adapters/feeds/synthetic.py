"""A simulated market that goes on for as long as somebody listens."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence

from tidemill.adapters.feeds.merge import ReplayData
from tidemill.adapters.feeds.replay import ReplayFeed
from tidemill.ports.feed import MarketSink
from tidemill.ports.seams import Clock

__all__ = ["SyntheticFeed"]


class SyntheticFeed:
    """Plays one simulated piece of market after another; every price in it is made up, and its name says so.

    Args:
        draw: returns the piece of a number, 0, 1, 2 ...: same number, same data, each later than the one before it;
            None ends the market.
        clock, speed, longest_pause_s: as of ``ReplayFeed``.
    """

    name = "SIMULATED"
    delay_ns = 0
    is_replay = True

    def __init__(
        self,
        draw: Callable[[int], ReplayData | None],
        clock: Clock,
        *,
        speed: float = 1.0,
        longest_pause_s: float = math.inf,
    ) -> None:
        self._draw = draw
        self._feed = ReplayFeed(self._pieces(), clock, speed=speed, longest_pause_s=longest_pause_s, name=self.name)

    async def stream(self, symbols: Sequence[str], sink: MarketSink) -> None:
        """Play until the market ends or the task is cancelled.

        Raises:
            ConfigError: the market has no such symbol.
        """
        await self._feed.stream(symbols, sink)

    def _pieces(self) -> Iterator[ReplayData]:
        for number in itertools.count():
            piece = self._draw(number)
            if piece is None:
                return
            yield piece
