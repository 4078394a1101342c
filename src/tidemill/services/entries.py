"""Who takes part in a run: strategies with parameters, symbols, settings and bar sizes of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tidemill.adapters.calendars import get_calendar
from tidemill.authoring.registry import load_strategy
from tidemill.authoring.strategy import Strategy, spec_of
from tidemill.model.bars import DAY_NS, BarTable
from tidemill.model.errors import ConfigError, UnknownName
from tidemill.model.fingerprint import bars_sha256
from tidemill.model.instrument import Instrument
from tidemill.model.intervals import parse_interval
from tidemill.model.resample import aggregate
from tidemill.model.settings import StrategySettings
from tidemill.research.planning import Entrant

__all__ = ["StrategyRequest", "check_symbols", "entrants_of", "with_longer_bars"]


@dataclass(slots=True)
class StrategyRequest:
    """One strategy of a run, as a user asks for it.

    Args:
        strategy: a name, ``file.py[:Class]`` or a class.
        params: parameters that differ from their defaults.
        settings: sizing, protection, limits and window of its own; the run's when left out.
        symbols: what it trades; everything in the run when left out.
        interval: the bars it decides on (``5min``), built from shorter ones where the data have none; all bars when
            left out.
    """

    strategy: str | type[Strategy]
    params: Mapping[str, Any] = field(default_factory=dict)
    settings: StrategySettings | None = None
    symbols: Sequence[str] = ()
    interval: str | None = None


def entrants_of(requests: Sequence[StrategyRequest]) -> list[Entrant]:
    """Load the strategies of a run and read their parameters.

    Raises:
        ConfigError: there is none, or a name, parameter or bar size cannot be used.
    """
    if not requests:
        raise ConfigError("Name a strategy; `tidemill strategies` lists them.")
    entrants = []
    for item in requests:
        spec = load_strategy(item.strategy) if isinstance(item.strategy, str) else spec_of(item.strategy)
        interval_ns = parse_interval(item.interval) if item.interval else 0
        entrants.append(Entrant(spec, spec.read_params(item.params), item.settings, tuple(item.symbols), interval_ns))
    return entrants


def check_symbols(entrants: Sequence[Entrant], bars: Sequence[BarTable]) -> None:
    """Refuse a strategy that asks for a symbol without data.

    Raises:
        UnknownName: the nearest symbols are offered.
    """
    known = list(dict.fromkeys(table.symbol for table in bars))
    for entrant in entrants:
        for symbol in entrant.symbols:
            if symbol not in known:
                raise UnknownName(f"symbol for {entrant.spec.name} in the data", symbol, known)


def with_longer_bars(
    entrants: Sequence[Entrant], bars: Sequence[BarTable], instruments: Sequence[Instrument]
) -> list[BarTable]:
    """Return the tables and those bars that strategies ask for and the data do not have, built from the shortest.

    Bars shorter than a day are counted from the clock's midnight in UTC; a day is one regular session.

    Raises:
        DataError: a bar size is no multiple of the data's own.
    """
    tables = list(bars)
    for entrant in entrants:
        for item in instruments:
            own = [table for table in tables if table.symbol == item.symbol]
            wanted = entrant.interval_ns and item.symbol in (entrant.symbols or (item.symbol,))
            if wanted and entrant.interval_ns not in {table.interval_ns for table in own}:
                tables.append(_longer(min(own, key=lambda table: table.interval_ns), item, entrant.interval_ns))
    return tables


def _longer(bars: BarTable, instrument: Instrument, interval_ns: int) -> BarTable:
    if interval_ns < DAY_NS:
        made = aggregate(bars, interval_ns)
    else:
        first, last = int(bars.ts[0]) // DAY_NS - 1, int(bars.ts[-1]) // DAY_NS + 2
        sessions = get_calendar(instrument.calendar).sessions(first, last)
        made = aggregate(bars, interval_ns, sessions.open_ns, sessions.close_ns)
    # What was built says so in the run card; warnings of the source are told once, by the source.
    made.meta = {**bars.meta, "sha256": bars_sha256(made), "warnings": [], "built": True}
    # A stretch without trades has no bar, and the last bar may still be forming where the data end.
    whole = int(np.searchsorted(made.ts, int(bars.ts[-1]) + bars.duration_ns - made.duration_ns, side="right"))
    return made.rows(0, whole)
