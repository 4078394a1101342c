from __future__ import annotations

import pytest
import strategy_twins as twins
from strategy_runs import deeds, moves, real_daily_bars, run, wandering_bars

from tidemill.strategies.bollinger_bands import BollingerBands


def test_it_buys_at_the_lower_band_and_sells_at_the_upper_one():
    # lower band 9 - 1.414, upper band 9.667 + 2.055
    assert moves(BollingerBands, [10, 10, 10, 7, 12, 12], window=3, multiplier=1.0) == [(3, 1), (4, -1)]


def test_touching_the_band_is_enough():
    # over two closes one standard deviation is half their distance, so the lower one lies exactly on the band
    assert moves(BollingerBands, [10, 8, 8], window=2, multiplier=1.0) == [(1, 1)]


def test_bands_without_width_say_nothing():
    assert moves(BollingerBands, [10.1] * 30, window=5) == []
    assert moves(BollingerBands, [30.0, *[10.1] * 30], window=5, ma_type="ema") == []


def test_trap_40_the_upper_band_without_a_position_is_no_sale():
    assert moves(BollingerBands, [10, 10, 10, 13, 15, 15], window=3, multiplier=1.0) == []


@pytest.mark.parametrize("ma_type", [0, 1])
@pytest.mark.parametrize("seed", [8, 9])
def test_it_equals_its_plain_twin_on_random_paths(seed, ma_type):
    bars = wandering_bars(300, seed)
    done = deeds(run(BollingerBands, bars, window=10, multiplier=1.5, ma_type=ma_type), bars)
    assert done == twins.bollinger_bands(bars, 10, 1.5, ma_type)
    assert len(done) > 8


def test_it_equals_its_plain_twin_on_real_bars(shared_data):
    bars = real_daily_bars(shared_data, "IBM", 1500)
    done = deeds(run(BollingerBands, bars), bars)
    assert done == twins.bollinger_bands(bars, 20, 2.0, 0)
    assert len(done) > 20
