"""The border for market data: what cannot be true goes to quarantine with a named reason and disturbs nothing else.

The checks of a sound tick are one comparison chain; only a suspect meets the rules, which then name the reason.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import Any

from tidemill.model.bars import MINUTE_NS
from tidemill.model.enums import EventKind
from tidemill.model.instrument import AssetClass, Instrument
from tidemill.runtime.market.faults import ON_GRID, RULES, BorderSettings, Fault, Quarantined, Sighting

__all__ = ["Border"]

_KEPT = 1000
_SEEN = 256
_NEVER = -(2**63)
# One print far off is a mistake; a level that holds this long and often is the market (a halt lifted, a split missed).
_CONFIRM_PRINTS = 5
_CONFIRM_NS = MINUTE_NS


class Border:
    """Checks everything a feed brings, remembers what it refused.

    Args:
        instruments: in the order of the run. Only futures have a grid that prints must lie on: US stocks may trade
            between cents (SEC Rule 612 binds orders and quotes of one dollar and more, not executions).
        rules: how strict.
    """

    def __init__(self, instruments: Sequence[Instrument], rules: BorderSettings | None = None) -> None:
        self.rules = rules or BorderSettings()
        self._count = len(instruments)
        self._grid = [item.tick_size if item.asset_class is AssetClass.FUTURE else 0.0 for item in instruments]
        self._known = [math.nan] * self._count
        self._seen = [[(0, 0)] * _SEEN for _ in instruments]
        self._newest: dict[tuple[int, int], int] = {}
        self._doubt: dict[int, tuple[float, int, int]] = {}
        reach = 1.0 + self.rules.band_ratio
        self._up, self._down = (reach, 1.0 / reach) if self.rules.band_ratio > 0.0 else (math.inf, 0.0)
        self._ahead = self.rules.ahead_ns
        self._age = self.rules.max_age_ns + self.rules.delay_ns if self.rules.max_age_ns else 2**62
        self.counts = dict.fromkeys(Fault, 0)
        del self.counts[Fault.NONE]
        self.by_instrument = [0] * self._count
        self.recent: deque[Quarantined] = deque(maxlen=_KEPT)
        self.levels_accepted = 0
        self._told = dict(self.counts)

    def trade(self, instrument: int, ts_ns: int, price: float, size: float, seq: int, now_ns: int) -> Fault:
        """Check one print; 0 lets it pass.

        Args:
            seq: number by which its source knows it, 0 without one.
            now_ns: the clock, UTC.
        """
        if not 0 <= instrument < self._count:
            return self._judge(EventKind.TRADE, instrument, ts_ns, now_ns, (price,), size)
        known, grid = self._known[instrument], self._grid[instrument]
        number = (seq, ts_ns)
        is_repeated = seq != 0 and self._seen[instrument][seq % _SEEN] == number
        is_sound = (
            known * self._down < price < known * self._up
            and 0.0 <= size < math.inf
            and now_ns - self._age <= ts_ns <= now_ns + self._ahead
            and not is_repeated
            and (grid == 0.0 or abs(price / grid - round(price / grid)) < ON_GRID)
        )
        if not is_sound:
            fault = self._judge(
                EventKind.TRADE, instrument, ts_ns, now_ns, (price,), size, is_repeated=is_repeated, grid=grid
            )
            if fault:
                return fault
        if self._doubt:
            self._doubt.pop(instrument, None)
        if seq:
            self._seen[instrument][seq % _SEEN] = number
        self._known[instrument] = price
        return Fault.NONE

    def quote(self, instrument: int, ts_ns: int, bid: float, ask: float, now_ns: int) -> Fault:
        """Check one quote; 0 lets it pass."""
        if not 0 <= instrument < self._count:
            return self._judge(EventKind.QUOTE, instrument, ts_ns, now_ns, (bid, ask), 0.0)
        known, grid = self._known[instrument], self._grid[instrument]
        is_timely = now_ns - self._age <= ts_ns <= now_ns + self._ahead
        is_sound = (
            known * self._down < bid <= ask < known * self._up
            and is_timely
            and (grid == 0.0 or (abs(bid / grid - round(bid / grid)) + abs(ask / grid - round(ask / grid)) < ON_GRID))
        )
        if not is_sound:
            fault = self._judge(EventKind.QUOTE, instrument, ts_ns, now_ns, (bid, ask), 0.0, grid=grid)
            if fault:
                return fault
        if self._doubt:
            self._doubt.pop(instrument, None)
        self._known[instrument] = 0.5 * (bid + ask)
        return Fault.NONE

    def bar(self, row: Sequence[Any], now_ns: int) -> Fault:
        """Check one bar; 0 lets it pass.

        Args:
            row: the fields of an EVENT row, in their order.
            now_ns: the clock, UTC; a bar is as old as its end.
        """
        _, instrument, start_ns, end_ns, interval_ns, *prices, size = row[:10]
        if not 0 <= instrument < self._count:
            return self._judge(EventKind.BAR, instrument, end_ns, now_ns, tuple(prices), size)
        first, high, low, last = prices
        newest = self._newest.get((instrument, interval_ns), _NEVER)
        known, grid = self._known[instrument], self._grid[instrument]
        is_sound = (
            known * self._down < low <= first <= high < known * self._up
            and low <= last <= high
            and 0.0 <= size < math.inf
            and now_ns - self._age <= end_ns <= now_ns + self._ahead
            and start_ns > newest
            and grid == 0.0
        )
        if not is_sound:
            fault = self._judge(
                EventKind.BAR,
                instrument,
                end_ns,
                now_ns,
                tuple(prices),
                size,
                is_repeated=start_ns == newest,
                is_backward=start_ns < newest,
                grid=grid,
            )
            if fault:
                return fault
        if self._doubt:
            self._doubt.pop(instrument, None)
        self._newest[instrument, interval_ns] = start_ns
        self._known[instrument] = last
        return Fault.NONE

    def made(self, instrument: int, interval_ns: int, start_ns: int) -> None:
        """Take note of a bar that trades have made: from outside it would be the same once more."""
        self._newest[instrument, interval_ns] = max(start_ns, self._newest.get((instrument, interval_ns), _NEVER))

    def know(self, instrument: int, price: float) -> None:
        """Set the price that others are measured by: the last close of the warm-up, or NaN to begin anew."""
        self._known[instrument] = price

    def split(self, instrument: int, ratio: float) -> None:
        """Move the reference price with a split, new units per old."""
        if 0 <= instrument < self._count and ratio > 0.0:
            self._known[instrument] /= ratio

    def _judge(
        self,
        kind: EventKind,
        instrument: int,
        ts_ns: int,
        now_ns: int,
        prices: tuple[float, ...],
        size: float,
        *,
        is_repeated: bool = False,
        is_backward: bool = False,
        grid: float = 0.0,
    ) -> Fault:
        """Ask the rules one by one; the first that holds names the fault, which is counted and kept."""
        known = self._known[instrument] if 0 <= instrument < self._count else math.nan
        seen = Sighting(
            kind,
            instrument,
            self._count,
            ts_ns,
            now_ns,
            prices,
            size,
            known,
            grid,
            is_repeated=is_repeated,
            is_backward=is_backward,
            rules=self.rules,
        )
        for fault, holds in RULES:
            if holds(seen):
                if fault is Fault.SPIKE and self._is_confirmed(instrument, prices[-1], now_ns):
                    return Fault.NONE
                self.counts[fault] += 1
                if fault is not Fault.UNKNOWN_SYMBOL:
                    self.by_instrument[instrument] += 1
                self.recent.append(Quarantined(fault, kind, instrument, ts_ns, now_ns, prices, size))
                return fault
        return Fault.NONE

    def _is_confirmed(self, instrument: int, price: float, now_ns: int) -> bool:
        """Tell whether a new price level has held so often and so long that it is the market."""
        reach = 1.0 + self.rules.band_ratio
        level, prints, since_ns = self._doubt.get(instrument, (math.nan, 0, now_ns))
        if not level / reach <= price <= level * reach:
            level, prints, since_ns = price, 0, now_ns
        self._doubt[instrument] = (level, prints + 1, since_ns)
        if prints + 1 < _CONFIRM_PRINTS or now_ns - since_ns < _CONFIRM_NS:
            return False
        self.levels_accepted += 1
        return True

    def fresh(self) -> dict[Fault, int]:
        """Return counts by fault of what was set aside since this was asked last."""
        found = {fault: count - self._told[fault] for fault, count in self.counts.items() if count > self._told[fault]}
        self._told = dict(self.counts)
        return found

    @property
    def total(self) -> int:
        """How many things were set aside."""
        return sum(self.counts.values())
