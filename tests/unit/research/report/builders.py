"""Finished runs made from a seeded random walk: bars, fills, round trips, marks and days that agree with each other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.model.bars import DAY_NS, MINUTE_NS, BarTable
from tidemill.model.enums import Intent, Reason, Refusal
from tidemill.model.instrument import Instrument
from tidemill.model.runrecord import RunRecord
from tidemill.model.tape import DAY_ROW, EQUITY_ROW, FILL_ROW, REFUSAL_ROW, TRIP_ROW
from tidemill.model.units import MICROS

__all__ = ["make_bars", "make_record"]

_OPEN_UTC_MINUTE = 14 * 60 + 30  # 09:30 in New York in winter
_SESSION_BARS = 390
_FIRST_DAY = 19_724  # 2024-01-02, a Tuesday
_FEE = 0.35
_REASONS = (
    Reason.STOP_LOSS,
    Reason.TAKE_PROFIT,
    Reason.TRAILING_STOP,
    Reason.SIGNAL,
    Reason.TIME_EXIT,
)


def make_bars(symbol: str, count: int, seed: int, *, tick: float = 0.01, start: float = 180.0) -> BarTable:
    """Return minute bars of regular US sessions, weekdays only, prices on the tick grid."""
    random = np.random.default_rng(seed)
    session, minute = np.divmod(np.arange(count), _SESSION_BARS)
    day = _FIRST_DAY + session // 4 * 7 + session % 4  # four sessions a week: Tuesday to Friday
    ts = (day * 1440 + _OPEN_UTC_MINUTE + minute).astype(np.int64) * MINUTE_NS
    calm = 0.6 + 0.9 * np.abs(minute / _SESSION_BARS - 0.5) * 2
    body = np.rint(random.normal(0.004, 6.0, count) * calm).astype(np.int64)
    gap = np.rint(random.normal(0.0, 0.7, count)).astype(np.int64)
    gap[minute == 0] = np.rint(random.normal(0.0, 60.0, int((minute == 0).sum()))).astype(np.int64)
    close = round(start / tick) + np.cumsum(body + gap)
    close = np.maximum(close, 500)
    opened = np.maximum(close - body, 500)
    high = np.maximum(opened, close) + np.abs(np.rint(random.normal(0, 4, count) * calm)).astype(np.int64)
    low = np.minimum(opened, close) - np.abs(np.rint(random.normal(0, 4, count) * calm)).astype(np.int64)
    den = round(1 / tick)
    prices = (np.maximum(values, 1) / den for values in (opened, high, low, close))
    volume = np.rint(random.lognormal(8.5, 0.6, count) * calm)
    return BarTable(
        symbol,
        MINUTE_NS,
        MINUTE_NS,
        ts,
        *prices,
        volume,
        {"source": "random walk", "simulated": False},
    )


def _trades(bars: BarTable, instrument: int, count: int, seed: int) -> NDArray[Any]:
    """Return round trips: in at one bar's open, out at a later bar's open, never two at once in one instrument."""
    random = np.random.default_rng(seed)
    space = max(len(bars) // max(count, 1), 4)
    entry = np.arange(count) * space + random.integers(1, max(space // 3, 2), count)
    held = random.integers(1, max(space // 2, 2), count)
    last = np.minimum(entry + held, len(bars) - 1)
    trips = np.zeros(count, TRIP_ROW)
    side = random.choice([-1, 1], count, p=[0.4, 0.6])
    trips["instrument"], trips["side"], trips["quantity"] = (
        instrument,
        side,
        random.integers(10, 200, count),
    )
    trips["entry_ts_ns"], trips["exit_ts_ns"] = bars.ts[entry], bars.ts[last]
    trips["entry_price"], trips["exit_price"] = bars.open[entry], bars.open[last]
    gross = (trips["exit_price"] - trips["entry_price"]) * side * trips["quantity"]
    trips["fees"] = round(2 * _FEE * MICROS)
    trips["pnl"] = np.rint(gross * MICROS).astype(np.int64) - trips["fees"]
    trips["bars"] = last - entry
    trips["risk"] = np.rint(0.4 * trips["quantity"] * MICROS).astype(np.int64)
    spans = [slice(int(a), int(b) + 1) for a, b in zip(entry, last, strict=True)]
    lows = np.array([bars.low[span].min() for span in spans]) if count else np.zeros(0)
    highs = np.array([bars.high[span].max() for span in spans]) if count else np.zeros(0)
    up, down = highs - trips["entry_price"], trips["entry_price"] - lows
    trips["mfe"], trips["mae"] = (
        np.where(side > 0, up, down),
        np.where(side > 0, down, up),
    )
    trips["entry_reason"] = Reason.SIGNAL
    trips["exit_reason"] = np.where(
        trips["pnl"] < 0,
        random.choice(_REASONS[:1] + _REASONS[3:], count),
        random.choice(_REASONS[1:], count),
    )
    return trips


def _fills(trips: NDArray[Any]) -> NDArray[Any]:
    entries, exits = np.zeros(len(trips), FILL_ROW), np.zeros(len(trips), FILL_ROW)
    for rows, end, sign, intent in (
        (entries, "entry", 1, Intent.ENTRY),
        (exits, "exit", -1, Intent.EXIT),
    ):
        rows["ts_ns"], rows["price"] = trips[f"{end}_ts_ns"], trips[f"{end}_price"]
        rows["instrument"], rows["quantity"] = trips["instrument"], trips["quantity"]
        rows["side"], rows["intent"], rows["reason"] = (
            trips["side"] * sign,
            intent,
            trips[f"{end}_reason"],
        )
        rows["fee"], rows["slippage"] = trips["fees"] // 2, 10_000
    exits["realised"] = trips["pnl"] + trips["fees"]
    fills = np.concatenate((entries, exits))
    fills = fills[np.argsort(fills["ts_ns"], kind="stable")]
    fills["order_id"] = np.arange(1, len(fills) + 1)
    return fills


def _marks(bars: list[BarTable], trips: NDArray[Any], start_cash: int) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return equity and exposure at the end of every bar of any instrument."""
    ends = np.unique(np.concatenate([table.ts + table.duration_ns for table in bars]))
    money = np.full(len(ends), start_cash / MICROS)
    gross = np.zeros(len(ends))
    for trip in trips:
        table = bars[int(trip["instrument"])]
        first, last = np.searchsorted(ends, [trip["entry_ts_ns"], trip["exit_ts_ns"]], "right")
        closes = table.close[np.searchsorted(table.ts, ends[first:last], "left") - 1]
        money[first:last] += (closes - trip["entry_price"]) * trip["side"] * trip["quantity"] - _FEE
        gross[first:last] += closes * trip["quantity"]
        money[last:] += trip["pnl"] / MICROS
    equity = np.zeros(len(ends), EQUITY_ROW)
    equity["ts_ns"], equity["equity"] = ends, np.rint(money * MICROS).astype(np.int64)
    return equity, gross


def _days(equity: NDArray[Any], gross: NDArray[np.float64], fills: NDArray[Any]) -> NDArray[Any]:
    day = equity["ts_ns"] // DAY_NS
    names, first = np.unique(day, return_index=True)
    last = np.append(first[1:], len(day)) - 1
    days = np.zeros(len(names), DAY_ROW)
    days["day"], days["ts_ns"], days["equity"] = (
        names,
        equity["ts_ns"][last],
        equity["equity"][last],
    )
    days["equity_high"] = np.maximum.reduceat(equity["equity"], first)
    days["equity_low"] = days["equity_worst"] = np.minimum.reduceat(equity["equity"], first)
    days["cash"], days["marks"] = days["equity"], last - first + 1
    days["marks_open"] = np.add.reduceat((gross > 0).astype(np.int64), first)
    share = gross / (equity["equity"] / MICROS)
    days["gross_sum"], days["gross_max"] = (
        np.add.reduceat(share, first),
        np.maximum.reduceat(share, first),
    )
    row = np.searchsorted(names, fills["ts_ns"] // DAY_NS)
    np.add.at(days["fees"], row, fills["fee"])
    np.add.at(
        days["traded"],
        row,
        np.rint(fills["quantity"] * fills["price"] * MICROS).astype(np.int64),
    )
    np.add.at(days["opened"], row, fills["intent"] == Intent.ENTRY)
    return days


def _refused(bars: BarTable) -> NDArray[Any]:
    """Return one refused entry every 200 bars."""
    rows = np.arange(100, len(bars), 200)
    refusals = np.zeros(len(rows), REFUSAL_ROW)
    refusals["ts_ns"], refusals["price"] = bars.ts[rows] + bars.duration_ns, bars.close[rows]
    refusals["side"], refusals["quantity"], refusals["refusal"] = 1, 50.0, Refusal.MAX_TRADES
    return refusals


def make_record(
    *,
    bars: int = 4_000,
    trades: int = 60,
    symbols: tuple[str, ...] = ("ACME",),
    seed: int = 7,
    **changes: Any,
) -> RunRecord:
    """Return a finished run; ``changes`` replace fields of the record."""
    tables = [make_bars(symbol, bars, seed + at) for at, symbol in enumerate(symbols)]
    start_cash = 100_000 * MICROS
    own = [_trades(table, at, trades // len(symbols), seed + 100 + at) for at, table in enumerate(tables)]
    trips = np.concatenate(own)
    trips = trips[np.argsort(trips["exit_ts_ns"], kind="stable")]
    fills = _fills(trips)
    equity, gross = _marks(tables, trips, start_cash)
    days = _days(equity, gross, fills)
    closes = tables[0].close[np.searchsorted(tables[0].ts, days["ts_ns"], "left") - 1]
    fields: dict[str, Any] = {
        "mode": "BACKTEST",
        "strategies": ["momentum v7"],
        "instruments": [Instrument(symbol) for symbol in symbols],
        "bars": tables,
        "currency": "USD",
        "start_cash": start_cash,
        "end_cash": int(days["equity"][-1]) if len(days) else start_cash,
        "equity": equity,
        "days": days,
        "fills": fills,
        "trips": trips,
        "refusals": _refused(tables[0]),
        "benchmark": closes,
        "benchmark_name": f"Buy and hold {symbols[0]}",
        "config": {
            "strategy": {"fast": 12, "slow": 48, "threshold": 0.6, "allow_short": True},
            "fills": {"timing": "next open", "slippage_ticks": 1, "path": "stop first"},
            "risk": {"max_position_pct": 10.0, "daily_loss_pct": 2.0},
            "seed": seed,
        },
        "assumptions": [
            "Decisions are taken on a bar's close; market orders fill at the next bar's open.",
            "When one bar touches both stop and target, the stop counts.",
            "Each fill costs 0.35 USD and one tick of slippage.",
        ],
        "warnings": ["3 gaps of more than one bar within sessions."],
        "prefix_invariant": True,
        "card": {
            "run_id": "8f3c21",
            "code": "4be1d0a7",
            "data": "91abf00d",
            "version": "0.1.0",
            "seed": seed,
        },
        "strategy_source": "def step(bar, memory):\n    return SELL if bar.close < memory.slow else BUY\n",
    }
    return RunRecord(**(fields | changes))
