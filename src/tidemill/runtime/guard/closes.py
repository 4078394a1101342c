"""Daily closes of what a run trades, for the question how alike its instruments move."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.model.enums import EventKind
from tidemill.runtime.guard.baseline import DayClock
from tidemill.runtime.guard.correlation import CorrelationMatrix, correlations
from tidemill.runtime.guard.numbers import positive

__all__ = ["WINDOW_DAYS", "DailyCloses"]

WINDOW_DAYS = 60  # a quarter of trading days: newer ones push older ones out
_KEPT_DAYS = 120  # instruments of different calendars share fewer days than each of them has
_BAR, _SPLIT = int(EventKind.BAR), int(EventKind.SPLIT)


class DailyCloses:
    """Remembers the last price of each trading day, and correlates the returns between days two symbols share.

    Everything it knows comes from the bars the run itself has taken: its warm-up, its recorded tape, the market. So a
    run that is started again knows the same.

    Args:
        symbols: by instrument row.
        day_clock: tells the account's trading day; a bar belongs to the day it begins on.
    """

    def __init__(self, symbols: Sequence[str], day_clock: DayClock) -> None:
        self._symbols, self._day_clock = list(symbols), day_clock
        self._closes: list[dict[int, float]] = [{} for _ in symbols]
        self._known: dict[tuple[str, str], tuple[float, int]] = {}  # correlation and shared days of a pair
        self._known_day = 0

    def take(self, rows: NDArray[Any]) -> None:
        """Take EVENT rows as they come; a split restates what was before it."""
        kinds = rows["kind"].tolist()
        for at, kind in enumerate(kinds):
            if kind == _BAR:
                row = rows[at]
                self._close(int(row["instrument"]), self._day_clock.day(int(row["ts_ns"])), float(row["close"]))
            elif kind == _SPLIT:
                ratio = float(rows["close"][at])
                row = int(rows["instrument"][at])
                if positive(ratio):
                    self._closes[row] = {day: close / ratio for day, close in self._closes[row].items()}

    def _close(self, row: int, day: int, close: float) -> None:
        known = self._closes[row]
        is_new = day not in known
        known[day] = close
        if is_new and len(known) > _KEPT_DAYS:
            del known[min(known)]

    def matrix(self, symbols: Iterable[str], today: int) -> CorrelationMatrix:
        """Return how alike symbols moved up to yesterday; what two have too few shared days for is left out.

        Args:
            symbols: those in question.
            today: trading day; its closes are not made yet.
        """
        if today != self._known_day:
            self._known, self._known_day = {}, today
        names = sorted(set(symbols))
        pairs: dict[tuple[str, str], float] = {}
        days: dict[tuple[str, str], int] = {}
        for pair in itertools.combinations(names, 2):
            if pair not in self._known:
                self._known[pair] = self._measure(*pair, today)
            value, shared = self._known[pair]
            for key in (pair, pair[::-1]):
                days[key] = shared
                if value == value:  # noqa: PLR0124 - NaN: not known
                    pairs[key] = value
        return CorrelationMatrix(pairs, days)

    def _measure(self, first: str, second: str, today: int) -> tuple[float, int]:
        """Return the correlation of two symbols' daily returns (NaN: not known) and of how many returns it is made."""
        one, two = (self._closes[self._symbols.index(name)] for name in (first, second))
        shared = [day for day in sorted(one.keys() & two.keys()) if day < today][-WINDOW_DAYS - 1 :]
        if len(shared) < 2:
            return float("nan"), 0
        closes = np.array([[one[day], two[day]] for day in shared])
        found = correlations((first, second), closes[1:] / closes[:-1] - 1.0)
        return found.between(first, second), len(shared) - 1
