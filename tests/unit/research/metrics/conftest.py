"""Small finished runs, built from daily equities and round trips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import numpy as np
import pytest

from tidemill.model.bars import DAY_NS, HOUR_NS, MINUTE_NS, BarTable
from tidemill.model.enums import Reason, Side
from tidemill.model.instrument import Instrument
from tidemill.model.runrecord import RunRecord
from tidemill.model.tape import DAY_ROW, FILL_ROW, TRIP_ROW
from tidemill.model.units import to_micros

MONDAY = date(2024, 1, 1)
CLOSE_NS = 21 * HOUR_NS


def weekdays(count: int, first: date = MONDAY) -> np.ndarray:
    """Return the first ``count`` weekdays as days since 1970."""
    return np.busday_offset(first, np.arange(count), roll="forward").astype("datetime64[D]").astype(np.int64)


def build_record(equity: Sequence[float], *, start: float = 100.0, first: date = MONDAY, **changes: Any) -> RunRecord:
    """Return a run with these session closes; ``low`` and ``worst`` default to the lower of open and close."""
    days = np.zeros(len(equity), DAY_ROW)
    days["day"] = changes.pop("day", weekdays(len(equity), first))
    days["ts_ns"] = days["day"] * DAY_NS + CLOSE_NS
    closes = np.array([to_micros(value) for value in equity], dtype=np.int64)
    opens = np.concatenate(([to_micros(start)], closes[:-1])) if len(closes) else closes
    days["equity"] = closes
    days["equity_high"] = np.maximum(opens, closes)
    days["equity_low"] = days["equity_worst"] = np.minimum(opens, closes)
    days["marks"] = 1
    record = RunRecord("BACKTEST", ["demo"], [Instrument("SPY"), Instrument("QQQ")], [], "USD", to_micros(start), 0)
    record.days = days
    for name, value in changes.items():
        setattr(record, name, value)
    return record


def build_trip(pnl: float, **changes: Any) -> np.ndarray:
    """Return one round trip with a net result; all other columns have quiet defaults."""
    row = np.zeros(1, TRIP_ROW)
    entry = int(weekdays(1)[0]) * DAY_NS + 15 * HOUR_NS
    row["pnl"], row["side"], row["quantity"] = to_micros(pnl), Side.BUY, 1.0
    row["entry_ts_ns"], row["exit_ts_ns"], row["bars"] = entry, entry + 30 * MINUTE_NS, 30
    row["entry_price"], row["exit_price"] = 100.0, 100.0 + pnl
    row["entry_reason"], row["exit_reason"] = Reason.SIGNAL, Reason.SIGNAL
    for name, value in changes.items():
        row[name] = value
    return row


def build_trips(results: Sequence[float], **changes: Any) -> np.ndarray:
    """Return one round trip per result, one hour apart."""
    rows = [build_trip(value, **changes) for value in results]
    trips = np.concatenate(rows) if rows else np.zeros(0, TRIP_ROW)
    for name in ("entry_ts_ns", "exit_ts_ns"):
        trips[name] += np.arange(len(trips)) * HOUR_NS
    return trips


def build_fill(quantity: float, fee: float = 0.0, slippage: float = 0.0, ts_ns: int = 0) -> np.ndarray:
    """Return one fill."""
    row = np.zeros(1, FILL_ROW)
    row["quantity"], row["fee"], row["slippage"], row["ts_ns"] = quantity, to_micros(fee), to_micros(slippage), ts_ns
    return row


def build_bars(volume: Sequence[float]) -> BarTable:
    """Return minute bars at price 10 with these volumes, the first starting at 0."""
    price = np.full(len(volume), 10.0)
    stamps = np.arange(len(volume), dtype=np.int64) * MINUTE_NS
    return BarTable("SPY", MINUTE_NS, MINUTE_NS, stamps, price, price, price, price, np.array(volume, dtype=float))


@pytest.fixture(scope="session")
def new_record() -> Callable[..., RunRecord]:
    """Return the builder of runs."""
    return build_record


@pytest.fixture(scope="session")
def new_trips() -> Callable[..., np.ndarray]:
    """Return the builder of round trips."""
    return build_trips


@pytest.fixture(scope="session")
def new_fill() -> Callable[..., np.ndarray]:
    """Return the builder of fills."""
    return build_fill


@pytest.fixture(scope="session")
def new_bars() -> Callable[..., BarTable]:
    """Return the builder of bars."""
    return build_bars
