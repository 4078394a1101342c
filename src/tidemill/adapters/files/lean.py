"""Bars from a QuantConnect Lean data folder.

Layout and number formats are those of Lean's data format documents: one zip per day for second and minute bars
(milliseconds since midnight), one zip per symbol for hour and daily bars (``YYYYMMDD HH:MM``). Stock prices are
written times 10,000 on the New York clock; all other markets as they are, on UTC.
"""

from __future__ import annotations

import io
import re
import zipfile
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tidemill.adapters.files.finish import join_rows, settle_rows
from tidemill.adapters.files.shelf import RawRows, sift_rows
from tidemill.model.bars import DAY_NS, HOUR_NS, MINUTE_NS, BarTable
from tidemill.model.errors import ConfigError, DataError, UnknownName
from tidemill.model.instrument import AssetClass, Instrument, infer_instrument
from tidemill.model.intervals import parse_interval

__all__ = ["read_lean"]

_FOLDERS = {
    AssetClass.STOCK: "equity",
    AssetClass.FUTURE: "future",
    AssetClass.CRYPTO: "crypto",
    AssetClass.FX: "forex",
}
_DAILY_ZIPS = ("second", "minute")
_RESOLUTIONS = (*_DAILY_ZIPS, "hour", "daily")
_PRICE_SCALE = 10_000.0
_MILLISECOND_NS = 1_000_000
_MONTHS = "FGHJKMNQUVXZ"
_CONTRACT = re.compile(rf"^([A-Z0-9]+?)([{_MONTHS}])(\d\d|\d{{4}})$")


def read_lean(folder: str | Path, symbol: str, resolution: str, market: str | None = None) -> BarTable:
    """Read one instrument from a Lean data folder.

    Args:
        folder: the folder that holds ``equity``, ``future``, ``crypto`` or ``forex``.
        symbol: stock, pair, coin pair, or futures contract (``ESZ2013``).
        resolution: ``second``, ``minute``, ``hour`` or ``daily``.
        market: Lean's market folder (``usa``, ``cme``, ``coinbase``, ``oanda``); may be left out if there is one.

    Returns:
        Trade bars; for currencies, which Lean keeps as quotes, the middle of bid and ask with volume zero.

    Raises:
        UnknownName: the resolution does not exist.
        DataError: folder, symbol or rows are not there.
    """
    if resolution not in _RESOLUTIONS:
        raise UnknownName("Lean resolution", resolution, _RESOLUTIONS)
    instrument = infer_instrument(symbol)
    root = _market_folder(Path(folder) / _FOLDERS[instrument.asset_class], market) / resolution
    kind = "quote" if instrument.asset_class is AssetClass.FX else "trade"
    parts = [_read_zip(path, symbol, instrument, kind) for path in _zips(root, symbol, instrument, resolution, kind)]
    parts = [part for part in parts if part is not None and part.rows_read]
    filled = [part for part in parts if part is not None and len(part.ts)]
    if not filled:
        raise DataError(f"{root.name} holds no {kind} rows of {symbol}; check the symbol and the resolution.")
    interval_ns = parse_interval(resolution)
    for part in filled:
        settle_rows(part, instrument, None, interval_ns if len(part.ts) < 2 or resolution == "second" else None, False)
        part.warnings = [text for text in part.warnings if "no time zone" not in text]
    bars = join_rows(filled, symbol, instrument, interval_ns).bars
    bars.meta["source"] = f"Lean {resolution} {symbol}"
    bars.meta["zone"] = instrument.zone if instrument.asset_class is AssetClass.STOCK else "UTC"
    return bars


def _market_folder(folder: Path, market: str | None) -> Path:
    markets = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    if market is None and len(markets) == 1:
        return folder / markets[0]
    if market is None or market.lower() not in markets:
        there = ", ".join(markets) or "none"
        raise DataError(f"The Lean folder {folder.name} has these markets: {there}; name one with --market.")
    return folder / market.lower()


def _zips(root: Path, symbol: str, instrument: Instrument, resolution: str, kind: str) -> list[Path]:
    """Return the zips that hold a symbol's rows, oldest first."""
    name = _root_and_expiry(symbol)[0] if instrument.asset_class is AssetClass.FUTURE else symbol
    name = re.sub(r"[-/_]", "", name).lower()
    if resolution in _DAILY_ZIPS:
        found = sorted((root / name).glob(f"*_{kind}.zip"))
    else:
        found = [path for path in (root / f"{name}_{kind}.zip", root / f"{name}.zip") if path.is_file()][:1]
    if not found:
        known = sorted(path.stem for path in root.iterdir()) if root.is_dir() else []
        raise DataError(f"Lean has no {resolution} {kind} files of {symbol}; there are: {', '.join(known) or 'none'}.")
    return found


def _root_and_expiry(symbol: str) -> tuple[str, str]:
    """Split ``ESZ2013`` (or ESZ13) into ES and 201312."""
    match = _CONTRACT.match(symbol.upper())
    if match is None:
        raise ConfigError(f"Lean keeps futures by contract; write {symbol} with month and year, such as ESZ2013.")
    year = match[3] if len(match[3]) == 4 else f"20{match[3]}"
    return match[1], f"{year}{_MONTHS.index(match[2]) + 1:02d}"


def _read_zip(path: Path, symbol: str, instrument: Instrument, kind: str) -> RawRows | None:
    """Read one zip; None where it holds nothing of the symbol."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if instrument.asset_class is AssetClass.FUTURE:
                expiry = _root_and_expiry(symbol)[1]
                names = [name for name in names if re.search(rf"_{expiry}(\d\d)?\.csv$", name)]
            text = archive.read(names[0]) if names else b""
    except (zipfile.BadZipFile, EOFError) as error:
        raise DataError(f"{path.name} is no readable zip file; download it again.") from error
    if not text.strip():
        return None
    try:
        ts, values = _parse(path, text, kind)
    except ValueError as error:
        raise DataError(f"{path.name} is not in Lean's {kind} format ({error}).") from error
    is_stock = instrument.asset_class is AssetClass.STOCK
    if is_stock:
        values[:4] /= _PRICE_SCALE
    return sift_rows(path.name, symbol, ts, values, is_local=is_stock)


def _parse(path: Path, text: bytes, kind: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return stamps and open, high, low, close, volume of one Lean CSV."""
    by_day = re.match(r"^(\d{8})_", path.name)
    if not by_day:
        text = text.replace(b" ", b",").replace(b":", b"")
    while b",," in text:
        text = text.replace(b",,", b",nan,")
    table = np.loadtxt(io.BytesIO(text), delimiter=",", ndmin=2).T
    if by_day:
        ts, columns = _day_ns(np.array([int(by_day[1])])) + table[0].astype(np.int64) * _MILLISECOND_NS, table[1:]
    else:
        clock = table[1].astype(np.int64)
        ts = _day_ns(table[0].astype(np.int64)) + clock // 100 * HOUR_NS + clock % 100 * MINUTE_NS
        columns = table[2:]
    if kind == "quote":
        middle = (columns[0:4] + columns[5:9]) / 2
        return ts, np.vstack([middle, np.zeros(len(ts))])
    return ts, columns[:5].copy()


def _day_ns(days: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the midnights of days written as 20131007, in nanoseconds since 1970."""
    known, places = np.unique(days, return_inverse=True)
    epoch = date(1970, 1, 1)
    numbers = [(date(day // 10_000, day // 100 % 100, day % 100) - epoch).days for day in known.tolist()]
    return np.array(numbers, np.int64)[places] * DAY_NS
