from __future__ import annotations

import pytest
import strategy_twins as twins
from strategy_runs import deeds, moves, real_daily_bars, run, wandering_bars

from tidemill.strategies.mean_reversion import MeanReversion


def test_it_buys_far_below_the_average_and_sells_far_above_it():
    assert moves(MeanReversion, [100, 100, 100, 85, 110, 110], window=3) == [(3, 1), (4, -1)]


def test_the_average_includes_the_current_close_and_the_threshold_itself_counts():
    # 95 lies exactly 5 % below the mean of 105 and 95; without the current close it would be 9.5 %
    assert moves(MeanReversion, [105, 95, 95.0], window=2) == [(1, 1)]
    assert moves(MeanReversion, [105, 95, 105, 105], window=2) == [(1, 1), (2, -1)]
    assert moves(MeanReversion, [105, 95.01, 95.01], window=2) == []


def test_it_does_nothing_before_the_window_is_full():
    assert moves(MeanReversion, [100, 50, 25, 12], window=5) == []


def test_trap_40_a_sell_signal_without_a_position_is_no_sale():
    assert moves(MeanReversion, [100, 100, 100, 130, 160, 160], window=3) == []


def test_it_does_not_buy_again_while_long():
    assert moves(MeanReversion, [100, 100, 100, 85, 70, 55, 40], window=3) == [(3, 1)]


def test_trap_34_after_a_sale_it_buys_again():
    closes = [100, 100, 100, 85, 110, 110, 110, 90, 90]
    assert moves(MeanReversion, closes, window=3) == [(3, 1), (4, -1), (7, 1)]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_equals_its_plain_twin_on_random_paths(seed):
    bars = wandering_bars(400, seed)
    done = deeds(run(MeanReversion, bars, window=12, threshold=0.03), bars)
    assert done == twins.mean_reversion(bars, 12, 0.03)
    assert len(done) > 4


def test_it_equals_its_plain_twin_on_real_bars(shared_data):
    bars = real_daily_bars(shared_data, "IBM", 2500)
    done = deeds(run(MeanReversion, bars), bars)
    assert done == twins.mean_reversion(bars, 20, 0.05)
    assert len(done) > 20
