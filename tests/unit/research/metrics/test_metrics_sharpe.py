"""The Sharpe ratio and its certainty, with the mistakes of other libraries pinned down."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from tidemill.research.metrics import summarise, track_of
from tidemill.research.metrics.returns import raw_kurtosis, skewness
from tidemill.research.metrics.sharpe import (
    expected_max_sharpe,
    minimum_track_record,
    probabilistic_sharpe,
    sharpe_error,
    sharpe_per_period,
    sharpe_ratio,
)
from tidemill.research.trials import TrialCount


@pytest.fixture
def noisy(new_record):
    """Return a 500-day run with fat tails and a small edge."""
    returns = 0.0008 + 0.01 * np.random.default_rng(4).standard_t(4, 500)
    return new_record(100 * np.cumprod(1 + returns))


def test_sharpe_is_arithmetic_and_daily():
    returns = np.array([0.01, -0.01, 0.02, 0.0])
    assert sharpe_ratio(returns, 252) == pytest.approx(0.005 / np.std(returns, ddof=1) * math.sqrt(252))


def test_normal_error_reduces_to_lo():
    # Lo (2002): independent normal returns, variance (1 + SR^2 / 2) / n; one degree of freedom less here.
    assert sharpe_error(0.1, 101, 0.0, 3.0) == pytest.approx(math.sqrt((1 + 0.005) / 100))


def test_interval_surrounds_the_ratio(noisy):
    metrics = summarise(noisy)
    half = (metrics["sharpe_ci_high"] - metrics["sharpe_ci_low"]) / 2
    assert metrics["sharpe_ci_low"] + half == pytest.approx(metrics["sharpe"])
    track = track_of(noisy)
    ratio = sharpe_per_period(track.returns)
    error = sharpe_error(ratio, 500, skewness(track.returns), raw_kurtosis(track.returns))
    assert half == pytest.approx(1.959964 * error * math.sqrt(252), rel=1e-6)


def test_psr_example_of_the_paper():
    # Bailey & Lopez de Prado (2014): annual SR 2.5, five years of 250 days, skew -3, kurtosis 10, 100 trials whose
    # annual ratios have variance 1/2: hurdle 0.1132 per day, DSR 0.9004. Counting 46 trials instead gives 0.9505.
    sharpe, variance = 2.5 / math.sqrt(250), 0.5 / 250
    hurdle = expected_max_sharpe(100, variance)
    assert hurdle == pytest.approx(0.1132, abs=1e-4)
    assert probabilistic_sharpe(sharpe, hurdle, 1250, -3.0, 10.0) == pytest.approx(0.9004, abs=1e-4)
    assert probabilistic_sharpe(sharpe, expected_max_sharpe(46, variance), 1250, -3.0, 10.0) == pytest.approx(
        0.9505, abs=1e-4
    )


def test_psr_takes_raw_kurtosis_and_stays_a_probability(noisy):
    # Common mistakes: the excess kurtosis (even 3 less than that) in the error, and the result times sqrt(252).
    track, metrics = track_of(noisy), summarise(noisy)
    ratio, n = sharpe_per_period(track.returns), track.n
    skew, kurtosis = skewness(track.returns), raw_kurtosis(track.returns)
    error = math.sqrt((1 - skew * ratio + (kurtosis - 1) / 4 * ratio**2) / (n - 1))
    wrong = math.sqrt((1 - skew * ratio + (kurtosis - 3 - 3 - 1) / 4 * ratio**2) / (n - 1))
    assert metrics["psr"] == pytest.approx(NormalDist().cdf(ratio / error), abs=1e-12)
    assert abs(metrics["psr"] - NormalDist().cdf(ratio / wrong)) > 1e-4
    assert 0 <= metrics["psr"] <= 1


def test_psr_compares_excess_with_excess(noisy):
    # The risk-free rate enters once, in the returns; it is never the hurdle itself.
    rf = 0.05
    per_day = 1.05 ** (1 / 252) - 1
    excess = track_of(noisy).returns - per_day
    ratio = sharpe_per_period(excess)
    expected = probabilistic_sharpe(ratio, 0.0, 500, skewness(excess), raw_kurtosis(excess))
    assert summarise(noisy, rf=rf)["psr"] == pytest.approx(expected)
    assert summarise(noisy, rf=rf)["psr"] < summarise(noisy)["psr"]


def test_more_trials_deflate(noisy):
    probabilities = [summarise(noisy, TrialCount(n, 0.001))["dsr"] for n in (1, 2, 10, 1000)]
    assert probabilities == sorted(probabilities, reverse=True)
    assert len(set(probabilities)) == 4
    assert probabilities[0] == summarise(noisy)["psr"]


def test_uncounted_trials_are_said_to_be(noisy):
    assert "not counted" in summarise(noisy)["notes"]["dsr"]
    assert "dsr" not in summarise(noisy, TrialCount(3, 0.001))["notes"]


def test_minimum_track_record_is_where_psr_reaches_95_percent():
    needed = minimum_track_record(0.08, -0.5, 6.0)
    assert probabilistic_sharpe(0.08, 0.0, round(needed), -0.5, 6.0) == pytest.approx(0.95, abs=1e-3)
    assert math.isnan(minimum_track_record(-0.01, 0.0, 3.0))


def test_flat_equity_has_no_ratio(new_record):
    metrics = summarise(new_record([100.0] * 100))
    for key in ("sharpe", "psr", "dsr", "min_trl", "sharpe_ci_low"):
        assert metrics[key] is None and "do not vary" in metrics["notes"][key]
    assert metrics["volatility_pct"] == 0.0


def test_equal_returns_have_no_ratio_despite_rounding():
    # The mean of a thousand times 0.1 misses 0.1 in the last bit; a naive deviation is 1e-17 and the ratio 1e16.
    assert np.std(np.full(1000, 0.1), ddof=1) > 0
    assert math.isnan(sharpe_per_period(np.full(1000, 0.1)))


def test_two_returns_only_leave_the_error_undefined():
    # Two-point returns with g4 = g3^2 + 1 and SR = 2 / g3 make the bracket zero: no error, never a division by it.
    skew = 2.0
    assert math.isnan(sharpe_error(2.0 / skew, 50, skew, skew**2 + 1.0))
    assert math.isnan(probabilistic_sharpe(2.0 / skew, 0.0, 50, skew, skew**2 + 1.0))


def test_one_day_is_too_few(new_record):
    metrics = summarise(new_record([101.0]))
    assert metrics["sharpe"] is None and metrics["notes"]["sharpe"] == "needs at least 3 days (n=1)"


def test_no_length_proves_a_loser(new_record):
    metrics = summarise(new_record(100 - np.arange(1, 80) * 0.1 + np.sin(np.arange(1, 80)) * 0.3))
    assert metrics["min_trl"] is None
    assert metrics["notes"]["min_trl"] == "Sharpe not above 0: no length is enough"
