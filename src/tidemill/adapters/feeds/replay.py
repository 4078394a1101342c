"""Stored data played again, as fast as wanted."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from numpy.typing import NDArray

from tidemill.adapters.feeds.merge import ReplayData, groups
from tidemill.model.bars import SECOND_NS
from tidemill.model.enums import EventKind
from tidemill.model.errors import ConfigError
from tidemill.ports.feed import MarketSink
from tidemill.ports.seams import Clock

__all__ = ["ReplayData", "ReplayFeed"]

_BAR, _QUOTE, _TRADE = int(EventKind.BAR), int(EventKind.QUOTE), int(EventKind.TRADE)
_FASTEST = 1000.0


class ReplayFeed:
    """Plays stored data: at 1 to 1000 times the speed of the market, or as fast as the engine can take them.

    Bars that end at one instant are handed over together, after the splits and dividends of that instant. Between two
    instants the feed waits until the engine has caught up, so nothing is lost and no quote is skipped.

    Args:
        data: what to play; several pieces are played one after another.
        clock: where time comes from.
        speed: times the market's own pace; infinity: no waiting.
        longest_pause_s: waits (nights, weekends) are cut to this many seconds of the clock; infinity: played in full.
        name: what reports call the feed.

    Raises:
        ConfigError: the speed lies outside 1 to 1000 and is not infinity.
    """

    delay_ns = 0
    is_replay = True

    def __init__(
        self,
        data: ReplayData | Iterable[ReplayData],
        clock: Clock,
        *,
        speed: float = math.inf,
        longest_pause_s: float = math.inf,
        name: str = "replay",
    ) -> None:
        if not (1.0 <= speed <= _FASTEST or speed == math.inf):
            raise ConfigError(f"A replay runs at 1 to {_FASTEST:g} times the market's pace, or inf; not {speed:g}.")
        self.name = name
        self._data: Iterable[ReplayData] = (data,) if isinstance(data, ReplayData) else data
        self._clock = clock
        self._speed = speed
        self._longest_ns = longest_pause_s * SECOND_NS if math.isfinite(longest_pause_s) else math.inf
        self._played_ns = 0  # instant played last
        self._due_ns = 0  # when the next was due by the monotonic clock

    async def stream(self, symbols: Sequence[str], sink: MarketSink) -> None:
        """Play everything, then return.

        Raises:
            ConfigError: there are no data of a symbol.
        """
        self._played_ns = 0
        for piece in self._data:
            for rows in groups(piece, symbols):
                instant = int(rows[0]["now_ns"])
                if instant != self._played_ns and self._speed != math.inf:
                    await self._pace(instant)
                await self._hand(rows, sink)

    async def _pace(self, instant_ns: int) -> None:
        """Wait until an instant is due. Lost time is not made up in a rush: the pace goes on from now."""
        now_ns = self._clock.monotonic_ns()
        if self._played_ns:
            pause = max(instant_ns - self._played_ns, 0) / self._speed
            self._due_ns += int(min(pause, self._longest_ns))
            if self._due_ns > now_ns:
                await self._clock.sleep((self._due_ns - now_ns) / SECOND_NS)
            elif now_ns - self._due_ns > SECOND_NS:
                self._due_ns = now_ns
        else:
            self._due_ns = now_ns
        self._played_ns = instant_ns

    async def _hand(self, rows: NDArray[Any], sink: MarketSink) -> None:
        """Hand over what one instant brings of one kind."""
        kind = int(rows[0]["kind"])
        await sink.ready()
        if kind == _BAR:
            sink.bars(rows)
        elif kind == _TRADE:
            for row in rows.tolist():
                await sink.ready()
                sink.trade(row[1], row[2], row[8], row[9], row[15])
        elif kind == _QUOTE:
            for row in rows.tolist():
                await sink.ready()
                sink.quote(row[1], row[2], row[10], row[11])
        else:
            sink.actions(rows)
