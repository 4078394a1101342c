"""Bars from a pandas DataFrame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tidemill.model.bars import DAY_NS, BarTable
from tidemill.model.daily import session_length_ns
from tidemill.model.errors import BadBar, DataError, OutOfOrder
from tidemill.model.instrument import infer_instrument
from tidemill.model.intervals import parse_interval
from tidemill.model.quality import row_faults

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["bars_from_frame"]


def bars_from_frame(frame: DataFrame, symbol: str, interval: str | None = None) -> BarTable:
    """Return a DataFrame with a time index (bar starts) and OHLC(V) columns as a bar table.

    Raises:
        DataError: a column is missing, the index is no time index, stamps run backward, or a row is impossible.
    """
    import pandas as pd

    names = {str(name).lower(): name for name in frame.columns}
    missing = [name for name in ("open", "high", "low", "close") if name not in names]
    if missing:
        raise DataError(
            f"The DataFrame has no column {', '.join(missing)}; it has {', '.join(map(str, frame.columns))}."
        )
    if not isinstance(frame.index, pd.DatetimeIndex):
        raise DataError(
            "The DataFrame needs a DatetimeIndex with the start of each bar; use set_index on the time column."
        )
    index = frame.index.tz_localize("UTC") if frame.index.tz is None else frame.index.tz_convert("UTC")
    ts = index.as_unit("ns").asi8.copy()
    steps = np.diff(ts)
    if (steps <= 0).any():
        row = int(np.flatnonzero(steps <= 0)[0]) + 1
        raise OutOfOrder(
            f"Row {row} of the DataFrame is not later than the row before it; sort it and drop duplicates."
        )
    columns: dict[str, Any] = {
        name: frame[names[name]].to_numpy(np.float64) for name in ("open", "high", "low", "close")
    }
    columns["volume"] = frame[names["volume"]].to_numpy(np.float64) if "volume" in names else np.zeros(len(ts))
    faults = row_faults(*columns.values())
    if faults.any():
        raise BadBar(f"Row {int(np.flatnonzero(faults)[0])} of the DataFrame is no possible bar; drop or repair it.")
    size = parse_interval(interval) if interval else _usual_step(steps)
    duration = session_length_ns(infer_instrument(symbol)) if size >= DAY_NS else size
    return BarTable(symbol, size, duration, ts, **columns, meta={"source": "DataFrame"})


def _usual_step(steps: Any) -> int:
    if not len(steps):
        raise DataError("One row does not tell the bar size; name it with interval=, for example interval='1min'.")
    values, counts = np.unique(steps, return_counts=True)
    step = int(values[np.argmax(counts)])
    return min(DAY_NS, step)
