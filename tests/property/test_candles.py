"""Bars made live equal bars made in one pass: on any trades, on the synthetic market, on real prints."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live_market import CLOSE, OPEN, STOCK, PlainHours
from tidemill.adapters.calendars import get_calendar
from tidemill.engine.ticks import bars_from_trades
from tidemill.model.bars import DAY_NS, MINUTE_NS, SECOND_NS, BarTable
from tidemill.model.enums import EventKind
from tidemill.model.instrument import Instrument
from tidemill.model.records import EVENT
from tidemill.research.synthetic.faults import FaultPlan
from tidemill.research.synthetic.market import synthesise
from tidemill.runtime.market.candles import Candles

SIZES = (SECOND_NS, 5 * SECOND_NS, MINUTE_NS, 5 * MINUTE_NS, 60 * MINUTE_NS)
COLUMNS = ("open", "high", "low", "close", "volume")


def events(ts: Any, price: Any, size: Any, seq: Any = 0) -> Any:
    rows = np.zeros(len(ts), EVENT)
    rows["kind"], rows["ts_ns"], rows["now_ns"] = EventKind.TRADE, ts, ts
    rows["close"], rows["volume"], rows["extra"] = price, size, seq
    return rows


def live(candles: Candles, rows: Any, cuts: list[int], ticks: list[int] | None = None) -> Any:
    """Feed rows in pieces, with the clock moved between them, and close at the end."""
    made = []
    edges = [0, *sorted({min(cut, len(rows)) for cut in cuts}), len(rows)]
    for number, (low, high) in enumerate(itertools.pairwise(edges)):
        made.append(candles.take(rows[low:high]))
        if ticks and high < len(rows) and high > 0:
            # the clock may stand anywhere between the last trade taken and the next
            before, after = int(rows["ts_ns"][high - 1]), int(rows["ts_ns"][high])
            made.append(candles.tick(before + (after - before) * ticks[number % len(ticks)] // 100))
    made.append(candles.tick(int(rows["ts_ns"][-1]) + 400 * DAY_NS))
    return np.concatenate(made)


def same(found: Any, wanted: BarTable) -> None:
    assert found["ts_ns"].tolist() == wanted.ts.tolist()
    for name in COLUMNS:
        assert found[name].tolist() == getattr(wanted, name).tolist(), name


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 900), st.integers(1, 400), st.integers(1, 900)), min_size=1, max_size=120),
    st.sampled_from(SIZES),
    st.lists(st.integers(0, 120), max_size=6),
    st.lists(st.integers(0, 100), min_size=1, max_size=4),
)
def test_any_trades_in_any_pieces_give_the_bars_of_one_pass(
    steps: list[tuple[int, int, int]], size: int, cuts: list[int], ticks: list[int]
) -> None:
    ts = OPEN + np.cumsum([step * SECOND_NS // 10 for step, _, _ in steps])
    price = np.array([ticks_ / 4.0 for _, ticks_, _ in steps])
    volume = np.array([float(units) for _, _, units in steps])
    inside = ts < CLOSE
    candles = Candles([STOCK], [(size,)], {"XNYS": PlainHours()}, max_gap_ns=0, grace_ns=0)
    found = live(candles, events(ts, price, volume), cuts, ticks)
    same(found, bars_from_trades("AAA", ts[inside], price[inside], volume[inside], size, anchor_ns=OPEN))


@settings(max_examples=40)
@given(
    st.lists(st.integers(0, 3000), min_size=1, max_size=60),
    st.sampled_from(SIZES),
    st.lists(st.integers(0, 60), max_size=6),
    st.lists(st.integers(0, 100), min_size=1, max_size=4),
)
def test_the_sequence_of_bars_does_not_depend_on_when_the_clock_looked(
    steps: list[int], size: int, cuts: list[int], ticks: list[int]
) -> None:
    ts = OPEN + np.cumsum([step * SECOND_NS // 10 for step in steps])
    rows = events(ts, np.arange(1.0, len(ts) + 1.0), 1.0)
    calendars = {"XNYS": PlainHours()}
    still = live(Candles([STOCK], [(size,)], calendars, grace_ns=0), rows, [])
    moved = live(Candles([STOCK], [(size,)], calendars, grace_ns=0), rows, cuts, ticks)
    assert still.tobytes() == moved.tobytes()


def test_synthetic_trades_give_the_market_s_own_minute_bars() -> None:
    market = synthesise(seed=3, symbols=("SIMA", "SIMQ"), sessions=2, with_ticks=True)
    for table in market.bars:
        item = market.instruments[table.symbol]
        ticks = market.ticks[table.symbol]
        candles = Candles([item], [(MINUTE_NS,)], {item.calendar: get_calendar(item.calendar)}, max_gap_ns=0)
        same(live(candles, events(ticks["ts_ns"], ticks["price"], ticks["size"], ticks["seq"] + 1), [1000]), table)


def test_repeated_and_swapped_prints_change_no_bar() -> None:
    """Swapped prints may cross the end of a bar: only bars without a late trade are compared."""
    plan = FaultPlan(duplicate_ratio=0.05, out_of_order_ratio=0.02)
    clean = synthesise(seed=5, symbols=("SIMA",), sessions=1, with_ticks=True)
    ticks = synthesise(seed=5, symbols=("SIMA",), sessions=1, with_ticks=True, faults=plan).ticks["SIMA"]
    item = clean.instruments["SIMA"]
    candles = Candles([item], [(MINUTE_NS,)], {"XNYS": get_calendar("XNYS")}, max_gap_ns=0)
    found = live(candles, events(ticks["ts_ns"], ticks["price"], ticks["size"], ticks["seq"] + 1), [])
    count = candles.counts()[0]
    assert count.repeated > 100
    wanted = clean.bars[0]
    assert found["ts_ns"].tolist() == wanted.ts.tolist()
    differs = np.zeros(len(found), bool)
    for name in COLUMNS:
        differs |= found[name] != getattr(wanted, name)
    assert int(differs.sum()) <= count.late
    assert found["volume"].sum() == wanted.volume.sum() - _late_volume(ticks, candles)


def _late_volume(ticks: Any, candles: Candles) -> float:
    """Return the volume of prints that came after their bar was closed, counted by hand."""
    newest, lost, seen = 0, 0.0, set()
    for row in ticks:
        number = int(row["seq"])
        if number in seen:
            continue
        seen.add(number)
        minute = int(row["ts_ns"]) // MINUTE_NS
        lost += float(row["size"]) if minute < newest else 0.0
        newest = max(newest, minute)
    return lost


@pytest.mark.parametrize(("symbol", "size"), [("BAC", MINUTE_NS), ("SPY", SECOND_NS)])
def test_real_prints_give_the_bars_of_one_pass(shared_data: Path, symbol: str, size: int) -> None:
    import duckdb

    path = shared_data / f"equity/tick_trade/{symbol}.parquet"
    columns = duckdb.execute(
        f"SELECT epoch_ns(timestamp) AS ts, price, size FROM '{path}' WHERE NOT suspicious AND price > 0 "
        "ORDER BY timestamp LIMIT 400000"
    ).fetchnumpy()
    ts, price, volume = (np.asarray(columns[name]) for name in ("ts", "price", "size"))
    candles = Candles([Instrument(symbol)], [(size,)], {"XNYS": get_calendar("XNYS")}, max_gap_ns=0)
    found = live(candles, events(ts, price, volume), list(range(997, len(ts), 997)))
    days = np.unique(ts // DAY_NS)
    hours = get_calendar("XNYS").sessions(int(days[0]), int(days[-1]) + 1)
    tables = []
    for begin, end in zip(hours.open_ns, hours.close_ns, strict=True):
        low, high = np.searchsorted(ts, [begin, end])
        if high > low:
            cut = slice(low, high)
            tables.append(bars_from_trades(symbol, ts[cut], price[cut], volume[cut], size, anchor_ns=int(begin)))
    assert len(tables) > 1
    same(
        found,
        BarTable(symbol, size, size, *(np.concatenate([getattr(t, n) for t in tables]) for n in ("ts", *COLUMNS))),
    )
