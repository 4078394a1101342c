"""No strategy sees the future; one that tries is caught by the look-ahead check of its own backtest."""

from __future__ import annotations

import numpy as np
import pytest

from parity.cases import walk
from tidemill import RunSettings, Sizing, Strategy, StrategySettings, backtest, buy, sell
from tidemill.authoring.registry import installed_strategies

RUN = RunSettings(settings=StrategySettings(sizing=Sizing.FIXED, size_value=10, allow_short=True))


class Cheat(Strategy):
    """Compute on the whole history that the run was given: tomorrow's close is there."""

    compiled = False

    def prepare(me, bars):
        me.tomorrow = np.append(bars.close[1:], bars.close[-1])
        me.row = -1

    def step(me, bar, order):
        me.row += 1
        if me.tomorrow[me.row] > bar.close * 1.002 and order.held == 0.0:
            buy(order)
        elif me.tomorrow[me.row] < bar.close and order.held > 0.0:
            sell(order)


class Peeker(Strategy):
    """Standardise with the mean of all prices: the classic leak of a training set."""

    compiled = False

    def prepare(me, bars):
        me.mean = float(np.mean(bars.close))

    def step(me, bar, order):
        if bar.close < me.mean and order.held == 0.0:
            buy(order)
        elif bar.close > me.mean and order.held > 0.0:
            sell(order)


class Honest(Strategy):
    """Use the history only up to the bar in hand."""

    compiled = False

    def prepare(me, bars):
        me.past = np.concatenate([[np.nan], bars.close[:-1]])
        me.row = -1

    def step(me, bar, order):
        me.row += 1
        if bar.close > me.past[me.row] * 1.004 and order.held == 0.0:
            buy(order)
        elif bar.close < me.past[me.row] and order.held > 0.0:
            sell(order)


@pytest.mark.parametrize("cheater", [Cheat, Peeker])
def test_a_cheating_strategy_is_caught(cheater: type[Strategy]) -> None:
    result = backtest(cheater, walk(3, "SYM", 2_000), symbol="SYM", run=RUN)
    assert len(result.record.fills) > 20
    assert result.record.prefix_invariant is False
    assert any("LOOK-AHEAD FOUND" in sentence for sentence in result.record.assumptions)


def test_an_honest_use_of_history_passes() -> None:
    result = backtest(Honest, walk(3, "SYM", 2_000), symbol="SYM", run=RUN)
    assert len(result.record.fills) > 20
    assert result.record.prefix_invariant is True


@pytest.mark.parametrize("name", sorted(installed_strategies()))
def test_every_shipped_strategy_is_prefix_invariant(name: str) -> None:
    for seed in range(3):
        result = backtest(name, walk(seed, "SYM", 3_000), symbol="SYM", run=RUN)
        assert result.record.prefix_invariant is True
