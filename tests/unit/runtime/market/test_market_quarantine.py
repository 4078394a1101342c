from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from live_market import FUTURE, OPEN, STOCK, bars
from tidemill.model.bars import MINUTE_NS, SECOND_NS
from tidemill.runtime.market.faults import RULES, BorderSettings, Fault
from tidemill.runtime.market.quarantine import Border

NOW = OPEN + 10 * MINUTE_NS
NAN, INF = math.nan, math.inf


def border(**changes: float) -> Border:
    made = Border([STOCK, FUTURE], replace(BorderSettings(), **changes))
    made.know(0, 100.0)
    made.know(1, 100.0)
    return made


def test_every_fault_has_exactly_one_rule() -> None:
    assert [fault for fault, _ in RULES] == [fault for fault in Fault if fault is not Fault.NONE]


@pytest.mark.parametrize(
    ("instrument", "ts_ns", "price", "size", "fault"),
    [
        (0, NOW, 100.0, 1.0, Fault.NONE),
        (0, NOW, 100.005, 0.0, Fault.NONE),
        (2, NOW, 100.0, 1.0, Fault.UNKNOWN_SYMBOL),
        (-1, NOW, 100.0, 1.0, Fault.UNKNOWN_SYMBOL),
        (0, NOW, NAN, 1.0, Fault.NOT_A_NUMBER),
        (0, NOW, 100.0, NAN, Fault.NOT_A_NUMBER),
        (0, NOW, INF, 1.0, Fault.INFINITE),
        (0, NOW, 100.0, INF, Fault.INFINITE),
        (0, NOW, 0.0, 1.0, Fault.NOT_POSITIVE),
        (0, NOW, -3.0, 1.0, Fault.NOT_POSITIVE),
        (0, NOW, 100.0, -1.0, Fault.NEGATIVE_SIZE),
        (0, NOW + SECOND_NS, 100.0, 1.0, Fault.NONE),
        (0, NOW + SECOND_NS + 1, 100.0, 1.0, Fault.FUTURE_STAMP),
        (0, NOW - 5 * MINUTE_NS, 100.0, 1.0, Fault.NONE),
        (0, NOW - 5 * MINUTE_NS - 1, 100.0, 1.0, Fault.TOO_OLD),
        (1, NOW, 100.25, 1.0, Fault.NONE),
        (1, NOW, 100.30, 1.0, Fault.OFF_GRID),
        (0, NOW, 149.9, 1.0, Fault.NONE),
        (0, NOW, 1000.0, 1.0, Fault.SPIKE),
        (0, NOW, 10.0, 1.0, Fault.SPIKE),
    ],
)
def test_a_print_passes_or_is_named(instrument: int, ts_ns: int, price: float, size: float, fault: Fault) -> None:
    gate = border()
    assert gate.trade(instrument, ts_ns, price, size, 0, NOW) is fault
    assert gate.total == (fault is not Fault.NONE)
    assert gate.counts.get(fault, 0) == gate.total
    assert [item.fault for item in gate.recent] == [fault] * gate.total


@pytest.mark.parametrize(
    ("bid", "ask", "fault"),
    [
        (99.0, 101.0, Fault.NONE),
        (100.0, 100.0, Fault.NONE),
        (101.0, 99.0, Fault.CROSSED),
        (0.0, 101.0, Fault.NOT_POSITIVE),
        (NAN, 101.0, Fault.NOT_A_NUMBER),
        (10.0, 101.0, Fault.SPIKE),
        (99.0, INF, Fault.INFINITE),
    ],
)
def test_a_quote_passes_or_is_named(bid: float, ask: float, fault: Fault) -> None:
    assert border().quote(0, NOW, bid, ask, NOW) is fault
    assert border().quote(7, NOW, bid, ask, NOW) is Fault.UNKNOWN_SYMBOL
    assert border().quote(1, NOW, 100.0, 100.1, NOW) is Fault.OFF_GRID
    assert border().quote(1, NOW, 100.0, 100.25, NOW) is Fault.NONE


@pytest.mark.parametrize(
    ("prices", "fault"),
    [
        ((100, 101, 99, 100, 5), Fault.NONE),
        ((100, 99, 101, 100, 5), Fault.HIGH_BELOW_LOW),
        ((102, 101, 99, 100, 5), Fault.OUTSIDE_RANGE),
        ((100, 101, 99, 98, 5), Fault.OUTSIDE_RANGE),
        ((100, 101, 99, 100, -5), Fault.NEGATIVE_SIZE),
        ((100, 101, 0, 100, 5), Fault.NOT_POSITIVE),
        ((100, NAN, 99, 100, 5), Fault.NOT_A_NUMBER),
        ((100, 1000, 99, 100, 5), Fault.SPIKE),
    ],
)
def test_a_bar_passes_or_is_named(prices: tuple[float, ...], fault: Fault) -> None:
    row = bars((0, NOW - MINUTE_NS, *prices)).tolist()[0]
    assert border().bar(row, NOW) is fault


def test_a_bar_comes_once_and_in_order_and_not_before_its_end() -> None:
    gate = border()
    first, second = bars((0, NOW, 1, 1, 1, 1, 1), (0, NOW + MINUTE_NS, 1, 1, 1, 1, 1)).tolist()
    gate.know(0, 1.0)
    assert gate.bar(second, NOW + MINUTE_NS) is Fault.FUTURE_STAMP
    assert gate.bar(first, NOW + MINUTE_NS) is Fault.NONE
    assert gate.bar(first, NOW + MINUTE_NS) is Fault.DUPLICATE
    assert gate.bar(second, NOW + 2 * MINUTE_NS) is Fault.NONE
    assert gate.bar(first, NOW + 2 * MINUTE_NS) is Fault.OUT_OF_ORDER


def test_bars_from_before_1970_are_bars() -> None:
    gate = Border([STOCK], BorderSettings.of_replay())
    row = bars((0, -(10**18), 1, 1, 1, 1, 1)).tolist()[0]
    assert gate.bar(row, -(10**18) + MINUTE_NS) is Fault.NONE


def test_a_numbered_print_comes_once() -> None:
    gate = border()
    assert gate.trade(0, NOW, 100.0, 1.0, 7, NOW) is Fault.NONE
    assert gate.trade(0, NOW, 100.0, 1.0, 7, NOW) is Fault.DUPLICATE
    assert gate.trade(0, NOW, 100.0, 1.0, 8, NOW) is Fault.NONE
    assert gate.trade(1, NOW, 100.0, 1.0, 7, NOW) is Fault.NONE
    assert [gate.trade(0, NOW, 100.0, 1.0, 0, NOW) for _ in range(2)] == [Fault.NONE, Fault.NONE]


def test_the_first_print_of_a_number_is_never_called_a_repetition() -> None:
    gate = border()
    assert gate.trade(0, NOW, 1000.0, 1.0, 7, NOW) is Fault.SPIKE
    assert gate.trade(0, NOW, 100.0, 1.0, 7, NOW) is Fault.NONE


def test_the_feed_s_own_delay_makes_no_stamp_old() -> None:
    assert border(delay_ns=15 * MINUTE_NS).trade(0, NOW - 20 * MINUTE_NS, 100.0, 1.0, 0, NOW) is Fault.NONE
    assert border().trade(0, NOW - 20 * MINUTE_NS, 100.0, 1.0, 0, NOW) is Fault.TOO_OLD


def test_single_spikes_never_move_the_level_however_many_there_are() -> None:
    gate = border()
    for number in range(40):
        now = NOW + number * 10 * SECOND_NS
        assert gate.trade(0, now, 1000.0, 1.0, 0, now) is Fault.SPIKE
        assert gate.trade(0, now, 100.0, 1.0, 0, now) is Fault.NONE
    assert gate.levels_accepted == 0


def test_a_level_that_holds_for_a_minute_is_the_market() -> None:
    gate = border()
    found = []
    for number in range(9):
        now = NOW + number * 10 * SECOND_NS
        found.append(gate.trade(0, now, 250.0 + number, 1.0, 0, now))
    assert found == [Fault.SPIKE] * 6 + [Fault.NONE] * 3
    assert gate.levels_accepted == 1
    now = NOW + 95 * SECOND_NS
    assert gate.trade(0, now, 100.0, 1.0, 0, now) is Fault.SPIKE


def test_many_far_prints_within_a_minute_are_not_yet_the_market() -> None:
    gate = border()
    assert {gate.trade(0, NOW + n, 250.0, 1.0, 0, NOW + n) for n in range(50)} == {Fault.SPIKE}


def test_a_split_moves_the_level() -> None:
    gate = border()
    gate.split(0, 7.0)
    assert gate.trade(0, NOW, 100.0 / 7.0, 1.0, 0, NOW) is Fault.NONE


def test_the_first_price_of_a_symbol_sets_the_level() -> None:
    gate = Border([STOCK])
    assert gate.trade(0, NOW, 17.0, 1.0, 0, NOW) is Fault.NONE
    assert gate.trade(0, NOW, 170.0, 1.0, 0, NOW) is Fault.SPIKE


def test_a_replay_takes_old_stamps_and_any_jump() -> None:
    gate = Border([STOCK], BorderSettings.of_replay())
    assert gate.trade(0, NOW, 17.0, 1.0, 0, NOW) is Fault.NONE
    assert gate.trade(0, OPEN - 10**17, 1700.0, 1.0, 0, NOW) is Fault.NONE
    assert gate.trade(0, NOW, NAN, 1.0, 0, NOW) is Fault.NOT_A_NUMBER


def test_one_symbol_s_faults_disturb_no_other() -> None:
    gate = border()
    for price in (NAN, -1.0, 1e9):
        gate.trade(0, NOW, price, 1.0, 0, NOW)
    assert gate.trade(1, NOW, 100.0, 1.0, 0, NOW) is Fault.NONE
    assert gate.by_instrument == [3, 0]
    assert gate.total == 3


@given(st.floats(), st.floats(), st.integers(-10, 10), st.integers(-(10**12), 10**12))
def test_what_passes_is_a_possible_price(price: float, size: float, instrument: int, shift: int) -> None:
    gate = border()
    if gate.trade(instrument, NOW + shift, price, size, 0, NOW) is Fault.NONE:
        assert 100.0 / 1.5 <= price <= 150.0 and 0.0 <= size < INF and 0 <= instrument < 2
        assert -(5 * MINUTE_NS) <= shift <= SECOND_NS


@given(st.lists(st.floats(0.01, 1e6), min_size=1, max_size=30))
def test_short_cut_and_rules_agree(prices: list[float]) -> None:
    """The chain of comparisons lets exactly those prices pass that no rule condemns."""
    quick, slow = border(), border()
    slow._up, slow._down = 0.0, INF  # noqa: SLF001 - no price is sound at first sight: every one meets the rules
    for number, price in enumerate(np.round(prices, 2)):
        now = NOW + number
        assert quick.trade(0, now, price, 1.0, 0, now) is slow.trade(0, now, price, 1.0, 0, now)
