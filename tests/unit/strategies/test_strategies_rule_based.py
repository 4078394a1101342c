from __future__ import annotations

import math

import numpy as np
import pytest
import strategy_twins as twins
from strategy_runs import deeds, entries, real_daily_bars, run, wandering_bars

from tidemill.model.errors import ConfigError
from tidemill.model.settings import RunSettings, StrategySettings
from tidemill.strategies.rule_based import RuleBased

SMALL = {
    "fast_window": 4,
    "slow_window": 6,
    "rsi_window": 3,
    "macd_fast_window": 2,
    "macd_slow_window": 5,
    "macd_signal_window": 3,
}


def small_twin(bars):
    return twins.rule_based(bars, 4, 6, 3, (2, 5, 3))


@pytest.mark.parametrize("seed", [12, 13, 14])
def test_it_equals_its_plain_twin_on_random_paths(seed):
    bars = wandering_bars(900, seed)
    done = deeds(run(RuleBased, bars, **SMALL), bars)
    expected, _, _ = small_twin(bars)
    assert done == expected
    assert {side for _, side, _ in done} == {1, -1}


def test_it_equals_its_plain_twin_on_real_bars(shared_data):
    bars = real_daily_bars(shared_data, "IBM", 2500)
    done = deeds(run(RuleBased, bars), bars)
    expected, _, _ = twins.rule_based(bars)
    assert done == expected
    assert done


def test_sell_signals_are_nearly_impossible(shared_data):
    bars = real_daily_bars(shared_data, "IBM", 5000)
    expected, sells, _ = twins.rule_based(bars)
    assert len(sells) < 15
    assert expected


def test_macd_must_cross_on_this_very_bar():
    bars = wandering_bars(900, 12)
    rising = [bar for bar, side, _ in deeds(run(RuleBased, bars, **SMALL), bars) if side > 0]
    from naive import indicators as naive

    lines = naive.macd(bars.close, 2, 5, 3)
    for bar in rising:
        assert lines["line"][bar - 1] <= lines["signal"][bar - 1]
        assert lines["line"][bar] > lines["signal"][bar]


def test_an_entry_is_sized_by_equity_share_and_strength():
    bars = wandering_bars(900, 12)
    engine = run(RuleBased, bars, position_size=0.5, **SMALL)
    first = entries(engine)[0]
    bar = int(np.searchsorted(bars.ts, first["ts_ns"])) - 1
    _, _, strength = small_twin(bars)
    share = 0.5 * min((strength[bar] - 30.0) / 40.0, 1.0)
    assert first["quantity"] == math.floor(100_000.0 * share / bars.close[bar])


def test_the_settings_can_decide_about_the_size_instead():
    bars = wandering_bars(900, 12)
    first = entries(run(RuleBased, bars, sizing="settings", **SMALL))[0]
    bar = int(np.searchsorted(bars.ts, first["ts_ns"])) - 1
    assert first["quantity"] == math.floor(100_000.0 * 0.1 / bars.close[bar])


def test_trap_40_long_only_never_goes_short_and_both_reverses():
    bars = wandering_bars(900, 12)
    alone = run(RuleBased, bars, **SMALL).tape.rows("fills")
    assert alone["position_after"].min() == 0.0
    both = run(RuleBased, bars, direction="both", **SMALL)
    after = both.tape.rows("fills")["position_after"]
    assert after.min() < 0.0 < after.max()
    _, sells, _ = small_twin(bars)
    shorts = entries(both)
    shorts = shorts[shorts["side"] < 0]
    assert {int(np.searchsorted(bars.ts, ts)) - 1 for ts in shorts["ts_ns"]} <= set(sells)
    assert "REVERSE" in {reason for _, _, reason in deeds(both, bars)}


def test_short_selling_that_the_settings_forbid_is_refused_and_recorded():
    bars = wandering_bars(900, 12)
    engine = run(RuleBased, bars, direction="both", settings=RunSettings(), **SMALL)
    assert engine.tape.rows("fills")["position_after"].min() >= 0.0
    assert len(engine.tape.rows("refusals")) > 0


def test_the_documented_stop_and_target_are_settings():
    bars = wandering_bars(900, 12)
    settings = RunSettings(settings=StrategySettings(stop_loss_pct=2.0, take_profit_pct=4.0, max_trades_per_day=10))
    reasons = {reason for _, _, reason in deeds(run(RuleBased, bars, settings=settings, **SMALL), bars)}
    assert {"STOP_LOSS", "TAKE_PROFIT"} <= reasons


@pytest.mark.parametrize(("name", "value"), [("fast_window", 50), ("macd_fast_window", 26), ("rsi_low", 50.0)])
def test_pairs_the_wrong_way_round_are_refused(name, value):
    other = {"rsi_high": 50.0} if name == "rsi_low" else {}
    with pytest.raises(ConfigError, match=name):
        run(RuleBased, [1.0, 2.0], **{name: value}, **other)
