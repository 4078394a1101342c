"""The daily growth curve of a run: what every return-based statistic is computed from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from tidemill.model.bars import DAY_NS
from tidemill.model.runrecord import RunRecord

__all__ = [
    "YEAR_NS",
    "Track",
    "benchmark_track",
    "day_name",
    "external_flows",
    "track_of",
]

YEAR_NS = 365.25 * DAY_NS
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Track:
    """Growth of one unit of money, sampled once per trading day at the session close.

    Args:
        day: int64[n], trading days since 1970-01-01.
        returns: float64[n], return of each day as a ratio (0.01 = one percent).
        index: float64[n + 1], growth of 1.0; the first value is the start, before any return.
        start_day: trading day at which the index stands at 1.0.
        start_ns, end_ns: UTC, between which the growth happened.
        periods_per_year: of the traded calendar.
        rf: risk-free rate per year, ratio.
        ruined: whether equity reached zero or less; the curve stops at that day.
    """

    day: NDArray[np.int64]
    returns: NDArray[np.float64]
    index: NDArray[np.float64]
    start_day: int
    start_ns: int
    end_ns: int
    periods_per_year: int
    rf: float = 0.0
    ruined: bool = False

    @property
    def n(self) -> int:
        """Number of daily returns."""
        return len(self.returns)

    @property
    def years(self) -> float:
        """Calendar years covered."""
        return (self.end_ns - self.start_ns) / YEAR_NS

    @property
    def days_elapsed(self) -> float:
        """Calendar days covered."""
        return (self.end_ns - self.start_ns) / DAY_NS

    @property
    def rf_period(self) -> float:
        """Risk-free rate of one period, compounding to ``rf`` over a year."""
        return float((1.0 + self.rf) ** (1.0 / self.periods_per_year) - 1.0)

    @property
    def excess(self) -> NDArray[np.float64]:
        """Daily returns above the risk-free rate."""
        return self.returns - self.rf_period

    def since(self, day: int) -> Track:
        """Return the part after the last close on or before ``day``, which becomes its start."""
        first = int(np.searchsorted(self.day, day, side="right"))
        if first == 0:
            return self
        start_day = int(self.day[first - 1])
        return Track(
            self.day[first:],
            self.returns[first:],
            self.index[first:] / self.index[first],
            start_day,
            self.end_ns - int(self.day[-1] - start_day) * DAY_NS,
            self.end_ns,
            self.periods_per_year,
            self.rf,
            self.ruined,
        )


def day_name(day: int) -> str:
    """Return a trading day as an ISO date."""
    return (_EPOCH + timedelta(days=int(day))).isoformat()


def external_flows(record: RunRecord) -> NDArray[np.int64]:
    """Return deposits less withdrawals, micros per day; zeros where the day rows have no ``deposits`` column.

    The column ``flows`` is not meant: dividends and cash in lieu of fractions are income and belong to the return.
    """
    days = record.days
    return days["deposits"] if "deposits" in (days.dtype.names or ()) else np.zeros(len(days), np.int64)


def track_of(record: RunRecord, rf: float = 0.0) -> Track:
    """Return the growth curve of a run: ``r_t = (E_t - F_t) / E_{t-1} - 1``, E_0 the starting cash.

    Args:
        record: the finished run; ``E_t`` are its daily equities, ``F_t`` the day's deposits less withdrawals.
        rf: risk-free rate per year, ratio.
    """
    days = record.days
    equity = np.concatenate(([record.start_cash], days["equity"])).astype(np.float64)
    flows = external_flows(record).astype(np.float64)
    broke = np.flatnonzero(equity <= 0.0)
    n = min(len(days), int(broke[0])) if len(broke) else len(days)
    if n == 0:
        none = np.zeros(0)
        return Track(
            np.zeros(0, np.int64),
            none,
            np.ones(1),
            0,
            0,
            0,
            record.periods_per_year,
            rf,
            bool(len(broke)),
        )
    returns = (equity[1 : n + 1] - flows[:n]) / equity[:n] - 1.0
    index = equity[: n + 1] / equity[0] if not flows.any() else np.concatenate(([1.0], np.cumprod(1.0 + returns)))
    first = int(days["day"][0])
    return Track(
        days["day"][:n],
        returns,
        index,
        first,
        first * DAY_NS,
        int(days["ts_ns"][n - 1]),
        record.periods_per_year,
        rf,
        bool(len(broke)),
    )


def benchmark_track(record: RunRecord, rf: float = 0.0) -> Track | None:
    """Return the growth curve of holding the benchmark from the first day's close; None without a usable one."""
    closes = record.benchmark
    if closes is None or len(closes) != len(record.days) or len(closes) < 2:
        return None
    if not (np.isfinite(closes).all() and (closes > 0).all()):
        return None
    days = record.days
    return Track(
        days["day"][1:],
        closes[1:] / closes[:-1] - 1.0,
        closes / closes[0],
        int(days["day"][0]),
        int(days["ts_ns"][0]),
        int(days["ts_ns"][-1]),
        record.periods_per_year,
        rf,
    )
