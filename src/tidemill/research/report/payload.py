"""What the page's script draws, as packed columns: bars of every instrument, equity, benchmark and round trips."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.model.answers import REASONS
from tidemill.model.bars import DAY_NS, SECOND_NS, BarTable
from tidemill.model.enums import Reason
from tidemill.model.errors import DataError
from tidemill.model.instrument import Instrument
from tidemill.model.runrecord import RunRecord
from tidemill.research.report.drawing import Backdrop, Drawing
from tidemill.research.report.encode import (
    Grid,
    fit_grid,
    pack_numbers,
    pack_steps,
    unpack_numbers,
    unpack_steps,
)
from tidemill.research.report.lines import pack_lines
from tidemill.research.report.thin import (
    BAR_BUDGETS,
    PACKED_BUDGET,
    ThinPlan,
    interval_text,
    plan_bars,
    sample_equity,
    thin_bars,
)
from tidemill.research.report.zone import offset_changes, zone_label

__all__ = ["EXIT_LABELS", "build_payload", "pack_bars", "pack_times", "unpack_bars", "unpack_times"]

MICROS_PER_CENT = 10_000
EXIT_LABELS = {
    Reason.NONE: "",
    Reason.SIGNAL: "SIG",
    Reason.STOP_LOSS: "SL",
    Reason.TAKE_PROFIT: "TP",
    Reason.TRAILING_STOP: "TRAIL",
    Reason.TIME_EXIT: "TIME",
    Reason.SESSION_END: "EOD",
    Reason.MANUAL: "MAN",
    Reason.HALT: "HALT",
    Reason.REBALANCE: "REBAL",
    Reason.REVERSE: "REV",
    Reason.END_OF_DATA: "OPEN",
    Reason.DAILY_LOSS: "LIMIT",
    Reason.RSI_OVERSOLD: "RSI",
    Reason.RSI_OVERBOUGHT: "RSI",
    Reason.MOMENTUM_BREAKOUT: "MOM",
    Reason.MOMENTUM_EXHAUSTION: "MOM",
}
_MOST_REFUSALS = 20_000  # of a strategy that is refused at every bar, the rest would only add weight
_PRICES = ("open", "high", "low", "close")


def pack_times(ts_ns: NDArray[np.int64]) -> dict[str, Any]:
    """Pack instants as differences in their largest common unit; values are seconds."""
    unit_ns = int(np.gcd.reduce(ts_ns, initial=0)) or SECOND_NS
    common = int(np.gcd(unit_ns, SECOND_NS))
    return pack_steps(ts_ns // unit_ns, Grid(unit_ns // common, SECOND_NS // common), delta=True)


def unpack_times(column: dict[str, Any]) -> NDArray[np.int64]:
    """Read packed instants back as UTC nanoseconds."""
    unit_ns: int = column["num"] * SECOND_NS // column["den"]
    return unpack_steps(column) * unit_ns


def pack_bars(bars: BarTable, tick_size: float) -> dict[str, Any]:
    """Pack one instrument's bars: gap to the close before, shadows and body in price steps, and volume.

    Raises:
        DataError: a price is missing or infinite.
    """
    prices = np.array([bars.open, bars.high, bars.low, bars.close])
    if not np.all(np.isfinite(prices)):
        raise DataError(f"{bars.symbol}: a bar without a price cannot be drawn; clean the data and run again.")
    grid = fit_grid(prices.ravel(), tick_size)
    opened, high, low, close = grid.steps(prices)
    before = np.concatenate((np.zeros(min(1, len(close)), np.int64), close[:-1]))
    return {
        "time": pack_times(bars.ts),
        "gap": pack_steps(opened - before, grid),
        "above": pack_steps(high - np.maximum(opened, close), grid),
        "below": pack_steps(np.minimum(opened, close) - low, grid),
        "body": pack_steps(close - opened, grid),
        "volume": pack_numbers(np.nan_to_num(bars.volume)),
    }


def unpack_bars(columns: dict[str, Any]) -> dict[str, NDArray[Any]]:
    """Read packed bars back into ts, open, high, low, close and volume."""
    gap, above, below, body = (unpack_steps(columns[name]) for name in ("gap", "above", "below", "body"))
    close = np.cumsum(gap + body)
    opened = close - body
    grid = Grid(columns["gap"]["num"], columns["gap"]["den"])
    steps = (
        opened,
        np.maximum(opened, close) + above,
        np.minimum(opened, close) - below,
        close,
    )
    prices = {name: grid.values(values) for name, values in zip(_PRICES, steps, strict=True)}
    return {
        "ts": unpack_times(columns["time"]),
        **prices,
        "volume": unpack_numbers(columns["volume"]),
    }


def _decimals(grid_column: dict[str, Any]) -> int:
    return len(str(grid_column["den"])) - 1


def _instrument(
    instrument: Instrument, bars: BarTable, trips: NDArray[Any], plan: ThinPlan, backdrop: Backdrop
) -> dict[str, Any]:
    shown = thin_bars(bars, trips, plan)
    columns = pack_bars(shown, instrument.tick_size)
    return {
        "symbol": instrument.symbol,
        "zone": zone_label(instrument.zone),
        "decimals": _decimals(columns["gap"]),
        "interval": bars.interval_ns / SECOND_NS,
        "daily": bars.interval_ns >= DAY_NS,
        "rollSeconds": instrument.day_roll_minutes * 60,
        "offsets": offset_changes(shown.ts, instrument.zone),
        "allBars": len(bars),
        "mergedTo": interval_text(plan.interval_ns) if len(shown) < len(bars) else "",
        "bars": columns,
        "outside": [pack_times(backdrop.outside_ns[:, 0]), pack_times(backdrop.outside_ns[:, 1])],
        "gaps": pack_times(backdrop.gaps_ns),
    }


def _packed_size(instruments: list[dict[str, Any]]) -> int:
    return sum(len(column["data"]) for each in instruments for column in each["bars"].values())


def _instruments(record: RunRecord, drawing: Drawing) -> list[dict[str, Any]]:
    """Pack the bars of every instrument, merged no further than the page's size asks for."""
    packed: list[dict[str, Any]] = []
    plan = ThinPlan()
    backdrops = drawing.backdrops or [Backdrop() for _ in record.bars]
    for budget in BAR_BUDGETS:
        plan = plan_bars(record.bars, record.trips, budget)
        packed = [
            _instrument(instrument, bars, record.trips[record.trips["instrument"] == at], plan, backdrops[at])
            for at, (instrument, bars) in enumerate(zip(record.instruments, record.bars, strict=True))
        ]
        if _packed_size(packed) <= PACKED_BUDGET:
            break
    for at, lines in enumerate(pack_lines(record, plan, drawing.lines)):
        packed[at]["lines"] = lines
    return packed


def _equity(record: RunRecord) -> dict[str, Any]:
    values = record.equity["equity"]
    peaks = np.maximum.accumulate(np.maximum(values, record.start_cash)) if len(values) else values
    marks = np.concatenate((record.trips["entry_ts_ns"], record.trips["exit_ts_ns"]))
    keep = np.clip(np.searchsorted(record.equity["ts_ns"], marks), 0, max(len(values) - 1, 0))
    rows = sample_equity(values, keep)
    cents = Grid(1, 100)
    return {
        "time": pack_times(record.equity["ts_ns"][rows]),
        "value": pack_steps(np.rint(values[rows] / MICROS_PER_CENT).astype(np.int64), cents, delta=True),
        "peak": pack_steps(np.rint(peaks[rows] / MICROS_PER_CENT).astype(np.int64), cents, delta=True),
        "allPoints": len(values),
    }


def _benchmark(record: RunRecord) -> dict[str, Any] | None:
    closes = record.benchmark
    if closes is None or len(closes) == 0 or not closes[0] > 0 or not np.all(np.isfinite(closes)):
        return None
    value = closes / closes[0] * (record.start_cash / 1e6)
    return {
        "name": record.benchmark_name or "Benchmark",
        "time": pack_times(record.days["ts_ns"]),
        "value": pack_numbers(value, delta=True, digits=2),
    }


def _trips(trips: NDArray[Any]) -> dict[str, Any]:
    one = Grid(1, 1)
    columns = {
        name: pack_steps(trips[name].astype(np.int64), one)
        for name in (
            "strategy",
            "instrument",
            "side",
            "bars",
            "entry_reason",
            "exit_reason",
        )
    }
    money = {
        name: pack_steps(np.rint(trips[name] / MICROS_PER_CENT).astype(np.int64), Grid(1, 100))
        for name in ("pnl", "fees", "risk")
    }
    prices = {name: pack_numbers(trips[name]) for name in ("quantity", "entry_price", "exit_price", "mae", "mfe")}
    times = {name: pack_times(trips[f"{name}_ts_ns"]) for name in ("entry", "exit")}
    return {"n": len(trips), **columns, **money, **prices, **times}


def _refusals(refusals: NDArray[Any]) -> dict[str, Any]:
    known = refusals[np.isfinite(refusals["price"]) & (refusals["price"] > 0)][:_MOST_REFUSALS]
    return {
        "n": len(known),
        "time": pack_times(known["ts_ns"]),
        "instrument": pack_steps(known["instrument"], Grid(1, 1)),
        "price": pack_numbers(known["price"]),
    }


def build_payload(record: RunRecord, name: str, drawing: Drawing | None = None) -> dict[str, Any]:
    """Return everything the chart and the trade list need, JSON-ready; ``name`` goes into file names of downloads."""
    return {
        "name": name,
        "currency": record.currency,
        "startCash": record.start_cash / 1e6,
        "strategies": record.strategies,
        "reasons": {str(int(reason)): reason.name for reason in Reason},
        "reasonTexts": {str(int(reason)): text for reason, text in REASONS.items()},
        "exitLabels": {str(int(reason)): text for reason, text in EXIT_LABELS.items()},
        "instruments": _instruments(record, drawing or Drawing()),
        "equity": _equity(record),
        "benchmark": _benchmark(record),
        "trips": _trips(record.trips),
        "refusals": _refusals(record.refusals),
    }
