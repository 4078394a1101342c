"""The synthetic market behaves like a real one, and holds no edge.

Every range stands in ``facts.py``; here it must hold on fixed seeds, and on nearly all of many in a campaign
(``pytest -m campaign``).
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from tidemill.model.bars import BarTable
from tidemill.research.synthetic.facts import Fact, facts, total_returns
from tidemill.research.synthetic.market import synthesise, synthesise_daily

COST = 1e-4
"""Proportional cost of one side of a trade."""

Positions = NDArray[np.float64]


def _measured(seed: int) -> list[Fact]:
    return facts(synthesise(seed=seed, with_ticks=True)) + facts(synthesise_daily(seed=seed))


@pytest.mark.parametrize("seed", [1, 7, 11])
def test_every_fact_lies_in_its_range(seed: int) -> None:
    measured = _measured(seed)
    assert len({fact.name for fact in measured}) == 22
    outside = [f"{fact.symbol} {fact.name}: {fact.value:.3f}" for fact in measured if not fact.holds]
    assert outside == []


@pytest.mark.campaign
def test_nearly_every_fact_holds_on_many_seeds(request: pytest.FixtureRequest) -> None:
    if "campaign" not in request.config.getoption("markexpr"):
        pytest.skip("a campaign over 100 seeds; run it with -m campaign")
    total, failed = Counter[str](), Counter[str]()
    for seed in range(1000, 1100):
        for fact in _measured(seed):
            total[fact.name] += 1
            failed[fact.name] += not fact.holds
    assert {name: count for name, count in failed.items() if count > 0.1 * total[name]} == {}
    assert failed.total() <= 0.01 * total.total()


def _average(values: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    sums = np.cumsum(np.insert(values, 0, 0.0))
    return np.concatenate([np.full(length - 1, np.nan), (sums[length:] - sums[:-length]) / length])


def _sma_cross(close: NDArray[np.float64]) -> Positions:
    return np.where(_average(close, 5) > _average(close, 20), 1.0, -1.0)


def _mean_reversion(close: NDArray[np.float64]) -> Positions:
    return np.sign(_average(close, 10) - close)


def _last_bar_reversal(close: NDArray[np.float64]) -> Positions:
    return -np.sign(np.diff(close, prepend=close[0]))


def _result(bars: BarTable, positions: Positions) -> tuple[float, float]:
    """Return gross result and cost: decided on a close, filled at the next open, flat at both ends."""
    held = positions.copy()
    held[:25] = 0.0
    held[-2:] = 0.0
    gross = float((held[:-2] * (bars.open[2:] / bars.open[1:-1] - 1.0)).sum())
    return gross, float(np.abs(np.diff(held, prepend=0.0)).sum() * COST)


def test_no_simple_rule_has_an_edge() -> None:
    rules = (_sma_cross, _mean_reversion, _last_bar_reversal)
    net, costs = np.zeros((3, 100)), np.zeros((3, 100))
    for seed in range(100):
        market = synthesise(seed=seed, sessions=5)
        # Five sessions hold no split, dividend or roll, so raw prices are what a holder earns.
        assert len(market.actions) == len(market.rolls) == 0
        for number, rule in enumerate(rules):
            for bars in market.bars:
                gross, cost = _result(bars, rule(bars.close))
                net[number, seed] += gross - cost
                costs[number, seed] += cost
    error = net.std(axis=1, ddof=1) / 10.0
    assert np.all(np.abs(net.mean(axis=1) + costs.mean(axis=1)) < 2.0 * error)
    assert np.all(net.mean(axis=1) < 0.0)


def test_holding_earns_nothing_without_drift() -> None:
    gains = []
    for seed in range(80):
        years = synthesise_daily(seed=seed, symbols=("SIMA", "SIMQ"), sessions=252)
        gains += [[np.expm1(total_returns(years, daily)[0]).sum() for daily in years.daily]]
    means, errors = np.mean(gains, axis=0), np.std(gains, axis=0, ddof=1) / np.sqrt(80.0)
    assert np.all(np.abs(means) < 2.0 * errors)
