"""Each rule of the guard denies what its fault or trap is about, and lets its neighbour through."""

from __future__ import annotations

import itertools
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tidemill.model.enums import Intent, OrderType, Reason, Session, Side
from tidemill.model.instrument import Instrument
from tidemill.runtime.guard.chain import EXIT_RULES, RULES
from tidemill.runtime.guard.correlation import correlations
from tidemill.runtime.guard.facts import Arming
from tidemill.runtime.guard.limits import Window
from tidemill.runtime.guard.tolerances import Tolerances
from unit.runtime.guard.guard_facts import (
    DAY,
    EQUITY,
    MICROS,
    MONO,
    NOW,
    SECOND,
    account,
    baseline,
    closing,
    facts,
    limit,
    live,
    order,
    refusal,
    scope_facts,
    sent,
    stop,
    symbol_facts,
    working,
)

NAN = float("nan")


def stamp(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


def at(now_ns: int, **values: Any):
    """The healthy present at another instant."""
    symbols = {"AAPL": symbol_facts(stamp_ns=now_ns - SECOND, **values)}
    return facts(symbols, now_ns=now_ns)


def now_order(now_ns: int):
    return order(created_ns=now_ns, expires_ns=0)


def test_in_a_healthy_present_an_order_leaves() -> None:
    assert refusal(order()) == ""
    assert refusal(limit(100.0)) == ""
    assert refusal(stop(101.0)) == ""
    assert refusal(order(1.0, symbol="NQ")) == ""


def test_rules_are_named_once_and_exits_pass_only_what_belongs_to_every_order() -> None:
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names)
    assert {rule.name for rule in EXIT_RULES} == {
        "identity",
        "quantity",
        "prices",
        "stop_side",
        "exit_flip",
        "lease",
        "environment",
    }


# --- sanity


@pytest.mark.parametrize("name", ["", "X" * 21, "naïve"])
def test_identity_needs_a_usable_id(name: str) -> None:
    assert refusal(order(name=name)) == "identity"


def test_identity_needs_side_purpose_and_symbol() -> None:
    assert refusal(order(side=Side.NONE)) == "identity"
    assert refusal(order(intent=Intent.NONE)) == "identity"
    assert refusal(order(symbol="MSFT")) == "identity"


@pytest.mark.parametrize("quantity", [0.0, -0.0, -1.0, NAN, float("inf"), 10**400, None, True, 0.5])
def test_quantity_must_be_a_number_on_the_lot_u11(quantity) -> None:
    assert refusal(order(quantity)) == "quantity"


def test_quantity_of_futures_is_whole_even_with_a_finer_lot_u11() -> None:
    nq = symbol_facts(20_000.0, name="NQ")
    fine = replace(nq, instrument=replace(nq.instrument, lot_size=0.1))
    assert refusal(order(1.5, symbol="NQ"), facts({"NQ": fine})) == "quantity"
    coin = symbol_facts(instrument=Instrument("BTC", lot_size=1e-8, tick_size=0.0))
    assert refusal(order(0.12345678), facts({"AAPL": coin})) == ""


@pytest.mark.parametrize("price", [100.004, 0.0, -1.0, NAN, float("inf")])
def test_prices_must_be_there_and_on_the_tick_u11(price: float) -> None:
    assert refusal(limit(price)) == "prices"
    assert refusal(stop(price)) == "prices"


def test_prices_of_a_quarter_tick_u11() -> None:
    assert refusal(limit(20_000.25, 1.0, symbol="NQ")) == ""
    assert refusal(limit(20_000.10, 1.0, symbol="NQ")) == "prices"
    assert refusal(order(type=OrderType.TRAILING_STOP)) == "prices"
    assert refusal(order(type=OrderType.TRAILING_STOP, trail_pct=1.0)) == ""


def test_stop_side_of_an_entry_lies_beyond_the_market_u10() -> None:
    assert refusal(stop(99.0)) == "stop_side"
    assert refusal(stop(101.0, side=Side.SELL)) == "stop_side"
    assert refusal(stop(99.0, side=Side.SELL)) == ""


def test_stop_side_of_a_bracket_frames_its_entry_u10() -> None:
    parent = limit(100.0, name="PARENT")
    present = facts(scope=scope_facts(orders=[working(parent)]))

    def child(make, price):
        return make(price, side=Side.SELL, intent=Intent.PROTECT, parent="PARENT", group="1", created_ns=0)

    assert refusal(child(stop, 98.0), present) == ""
    assert refusal(child(limit, 103.0), present) == ""
    assert refusal(child(stop, 101.0), present) == "stop_side"
    assert refusal(child(limit, 99.0), present) == "stop_side"


def test_stop_side_never_traps_a_position_that_is_there_u10() -> None:
    parent = limit(100.0, name="PARENT")
    present = facts({"AAPL": symbol_facts(held=10.0)}, scope_facts(orders=[working(parent)]))
    late = stop(101.0, side=Side.SELL, intent=Intent.PROTECT, parent="PARENT", created_ns=0)
    assert refusal(late, present) == ""


# --- ownership and environment


@pytest.mark.parametrize("left_s", [None, NAN, -1, 0, 5.9, 6.0])
def test_lease_must_outlast_the_call_p4_p11(left_s) -> None:
    left = left_s if left_s is None else left_s * SECOND
    assert refusal(order(), facts(lease_remaining_ns=left)) == "lease"
    held = facts({"AAPL": symbol_facts(held=10.0)}, lease_remaining_ns=left)
    assert refusal(closing(), held) == "lease"  # an exit of an engine that lost the account is the other's to send


def test_environment_is_the_brokers_word_b38() -> None:
    assert refusal(order(), facts(broker_environment="live")) == "environment"
    assert refusal(order(), facts(broker_account="B2")) == "environment"
    assert refusal(order(), facts(broker_environment="")) == "environment"
    assert refusal(order(), facts(mode="")) == "environment"
    held = facts({"AAPL": symbol_facts(held=10.0)}, broker_environment="live")
    assert refusal(closing(), held) == "environment"


@pytest.mark.parametrize("keys", list(itertools.product([True, False], repeat=5)))
def test_arming_needs_every_key_promise_33(keys: tuple[bool, ...]) -> None:
    limits = account(max_daily_loss_usd=500.0, max_position_usd=50_000.0)
    expected = "" if all(keys) else "arming"
    assert refusal(order(), live(arming=Arming(*keys)), limits) == expected


def test_arming_a_key_is_turned_by_true_alone() -> None:
    limits = account(max_daily_loss_usd=500.0, max_position_usd=50_000.0)
    assert refusal(order(), live(arming=Arming(1, True, True, True, True)), limits) == "arming"


def test_live_limits_are_not_optional_promise_13() -> None:
    assert refusal(order(), live()) == "live_limits"
    assert refusal(order(), live(), account(max_daily_loss_usd=500.0)) == "live_limits"
    assert refusal(order(), live(), account(max_position_usd=500_000.0)) == "live_limits"


# --- the machinery

UNWELL = [
    ("reconciled", {"is_reconciled": False}),
    ("link", {"order_stream_ready": False}),  # N23
    ("link", {"market_data_ready": False}),  # N22
    ("recon_difference", {"recon_symbols": ("AAPL",)}),  # B33
    ("recon_difference", {"recon_symbols": None}),
    ("clock_skew", {"clock_skew_s": 1.01}),  # T1, B43
    ("clock_skew", {"clock_skew_s": -1.01}),
    ("loop_lag", {"loop_lag_s": 2.01}),
    ("db_latency", {"db_latency_s": 5.0}),  # K2
    ("disk_free", {"disk_free_bytes": 999_999_999}),  # K1
    ("inbox_depth", {"inbox_depth": 1_001}),
    ("alert_channel", {"alert_channel_ok": False}),
    ("rejects_in_row", {"rejects_in_row": 5}),  # B4
    ("repetition", {"strategy_orders_in_window": 30}),  # P7
    ("order_rate", {"orders_in_window": 60}),
    ("message_rate", {"messages_in_window": 120}),
    ("buying_power", {"buying_power_micros": 1_000 * MICROS}),
]
WELL = [
    {"clock_skew_s": -1.0},
    {"loop_lag_s": 2.0},
    {"disk_free_bytes": 1_000_000_000},
    {"inbox_depth": 1_000},
    {"rejects_in_row": 4},
    {"strategy_orders_in_window": 29},
    {"orders_in_window": 59},
    {"messages_in_window": 119},
    {"recon_symbols": ("MSFT",)},
    {"buying_power_micros": 1_003 * MICROS},
]


@pytest.mark.parametrize(("code", "values"), UNWELL, ids=lambda item: item if isinstance(item, str) else "")
def test_an_unwell_machinery_starts_nothing_new_b4_b33_b43_k1_k2_n22_n23_p7_t1(code: str, values: dict) -> None:
    assert refusal(order(), facts(**values)) == code


@pytest.mark.parametrize("values", WELL)
def test_up_to_the_tolerance_orders_leave(values: dict) -> None:
    assert refusal(order(), facts(**values)) == ""


def test_alert_channel_may_be_waived_in_the_tolerances_only() -> None:
    deaf = facts(alert_channel_ok=False)
    assert refusal(order(), deaf, tolerances=Tolerances(needs_alert_channel=False, auto_halt=False)) == ""


def test_unknown_orders_block_their_symbol_and_two_the_account() -> None:
    def lost(symbol: str, name: str):
        return working(order(symbol=symbol, name=name), is_unknown=True)

    one, two = lost("MSFT", "U1"), lost("GOOG", "U2")
    others = {name: symbol_facts(name=name) for name in ("AAPL", "MSFT", "GOOG")}
    assert refusal(order(), facts(others, scope_facts(orders=[lost("AAPL", "U1")]))) == "unknown_orders"
    assert refusal(order(), facts(others, scope_facts(orders=[one]))) == ""
    assert refusal(order(), facts(others, scope_facts(orders=[one, two]))) == "unknown_orders"
    assert refusal(order(name="U1"), facts(scope=scope_facts(orders=[lost("AAPL", "U1")]))) == ""  # itself


@pytest.mark.parametrize("block", ["trading halted", "expires tomorrow", None])
def test_symbol_block_b28_b29_b42(block) -> None:
    assert refusal(order(), facts({"AAPL": symbol_facts(block=block)})) == "symbol_block"


def test_slippage_beyond_the_expected() -> None:
    assert refusal(order(), facts(scope=scope_facts(slippage_bps=50.1))) == "slippage"
    assert refusal(order(), facts(scope=scope_facts(slippage_bps=-20.0))) == ""


# --- time and prices


@pytest.mark.parametrize("age_s", [5.1, 3_600.0, -1.5, -3_600.0])
def test_entry_ttl_n17_t1_t6(age_s: float) -> None:
    assert refusal(order(created_ns=NOW - int(age_s * SECOND), expires_ns=0)) == "entry_ttl"


def test_entry_ttl_expiry_of_its_own() -> None:
    assert refusal(order(expires_ns=NOW)) == "entry_ttl"
    assert refusal(order(created_ns=0, expires_ns=0)) == "entry_ttl"


def test_stale_data_of_one_symbol_d1_d2() -> None:
    def seen(age_s: float, arrived_s: float = 1.0, **values: Any):
        here = symbol_facts(
            stamp_ns=NOW - int(age_s * SECOND), arrived_mono_ns=MONO - int(arrived_s * SECOND), **values
        )
        return facts({"AAPL": here})

    assert refusal(limit(100.0), seen(60.0)) == ""
    assert refusal(limit(100.0), seen(60.1)) == "stale_data"
    assert refusal(order(), seen(15.1)) == "stale_data"  # market orders want fresher prices
    assert refusal(limit(100.0), seen(1.0, 61.0)) == "stale_data"  # frozen here, whatever its stamps say
    assert refusal(limit(100.0), seen(-1.1)) == "stale_data"  # from the future
    assert refusal(order(), seen(1.0, is_fresh=False)) == "stale_data"
    assert refusal(order(), seen(60.0, 60.0, interval_ns=60 * SECOND)) == ""  # the last bar is up to a bar old
    assert refusal(order(), facts({"AAPL": symbol_facts(stamp_ns=None)})) == "stale_data"


def test_stale_data_knows_the_delay_of_the_feed_trap_27() -> None:
    here = symbol_facts(stamp_ns=NOW - 905 * SECOND, delay_ns=900 * SECOND)
    assert refusal(order(), facts({"AAPL": here})) == ""
    assert refusal(order(), facts({"AAPL": replace(here, delay_ns=0)})) == "stale_data"


def test_price_collar_aggressive_side_only_d3() -> None:
    assert refusal(limit(103.0)) == ""
    assert refusal(limit(103.01)) == "price_collar"
    assert refusal(limit(96.99, side=Side.SELL)) == "price_collar"
    assert refusal(limit(50.0)) == ""  # far away it does no harm
    assert refusal(limit(103.01), facts({"AAPL": symbol_facts(atr=1.0)})) == ""  # 5 ATR are wider


def test_price_collar_of_spikes_and_books_d3_d5() -> None:
    assert refusal(order(), facts({"AAPL": symbol_facts(last=1_000.0, bid=99.9, ask=100.1)})) == "price_collar"
    assert refusal(order(), facts({"AAPL": symbol_facts(bid=100.2, ask=100.1)})) == "price_collar"
    assert refusal(order(), facts({"AAPL": symbol_facts(bid=100.0, ask=100.0)})) == ""  # locked
    assert refusal(order(), facts({"AAPL": symbol_facts(bid=94.0, ask=106.0)})) == "price_collar"  # too wide to take
    assert refusal(order(), facts({"AAPL": symbol_facts(bid=NAN, ask=NAN)})) == ""  # a feed of bars
    wild = order(type=OrderType.STOP_LIMIT, stop_price=101.0, limit_price=110.0)
    assert refusal(wild) == "price_collar"


def test_duplicate_from_another_decision_15c3_5() -> None:
    twin = order(name="TWIN")
    assert refusal(order(), facts(recent=[sent(twin, 2.0)])) == "duplicate"
    assert refusal(order(), facts(recent=[sent(twin, 2.1)])) == ""
    assert refusal(order(), facts(recent=[sent(order())])) == ""  # itself
    assert refusal(order(), facts(recent=[sent(order(11.0, name="TWIN"))])) == ""
    assert refusal(order(), facts(recent=[sent(order(side=Side.SELL, name="TWIN"))])) == ""


def test_self_cross_with_our_own_resting_order_o9() -> None:
    def resting(request):
        return facts(scope=scope_facts(orders=[working(replace(request, client_id="REST"))]))

    assert refusal(limit(101.0), resting(limit(101.0, side=Side.SELL))) == "self_cross"
    assert refusal(limit(100.0), resting(limit(101.0, side=Side.SELL))) == ""
    assert refusal(order(), resting(limit(100.25, side=Side.SELL))) == "self_cross"
    assert refusal(order(), resting(order(side=Side.SELL))) == "self_cross"
    assert refusal(order(), resting(stop(99.0, side=Side.SELL, intent=Intent.PROTECT))) == ""  # rests nowhere yet


def test_self_cross_no_strategy_stands_against_another_o9() -> None:
    present = facts({"AAPL": symbol_facts(confirmed_units=100.0, own_units=0.0)})
    assert refusal(order(side=Side.SELL), present) == "self_cross"
    assert refusal(order(), present) == ""


# --- hours


def test_session_window_knows_its_zone_in_both_seasons_trap_2_3_u12() -> None:
    cash = account(windows=(Window("09:30-16:00", "America/New_York"),))
    summer, winter = stamp("2025-06-25T13:29:59"), stamp("2025-01-15T14:29:59")
    for before in (summer, winter):
        assert refusal(now_order(before), at(before), cash) == "session_window"
        assert refusal(now_order(before + SECOND), at(before + SECOND), cash) == ""
    end = stamp("2025-06-25T20:00:00")
    assert refusal(now_order(end), at(end), cash) == "session_window"


def test_session_window_without_a_zone_is_the_exchanges_trap_4() -> None:
    here = account(windows=(Window("09:30-16:00"),))
    noon = stamp("2025-06-25T19:00:00")  # 15:00 in New York, after 16:00 in a UTC reading of other zones
    assert refusal(now_order(noon), at(noon), here) == ""


def test_session_window_over_midnight_belongs_to_its_first_day_u12() -> None:
    night = account(windows=(Window("18:00-02:00", "UTC", ("FRI",)),))
    friday, saturday = stamp("2025-06-27T23:00:00"), stamp("2025-06-28T01:59:00")
    assert refusal(now_order(friday), at(friday), night) == ""
    assert refusal(now_order(saturday), at(saturday), night) == ""
    thursday_night = stamp("2025-06-27T01:00:00")
    assert refusal(now_order(thursday_night), at(thursday_night), night) == "session_window"


def test_session_window_says_nothing_about_daily_bars_but_days_do_trap_5_6() -> None:
    daily = {"AAPL": symbol_facts(interval_ns=86_400 * SECOND)}
    evening = account(windows=(Window("23:00-23:30", "UTC", ("WED",)),))
    assert refusal(order(), facts(daily), evening) == ""
    assert (
        refusal(order(), facts(daily), account(windows=(Window("23:00-23:30", "UTC", ("THU",)),))) == "session_window"
    )


def test_session_window_one_of_several_is_enough_trap_22() -> None:
    both = account(windows=(Window("06:00-08:00", "UTC"), Window("13:00-14:00", "UTC")))
    assert refusal(order(), facts(), both) == ""


def test_extended_hours_trap_5() -> None:
    regular = account(extended_hours=False)
    assert refusal(order(), facts({"AAPL": symbol_facts(session=Session.PRE)}), regular) == "extended_hours"
    assert refusal(order(), facts({"AAPL": symbol_facts(session=None)}), regular) == "extended_hours"
    assert refusal(order(), facts({"AAPL": symbol_facts(session=Session.PRE)}), account()) == ""
    daily = symbol_facts(session=Session.CLOSED, interval_ns=86_400 * SECOND)
    assert refusal(order(), facts({"AAPL": daily}), regular) == ""


# --- sizes, worst case


def test_order_size_counts_market_orders_at_the_market_trap_43() -> None:
    assert refusal(order(), limits=account(max_order_usd=1_002.5)) == ""  # 10 × 100.25, the offer
    assert refusal(order(), limits=account(max_order_usd=1_002.4)) == "order_size"
    assert refusal(limit(100.0, 11.0), limits=account(max_order_usd=1_100.0)) == "order_size"


def test_position_size_counts_filled_working_unknown_and_this_promise_14() -> None:
    cap = account(max_position_usd=4_010.0)  # forty at 100.25
    held = {"AAPL": symbol_facts(held=10.0)}
    pending = [working(limit(100.0, 10.0, name="W")), working(limit(100.0, 10.0, name="U"), is_unknown=True)]
    book = scope_facts(units={"AAPL": 10.0}, orders=pending)
    quiet = Tolerances(max_unknown_orders=5, auto_halt=False)
    present = facts(held, book)
    assert refusal(order(10.0), present, cap, quiet) == "unknown_orders"  # the symbol's own
    pending[1].is_unknown = False
    assert refusal(order(10.0), present, cap) == ""
    assert refusal(order(11.0), present, cap) == "position_size"


def test_position_size_counts_itself_once_and_no_exits() -> None:
    cap = account(max_position_usd=1_002.5)
    orders = [working(order()), working(stop(90.0, side=Side.SELL, intent=Intent.PROTECT, name="E"))]
    assert refusal(order(), facts(scope=scope_facts(orders=orders)), cap) == ""


def test_position_size_of_a_reversal_takes_the_worse_side_promise_14() -> None:
    present = facts({"AAPL": symbol_facts(held=10.0)}, scope_facts(units={"AAPL": 10.0}))
    assert refusal(order(20.0, Side.SELL), present, account(max_position_usd=2_005.0)) == ""
    assert refusal(order(21.0, Side.SELL), present, account(max_position_usd=2_005.0)) == "position_size"


def test_futures_are_limited_by_contracts_not_by_notional_trap_41() -> None:
    cap = account(max_position_usd=50_000.0, max_daily_volume_usd=100_000.0, max_order_usd=10_000.0, max_contracts=2)
    assert refusal(order(2.0, symbol="NQ"), limits=cap) == ""
    assert refusal(order(3.0, symbol="NQ"), limits=cap) == "position_size"
    margin = account(max_position_usd=50_000.0)  # no contracts limit: the margin counts, never nothing at all
    assert refusal(order(2.0, symbol="NQ"), limits=margin) == ""
    assert refusal(order(3.0, symbol="NQ"), limits=margin) == "position_size"


def test_position_size_is_halved_in_a_drawdown_128() -> None:
    cap = account(max_position_usd=2_005.0, half_size_drawdown_pct=15.0)
    fallen = scope_facts(baseline=baseline(peak_micros=EQUITY * 100 // 85 + 1))
    assert refusal(order(20.0), limits=cap) == ""
    assert refusal(order(20.0), facts(scope=fallen), cap) == "position_size"
    assert refusal(order(10.0), facts(scope=fallen), cap) == ""


def test_position_count_counts_entries_on_their_way_promise_14() -> None:
    many = {name: symbol_facts(name=name) for name in ("AAPL", "MSFT", "GOOG")}
    book = scope_facts(units={"MSFT": 5.0}, orders=[working(order(symbol="GOOG", name="G"))])
    assert refusal(order(), facts(many, book), account(max_concurrent_positions=3)) == ""
    assert refusal(order(), facts(many, book), account(max_concurrent_positions=2)) == "position_count"
    assert refusal(order(symbol="MSFT"), facts(many, book), account(max_concurrent_positions=1)) == ""  # adds only


def test_exposure_and_leverage_of_everything() -> None:
    both = {"AAPL": symbol_facts(), "MSFT": symbol_facts(name="MSFT")}
    book = scope_facts(units={"MSFT": -400.0})
    assert refusal(order(90.0), facts(both, book), account(max_exposure_pct=50.0)) == ""
    assert refusal(order(100.0), facts(both, book), account(max_exposure_pct=50.0)) == "exposure"
    assert refusal(order(1.0, symbol="NQ"), limits=account(max_leverage=4.1)) == ""
    assert refusal(order(1.0, symbol="NQ"), limits=account(max_leverage=4.0)) == "leverage"  # 400,005 of notional


def test_sector_unknown_is_a_no() -> None:
    both = {"AAPL": symbol_facts(), "MSFT": symbol_facts(name="MSFT", held=100.0)}
    book = scope_facts(units={"MSFT": 100.0})
    assert refusal(order(), facts(both, book), account(max_sector_pct=20.0)) == ""
    assert refusal(order(), facts(both, book), account(max_sector_pct=11.0)) == "sector"
    both["MSFT"].sector = ""
    assert refusal(order(), facts(both, book), account(max_sector_pct=90.0)) == "sector"


def test_correlation_weighted_by_exposure_113() -> None:
    days = np.random.default_rng(7).normal(0.0, 0.01, (60, 2))
    returns = np.column_stack([days[:, 0], days[:, 0], days[:, 1]])
    matrix = correlations(["AAPL", "MSFT", "GOOG"], returns)
    three = {name: symbol_facts(name=name) for name in ("AAPL", "MSFT", "GOOG")}

    def present(units, known=matrix):
        return facts(three, scope_facts(units=units), correlations=known)

    cap = account(max_correlation=0.7)
    assert refusal(order(), present({}), cap) == ""
    assert refusal(order(), present({"MSFT": 10.0}), cap) == "correlation"
    assert refusal(order(side=Side.SELL), present({"MSFT": 10.0}), cap) == ""  # a hedge
    assert refusal(order(), present({"MSFT": 10.0, "GOOG": 10.0}), cap) == ""
    assert refusal(order(), present({"MSFT": 10.0}, None), cap) == "correlation"
    assert (
        refusal(order(), present({"GOOG": 10.0}, correlations(["AAPL", "GOOG"], returns[:5, 1:])), cap) == "correlation"
    )


@pytest.mark.parametrize(
    ("value", "code"), [(75.0, ""), (74.9, "confidence"), (NAN, "confidence"), (1e3, "confidence"), (0.0, "confidence")]
)
def test_confidence_113(value: float, code: str) -> None:
    assert refusal(order(confidence=value), facts(), account(min_confidence=75.0)) == code


def test_confidence_is_not_asked_of_a_person_who_states_none() -> None:
    asked = account(min_confidence=75.0)
    assert refusal(order(reason=Reason.MANUAL), facts(), asked) == ""
    assert refusal(order(reason=Reason.MANUAL, confidence=40.0), facts(), asked) == "confidence"


def test_buying_power_counts_what_the_broker_has_not_seen_promise_14() -> None:
    unseen = working(limit(100.0, 10.0, name="W"), is_acknowledged=False)
    book = scope_facts(orders=[unseen])
    assert refusal(order(), facts(scope=book, buying_power_micros=2_005 * MICROS)) == ""
    assert refusal(order(), facts(scope=book, buying_power_micros=2_000 * MICROS)) == "buying_power"
    unseen.is_acknowledged = True
    assert refusal(order(), facts(scope=book, buying_power_micros=1_003 * MICROS)) == ""


# --- losses and counts


def lost(usd: float, **values: Any):
    return facts(scope=scope_facts(equity_micros=EQUITY - int(usd * MICROS), **values))


def test_daily_loss_never_trips_on_a_profit_trap_31() -> None:
    cap = account(max_daily_loss_usd=500.0)
    assert refusal(order(), lost(499.99), cap) == ""
    assert refusal(order(), lost(500.0), cap) == "daily_loss"
    assert refusal(order(), lost(-500.0), cap) == ""
    assert refusal(order(), lost(-1e6), cap) == ""


def test_daily_loss_in_percent_of_the_days_first_equity() -> None:
    cap = account(max_daily_loss_pct=1.0)
    assert refusal(order(), lost(999.0), cap) == ""
    assert refusal(order(), lost(1_000.0), cap) == "daily_loss"


def test_daily_loss_is_not_hidden_by_a_deposit_promise_15() -> None:
    cap = account(max_daily_loss_usd=500.0)
    paid_in = baseline(day_deposits_micros=1_000 * MICROS)
    assert refusal(order(), lost(-400.0, baseline=paid_in), cap) == "daily_loss"


def test_daily_loss_needs_the_baseline_of_this_very_day_t5() -> None:
    cap = account(max_daily_loss_usd=500.0)
    assert refusal(order(), lost(0.0, baseline=baseline(day=DAY - 1)), cap) == "daily_loss"
    assert refusal(order(), lost(0.0, baseline=None), cap) == "daily_loss"


def test_weekly_loss_and_drawdown_128() -> None:
    week = baseline(week_equity_micros=EQUITY + 900 * MICROS)
    assert refusal(order(), lost(99.0, baseline=week), account(max_weekly_loss_usd=1_000.0)) == ""
    assert refusal(order(), lost(100.0, baseline=week), account(max_weekly_loss_usd=1_000.0)) == "weekly_loss"
    assert refusal(order(), lost(24_999.0), account(max_drawdown_pct=25.0)) == ""
    assert refusal(order(), lost(25_000.0), account(max_drawdown_pct=25.0)) == "drawdown"


def test_losses_in_row() -> None:
    assert refusal(order(), facts(scope=scope_facts(losses_in_row=2)), account(max_losses_in_row=3)) == ""
    assert refusal(order(), facts(scope=scope_facts(losses_in_row=3)), account(max_losses_in_row=3)) == "losses_in_row"


def test_trades_per_day_one_trade_is_one_opened_position_trap_32() -> None:
    cap = account(max_trades_per_day=5)
    assert refusal(order(), facts(scope=scope_facts(trades_today=4)), cap) == ""
    assert refusal(order(), facts(scope=scope_facts(trades_today=5)), cap) == "trades_per_day"
    held = facts({"AAPL": symbol_facts(held=10.0)}, scope_facts(trades_today=5, units={"AAPL": 10.0}))
    assert refusal(order(), held, cap) == ""  # an addition is no trade
    assert refusal(order(20.0, Side.SELL), held, cap) == "trades_per_day"  # turning round is one
    on_its_way = [working(order(symbol="NQ", quantity=1.0, name="N"))]
    assert refusal(order(), facts(scope=scope_facts(trades_today=4, orders=on_its_way)), cap) == "trades_per_day"


def test_daily_volume_counts_what_is_on_its_way_promise_14() -> None:
    cap = account(max_daily_volume_usd=5_000.0)
    book = scope_facts(volume_today_micros=2_990 * MICROS, orders=[working(limit(100.0, 10.0, name="W"))])
    assert refusal(order(10.0), facts(scope=book), cap) == ""
    assert refusal(order(11.0), facts(scope=book), cap) == "daily_volume"


def test_a_limit_of_one_is_a_limit() -> None:
    assert refusal(order(), facts(scope=scope_facts(trades_today=1)), account(max_trades_per_day=1)) == "trades_per_day"


def test_every_rule_of_the_chain_has_been_denied_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    elsewhere = {"halted", "latched", "exit_flip"}  # tests/unit/runtime/guard/test_guard_send.py, test_guard_exits.py
    assert [rule.name for rule in RULES if f'"{rule.name}"' not in text and rule.name not in elsewhere] == []


def test_tolerances_have_no_off() -> None:
    assert all(item.default not in (None, 0) for item in fields(Tolerances))


def test_confidence_is_not_asked_of_signals_that_state_none_where_the_owner_lets_them_pass() -> None:
    asked = account(min_confidence=75.0, confidence_needed=False)
    assert refusal(order(confidence=0.0), facts(), asked) == ""
    assert refusal(order(confidence=40.0), facts(), asked) == "confidence"
