"""Growth, volatility and shape of daily returns against hand-computed cases."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pytest

from tidemill.model.bars import DAY_NS
from tidemill.research.metrics import summarise, track_of
from tidemill.research.metrics.returns import cagr, omega_ratio, raw_kurtosis, sortino_ratio, spread, tail_ratio
from tidemill.research.metrics.risk import conditional_value_at_risk, value_at_risk
from tidemill.research.metrics.track import external_flows


def test_first_return_is_measured_from_the_starting_cash(new_record):
    track = track_of(new_record([110.0, 99.0]))
    assert track.returns == pytest.approx([0.10, -0.10])
    assert track.index == pytest.approx([1.0, 1.1, 0.99])


def test_cagr_uses_calendar_time_not_the_number_of_rows(new_record):
    # Ten closes spread over exactly two years of 365.25 days: a doubling is sqrt(2) a year, whatever the row count.
    record = new_record(np.linspace(110, 200, 10), day=np.linspace(0, 730, 10).astype(np.int64))
    record.days["ts_ns"][-1] = int(730.5 * DAY_NS)
    assert cagr(track_of(record)) == pytest.approx(math.sqrt(2.0) - 1.0)
    rows_over_252 = 2.0 ** (252 / 10) - 1.0
    assert cagr(track_of(record)) < rows_over_252 / 1000


def test_cagr_is_hidden_under_ninety_days(new_record):
    short = summarise(new_record([101.0] * 60))
    assert short["cagr_pct"] is None
    assert short["notes"]["cagr_pct"] == "hidden under 90 days"
    assert short["notes"]["calmar"] == "hidden under 90 days"
    assert summarise(new_record([101.0] * 70))["cagr_pct"] == pytest.approx(
        100 * (1.01 ** (365.25 / (95 + 21 / 24)) - 1)
    )


def test_volatility_is_annualised_with_the_calendar_of_the_market(new_record):
    equity = 100 * np.cumprod(1 + np.tile([0.01, -0.005], 60))
    stock = summarise(new_record(equity))
    coin = summarise(new_record(equity, periods_per_year=365))
    assert coin["volatility_pct"] / stock["volatility_pct"] == pytest.approx(math.sqrt(365 / 252))
    # A stock's Sharpe at 365 periods would be 1.20 times too high.
    assert coin["sharpe"] / stock["sharpe"] == pytest.approx(1.2035, abs=1e-4)
    assert stock["periods_per_year"] == 252


def test_sortino_divides_by_all_days_not_only_the_losing_ones():
    returns = np.array([0.02, -0.01, 0.03, -0.02])
    downside = math.sqrt((0.01**2 + 0.02**2) / 4)
    assert sortino_ratio(returns, 252) == pytest.approx(0.005 / downside * math.sqrt(252))


def test_omega_tail_and_kurtosis_by_hand():
    returns = np.array([0.02, -0.01, 0.03, -0.02])
    assert omega_ratio(returns) == pytest.approx(5 / 3)
    assert tail_ratio(np.array([-0.02] * 50 + [0.01] * 50)) == pytest.approx(0.5)
    assert raw_kurtosis(np.array([-1.0, 1.0, -1.0, 1.0])) == pytest.approx(1.0)


def test_normal_returns_have_raw_kurtosis_three():
    assert raw_kurtosis(np.random.default_rng(1).normal(size=200_000)) == pytest.approx(3.0, abs=0.05)


def test_equal_returns_have_exactly_no_spread():
    assert spread(np.full(7, 0.1)) == 0.0
    assert math.isnan(spread(np.array([0.1])))


def test_tails_by_hand():
    returns = np.arange(100) / 1000.0 - 0.05
    assert value_at_risk(returns, 0.95) == pytest.approx(-0.05 + 0.00495)
    assert conditional_value_at_risk(returns, 0.95) == pytest.approx(np.mean(returns[:5]))
    assert conditional_value_at_risk(np.arange(21.0), 0.90) == pytest.approx(1.0)  # floor(20 * 0.1) + 1 = 3 days
    assert conditional_value_at_risk(np.arange(21.0), 0.95) == pytest.approx(0.5)  # floor(20 * 0.05) + 1 = 2 days


def test_tail_figures_need_a_day_in_the_tail(new_record):
    metrics = summarise(new_record(100 + np.sin(np.arange(50))))
    assert metrics["var_95"] < 0 and metrics["cvar_95"] <= metrics["var_95"]
    assert metrics["var_99"] is None and metrics["notes"]["var_99"] == "needs 100 days (n=50)"


def test_dividends_stay_in_the_return(new_record):
    record = new_record([101.0, 102.0])
    record.days["flows"] = [1_000_000, 0]
    assert not external_flows(record).any()
    assert summarise(record)["total_return_pct"] == pytest.approx(2.0)


def test_deposits_are_left_out_of_the_return(new_record):
    record = new_record([110.0, 165.0])
    columns = [*record.days.dtype.descr, ("deposits", np.int64)]
    days = np.zeros(2, columns)
    for name in record.days.dtype.names:
        days[name] = record.days[name]
    days["deposits"] = [0, 55_000_000]
    record.days = days
    metrics = summarise(record)
    assert metrics["total_return_pct"] == pytest.approx(10.0)
    assert metrics["net_profit"] == pytest.approx(10.0)
    assert metrics["max_drawdown_intrabar_pct"] == 0.0
    assert "55.00 USD are left out" in metrics["notes"]["total_return_pct"]


def test_ruin_stops_the_curve_instead_of_dividing_by_nothing(new_record):
    metrics = summarise(new_record([50.0, -10.0, -20.0, 5.0], first=date(2024, 3, 4)))
    assert metrics["n"] == 2
    assert metrics["max_drawdown_pct"] == pytest.approx(-110.0)
    assert metrics["final_equity"] == 5.0
    assert "zero or below" in metrics["notes"]["total_return_pct"]


def test_track_since_restarts_at_the_last_close_before(new_record):
    track = track_of(new_record([110.0, 121.0, 133.1]))
    part = track.since(int(track.day[1]))
    assert part.n == 1 and part.index == pytest.approx([1.0, 1.1])
    assert part.days_elapsed == pytest.approx(1.0)
    assert track.since(int(track.day[0]) - 1) is track
