"""Seeded price paths for tests: nothing real, nothing random from run to run."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tidemill.model.bars import DAY_NS, MINUTE_NS, SECOND_NS, BarTable

__all__ = ["daily_bars", "intraday_bars", "path_bars"]

_MONDAY = 19_723  # 2024-01-01 in days since 1970-01-01
_OPEN_NS = 52_200 * SECOND_NS  # 14:30 UTC is 09:30 in New York in winter
_SESSION_NS = 23_400 * SECOND_NS  # six and a half hours


def _days(count: int) -> NDArray[np.int64]:
    """Return the UTC midnights of so many weekdays from 2024-01-01 (a Monday) on."""
    day = np.arange(_MONDAY, _MONDAY + 2 * count + 7)
    return day[(day + 3) % 7 < 5][:count] * DAY_NS  # 1970-01-01 was a Thursday


def _table(symbol: str, interval_ns: int, duration_ns: int, ts: NDArray[np.int64], step: float, seed: int) -> BarTable:
    generator = np.random.default_rng(seed)
    rows = len(ts)
    waves = 0.6 * np.sin(np.arange(rows) / 9.0) + 0.4 * np.sin(np.arange(rows) / 41.0)
    close = 100.0 * np.exp(np.cumsum(step * (generator.standard_normal(rows) + waves)))
    open_ = np.concatenate([[100.0], close[:-1]]) * np.exp(0.2 * step * generator.standard_normal(rows))
    span = step * np.abs(generator.standard_normal((2, rows)))
    high = np.maximum(open_, close) * (1.0 + span[0])
    low = np.minimum(open_, close) * (1.0 - span[1])
    volume = np.round(10_000.0 * np.exp(0.6 * generator.standard_normal(rows)))
    begin, top, floor, end = (np.round(column, 2) for column in (open_, high, low, close))
    return BarTable(symbol, interval_ns, duration_ns, ts, begin, top, floor, end, volume, {"simulated": True})


def daily_bars(rows: int = 300, *, symbol: str = "DEMO", seed: int = 1) -> BarTable:
    """Return simulated daily bars of a US stock in winter time, with trends, turns and busy days.

    Args:
        rows: number of bars.
        symbol: of the table.
        seed: of the path.
    """
    return _table(symbol, DAY_NS, _SESSION_NS, _days(rows) + _OPEN_NS, 0.02, seed)


def intraday_bars(days: int = 8, minutes: int = 5, *, symbol: str = "DEMO", seed: int = 2) -> BarTable:
    """Return simulated intraday bars of regular US sessions in winter time.

    Args:
        days: number of sessions.
        minutes: bar size; it should divide 390.
        symbol: of the table.
        seed: of the path.
    """
    size = minutes * MINUTE_NS
    within = np.arange(0, _SESSION_NS, size)
    ts = (_days(days)[:, None] + _OPEN_NS + within[None, :]).ravel()
    return _table(symbol, size, size, ts, 0.003, seed)


def path_bars(
    closes: list[float], *, volumes: list[float] | None = None, symbol: str = "DEMO", minutes: int = 0
) -> BarTable:
    """Return bars that follow given closes exactly, each opening at the close before and ranging no further.

    Args:
        closes: one price per bar.
        volumes: one volume per bar; 100 each when left out.
        symbol: of the table.
        minutes: bar size; 0 makes daily bars, else bars of one session from 09:30 New York on.
    """
    close = np.array(closes, np.float64)
    open_ = np.concatenate([close[:1], close[:-1]])
    rows = len(close)
    size = minutes * MINUTE_NS if minutes else DAY_NS
    ts = _days(rows) + _OPEN_NS if minutes == 0 else _days(1)[0] + _OPEN_NS + size * np.arange(rows)
    volume = np.full(rows, 100.0) if volumes is None else np.array(volumes, np.float64)
    duration = size if minutes else _SESSION_NS
    high, low = np.maximum(open_, close), np.minimum(open_, close)
    return BarTable(symbol, size, duration, ts, open_, high, low, close, volume, {"simulated": True})
