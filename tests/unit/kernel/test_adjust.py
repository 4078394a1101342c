"""Adjustments: late fills, trades by hand, busts and corrections; faults N10, B10, B31, B33 of the catalogue."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill.model.enums import EventKind, Intent, Reason
from tidemill.model.instrument import AssetClass, Instrument
from unit.kernel.live_core import LiveCore, do

M = 1_000_000
BRACKET = {"stop_loss_pct": 5.0, "take_profit_pct": 10.0}
NQ = Instrument("NQ", AssetClass.FUTURE, 0.25, 1.0, 20.0, 1_000.0, calendar="24/7", zone="UTC")


def held(**settings: float) -> LiveCore:
    """Return a core that is long ten at 100."""
    core = LiveCore({0: do("buy", quantity=10)}, **settings)
    core.long()
    return core


def test_n10_a_fill_after_the_cancel_is_booked_and_protected() -> None:
    core = LiveCore({0: do("buy", quantity=10)}, **BRACKET)
    number = core.bar(100)[0]["order"]
    core.feed(EventKind.ACK, order=number)
    core.feed(EventKind.CANCELLED, order=number)
    core.fill(number, 10, 100)  # the core knows this order no more: the runtime says it again as an adjustment
    assert (core.position, core.count("late_fills")) == (0.0, 1)
    core.adjust(10, 100, code=number, money=M)
    assert core.position == 10.0
    assert core.said == [("SUBMIT", "STOP_LOSS", 10.0), ("SUBMIT", "TAKE_PROFIT", 10.0)]
    assert [core.commands[0]["stop_price"], core.commands[1]["limit_price"]] == [95.0, 110.0]
    row = core.engine.tape.rows("fills")[0]
    assert (int(row["order_id"]), int(row["reason"]), int(row["intent"])) == (number, Reason.ADJUSTMENT, Intent.NONE)
    assert (int(row["fee"]), int(core.account["cash"])) == (M, 1_000_000 * M - 1_001 * M)


def test_n10_a_late_fill_may_bring_its_own_stop_and_target() -> None:
    core = LiveCore(**BRACKET)
    core.bar(100)
    core.adjust(10, 100, low=97.0, high=104.0)
    assert [core.commands[0]["stop_price"], core.commands[1]["limit_price"]] == [97.0, 104.0]


def test_a_late_fill_of_an_addition_keeps_the_terms_and_enlarges_the_protection() -> None:
    core = LiveCore({0: do("buy", quantity=10, stop=97)}, **BRACKET)
    core.long()
    core.adjust(5, 102, code=1)
    assert core.said == [("REPLACE", "STOP_LOSS", 15.0), ("REPLACE", "TAKE_PROFIT", 15.0)]
    assert core.commands[0]["stop_price"] == 97.0


def test_b33_a_trade_by_hand_shrinks_the_protection_and_cuts_the_exit() -> None:
    core = held(**BRACKET)
    core.adjust(-4, 101)
    assert core.said == [("REPLACE", "STOP_LOSS", 6.0), ("REPLACE", "TAKE_PROFIT", 6.0)]
    assert int(core.engine.tape.rows("fills")["realised"][-1]) == 4 * M


def test_b33_a_trade_by_hand_that_closes_the_position_cancels_its_protection() -> None:
    core = held(**BRACKET)
    core.adjust(-10, 101)
    assert core.said == [("CANCEL", "STOP_LOSS", 10.0), ("CANCEL", "TAKE_PROFIT", 10.0)]
    trip = core.engine.tape.rows("trips")[0]
    assert (int(trip["pnl"]), int(trip["exit_reason"])) == (10 * M, Reason.ADJUSTMENT)


def test_b31_a_liquidation_that_turns_the_position_is_protected_on_its_own_side() -> None:
    core = held(**BRACKET)
    core.adjust(-15, 90)
    assert core.position == -5.0
    submits = [c for c in core.commands if c["kind"] == 1]
    assert [(c["side"], c["quantity"], c["stop_price"] or c["limit_price"]) for c in submits] == [
        (1, 5.0, 94.5), (1, 5.0, 81.0),
    ]  # fmt: skip
    assert [float(q) for q in core.engine.tape.rows("trips")["quantity"]] == [10.0]


def test_b10_a_bust_takes_the_fill_back() -> None:
    core = held()
    cash = int(core.account["cash"])
    core.bar(120)
    core.adjust(-10, 100)
    assert core.position == 0.0
    assert int(core.account["cash"]) == cash + 1_000 * M == 1_000_000 * M
    assert int(core.account["market"]) == 0
    assert int(core.engine.tape.rows("trips")["pnl"][0]) == 0


def test_b10_a_bust_on_the_next_day_after_the_round_trip_closed_restates_the_result() -> None:
    core = LiveCore({0: do("buy", quantity=10), 1: do("close")})
    core.long()
    core.bar(110)
    core.fill(core.commands[0]["order"], 10, 110)
    core.later(86_400)
    core.adjust(10, 110, ts_ns=core.now - 86_400_000_000_000)  # the sale is busted
    assert core.position == 10.0
    core.adjust(-10, 105)
    results = core.engine.tape.rows("trips")["pnl"].tolist()
    assert results == [100 * M, -50 * M]
    assert int(core.account["cash"]) == 1_000_000 * M + sum(results)


def test_b10_a_correction_is_the_wrong_fill_back_and_the_right_one_in() -> None:
    core = held(**BRACKET)
    core.adjust(10, 101, money=M)
    core.adjust(-10, 100, money=-M)
    assert core.position == 10.0
    assert int(core.account["cash"]) == 1_000_000 * M - 1_010 * M
    assert float(core.slot["stop_price"]) == 95.0


def test_b10_a_fill_made_up_taken_back_and_told_again_brings_the_orders_own_protection_back() -> None:
    core = LiveCore({0: do("buy", quantity=10, stop=97, target=103)})
    core.long()
    for units in (-10, 10):
        core.adjust(units, 100, code=1)
    submits = [c["stop_price"] or c["limit_price"] for c in core.commands if c["kind"] == 1]
    assert submits == [97.0, 103.0] and core.position == 10.0


def test_an_old_price_does_not_move_the_value_of_what_is_held() -> None:
    core = held()
    core.bar(120)
    core.adjust(5, 100)
    assert int(core.account["market"]) == 15 * 120 * M
    assert float(core.engine.state.tables["instruments"]["last"][0]) == 120.0


def test_the_first_price_may_be_an_adjustments() -> None:
    core = LiveCore()
    core.adjust(5, 100)
    assert (core.position, int(core.account["market"])) == (5.0, 500 * M)


def test_a_position_opened_by_an_adjustment_takes_the_place_of_an_entry() -> None:
    core = LiveCore({0: do("buy", quantity=1)})
    core.adjust(5, 100)
    core.bar(100)
    assert core.refusals == ["ALREADY_IN_POSITION"]


def test_futures_book_their_result_times_twenty() -> None:
    core = LiveCore(instrument=NQ)
    core.adjust(2, 100)
    core.adjust(-2, 103, money=4 * M)
    assert int(core.account["cash"]) == 1_000_000 * M + 120 * M - 4 * M


@pytest.mark.parametrize(
    "values",
    [
        {"volume": 0.0}, {"volume": math.nan}, {"volume": math.inf}, {"volume": 0.2}, {"close": 0.0}, {"close": -1.0},
        {"close": math.nan}, {"close": math.inf}, {"order": 1}, {"order": -1}, {"instrument": -1}, {"instrument": 7},
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_booked_is_counted_and_changes_nothing(values: dict[str, float]) -> None:
    core = held(**BRACKET)
    before = core.account.tobytes() + core.slot.tobytes()
    core.feed(EventKind.ADJUST, **{"volume": 1.0, "close": 100.0, **values})
    assert core.account.tobytes() + core.slot.tobytes() == before
    assert (core.count("quarantined"), core.commands) == (1, [])


MOVES = st.lists(
    st.tuples(st.integers(-20, 20).filter(bool), st.integers(9_000, 11_000), st.integers(-50, 300)), max_size=30
)


@given(MOVES)
def test_cash_is_the_start_less_what_was_paid_whatever_is_booked(moves: list[tuple[int, int, int]]) -> None:
    core = LiveCore(stop_loss_pct=5.0)
    core.bar(100)
    for units, cents, fee in moves:
        core.adjust(units, cents / 100, money=fee)
    paid = sum(units * cents * 10_000 + fee for units, cents, fee in moves)
    rows, trips = core.engine.tape.rows("fills"), core.engine.tape.rows("trips")
    assert core.position == sum(units for units, _, _ in moves) == (rows["side"] * rows["quantity"]).sum()
    assert int(core.account["cash"]) == 1_000_000 * M - paid
    assert int(core.account["realised"]) == int(rows["realised"].sum())
    open_part = 0 if core.position == 0.0 else int(core.slot["trip_realised"]) - int(core.slot["trip_fees"])
    assert int(trips["pnl"].sum()) + open_part == int(rows["realised"].sum()) - int(rows["fee"].sum())
    living = core.engine.state.tables["orders"]
    stop = int(core.slot["stop_order"])
    if core.position:
        want = living[stop]["new_quantity"] or living[stop]["quantity"]
        assert float(want) == abs(core.position) and int(living[stop]["side"]) == -np.sign(core.position)
    else:
        assert not np.any((living["id"] > 0) & (living["state"] < 8))
