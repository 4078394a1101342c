"""Reads what a run asks for: files, folders of files, Lean folders, tables; and says what a symbol is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any

from tidemill.adapters.calendars import get_calendar
from tidemill.adapters.files import CheckedBars, read_checked, read_lean, select_days
from tidemill.model.bars import BarTable
from tidemill.model.errors import ConfigError, DataError
from tidemill.model.instrument import AssetClass, Instrument, infer_instrument
from tidemill.model.quality import Quarantine
from tidemill.services.symbols import files_of_symbols

__all__ = ["ReadRequest", "Source", "describe_instruments", "instrument_for", "read_inputs", "read_sources"]

Source = str | PathLike[str]

LEAN = "lean:"
_LEAN_FOLDERS = ("equity", "future", "crypto", "forex")
_SUFFIXES = (".csv", ".txt", ".tsv", ".parquet", ".pq", ".csv.gz", ".zip")
# One symbol of each class, from which the rules of its market are taken.
_EXAMPLES = {AssetClass.STOCK: "STOCK", AssetClass.FUTURE: "ES", AssetClass.CRYPTO: "BTC", AssetClass.FX: "EURUSD"}
_OF_CALENDAR = {"XNYS": "STOCK", "CME": "ES", "24/7": "BTC", "FX": "EURUSD"}
_OF_MARKET = ("asset_class", "calendar")


@dataclass(slots=True)
class ReadRequest:
    """What to read, and how.

    Args:
        data: file paths, folders, ``lean:FOLDER`` or bar tables.
        symbols, interval, mapping, zone, start, end, sort: see ``read_bars``.
        resolution, market: of a Lean folder.
        instruments: whole instruments by symbol.
        overrides: fields of ``Instrument`` that differ from what the symbols suggest.
    """

    data: Sequence[Source | BarTable]
    symbols: Sequence[str] = ()
    interval: str | None = None
    mapping: Mapping[str, str] | None = None
    zone: str | None = None
    start: str | None = None
    end: str | None = None
    sort: bool = False
    resolution: str | None = None
    market: str | None = None
    instruments: Mapping[str, Instrument] = field(default_factory=dict)
    overrides: Mapping[str, Any] = field(default_factory=dict)

    def instrument(self, symbol: str) -> Instrument:
        """Return what a symbol stands for in this request."""
        return self.instruments.get(symbol) or instrument_for(symbol, self.overrides)


def instrument_for(symbol: str, overrides: Mapping[str, Any]) -> Instrument:
    """Return a symbol's instrument with some fields set by the user; a calendar brings its zone and trading day.

    Args:
        symbol: the instrument.
        overrides: asset_class (AssetClass), calendar, tick_size, lot_size, multiplier, margin, sector (one for all, or
            ``AAPL=technology,XOM=energy``).

    Raises:
        ConfigError: the fields do not go together.
        UnknownName: no calendar has that name.
    """
    instrument = infer_instrument(symbol)
    chosen = dict(overrides)
    kind = chosen.pop("asset_class", None)
    if kind is not None and AssetClass(kind) is not instrument.asset_class:
        if AssetClass(kind) is AssetClass.FUTURE and not {"multiplier", "margin"} <= set(chosen):
            raise ConfigError(f"{symbol} as a future needs --multiplier and --margin; its name does not tell them.")
        instrument = replace(infer_instrument(_EXAMPLES[AssetClass(kind)]), symbol=symbol, currency="USD")
    if "calendar" in chosen:
        name = get_calendar(str(chosen["calendar"])).name
        like = infer_instrument(_OF_CALENDAR[name])
        chosen.update(calendar=name, zone=like.zone, day_roll_minutes=like.day_roll_minutes)
    if "sector" in chosen:
        chosen["sector"] = _sector_of(symbol, str(chosen["sector"]))
    return replace(instrument, **chosen) if chosen else instrument


def _sector_of(symbol: str, text: str) -> str:
    """Return a symbol's sector out of one word for all, or out of pairs; empty: it is not among them."""
    if "=" not in text:
        return text.strip()
    pairs = {}
    for part in text.split(","):
        name, sign, sector = part.partition("=")
        if not (sign and name.strip() and sector.strip()):
            raise ConfigError(f"{part.strip()!r} names no sector; write for example AAPL=technology,XOM=energy.")
        pairs[name.strip()] = sector.strip()
    return pairs.get(symbol, "")


def read_sources(data: Sequence[Source]) -> tuple[list[Path], list[Path]]:
    """Return the files that sources name, and the Lean folders among them.

    Raises:
        DataError: a folder holds nothing that can be read.
    """
    files: list[Path] = []
    lean: list[Path] = []
    for item in data:
        text = str(item)
        path = Path(text.removeprefix(LEAN)).expanduser()
        if text.startswith(LEAN) or (path.is_dir() and any((path / name).is_dir() for name in _LEAN_FOLDERS)):
            if not path.is_dir():
                raise DataError(f"There is no folder {path}; check --data.")
            lean.append(path)
        elif path.is_dir():
            found = sorted(p for p in path.iterdir() if p.is_file() and p.name.lower().endswith(_SUFFIXES))
            if not found:
                raise DataError(f"The folder {path} holds no CSV or Parquet file; check --data.")
            files += found
        else:
            files.append(path)
    return files, lean


def _files(request: ReadRequest, files: Sequence[Path]) -> list[CheckedBars]:
    """Read files, once per symbol where symbols are named."""
    if not request.symbols and set(request.overrides) & set(_OF_MARKET):
        raise ConfigError("--asset-class and --calendar are of one symbol; name it with --symbol.")
    asked: list[tuple[str | None, list[Path]]] = [(None, list(files))]
    if request.symbols:
        asked = [*files_of_symbols(files, request.symbols, request.mapping)]
    found: list[CheckedBars] = []
    for symbol, paths in asked:
        found += read_checked(
            paths,
            symbol=symbol,
            interval=request.interval,
            mapping=request.mapping,
            zone=request.zone,
            instrument=request.instrument(symbol) if symbol else None,
            sort=request.sort,
        )
    return found


def _lean(request: ReadRequest, folder: Path) -> list[BarTable]:
    if not request.symbols or not request.resolution:
        raise ConfigError("A Lean folder needs --symbol and --resolution (second, minute, hour or daily).")
    return [read_lean(folder, symbol, request.resolution, request.market) for symbol in request.symbols]


def _warn(item: CheckedBars) -> None:
    """Put the rows that were set aside among the warnings of their table."""
    counts = item.quarantine.counts()
    if counts:
        named = ", ".join(f"{count:,} {reason.name}" for reason, count in counts.items())
        sentence = f"{item.bars.symbol}: {len(item.quarantine):,} rows were set aside and not traded on: {named}."
        item.bars.meta["warnings"] = [*item.bars.meta.get("warnings", ()), sentence]


def read_inputs(request: ReadRequest) -> tuple[list[BarTable], Quarantine]:
    """Read everything a request names; tables handed in are taken as they are.

    Returns:
        Bar tables, and the rows of all files that were set aside.

    Raises:
        ConfigError, DataError: as ``read_bars``.
    """
    quarantine = Quarantine.empty()
    tables = [item for item in request.data if isinstance(item, BarTable)]
    files, folders = read_sources([item for item in request.data if not isinstance(item, BarTable)])
    read: list[BarTable] = []
    for item in _files(request, files) if files else []:
        _warn(item)
        quarantine.extend(item.quarantine)
        read.append(item.bars)
    for folder in folders:
        read += _lean(request, folder)
    cut = [select_days(bars, request.instrument(bars.symbol), request.start, request.end) for bars in read]
    return tables + cut, quarantine


def describe_instruments(instruments: Sequence[Instrument]) -> list[dict[str, Any]]:
    """Return instruments as plain values for files and reports."""
    return [asdict(item) for item in instruments]
