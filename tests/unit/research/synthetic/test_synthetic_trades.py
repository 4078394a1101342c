"""Arrivals, quotes and sizes."""

from __future__ import annotations

import numpy as np
import pytest

from tidemill.model.bars import MINUTE_NS
from tidemill.research.synthetic.sessions import Clock
from tidemill.research.synthetic.trades import Arrivals, clustered_arrivals, quote_around, trade_sizes


@pytest.fixture(scope="module")
def arrivals() -> Arrivals:
    clock = Clock(np.arange(5) * 10**14, 1, 6)
    rate = np.zeros((5, clock.bins))
    rate[:, 930:1320] = 20.0
    hours = np.full(5, 930 * MINUTE_NS), np.full(5, 1320 * MINUTE_NS)
    return clustered_arrivals(np.random.default_rng(4), clock, rate, *hours)


def test_rate_is_met_and_every_day_has_two_auctions(arrivals: Arrivals) -> None:
    assert len(arrivals.clock_ns) / (5 * 390) == pytest.approx(20.0, rel=0.05)
    assert np.flatnonzero(arrivals.side == 0).tolist() == sorted([*arrivals.first, *arrivals.last])
    assert np.all(np.diff(arrivals.clock_ns) >= 0)


def test_arrivals_cluster(arrivals: Arrivals) -> None:
    counts = np.bincount(arrivals.clock_ns // (10 * 10**9))
    counts = counts[counts > 0]
    assert counts.var() / counts.mean() > 1.5


def test_sides_persist_inside_a_minute_but_not_into_the_next(arrivals: Arrivals) -> None:
    side = arrivals.side.astype(float)
    minute = arrivals.clock_ns // MINUTE_NS
    same = np.diff(minute) == 0
    products = side[1:] * side[:-1]
    assert products[same].mean() > 0.1
    across = products[~same]
    assert abs(across.mean()) < 3.0 / np.sqrt(len(across))


@pytest.mark.parametrize("spread", [0.3, 1.9, 2.0, 5.4])
def test_quote_surrounds_the_price_and_its_middle_is_right_on_average(spread: float) -> None:
    price = np.random.default_rng(5).uniform(1000.0, 2000.0, 50_000)
    side = np.where(np.arange(50_000) % 2 == 0, 1, -1).astype(np.int8)
    bid, ask, traded = quote_around(price, np.full(50_000, spread), side)
    assert set((ask - bid).tolist()) == {max(int(spread), 1)}
    assert np.all(bid <= price) and np.all(price <= ask)
    assert np.array_equal(traded, np.where(side > 0, ask, bid))
    assert abs(((bid + ask) / 2.0 - price).mean()) < 0.01


def test_sizes_are_mostly_round_lots_of_stocks_and_whole_contracts() -> None:
    rng = np.random.default_rng(6)
    stocks, contracts = (trade_sizes(rng, np.full(20_000, 1.2), lot) for lot in (100, 1))
    assert 0.9 < (stocks % 100 == 0).mean() < 0.96
    assert stocks.min() >= 1 and contracts.min() >= 1
