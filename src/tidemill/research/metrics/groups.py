"""Where the money came from: results by symbol, hour, weekday, exit reason or entry tag, and their distribution."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from tidemill.model.enums import Reason, Side
from tidemill.model.errors import UnknownName
from tidemill.model.runrecord import RunRecord
from tidemill.model.units import MICROS
from tidemill.research.metrics.track import track_of
from tidemill.research.metrics.trades import profit_factor, r_multiples

__all__ = ["GROUP_KEYS", "by_group", "histogram", "return_histogram", "trade_histogram"]

_WEEKDAYS = (
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
)
_THURSDAY = 3  # 1970-01-01
_MAX_BINS = 60

Labels = tuple[NDArray[np.int64], Callable[[int], str]]


def _symbol(record: RunRecord) -> Labels:
    return record.trips["instrument"], lambda row: record.instruments[row].symbol


def _strategy(record: RunRecord) -> Labels:
    return record.trips["strategy"], lambda row: record.strategies[row]


def _hour(record: RunRecord) -> Labels:
    zone = ZoneInfo(record.zone)
    seconds = (record.trips["entry_ts_ns"] // 1_000_000_000).tolist()
    hours = [datetime.fromtimestamp(second, UTC).astimezone(zone).hour for second in seconds]
    return np.array(hours, dtype=np.int64), lambda hour: f"{hour:02d}:00"


def _weekday(record: RunRecord) -> Labels:
    """Weekday of the trading day: a Sunday-evening futures entry belongs to Monday."""
    at = np.searchsorted(record.days["ts_ns"], record.trips["entry_ts_ns"])
    day = record.days["day"][np.minimum(at, len(record.days) - 1)] if len(record.days) else np.zeros(0, np.int64)
    return (day + _THURSDAY) % 7, lambda number: _WEEKDAYS[number]


def _side(record: RunRecord) -> Labels:
    return record.trips["side"], lambda side: "long" if side == Side.BUY else "short"


def _reason(column: str) -> Callable[[RunRecord], Labels]:
    return lambda record: (record.trips[column], lambda code: Reason(code).name)


GROUP_KEYS: dict[str, Callable[[RunRecord], Labels]] = {
    "symbol": _symbol,
    "strategy": _strategy,
    "hour": _hour,
    "weekday": _weekday,
    "side": _side,
    "exit_reason": _reason("exit_reason"),
    "entry_tag": _reason("entry_reason"),
}


def by_group(record: RunRecord, key: str) -> list[dict[str, Any]]:
    """Return the round trips of a run split by one property, in its natural order.

    Args:
        record: the finished run.
        key: ``symbol``, ``strategy``, ``hour`` (of the entry, in the run's zone), ``weekday`` (of the entry's
            trading day), ``side``, ``exit_reason`` or ``entry_tag``.

    Raises:
        UnknownName: the key is none of these.
    """
    if key not in GROUP_KEYS:
        raise UnknownName("trade grouping", key, GROUP_KEYS)
    if len(record.trips) == 0:
        return []
    codes, name = GROUP_KEYS[key](record)
    return [{"group": name(int(code)), **_row(record.trips[codes == code])} for code in np.unique(codes)]


def _row(trips: NDArray[Any]) -> dict[str, Any]:
    pnl = trips["pnl"] / MICROS
    multiples = r_multiples(trips)
    factor = profit_factor(pnl)
    return {
        "trades": len(pnl),
        "wins": int((pnl > 0).sum()),
        "win_rate": float((pnl > 0).mean()),
        "net_profit": int(trips["pnl"].sum()) / MICROS,
        "fees": int(trips["fees"].sum()) / MICROS,
        "expectancy": float(pnl.mean()),
        "expectancy_r": float(multiples.mean()) if len(multiples) else None,
        "profit_factor": factor if np.isfinite(factor) else None,
    }


def histogram(values: NDArray[np.float64], bins: int | None = None) -> dict[str, list[float] | list[int]]:
    """Return bin ``edges`` (one more than counts) and ``counts``; bin width by Freedman & Diaconis, at most 60 bins."""
    if len(values) == 0:
        return {"edges": [], "counts": []}
    count = bins or _bin_count(values)
    counts, edges = np.histogram(values, bins=count)
    return {"edges": edges.tolist(), "counts": counts.tolist()}


def _bin_count(values: NDArray[np.float64]) -> int:
    low, high = np.percentile(values, (25.0, 75.0))
    width = 2.0 * float(high - low) / len(values) ** (1.0 / 3.0)
    span = float(values.max() - values.min())
    return int(np.clip(np.ceil(span / width), 1, _MAX_BINS)) if width > 0 else min(_MAX_BINS, len(values))


def return_histogram(record: RunRecord, bins: int | None = None) -> dict[str, list[float] | list[int]]:
    """Return the distribution of daily returns in percent."""
    return histogram(100.0 * track_of(record).returns, bins)


def trade_histogram(
    record: RunRecord, unit: str = "money", bins: int | None = None
) -> dict[str, list[float] | list[int]]:
    """Return the distribution of round-trip results, in ``money`` or in ``r`` (units of initial risk).

    Raises:
        UnknownName: the unit is neither.
    """
    if unit not in ("money", "r"):
        raise UnknownName("unit of trade results", unit, ("money", "r"))
    values = record.trips["pnl"] / MICROS if unit == "money" else r_multiples(record.trips)
    return histogram(values, bins)
