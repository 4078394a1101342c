"""Alpha, beta and friends on constructed cases."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tidemill.research.metrics import summarise
from tidemill.research.metrics.benchmark import information_ratio, regress


@pytest.fixture
def market():
    """Return 300 seeded daily market returns."""
    return np.random.default_rng(9).normal(0.0004, 0.01, 300)


def record_of(new_record, returns, market):
    """Return a run whose benchmark closes at 50 on the first day and then follows ``market[1:]``."""
    closes = 50.0 * np.concatenate(([1.0], np.cumprod(1 + market[1:])))
    equity = 1e6 * np.cumprod(1 + returns)
    return new_record(equity, start=1e6, benchmark=closes, benchmark_name="SPY total return")


def test_a_leveraged_market_with_a_constant_bonus(new_record, market):
    metrics = summarise(record_of(new_record, 1.5 * market + 0.0002, market))
    assert metrics["beta"] == pytest.approx(1.5, abs=1e-6)
    assert metrics["alpha"] == pytest.approx(0.0002 * 252, abs=1e-6)
    assert metrics["r2"] == pytest.approx(1.0)
    assert metrics["benchmark_name"] == "SPY total return"
    assert metrics["benchmark_return_pct"] == pytest.approx(100 * (np.prod(1 + market[1:]) - 1))
    assert metrics["treynor"] == pytest.approx(np.mean(1.5 * market[1:] + 0.0002) * 252 / 1.5, rel=1e-5)


def test_alpha_is_measured_above_the_risk_free_rate(new_record, market):
    rf = 0.04
    per_day = 1.04 ** (1 / 252) - 1
    metrics = summarise(record_of(new_record, 0.5 * market, market), rf=rf)
    assert metrics["beta"] == pytest.approx(0.5, abs=1e-6)
    assert metrics["alpha"] == pytest.approx(-0.5 * per_day * 252, abs=1e-6)
    assert metrics["rf"] == rf


def test_holding_the_benchmark_adds_nothing():
    returns = np.array([0.01, -0.02, 0.03])
    ratio, error = information_ratio(returns, returns, 252)
    assert math.isnan(ratio) and error == 0.0


def test_information_ratio_by_hand():
    ratio, error = information_ratio(np.array([0.02, 0.0, 0.01]), np.array([0.01, 0.0, 0.02]), 252)
    assert ratio == pytest.approx(0.0)
    assert error == pytest.approx(0.01 * math.sqrt(252))


def test_flat_benchmark_has_no_beta():
    fit = regress(np.array([0.01, 0.02, -0.01]), np.zeros(3))
    assert math.isnan(fit.beta) and math.isnan(fit.alpha) and math.isnan(fit.r2)


def test_missing_benchmark_says_so(new_record):
    metrics = summarise(new_record([100.0, 101.0]))
    assert metrics["beta"] is None and metrics["notes"]["beta"] == "no benchmark"
    holed = summarise(new_record([100.0, 101.0], benchmark=np.array([1.0, np.nan])))
    assert holed["notes"]["alpha"] == "the benchmark has no price on some days"
