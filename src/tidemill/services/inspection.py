"""Look at data files before trusting them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike

import numpy as np

from tidemill.adapters.calendars import get_calendar
from tidemill.adapters.files import CheckedBars, read_checked
from tidemill.model.bars import BarTable
from tidemill.model.errors import DataError
from tidemill.model.instrument import Instrument, infer_instrument
from tidemill.model.zones import trading_day
from tidemill.research.validation import QualityReport, examine
from tidemill.services.reading import ReadRequest, read_sources

__all__ = ["inspect", "inspect_checked", "inspect_inputs"]


def inspect(
    paths: str | PathLike[str] | Sequence[str | PathLike[str]],
    *,
    symbol: str | None = None,
    interval: str | None = None,
    mapping: Mapping[str, str] | None = None,
    zone: str | None = None,
    instrument: Instrument | None = None,
    sort: bool = True,
) -> list[QualityReport]:
    """Read files and report what is wrong or remarkable in them, one report per symbol.

    Args:
        paths, symbol, interval, mapping, zone, instrument: as for ``read_bars``.
        sort: sort unsorted rows, so that the rest of the file can be judged.

    Raises:
        ConfigError, DataError: as ``read_bars``.
    """
    checked = read_checked(
        paths, symbol=symbol, interval=interval, mapping=mapping, zone=zone, instrument=instrument, sort=sort
    )
    return [inspect_checked(item, instrument) for item in checked]


def inspect_inputs(request: ReadRequest) -> list[QualityReport]:
    """Report on everything a request names, folders included; its dates are not used.

    Raises:
        ConfigError, DataError: as ``read_bars``.
    """
    files, lean = read_sources([item for item in request.data if not isinstance(item, BarTable)])
    if lean:
        raise DataError("Lean folders hold many symbols; name the CSV or Parquet files to inspect.")
    reports = []
    for symbol in request.symbols or (None,):
        reports += inspect(
            files,
            symbol=symbol,
            interval=request.interval,
            mapping=request.mapping,
            zone=request.zone,
            instrument=request.instrument(symbol) if symbol else None,
            sort=request.sort,
        )
    return reports


def inspect_checked(checked: CheckedBars, instrument: Instrument | None = None) -> QualityReport:
    """Report on bars already read, against their exchange's calendar."""
    bars = checked.bars
    traded = instrument or infer_instrument(bars.symbol)
    edges = trading_day(bars.ts[[0, -1]] if len(bars) else np.zeros(0, np.int64), traded.zone, traded.day_roll_minutes)
    schedule = get_calendar(traded.calendar).sessions(int(edges[0]) - 1, int(edges[1]) + 2) if len(edges) else None
    return examine(bars, checked.quarantine, schedule, traded)
