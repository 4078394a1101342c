"""Where a trading day's bar begins and how long it runs, per kind of market."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tidemill.model.bars import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS
from tidemill.model.instrument import AssetClass, Instrument
from tidemill.model.zones import from_local, trading_day

__all__ = ["days_of_stamps", "session_length_ns", "session_start_ns"]

# Regular hours: NYSE and Nasdaq 09:30-16:00 New York; CME Globex 18:00-17:00 New York; currencies change their
# value date at 17:00 New York; coins trade by the UTC day.
_START_MINUTES = {
    AssetClass.STOCK: 9 * 60 + 30,
    AssetClass.FUTURE: 18 * 60 - 24 * 60,
    AssetClass.CRYPTO: 0,
    AssetClass.FX: 17 * 60 - 24 * 60,
}
_LENGTH_NS = {
    AssetClass.STOCK: 23_400 * SECOND_NS,
    AssetClass.FUTURE: 23 * HOUR_NS,
    AssetClass.CRYPTO: DAY_NS,
    AssetClass.FX: DAY_NS,
}


def session_start_ns(instrument: Instrument, days: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the UTC nanosecond at which each trading day's session begins.

    Args:
        instrument: its kind and zone decide the hour.
        days: int64[n], trading days since 1970-01-01.
    """
    local = days.astype(np.int64) * DAY_NS + _START_MINUTES[instrument.asset_class] * MINUTE_NS
    return from_local(local, instrument.zone).ts_ns


def session_length_ns(instrument: Instrument) -> int:
    """Return how long a regular session of this kind of market runs."""
    return _LENGTH_NS[instrument.asset_class]


def days_of_stamps(instrument: Instrument, ts_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the trading day that daily UTC stamps mean, whatever hour their source writes.

    A stamp at 00:00 UTC names the UTC date; any other belongs to the trading day it lies in.
    """
    by_zone = trading_day(ts_ns, instrument.zone, instrument.day_roll_minutes)
    return np.where(ts_ns % DAY_NS == 0, ts_ns // DAY_NS, by_zone)
