"""Our statistics against empyrical, ffn and scipy where conventions agree, and against answers known beforehand."""

from __future__ import annotations

import json
import math

import empyrical
import ffn
import numpy as np
import pandas as pd
import pytest
import scipy.stats

from tidemill.model.bars import DAY_NS
from tidemill.model.instrument import Instrument
from tidemill.model.runrecord import RunRecord
from tidemill.model.tape import DAY_ROW
from tidemill.research.metrics import pbo, rolling_sharpe, summarise, top_drawdowns, track_of, underwater
from tidemill.research.metrics.benchmark import regress
from tidemill.research.metrics.returns import (
    omega_ratio,
    raw_kurtosis,
    skewness,
    sortino_ratio,
    spread,
    tail_ratio,
    volatility,
)
from tidemill.research.metrics.risk import conditional_value_at_risk, value_at_risk
from tidemill.research.metrics.sharpe import (
    expected_max_sharpe,
    probabilistic_sharpe,
    sharpe_per_period,
    sharpe_ratio,
)

CLOSE_NS = 21 * DAY_NS // 24
MICRO = 1_000_000
RF_DAY = 1.03 ** (1 / 252) - 1


def run_of(closes, days, start, benchmark=None):
    """Return a run with these daily equities on these trading days."""
    rows = np.zeros(len(closes), DAY_ROW)
    rows["day"], rows["ts_ns"] = days, np.asarray(days) * DAY_NS + CLOSE_NS
    rows["equity"] = np.round(np.asarray(closes) * MICRO).astype(np.int64)
    for name in ("equity_high", "equity_low", "equity_worst"):
        rows[name] = rows["equity"]
    rows["marks"] = 1
    return RunRecord(
        "BACKTEST", ["s"], [Instrument("X")], [], "USD", round(start * MICRO), 0, days=rows, benchmark=benchmark
    )


@pytest.fixture(scope="module", params=[0, 1, 2])
def returns(request):
    """Return three years of seeded fat-tailed daily returns."""
    rng = np.random.default_rng(100 + request.param)
    return 0.0005 * (request.param - 0.5) + 0.008 * rng.standard_t(5, 756)


@pytest.fixture(scope="module")
def market(returns):
    """Return market returns correlated with the run's."""
    return 0.6 * returns + np.random.default_rng(55).normal(0.0002, 0.006, len(returns))


@pytest.fixture(scope="module")
def prices(returns):
    """Return the growth of 1,000,000 on business days, the start on the first."""
    index = pd.bdate_range("2020-01-01", periods=len(returns) + 1)
    return pd.Series(1e6 * np.concatenate(([1.0], np.cumprod(1 + returns))), index=index)


@pytest.fixture(scope="module")
def metrics(prices):
    """Return our page for the same prices; the run starts at the first price's close."""
    days = prices.index.values.astype("datetime64[D]").astype(np.int64)
    return summarise(run_of(prices.to_numpy()[1:], days[1:], prices.iloc[0]))


def test_empyrical_ratios(returns):
    excess = returns - RF_DAY
    assert sharpe_ratio(excess, 252) == pytest.approx(empyrical.sharpe_ratio(returns, RF_DAY), rel=1e-12)
    assert sortino_ratio(excess, 252) == pytest.approx(empyrical.sortino_ratio(returns, RF_DAY), rel=1e-12)
    assert sharpe_ratio(returns, 365) == pytest.approx(empyrical.sharpe_ratio(returns, annualization=365), rel=1e-12)
    assert volatility(returns, 252) == pytest.approx(empyrical.annual_volatility(returns), rel=1e-12)
    assert omega_ratio(excess) == pytest.approx(empyrical.omega_ratio(returns, RF_DAY), rel=1e-9)
    assert tail_ratio(returns) == pytest.approx(empyrical.tail_ratio(returns), rel=1e-12)


@pytest.mark.parametrize("level", [0.90, 0.95, 0.99])
@pytest.mark.parametrize("n", [21, 100, 101, 756])
def test_empyrical_tails(returns, level, n):
    cutoff = round(1 - level, 2)
    assert value_at_risk(returns[:n], level) == pytest.approx(empyrical.value_at_risk(returns[:n], cutoff), rel=1e-9)
    expected = empyrical.conditional_value_at_risk(returns[:n], cutoff)
    assert conditional_value_at_risk(returns[:n], level) == pytest.approx(expected, rel=1e-12)


def test_empyrical_drawdown_and_total_return(returns, metrics):
    assert metrics["max_drawdown_pct"] == pytest.approx(100 * empyrical.max_drawdown(returns), rel=1e-6)
    assert metrics["total_return_pct"] == pytest.approx(100 * empyrical.cum_returns_final(returns), rel=1e-6, abs=1e-6)
    assert metrics["sharpe"] == pytest.approx(empyrical.sharpe_ratio(returns), rel=1e-6, abs=1e-8)


def test_empyrical_alpha_beta(returns, market):
    fit = regress(returns - RF_DAY, market - RF_DAY)
    alpha, beta = empyrical.alpha_beta_aligned(returns, market, RF_DAY)
    assert fit.beta == pytest.approx(beta, rel=1e-9)
    # It compounds the daily intercept; ours is multiplied by the periods of a year.
    assert (1 + fit.alpha) ** 252 - 1 == pytest.approx(alpha, rel=1e-9)


def test_scipy_regression_and_moments(returns, market):
    fit, line = regress(returns, market), scipy.stats.linregress(market, returns)
    assert (fit.beta, fit.alpha) == (pytest.approx(line.slope), pytest.approx(line.intercept))
    assert fit.r2 == pytest.approx(line.rvalue**2)
    assert skewness(returns) == pytest.approx(scipy.stats.skew(returns), rel=1e-10)
    assert raw_kurtosis(returns) == pytest.approx(scipy.stats.kurtosis(returns, fisher=False), rel=1e-10)


def test_information_ratio_of_ffn(returns, market, prices):
    days = prices.index.values.astype("datetime64[D]").astype(np.int64)[1:]
    run = run_of(prices.to_numpy()[1:], days, prices.iloc[0], np.cumprod(1 + market))
    per_day = ffn.calc_information_ratio(pd.Series(returns[1:]), pd.Series(market[1:]))
    assert summarise(run)["information_ratio"] == pytest.approx(per_day * math.sqrt(252), rel=1e-5)


def test_ffn_growth_and_drawdown(prices, metrics):
    # ffn's clock starts at the first price's close, ours at midnight of the first trading day.
    years = ffn.year_frac(prices.index[0], prices.index[-1])
    growth = prices.iloc[-1] / prices.iloc[0]
    assert ffn.calc_cagr(prices) == pytest.approx(growth ** (1 / years) - 1, rel=1e-12)
    own_years = ((prices.index[-1] - prices.index[1]).days + 21 / 24) / 365.25
    assert metrics["cagr_pct"] / 100 == pytest.approx(growth ** (1 / own_years) - 1, rel=1e-6)
    assert metrics["cagr_pct"] / 100 == pytest.approx(ffn.calc_cagr(prices), rel=2e-3)
    assert metrics["max_drawdown_pct"] / 100 == pytest.approx(ffn.calc_max_drawdown(prices), rel=1e-6)
    assert metrics["mar"] == pytest.approx(ffn.calc_calmar_ratio(prices), rel=2e-3)
    assert metrics["ulcer_index"] == pytest.approx(ffn.to_ulcer_index(prices), rel=1e-6)
    assert metrics["upi"] == pytest.approx(ffn.to_ulcer_performance_index(prices), rel=2e-3)


def test_ffn_drawdown_table(prices):
    days = prices.index.values.astype("datetime64[D]").astype(np.int64)
    ours = top_drawdowns(run_of(prices.to_numpy()[1:], days[1:], prices.iloc[0]), 5)
    theirs = ffn.drawdown_details(ffn.to_drawdown_series(prices)).sort_values("drawdown").head(5)
    assert [row["depth_pct"] / 100 for row in ours] == pytest.approx(list(theirs["drawdown"]), rel=1e-6)
    ends = [row["recovered"] for row in ours if row["recovered"]]
    assert ends == [str(end.date()) for end, depth in zip(theirs["End"], ours, strict=True) if depth["recovered"]]


def test_ffn_deflated_sharpe(returns):
    trials = np.random.default_rng(8).normal(0.3, 0.6, 40)
    theirs = ffn.core.calc_deflated_sharpe_ratio(pd.Series(returns), trials, rf=0.03, nperiods=252)
    excess = returns - RF_DAY
    hurdle = expected_max_sharpe(40, float(np.var(trials / math.sqrt(252), ddof=1)))
    assert hurdle == pytest.approx(ffn.core.calc_expected_max_sharpe(40, np.std(trials, ddof=1)) / math.sqrt(252))
    ratio, n = sharpe_per_period(excess), len(excess)
    # With ffn's sample moments the probability is the same; with population moments nearly so.
    series = pd.Series(excess)
    assert probabilistic_sharpe(ratio, hurdle, n, series.skew(), series.kurt() + 3) == pytest.approx(theirs, rel=1e-9)
    ours = probabilistic_sharpe(ratio, hurdle, n, skewness(excess), raw_kurtosis(excess))
    assert ours == pytest.approx(theirs, abs=1e-3)


@pytest.mark.parametrize(("seed", "edge", "blocks"), [(1, 0.0, 8), (2, 0.002, 8), (3, 0.0005, 6), (4, 0.0, 4)])
def test_ffn_probability_of_overfitting(seed, edge, blocks):
    matrix = np.random.default_rng(seed).normal(0, 0.01, (250, 9))
    matrix[:, 4] += edge
    assert pbo(matrix, blocks) == ffn.core.calc_prob_backtest_overfitting(pd.DataFrame(matrix), n_blocks=blocks)


def test_pandas_rolling_sharpe(prices, returns):
    days = prices.index.values.astype("datetime64[D]").astype(np.int64)
    ours = rolling_sharpe(run_of(prices.to_numpy()[1:], days[1:], prices.iloc[0]), 63)
    window = pd.Series(returns).rolling(63)
    theirs = (window.mean() / window.std() * math.sqrt(252)).to_numpy()
    assert np.isnan(ours[:62]).all()
    assert ours[62:] == pytest.approx(theirs[62:], rel=1e-4, abs=1e-6)


@pytest.fixture(scope="module")
def spy(shared_data):
    """Return (days, dividend-adjusted closes, raw closes) of real SPY days and the answers known beforehand."""
    bars = pd.read_parquet(shared_data / "equity" / "1d" / "SPY.parquet")
    factors = pd.read_parquet(shared_data / "reference" / "lean_factor_files.parquet")
    factors = factors[factors["symbol"] == "SPY"].sort_values("date")
    # A factor holds for all sessions up to and including its date.
    at = np.searchsorted(factors["date"].to_numpy().astype("datetime64[D]"), bars["session"].to_numpy("datetime64[D]"))
    factor = (factors["price_factor"] * factors["split_factor"]).to_numpy()[at]
    days = bars["session"].to_numpy("datetime64[D]").astype(np.int64)
    answers = json.loads((shared_data / "reference" / "known_answers.json").read_text())
    raw = bars["close"].to_numpy()
    return days, raw * factor, raw, answers


def test_real_spy_returns(spy):
    days, adjusted, raw, answers = spy
    price = summarise(run_of(raw[1:], days[1:], raw[0]))
    total = summarise(run_of(adjusted[1:], days[1:], adjusted[0]))
    label = "1998-01-02 close to 2021-03-31 close"
    assert price["total_return_pct"] / 100 == pytest.approx(answers[f"SPY 1d price return {label}"], abs=2e-6)
    reinvested = answers["SPY 1d total return same dates using factor file (dividends reinvested)"]
    assert total["total_return_pct"] / 100 == pytest.approx(reinvested, abs=2e-5)


def test_real_spy_volatility_and_drawdown(spy):
    days, adjusted, _, answers = spy
    run = run_of(adjusted[1:], days[1:], adjusted[0])
    track = track_of(run)
    log_volatility = spread(np.log1p(track.returns)) * math.sqrt(252)
    known = answers["SPY 1d total-return annualised volatility (log, sqrt 252)"]
    assert log_volatility == pytest.approx(known, abs=1e-6)
    assert summarise(run)["volatility_pct"] / 100 == pytest.approx(known, rel=0.01)
    deepest = answers["SPY 1d total-return maximum drawdown"]
    assert float(underwater(track).min()) == pytest.approx(deepest, abs=1e-6)
    crisis = top_drawdowns(run, 1)[0]
    assert (crisis["peak"], crisis["trough"], crisis["recovered"][:4]) == ("2007-10-09", "2009-03-09", "2012")


def test_real_spy_moving_average_rule(spy):
    days, adjusted, raw, answers = spy
    mean = pd.Series(raw).rolling(200).mean().to_numpy()
    held = np.concatenate(([False], (raw > mean)[:-1]))
    growth = np.cumprod(1 + np.where(held[1:], adjusted[1:] / adjusted[:-1] - 1, 0.0))
    run = run_of(growth, days[1:], 1.0)
    key = "SPY 1d: long when previous close > 200-day mean of raw close, else cash at 0, total-return data, no costs"
    assert summarise(run)["final_equity"] == pytest.approx(answers[f"{key}: final equity from 1.0"], abs=2e-6)
