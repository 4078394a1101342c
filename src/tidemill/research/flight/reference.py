"""What the market itself said at any instant of a tape: the yardstick that fills are held against."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.model.enums import EventKind

__all__ = ["MarketPrices"]

_BAR, _QUOTE, _TRADE = int(EventKind.BAR), int(EventKind.QUOTE), int(EventKind.TRADE)


class MarketPrices:
    """The market's price by instrument and instant.

    At an instant it is the middle of the newest quote, where the tape has quotes of the instrument; else the newest
    trade, where it has trades; else the open of a bar that begins just then, or the close of the newest bar that has
    ended. Before the first of them it is the first price there is.

    Args:
        events: EVENT rows of a tape, in order.
    """

    def __init__(self, events: NDArray[Any]) -> None:
        self._known: dict[int, tuple[NDArray[np.int64], NDArray[np.float64]]] = {}
        for instrument in np.unique(events["instrument"][events["kind"] == _BAR]):
            own = events[events["instrument"] == instrument]
            self._known[int(instrument)] = _column(own)

    def at(self, instrument: int, ts_ns: int) -> float:
        """Return the price at an instant, NaN of an instrument the tape does not know."""
        known = self._known.get(instrument)
        if known is None or not len(known[0]):
            return float("nan")
        at = int(np.searchsorted(known[0], ts_ns, side="right")) - 1
        return float(known[1][max(at, 0)])

    def last(self, instrument: int) -> float:
        """Return the newest price."""
        known = self._known.get(instrument)
        return float(known[1][-1]) if known is not None and len(known[1]) else float("nan")


def _column(events: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    quotes = events[(events["kind"] == _QUOTE) & (events["bid"] > 0.0) & (events["ask"] >= events["bid"])]
    if len(quotes):
        return _sorted(quotes["ts_ns"], (quotes["bid"] + quotes["ask"]) / 2.0)
    trades = events[(events["kind"] == _TRADE) & (events["close"] > 0.0)]
    if len(trades):
        return _sorted(trades["ts_ns"], trades["close"])
    bars = events[events["kind"] == _BAR]
    finest = bars[bars["interval_ns"] == bars["interval_ns"].min()]
    # a close stands before the open of the bar that begins at that instant
    ts = np.concatenate([finest["now_ns"], finest["ts_ns"]])
    return _sorted(ts, np.concatenate([finest["close"], finest["open"]]))


def _sorted(ts: NDArray[Any], price: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    order = np.argsort(ts, kind="stable")
    return np.ascontiguousarray(ts[order]), np.ascontiguousarray(price[order])
