"""Thinning keeps what a reader looks at: every bar near a trade, every peak and trough of equity."""

from __future__ import annotations

import numpy as np

from tidemill.model.bars import MINUTE_NS
from tidemill.research.report.payload import build_payload
from tidemill.research.report.thin import (
    ThinPlan,
    interval_text,
    near_trades,
    plan_bars,
    sample_equity,
    thin_bars,
)
from unit.research.report.builders import make_record

RECORD = make_record(bars=6_000, trades=5)
BARS, TRIPS = RECORD.bars[0], RECORD.trips


def test_within_budget_nothing_is_merged() -> None:
    assert plan_bars(RECORD.bars, TRIPS, 6_000) == ThinPlan()
    assert thin_bars(BARS, TRIPS, ThinPlan()) is BARS


def test_the_plan_meets_its_budget() -> None:
    plan = plan_bars(RECORD.bars, TRIPS, 3_900)
    assert len(thin_bars(BARS, TRIPS, plan)) <= 3_900
    assert plan.margin == 200


def test_every_bar_near_a_trade_survives_unchanged() -> None:
    thin = thin_bars(BARS, TRIPS, ThinPlan(50, 15 * MINUTE_NS))
    kept = near_trades(BARS.ts, TRIPS, 50)
    for trip in TRIPS:
        entry = int(np.searchsorted(BARS.ts, trip["entry_ts_ns"]))
        assert kept[max(0, entry - 50) : entry + 51].all()
    at = np.searchsorted(thin.ts, BARS.ts[kept])
    for name in ("ts", "open", "high", "low", "close", "volume"):
        assert np.array_equal(getattr(thin, name)[at], getattr(BARS, name)[kept]), name


def test_merged_bars_hold_the_same_range_and_volume() -> None:
    none = TRIPS[:0]
    thin = thin_bars(BARS, none, ThinPlan(50, 15 * MINUTE_NS))
    first = BARS.rows(0, 15)
    assert thin.ts[0] == first.ts[0] and len(thin) < len(BARS) / 10
    assert thin.high[0] == first.high.max() and thin.low[0] == first.low.min()
    assert thin.open[0] == first.open[0] and thin.close[0] == first.close[-1]
    assert thin.volume.sum() == BARS.volume.sum()


def test_sampled_equity_keeps_ends_extremes_and_wanted_rows() -> None:
    values = np.cumsum(np.random.default_rng(5).normal(0, 1_000, 50_000)).astype(np.int64)
    wanted = np.array([17, 31_234])
    rows = sample_equity(values, wanted, 4_000)
    assert len(rows) < 4_000 and np.all(np.diff(rows) > 0)
    assert {0, 49_999, 17, 31_234, int(values.argmax()), int(values.argmin())} <= set(rows.tolist())


def test_short_equity_is_kept_whole() -> None:
    assert np.array_equal(sample_equity(np.arange(10), np.zeros(0, np.int64), 10), np.arange(10))


def test_a_thinned_payload_says_so() -> None:
    record = make_record(bars=380_000, trades=20)
    payload = build_payload(record, "x")
    instrument = payload["instruments"][0]
    assert instrument["mergedTo"] == "5 min"
    assert instrument["bars"]["gap"]["n"] < instrument["allBars"] == 380_000
    assert payload["equity"]["value"]["n"] < payload["equity"]["allPoints"] == 380_000


def test_bar_sizes_in_words() -> None:
    assert [interval_text(MINUTE_NS * k) for k in (1, 90, 240, 1440)] == ["1 min", "90 min", "4 h", "1 day"]
