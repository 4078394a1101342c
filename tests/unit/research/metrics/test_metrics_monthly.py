"""Calendar tables and rolling windows."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pytest

from tidemill.model.errors import ConfigError
from tidemill.research.metrics import (
    monthly_table,
    rolling_beta,
    rolling_sharpe,
    rolling_volatility,
    summarise,
    yearly,
)


@pytest.fixture
def run(new_record):
    """Return 120 weekdays from 20 November 2023, one percent up and then down in turn, plus drift."""
    returns = np.tile([0.011, -0.01], 60)
    return new_record(100 * np.cumprod(1 + returns), first=date(2023, 11, 20))


def test_months_compound_to_the_year_and_years_to_the_total(run):
    table = monthly_table(run)
    assert [row["year"] for row in table] == [2023, 2024]
    assert table[0]["months"][:10] == [None] * 10 and table[1]["months"][5:] == [None] * 7
    for row in table:
        product = math.prod(1 + cell / 100 for cell in row["months"] if cell is not None)
        assert 100 * (product - 1) == pytest.approx(row["year_pct"])
    total = math.prod(1 + row["year_pct"] / 100 for row in table)
    assert 100 * (total - 1) == pytest.approx(summarise(run)["total_return_pct"])


def test_first_month_starts_from_the_starting_cash(run):
    november = np.prod(1 + np.tile([0.011, -0.01], 5)[:9]) - 1
    assert monthly_table(run)[0]["months"][10] == pytest.approx(100 * november, abs=1e-4)


def test_yearly_rows(run):
    run.benchmark = np.linspace(10, 20, 120)
    rows = yearly(run)
    assert [row["n"] for row in rows] == [30, 90]
    assert rows[0]["max_drawdown_pct"] == pytest.approx(-1.0, abs=1e-4)
    growth = (1 + rows[0]["benchmark_pct"] / 100) * (1 + rows[1]["benchmark_pct"] / 100)
    assert growth == pytest.approx(2.0)
    run.benchmark = None
    assert yearly(run)[0]["benchmark_pct"] is None


def test_empty_run_has_empty_tables(new_record):
    assert monthly_table(new_record([])) == [] and yearly(new_record([])) == []


def test_last_rolling_window_equals_the_whole_run(run):
    metrics = summarise(run)
    assert rolling_sharpe(run, 120)[-1] == pytest.approx(metrics["sharpe"])
    assert rolling_volatility(run, 120)[-1] == pytest.approx(metrics["volatility_pct"] / 100)
    assert np.isnan(rolling_sharpe(run, 120)[:-1]).all()


def test_rolling_beta_of_twice_the_market(new_record):
    market = np.random.default_rng(2).normal(0, 0.01, 80)
    closes = np.concatenate(([1.0], np.cumprod(1 + market[1:])))
    record = new_record(1e6 * np.cumprod(1 + 2 * market), start=1e6, benchmark=closes)
    beta = rolling_beta(record, 20)
    assert len(beta) == 80 and np.isnan(beta[:20]).all()
    assert beta[20:] == pytest.approx(np.full(60, 2.0), abs=1e-5)
    record.benchmark = None
    assert np.isnan(rolling_beta(record, 20)).all()


def test_flat_window_is_undefined_and_short_window_refused(new_record):
    assert np.isnan(rolling_sharpe(new_record([100.0] * 10), 5)).all()
    with pytest.raises(ConfigError, match="at least 2 days"):
        rolling_sharpe(new_record([100.0] * 10), 1)
