from __future__ import annotations

import pytest
import strategy_twins as twins
from strategy_runs import deeds, real_daily_bars, run, wandering_bars

from tidemill.model.errors import ConfigError
from tidemill.strategies.momentum import Momentum
from tidemill.testing.samples import path_bars


def told(closes, **params: float):
    bars = path_bars(closes)
    return deeds(run(Momentum, bars, **params), bars)


def test_a_rise_that_is_not_overbought_is_a_breakout_and_overbought_ends_it():
    # RSI 60, then 81.8 after one more rise; change over two bars 3.06 %
    done = told([100, 98, 100, 101, 105, 105], rsi_window=3, momentum_window=2)
    assert done == [(3, 1, "MOMENTUM_BREAKOUT"), (4, -1, "RSI_OVERBOUGHT")]


def test_a_fall_ends_a_position_as_exhaustion():
    done = told([100, 98, 100, 101, 95, 95], rsi_window=3, momentum_window=2)
    assert done == [(3, 1, "MOMENTUM_BREAKOUT"), (4, -1, "MOMENTUM_EXHAUSTION")]


def test_an_oversold_market_that_already_rises_is_bought_under_its_own_label():
    done = told([100, 90, 80, 70, 71, 71], rsi_window=3, momentum_window=1)
    assert done == [(4, 1, "RSI_OVERSOLD")]


def test_an_oversold_market_that_still_falls_is_not_bought():
    assert told([100, 90, 80, 70, 60, 50], rsi_window=3, momentum_window=1) == []


def test_a_rise_that_is_overbought_already_is_not_bought():
    assert told([100, 101, 102, 103, 106, 109], rsi_window=3, momentum_window=2) == []


def test_trap_40_overbought_without_a_position_is_no_sale():
    assert told([100, 102, 104, 106, 108, 90, 80], rsi_window=3, momentum_window=2, momentum_threshold=0.5) == []


def test_bounds_that_cross_are_refused():
    with pytest.raises(ConfigError, match="rsi_oversold"):
        run(Momentum, [1, 2, 3], rsi_oversold=70, rsi_overbought=70)


@pytest.mark.parametrize("seed", [6, 7])
def test_it_equals_its_plain_twin_on_random_paths(seed):
    bars = wandering_bars(400, seed)
    done = deeds(run(Momentum, bars, rsi_window=7, momentum_window=5), bars)
    assert done == twins.momentum(bars, 7, 5)
    assert len(done) > 20


def test_it_equals_its_plain_twin_on_real_bars_and_oversold_entries_are_rare(shared_data):
    bars = real_daily_bars(shared_data, "IBM", 2500)
    done = deeds(run(Momentum, bars), bars)
    assert done == twins.momentum(bars)
    reasons = [reason for _, _, reason in done]
    assert reasons.count("RSI_OVERSOLD") < reasons.count("MOMENTUM_BREAKOUT") / 5
    assert {"RSI_OVERBOUGHT", "MOMENTUM_EXHAUSTION"} <= set(reasons)
