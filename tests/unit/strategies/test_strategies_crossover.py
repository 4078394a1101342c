from __future__ import annotations

import pytest
import strategy_twins as twins
from strategy_runs import deeds, moves, real_daily_bars, run, wandering_bars

from tidemill.model.errors import ConfigError
from tidemill.strategies.moving_average_crossover import MovingAverageCrossover

SMALL = {"fast_window": 2, "slow_window": 3}


def test_it_buys_on_the_crossing_upward_and_sells_on_the_mirror():
    assert moves(MovingAverageCrossover, [10, 9, 8, 7, 8, 9, 8, 7, 7], **SMALL) == [(5, 1), (7, -1)]


def test_leaving_a_tie_upward_is_a_crossing():
    assert moves(MovingAverageCrossover, [8, 8, 8, 9, 9], **SMALL) == [(3, 1)]


def test_it_needs_one_bar_more_than_the_slow_window():
    assert moves(MovingAverageCrossover, [1, 2, 3, 4, 5, 6, 7], **SMALL) == []


def test_trap_40_a_crossing_downward_without_a_position_is_no_sale():
    assert moves(MovingAverageCrossover, [5, 6, 7, 6, 5, 4, 3], **SMALL) == []


def test_a_fast_window_that_is_not_shorter_is_refused():
    with pytest.raises(ConfigError, match="fast_window"):
        run(MovingAverageCrossover, [1, 2, 3], fast_window=30, slow_window=30)


@pytest.mark.parametrize("ma_type", ["sma", "ema"])
@pytest.mark.parametrize("seed", [4, 5])
def test_it_equals_its_plain_twin_on_random_paths(seed, ma_type):
    bars = wandering_bars(400, seed)
    done = deeds(run(MovingAverageCrossover, bars, fast_window=5, slow_window=17, ma_type=ma_type), bars)
    assert done == twins.moving_average_crossover(bars, 5, 17, ma_type)
    assert len(done) > 8


@pytest.mark.parametrize("ma_type", ["sma", "ema"])
def test_it_equals_its_plain_twin_on_real_bars(shared_data, ma_type):
    bars = real_daily_bars(shared_data, "IBM", 2500)
    done = deeds(run(MovingAverageCrossover, bars, ma_type=ma_type), bars)
    assert done == twins.moving_average_crossover(bars, 10, 30, ma_type)
    assert len(done) > 40


def test_the_exponential_average_runs_on_from_the_first_bar():
    # an average made anew over the last three closes would forget the first one and see no crossing on bar 6
    closes = [50, 10, 10, 10, 9, 9, 16, 16]
    running = twins.moving_average_crossover(_bars(closes), 2, 3, "ema")
    assert moves(MovingAverageCrossover, closes, ma_type="ema", **SMALL) == [(bar, side) for bar, side, _ in running]


def _bars(closes):
    from tidemill.testing.samples import path_bars

    return path_bars([float(close) for close in closes])
