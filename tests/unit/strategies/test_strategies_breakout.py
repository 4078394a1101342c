from __future__ import annotations

import pytest
import strategy_twins as twins
from strategy_runs import deeds, moves, real_daily_bars, run, wandering_bars

from tidemill.strategies.breakout import Breakout

RISE = [100, 101, 100, 102.5, 102.5]  # highest close before: 101, one percent above it: 102.01
BUSY = [100, 100, 100, 150, 100]


def test_the_window_ends_before_the_current_bar_so_a_new_high_can_break_out():
    assert moves(Breakout, RISE, volumes=BUSY, lookback_window=3) == [(3, 1)]


def test_a_close_must_lie_above_the_threshold():
    assert moves(Breakout, [100, 101, 100, 102.01, 102.01], volumes=BUSY, lookback_window=3) == []


def test_too_little_volume_confirms_nothing():
    assert moves(Breakout, RISE, volumes=[100, 100, 100, 149, 100], lookback_window=3) == []


def test_missing_volume_counts_as_one():
    nothing = [0, 0, 0, 0, 0]
    assert moves(Breakout, RISE, volumes=nothing, lookback_window=3) == []
    assert moves(Breakout, RISE, volumes=nothing, lookback_window=3, min_volume_ratio=1.0) == [(3, 1)]
    # one missing bar among busy ones is quiet, and it makes the mean before the next bar smaller
    assert moves(Breakout, RISE, volumes=[100, 100, 100, 0, 0], lookback_window=3, min_volume_ratio=1.0) == []
    assert moves(Breakout, RISE, volumes=[3, 0, 2, 3, 3], lookback_window=3) == [(3, 1)]


FALL = [*RISE, 102, 98, 98]
FALL_BUSY = [*BUSY, 100, 300, 100]


def test_it_sells_below_the_lowest_close_before():
    assert moves(Breakout, FALL, volumes=FALL_BUSY, lookback_window=3) == [(3, 1), (6, -1)]


def test_confirmation_period_is_a_holding_time():
    # bought at the open of bar 4, so bar 6 is the third bar of the position
    held = {"lookback_window": 3, "volumes": FALL_BUSY}
    assert moves(Breakout, FALL, confirmation_period=3, **held) == [(3, 1), (6, -1)]
    assert moves(Breakout, FALL, confirmation_period=4, **held) == [(3, 1)]


def test_trap_40_a_break_downward_without_a_position_is_no_sale():
    assert moves(Breakout, [100, 100, 100, 90, 80], volumes=[1, 1, 1, 9, 99], lookback_window=3) == []


@pytest.mark.parametrize("seed", [10, 11])
def test_it_equals_its_plain_twin_on_random_paths(seed):
    bars = wandering_bars(500, seed)
    params = {"lookback_window": 6, "breakout_threshold": 0.005, "min_volume_ratio": 1.2, "confirmation_period": 3}
    done = deeds(run(Breakout, bars, **params), bars)
    assert done == twins.breakout(bars, 6, 0.005, 1.2, 3)
    assert len(done) > 8


def test_it_equals_its_plain_twin_on_real_bars(shared_data):
    bars = real_daily_bars(shared_data, "IBM", 5000)
    done = deeds(run(Breakout, bars), bars)
    assert done == twins.breakout(bars, 20, 0.01, 1.5, 2)
    assert len(done) > 10
