"""Many columns of market data as one sequence of instants, each with what becomes known at it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.model.bars import DAY_NS, BarTable
from tidemill.model.enums import EventKind
from tidemill.model.errors import ConfigError, OutOfOrder
from tidemill.model.records import EVENT

__all__ = ["ReplayData", "groups"]

_ROWS_AT_ONCE = 65_536
_COLUMNS = ("open", "high", "low", "close", "volume")
# At one instant: splits and dividends, then bars that end there, then quotes and trades, which belong to what begins.
_ACTION, _BAR_RANK, _QUOTE_RANK, _TRADE_RANK = 0, 1, 2, 3


@dataclass(slots=True)
class ReplayData:
    """Market data to play again.

    Args:
        bars: tables; one symbol may have several bar sizes.
        trades: per symbol, rows with ``ts_ns``, ``price``, ``size`` and, if known, ``seq`` and ``received_ns`` (then
            they are played when they were received).
        quotes: per symbol, rows with ``ts_ns``, ``bid``, ``ask``.
        actions: EVENT rows of splits and dividends, instruments numbered as in the run.
    """

    bars: Sequence[BarTable] = ()
    trades: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    quotes: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    actions: NDArray[Any] = field(default_factory=lambda: np.zeros(0, EVENT))

    @property
    def symbols(self) -> set[str]:
        """The symbols there are data of."""
        return {table.symbol for table in self.bars} | set(self.trades) | set(self.quotes)


@dataclass(frozen=True, slots=True)
class _Source:
    """One column set: when its rows become known, and how to make EVENT rows of some of them."""

    rank: int
    instrument: int
    due_ns: NDArray[np.int64]
    table: Any

    def rows(self, low: int, high: int) -> NDArray[Any]:
        """Return rows low..high as EVENT rows."""
        if self.rank == _ACTION:
            return np.asarray(self.table[low:high])
        out = np.zeros(high - low, EVENT)
        out["instrument"], out["now_ns"], out["row"] = self.instrument, self.due_ns[low:high], -1
        if self.rank == _BAR_RANK:
            out["kind"], out["interval_ns"] = EventKind.BAR, self.table.interval_ns
            out["ts_ns"] = self.table.ts[low:high]
            for name in _COLUMNS:
                out[name] = getattr(self.table, name)[low:high]
            return out
        cut = self.table[low:high]
        out["ts_ns"] = cut["ts_ns"]
        if self.rank == _QUOTE_RANK:
            out["kind"], out["bid"], out["ask"] = EventKind.QUOTE, cut["bid"], cut["ask"]
        else:
            out["kind"], out["close"], out["volume"] = EventKind.TRADE, cut["price"], cut["size"]
            if "seq" in cut.dtype.names:
                out["extra"] = cut["seq"]
        return out


def _due(rows: NDArray[Any], name: str) -> NDArray[np.int64]:
    column = "received_ns" if "received_ns" in (rows.dtype.names or ()) else "ts_ns"
    due = np.ascontiguousarray(rows[column], np.int64)
    if len(due) > 1 and bool((np.diff(due) < 0).any()):
        raise OutOfOrder(f"The ticks of {name} do not lie in time order; sort them by {column}.")
    return due


def _sources(data: ReplayData, symbols: Sequence[str]) -> list[_Source]:
    place = {symbol: number for number, symbol in enumerate(symbols)}
    found = [_Source(_ACTION, -1, np.ascontiguousarray(data.actions["now_ns"], np.int64), data.actions)]
    found += [
        _Source(_BAR_RANK, place[table.symbol], table.ts + table.duration_ns, table)
        for table in data.bars
        if table.symbol in place
    ]
    for rank, ticks in ((_QUOTE_RANK, data.quotes), (_TRADE_RANK, data.trades)):
        for symbol, rows in ticks.items():
            if symbol in place:
                found.append(_Source(rank, place[symbol], _due(rows, symbol), rows))
    return [source for source in found if len(source.due_ns)]


def groups(data: ReplayData, symbols: Sequence[str]) -> Iterator[NDArray[Any]]:
    """Yield EVENT rows that become known at one instant and are of one kind, in time order.

    At one instant: splits and dividends, bars by size and instrument, quotes, trades.

    Args:
        symbols: the run's instruments in order; data of others are left out.

    Raises:
        ConfigError: there is nothing of a symbol. OutOfOrder: ticks run backward.
    """
    missing = [symbol for symbol in symbols if symbol not in data.symbols]
    if missing:
        held = ", ".join(sorted(data.symbols))
        raise ConfigError(f"There are no data of {', '.join(missing)} to play; there are data of {held}.")
    sources = _sources(data, symbols)
    total = sum(len(source.due_ns) for source in sources)
    if not total:
        return
    start = min(int(source.due_ns[0]) for source in sources)
    end = max(int(source.due_ns[-1]) for source in sources) + 1
    step = max(DAY_NS // 24, (end - start) * _ROWS_AT_ONCE // total)
    at = [0] * len(sources)
    for low in range(start, end, step):
        parts, ranks = [], []
        for number, source in enumerate(sources):
            stop = int(np.searchsorted(source.due_ns, low + step))
            if stop > at[number]:
                parts.append(source.rows(at[number], stop))
                ranks.append(np.full(stop - at[number], source.rank))
                at[number] = stop
        if parts:
            yield from _split(np.concatenate(parts), np.concatenate(ranks))


def _split(rows: NDArray[Any], rank: NDArray[np.int64]) -> Iterator[NDArray[Any]]:
    # ticks of one instant keep the order of their source: the sort is stable
    instrument = np.where(rank == _BAR_RANK, rows["instrument"], 0)
    order = np.lexsort((instrument, rows["interval_ns"], rank, rows["now_ns"]))
    rows, rank = rows[order], rank[order]
    edges = np.flatnonzero((np.diff(rows["now_ns"]) != 0) | (np.diff(rank) != 0)) + 1
    for low, high in zip([0, *edges.tolist()], [*edges.tolist(), len(rows)], strict=True):
        yield rows[low:high]
