"""Laws that hold for any run."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidemill.research.metrics import monthly_table, summarise, track_of, underwater
from tidemill.research.metrics.drawdown import drawdowns
from tidemill.research.metrics.returns import raw_kurtosis, skewness, spread, volatility
from tidemill.research.metrics.risk import value_at_risk
from tidemill.research.metrics.sharpe import (
    expected_max_sharpe,
    minimum_track_record,
    probabilistic_sharpe,
    sharpe_ratio,
)

daily = st.lists(st.floats(-0.3, 0.3), min_size=1, max_size=150)
results = st.lists(st.integers(-500, 500).map(float), min_size=1, max_size=60)
quick = settings(derandomize=True, max_examples=60, deadline=None)

SCALED = {"start_equity", "final_equity", "net_profit", "capacity"}


@given(daily)
@quick
def test_drawdown_lies_between_minus_one_and_zero(new_record, returns):
    record = new_record(1e6 * np.cumprod(1 + np.array(returns)), start=1e6)
    fall = underwater(track_of(record))
    assert (fall <= 0).all() and (fall >= -1).all()
    metrics = summarise(record)
    assert -100 <= metrics["max_drawdown_intrabar_pct"] <= metrics["max_drawdown_pct"] <= 0


@given(daily)
@quick
def test_episodes_cover_every_day_under_water_once(new_record, returns):
    track = track_of(new_record(1e6 * np.cumprod(1 + np.array(returns)), start=1e6))
    rows = drawdowns(track)
    assert bool(rows) == bool((underwater(track) < 0).any())
    if rows:
        assert rows[0]["depth_pct"] == pytest.approx(100 * underwater(track).min())
        assert sum(row["recovered"] is None for row in rows) == int(underwater(track)[-1] < 0)


@given(st.floats(-0.01, 0.01), st.integers(2, 120))
@quick
def test_constant_returns_have_no_spread_and_compound(new_record, rate, days):
    metrics = summarise(new_record(1e9 * (1 + rate) ** np.arange(1, days + 1), start=1e9))
    assert metrics["volatility_pct"] == pytest.approx(0.0, abs=1e-6)
    assert metrics["total_return_pct"] == pytest.approx(100 * ((1 + rate) ** days - 1), abs=1e-6)


@given(st.lists(st.floats(-0.1, 0.1), min_size=3, max_size=100), st.floats(-0.05, 0.05))
@quick
def test_a_constant_added_to_every_return_moves_the_mean_only(returns, shift):
    before = np.round(np.array(returns), 4)
    after = before + shift
    if np.ptp(before) > 0:
        assert volatility(after, 252) == pytest.approx(volatility(before, 252))
        assert skewness(after) == pytest.approx(skewness(before), abs=1e-6)
        moved = sharpe_ratio(before, 252) + shift / spread(before) * 252**0.5
        assert sharpe_ratio(after, 252) == pytest.approx(moved, abs=1e-6)
        assert value_at_risk(after, 0.95) == pytest.approx(value_at_risk(before, 0.95) + shift, abs=1e-12)


@given(daily, st.integers(1, 40))
@quick
def test_idle_days_at_the_end_change_neither_growth_nor_depth(new_record, returns, idle):
    closes = 1e6 * np.cumprod(1 + np.array(returns))
    busy = summarise(new_record(closes, start=1e6))
    rested = summarise(new_record(np.concatenate((closes, np.full(idle, closes[-1]))), start=1e6))
    for key in ("net_profit", "total_return_pct", "max_drawdown_pct", "max_drawdown_intrabar_pct", "recovery_factor"):
        assert rested[key] == busy[key], key
    assert rested["longest_drawdown_days"] >= busy["longest_drawdown_days"]


@given(daily, st.integers(2, 1000))
@quick
def test_more_money_changes_no_ratio(new_record, returns, factor):
    # Whole micros times a whole number: scaling is exact.
    closes = np.round(1000 * np.cumprod(1 + np.array(returns)), 6)
    small = summarise(new_record(closes, start=1000.0))
    record = new_record(closes, start=1000.0)
    record.start_cash *= factor
    for name in ("equity", "equity_high", "equity_low", "equity_worst"):
        record.days[name] *= factor
    large = summarise(record)
    for key, value in small.items():
        if isinstance(value, float) and key not in SCALED:
            assert large[key] == pytest.approx(value, rel=1e-6, abs=1e-9), key


@given(daily)
@quick
def test_months_multiply_to_the_total(new_record, returns):
    record = new_record(1e6 * np.cumprod(1 + np.array(returns)), start=1e6)
    cells = [cell for row in monthly_table(record) for cell in row["months"] if cell is not None]
    assert np.prod(1 + np.array(cells) / 100) - 1 == pytest.approx(summarise(record)["total_return_pct"] / 100)


@given(results)
@quick
def test_trade_figures_agree_with_their_sums(new_record, new_trips, pnl):
    metrics = summarise(new_record([100.0], trips=new_trips(pnl)))
    n = len(pnl)
    assert metrics["wins"] + metrics["losses"] + metrics["breakeven"] == metrics["total_trades"] == n
    assert metrics["expectancy"] * n == pytest.approx(sum(pnl), abs=1e-6)
    assert metrics["long_net_profit"] + metrics["short_net_profit"] == pytest.approx(sum(pnl), abs=1e-6)
    if metrics["profit_factor"] is not None:
        lost = -sum(value for value in pnl if value < 0)
        assert (metrics["profit_factor"] - 1) * lost == pytest.approx(sum(pnl), abs=1e-6)
    if metrics["payoff"] is not None:
        assert metrics["payoff"] * metrics["wins"] / metrics["losses"] == pytest.approx(metrics["profit_factor"])


@given(results)
@quick
def test_splitting_each_trade_in_half_keeps_money_ratios(new_record, new_trips, pnl):
    whole = summarise(new_record([100.0], trips=new_trips(pnl)))
    halves = summarise(new_record([100.0], trips=new_trips([value / 2 for value in pnl for _ in range(2)])))
    for key in ("win_rate", "payoff", "profit_factor", "kelly", "long_net_profit"):
        assert halves[key] == pytest.approx(whole[key]), key
    assert halves["expectancy"] == pytest.approx(whole["expectancy"] / 2)
    assert halves["total_trades"] == 2 * whole["total_trades"]


@given(daily)
@quick
def test_everything_is_json(new_record, returns):
    json.dumps(summarise(new_record(1e6 * np.cumprod(1 + np.array(returns)), start=1e6)), allow_nan=False)


@given(st.lists(st.floats(-1, 1), min_size=3, max_size=80))
@quick
def test_kurtosis_exceeds_squared_skew_by_one(values):
    array = np.round(np.array(values), 6)
    if np.ptp(array) > 0:
        assert raw_kurtosis(array) >= skewness(array) ** 2 + 1 - 1e-6


@given(st.integers(2, 10_000), st.floats(1e-6, 1.0), st.floats(0.001, 0.5), st.integers(10, 5000))
@quick
def test_more_trials_raise_the_hurdle(trials, variance, sharpe, n):
    low, high = expected_max_sharpe(trials, variance), expected_max_sharpe(trials + 1, variance)
    assert 0 < low < high
    assert probabilistic_sharpe(sharpe, high, n, 0.0, 3.0) <= probabilistic_sharpe(sharpe, low, n, 0.0, 3.0)


@given(st.floats(0.001, 0.3), st.floats(0.001, 0.3))
@quick
def test_a_better_ratio_needs_less_time(first, second):
    low, high = sorted((first, second))
    assert minimum_track_record(high, 0.0, 3.0) <= minimum_track_record(low, 0.0, 3.0)
