"""The split of a gap, on orders made by hand: each cause is what its definition says, to the millionth."""

from __future__ import annotations

import numpy as np
import pytest

from tidemill.model.enums import EventKind
from tidemill.model.instrument import Instrument
from tidemill.model.records import EVENT
from tidemill.research.flight.fills import compare_fills
from tidemill.research.flight.gap import Gap, Results, split_gap
from tidemill.research.flight.reference import MarketPrices
from tidemill.research.flight.sent import SentOrder

ITEMS = [Instrument("AAA"), Instrument("BBB", multiplier=2.0)]


def market() -> MarketPrices:
    """AAA opens at 100, 101, 102 and closes a tenth higher; BBB is quoted 49/51, then 50/52."""
    rows = np.zeros(6, EVENT)
    rows["kind"][:3], rows["interval_ns"][:3] = EventKind.BAR, 10
    rows["ts_ns"][:3], rows["now_ns"][:3] = [0, 10, 20], [10, 20, 30]
    rows["open"][:3], rows["close"][:3] = [100.0, 101.0, 102.0], [100.1, 101.1, 102.1]
    rows["instrument"][3:] = 1
    rows["kind"][3:], rows["now_ns"][3:] = [EventKind.QUOTE, EventKind.QUOTE, EventKind.BAR], [5, 15, 20]
    rows["ts_ns"][3:], rows["bid"][3:], rows["ask"][3:] = [5, 15, 10], [49.0, 50.0, 0.0], [51.0, 52.0, 0.0]
    return MarketPrices(rows)


def order(
    number: int, instrument: int = 0, *, side: int = 1, at: int = 10, units: float = 10.0, **made: float
) -> SentOrder:
    price, when = made.get("price", 101.0), int(made.get("when", 10))
    filled = made.get("filled", units)
    fees = int(made.get("fees", 0))
    return SentOrder(
        number, 0, instrument, side, 1, 1, 0, at, units, 10, filled, filled * price, fees, when, when, int(filled > 0)
    )


def gap_of(real: list[SentOrder], simulated: list[SentOrder], run: int = 0) -> Gap:
    results = Results(1_000, 1_010, 1_015, 1_100, 1_100 + run)
    gap = split_gap(results, real, simulated, market(), ITEMS, {})
    assert sum(gap.parts.values()) == gap.gap_micros == 100 + run
    assert (gap.parts["data"], gap.parts["operator"], gap.parts["guard"]) == (10, 5, 85)
    return gap


def test_the_market_price_of_a_moment() -> None:
    prices = market()
    assert [prices.at(0, at) for at in (-5, 0, 9, 10, 25, 30, 99)] == [100.0, 100.0, 100.0, 101.0, 102.0, 102.1, 102.1]
    assert [prices.at(1, at) for at in (5, 14, 15)] == [50.0, 50.0, 51.0]
    assert np.isnan(prices.at(7, 0))


def test_equal_orders_leave_only_the_steps() -> None:
    gap = gap_of([order(1)], [order(4)])
    assert {gap.parts[name] for name in ("fees", "spread", "partial fills", "timing")} == {0}


def test_a_worse_price_at_the_same_moment_is_spread() -> None:
    gap = gap_of([order(1, price=101.05)], [order(1)], run=-500_000)
    assert gap.parts["spread"] == -500_000
    assert gap.parts["timing"] == 0


def test_a_later_fill_at_the_markets_price_is_timing() -> None:
    gap = gap_of([order(1, price=102.0, when=20)], [order(1)], run=-10_000_000)
    assert gap.parts["spread"] == 0
    assert gap.parts["timing"] == -10_000_000


def test_a_seller_gains_where_a_buyer_loses_and_contracts_count() -> None:
    gap = gap_of([order(1, 1, side=-1, price=50.5, when=5)], [order(1, 1, side=-1, price=50.0, when=5)], run=10_000_000)
    assert gap.parts["spread"] == 10_000_000


def test_fees_are_counted_on_every_order() -> None:
    gap = gap_of([order(1, fees=700), order(2, at=20, fees=300)], [order(1, fees=400)], run=-600)
    assert gap.parts["fees"] == -600


def test_units_that_did_not_fill_are_partial_fills() -> None:
    gap = gap_of([order(1, filled=4.0)], [order(1)], run=-6_600_000)
    assert gap.parts["partial fills"] == pytest.approx(-6 * (102.1 - 101.0) * 1e6)
    assert gap.parts["timing"] == 0


def test_what_follows_belongs_to_the_first_difference() -> None:
    missing = [order(1, filled=0.0)]
    gap = gap_of(missing, [order(1), order(2, side=-1, at=20, price=102.0, when=20)], run=-10_000_000)
    assert gap.parts["partial fills"] == -10_000_000
    alone = gap_of([], [order(2, side=-1, at=20, price=102.0, when=20)], run=1_000_000)
    assert alone.parts["timing"] == 1_000_000


def test_fill_parity_in_figures() -> None:
    real = [order(1, price=101.05), order(2, at=20, filled=0.0), order(3, at=30, side=-1)]
    other = [order(1), order(2, at=20), order(4, at=40)]
    found = compare_fills(real, other)
    assert (found.orders, found.same, found.only_real, found.only_simulated) == (4, 0, 1, 2)
    assert found.worse_bps == pytest.approx(0.05 / 101.0 * 1e4)
    assert found.missing_units_pct == 50.0
    assert compare_fills([], []).percent == 100.0
