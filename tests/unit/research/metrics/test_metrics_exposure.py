"""Exposure, turnover, costs and capacity."""

from __future__ import annotations

import numpy as np
import pytest

from tidemill.model.bars import MINUTE_NS
from tidemill.research.metrics import summarise


def test_exposure_counts_marks_not_days(new_record):
    record = new_record([100.0, 100.0])
    record.days["marks"], record.days["marks_open"] = [390, 210], [60, 0]
    record.days["gross_sum"], record.days["gross_max"] = [120.0, 0.0], [2.5, 0.0]
    record.days["net_sum"] = [-120.0, 0.0]
    record.days["net"] = [-50_000_000, 20_000_000]
    metrics = summarise(record)
    assert metrics["exposure_pct"] == pytest.approx(10.0)
    assert metrics["gross_exposure_average_pct"] == pytest.approx(20.0)
    assert metrics["gross_exposure_max_pct"] == pytest.approx(250.0)
    assert metrics["net_exposure_average_pct"] == pytest.approx(-20.0)
    assert metrics["net_exposure_max_pct"] == pytest.approx(-50.0)
    assert (metrics["leverage_average"], metrics["leverage_max"]) == (2.0, 2.5)


def test_never_invested(new_record):
    metrics = summarise(new_record([100.0]))
    assert metrics["exposure_pct"] == 0.0
    assert metrics["leverage_average"] is None and metrics["notes"]["leverage_average"] == "never in the market"


def test_turnover_is_per_year(new_record):
    record = new_record([100.0] * 126)
    record.days["traded"][10] = 400_000_000
    assert summarise(record)["turnover"] == pytest.approx(8.0)


def test_fees_are_a_share_of_the_profit_before_them(new_record, new_fill):
    fills = np.concatenate((new_fill(1, fee=1.5, slippage=0.25), new_fill(1, fee=0.5, slippage=0.5)))
    metrics = summarise(new_record([108.0], fills=fills))
    assert (metrics["fees"], metrics["slippage"]) == (2.0, 0.75)
    assert metrics["fees_share_of_gross"] == pytest.approx(0.2)
    loser = summarise(new_record([90.0], fills=fills))
    assert loser["fees_share_of_gross"] is None
    assert loser["notes"]["fees_share_of_gross"] == "no profit before fees"


def test_capacity_scales_the_account_to_one_percent_of_volume(new_record, new_fill, new_bars):
    # Ten shares of 10,000 traded is 0.1 %: an account of 100 could be ten times larger.
    record = new_record([100.0], bars=[new_bars([0.0, 10_000.0])], fills=new_fill(10, ts_ns=MINUTE_NS))
    assert summarise(record)["capacity"] == pytest.approx(1000.0)


def test_capacity_needs_volumes(new_record, new_fill, new_bars):
    record = new_record([100.0], bars=[new_bars([0.0, 0.0])], fills=new_fill(10))
    assert summarise(record)["capacity"] is None
