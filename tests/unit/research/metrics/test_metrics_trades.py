"""What round trips say, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tidemill.model.enums import Reason, Side
from tidemill.research.metrics import summarise
from tidemill.research.metrics.trades import kelly_fraction, longest_streak, system_quality


def figures(new_record, trips):
    """Return the metrics of a flat run with these trips."""
    return summarise(new_record([100.0, 101.0], trips=trips))


def test_counts_and_edge(new_record, new_trips):
    metrics = figures(new_record, new_trips([30.0, -10.0, 0.0, 10.0, -5.0]))
    assert (metrics["total_trades"], metrics["wins"], metrics["losses"], metrics["breakeven"]) == (5, 2, 2, 1)
    assert metrics["win_rate"] == pytest.approx(0.4)
    assert metrics["payoff"] == pytest.approx(20.0 / 7.5)
    assert metrics["profit_factor"] == pytest.approx(40 / 15)
    assert metrics["expectancy"] == pytest.approx(5.0)
    assert (metrics["largest_win"], metrics["largest_loss"]) == (30.0, -10.0)
    assert (metrics["average_win"], metrics["average_loss"]) == (20.0, -7.5)


def test_profit_factor_is_money_after_costs_and_never_infinite(new_record, new_trips):
    metrics = figures(new_record, new_trips([5.0] * 12))
    assert metrics["profit_factor"] is None
    assert metrics["notes"]["profit_factor"] == "no losses (n=12)"
    assert metrics["notes"]["payoff"] == "no losses (n=12)"
    assert figures(new_record, new_trips([-5.0, -3.0]))["profit_factor"] == 0.0


def test_without_trades_every_trade_figure_says_so(new_record, new_trips):
    metrics = figures(new_record, new_trips([]))
    assert metrics["total_trades"] == 0
    for key in ("win_rate", "expectancy", "profit_factor", "kelly", "sqn", "mae_average_pct"):
        assert metrics[key] is None and metrics["notes"][key] == "no trades"


def test_open_trade_is_counted_and_flagged(new_record, new_trips):
    trips = new_trips([10.0, -4.0])
    trips["exit_reason"][1] = Reason.END_OF_DATA
    metrics = figures(new_record, trips)
    assert (metrics["total_trades"], metrics["open_trades"], metrics["losses"]) == (2, 1, 1)


def test_r_multiples_use_only_trades_with_a_stop(new_record, new_trips):
    trips = new_trips([10.0, -5.0, 20.0])
    trips["risk"] = [5_000_000, 5_000_000, 0]
    metrics = figures(new_record, trips)
    assert metrics["expectancy_r"] == pytest.approx(0.5)
    assert metrics["sqn"] == pytest.approx(math.sqrt(2) * 0.5 / np.std([2.0, -1.0], ddof=1))
    assert metrics["notes"]["expectancy_r"] == "2 of 3 trades had an initial stop"


def test_sqn_counts_at_most_100_trades():
    multiples = np.tile([2.0, -1.0], 200)
    per_trade = 0.5 / np.std(multiples, ddof=1)
    assert system_quality(multiples) == pytest.approx(10.0 * per_trade)
    assert system_quality(multiples[:64]) == pytest.approx(8.0 * 0.5 / np.std(multiples[:64], ddof=1))


def test_kelly_of_an_even_coin_and_of_a_good_one(new_record, new_trips):
    assert kelly_fraction(0.5, 1.0) == 0.0
    assert kelly_fraction(0.6, 1.0) == pytest.approx(0.2)
    metrics = figures(new_record, new_trips([10.0, 10.0, 10.0, -10.0, -10.0]))
    assert (metrics["kelly"], metrics["half_kelly"]) == (pytest.approx(0.2), pytest.approx(0.1))
    assert metrics["notes"]["half_kelly"].startswith("needs n >= 100 (n=5)")


def test_streaks_follow_the_exits_and_break_at_zero(new_record, new_trips):
    trips = new_trips([1.0, 1.0, 0.0, 1.0, -1.0, -1.0, -1.0])
    metrics = figures(new_record, trips[::-1].copy())
    assert (metrics["longest_win_streak"], metrics["longest_loss_streak"]) == (2, 3)
    assert longest_streak(np.zeros(0, dtype=bool)) == 0


def test_excursions_in_percent_of_the_entry(new_record, new_trips):
    trips = new_trips([2.0, -3.0, 4.0])
    trips["mae"], trips["mfe"] = [1.0, 3.0, 0.0], [3.0, 0.0, 4.0]
    metrics = figures(new_record, trips)
    assert metrics["mae_average_pct"] == pytest.approx(4 / 3)
    assert metrics["mae_median_pct"] == pytest.approx(1.0)
    assert metrics["mfe_average_pct"] == pytest.approx(7 / 3)
    assert metrics["mfe_median_pct"] == pytest.approx(3.0)
    assert metrics["efficiency"] == pytest.approx((0.5 - 1.0 + 1.0) / 3)
    assert metrics["average_holding_seconds"] == 1800.0
    assert metrics["average_holding_bars"] == 30.0


def test_a_short_sold_at_the_top_is_fully_efficient(new_record, new_trips):
    trips = new_trips([5.0], side=Side.SELL, exit_price=95.0, mfe=5.0)
    assert figures(new_record, trips)["efficiency"] == pytest.approx(1.0)


def test_long_and_short_split(new_record, new_trips):
    trips = new_trips([10.0, -4.0, 3.0])
    trips["side"] = [Side.BUY, Side.BUY, Side.SELL]
    metrics = figures(new_record, trips)
    assert (metrics["long_trades"], metrics["long_net_profit"], metrics["long_win_rate"]) == (2, 6.0, 0.5)
    assert (metrics["short_trades"], metrics["short_net_profit"], metrics["short_win_rate"]) == (1, 3.0, 1.0)
    only_long = figures(new_record, trips[:2])
    assert only_long["short_win_rate"] is None and only_long["notes"]["short_win_rate"] == "no short trades"
