"""Results split by property, and distributions."""

from __future__ import annotations

import numpy as np
import pytest

from tidemill.model.bars import DAY_NS, HOUR_NS
from tidemill.model.enums import Reason
from tidemill.model.errors import UnknownName
from tidemill.research.metrics import by_group, return_histogram, summarise, trade_histogram
from tidemill.research.metrics.groups import GROUP_KEYS, histogram


@pytest.fixture
def run(new_record, new_trips):
    """Return a week with four trips on two symbols."""
    trips = new_trips([10.0, -4.0, 6.0, -2.0], fees=1_000_000)
    trips["instrument"] = [0, 1, 0, 0]
    trips["exit_reason"] = [Reason.TAKE_PROFIT, Reason.STOP_LOSS, Reason.TAKE_PROFIT, Reason.SESSION_END]
    trips["risk"] = [5_000_000, 4_000_000, 0, 0]
    trips["entry_ts_ns"][3] += DAY_NS
    return new_record([100.0, 101.0, 102.0, 103.0, 110.0], trips=trips)


def test_by_symbol(run):
    spy, qqq = by_group(run, "symbol")
    assert spy == {
        "group": "SPY",
        "trades": 3,
        "wins": 2,
        "win_rate": pytest.approx(2 / 3),
        "net_profit": 14.0,
        "fees": 3.0,
        "expectancy": pytest.approx(14 / 3),
        "expectancy_r": 2.0,
        "profit_factor": 8.0,
    }
    assert qqq["group"] == "QQQ" and qqq["profit_factor"] == 0.0


def test_hours_are_those_of_the_runs_zone_with_summer_time(run):
    assert [row["group"] for row in by_group(run, "hour")] == ["10:00", "11:00", "12:00", "13:00"]
    run.trips["entry_ts_ns"] += 182 * DAY_NS  # July: New York is one hour nearer to UTC
    assert [row["group"] for row in by_group(run, "hour")] == ["11:00", "12:00", "13:00", "14:00"]


def test_weekday_is_that_of_the_trading_day(run):
    expected = [("Monday", 3), ("Tuesday", 1)]
    assert [(row["group"], row["trades"]) for row in by_group(run, "weekday")] == expected
    run.trips["entry_ts_ns"] -= 18 * HOUR_NS  # the evening before belongs to the next session
    assert [(row["group"], row["trades"]) for row in by_group(run, "weekday")] == expected


def test_by_reason_tag_side_and_strategy(run):
    assert [row["group"] for row in by_group(run, "exit_reason")] == ["STOP_LOSS", "TAKE_PROFIT", "SESSION_END"]
    assert [row["group"] for row in by_group(run, "entry_tag")] == ["SIGNAL"]
    assert [row["group"] for row in by_group(run, "side")] == ["long"]
    assert [row["group"] for row in by_group(run, "strategy")] == ["demo"]


@pytest.mark.parametrize("key", sorted(GROUP_KEYS))
def test_groups_add_up_to_the_whole(run, key):
    rows, metrics = by_group(run, key), summarise(run)
    assert sum(row["trades"] for row in rows) == metrics["total_trades"]
    assert sum(row["net_profit"] for row in rows) == pytest.approx(metrics["expectancy"] * 4)


def test_unknown_grouping_is_named(run):
    with pytest.raises(UnknownName, match="weekday"):
        by_group(run, "weekdays")


def test_no_trips_no_groups(new_record):
    assert by_group(new_record([100.0]), "hour") == []


def test_histograms_count_everything(run):
    returns = return_histogram(run)
    assert sum(returns["counts"]) == 5 and len(returns["edges"]) == len(returns["counts"]) + 1
    assert trade_histogram(run, bins=2) == {"edges": [-4.0, 3.0, 10.0], "counts": [2, 2]}
    assert sum(trade_histogram(run, "r")["counts"]) == 2
    assert histogram(np.zeros(0)) == {"edges": [], "counts": []}
    assert sum(histogram(np.full(9, 2.0))["counts"]) == 9
    with pytest.raises(UnknownName):
        trade_histogram(run, "pips")
