from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journal_rows import entry
from tidemill.model.bookkeeping import Bookkeeper, Contract, decimal_text, sum_text, verify_ledger
from tidemill.model.errors import InvariantBroken, TapeBroken
from tidemill.model.journal import FillEntry

NQ = {"NQ": Contract("20", is_margined=True)}
SIGN = {"BUY": 1, "SELL": -1}


def fill(number: int, side: str, quantity: str, price: str, *, symbol="AAPL", fee=0, kind="real") -> FillEntry:
    return FillEntry("sim", "A", f"x{number}", "R", "c", symbol, side, quantity, price, fee, number, number, kind)


def book(fills, contracts=None):
    keeper = Bookkeeper(contracts or {})
    return [row for item in fills for row in keeper.book(item)]


def total(rows, asset: str) -> str:
    return sum_text(row.delta for row in rows if row.asset == asset)


@pytest.mark.parametrize(
    ("value", "text"),
    [("1E+3", "1000"), ("-0.0", "0"), ("1.500", "1.5"), ("-2", "-2"), ("1e-9", "0.000000001"), ("100", "100")],
)
def test_numbers_are_written_plainly(value, text) -> None:
    assert decimal_text(Decimal(value)) == text


def test_sums_are_exact() -> None:
    assert sum_text([]) == "0"
    assert sum_text(["0.1"] * 10) == "1"
    assert sum_text(["1" + "0" * 40, "0.0000000001", "-1" + "0" * 40]) == "0.0000000001"


def test_a_stock_moves_its_full_value() -> None:
    rows = book([fill(1, "BUY", "100", "187.33", fee=1_000_000), fill(2, "SELL", "40", "190.005", fee=250_001)])
    assert [(row.ref, row.kind, row.asset, row.delta) for row in rows] == [
        ("sim|A|x1|units", "trade", "AAPL", "100"),
        ("sim|A|x1|cash", "trade", "USD", "-18733"),
        ("sim|A|x1|fee", "fee", "USD", "-1"),
        ("sim|A|x2|units", "trade", "AAPL", "-40"),
        ("sim|A|x2|cash", "trade", "USD", "7600.2"),
        ("sim|A|x2|fee", "fee", "USD", "-0.250001"),
    ]


def test_a_margined_contract_moves_only_its_result() -> None:
    fills = [
        fill(1, "BUY", "3", "20000", symbol="NQ"),
        fill(2, "BUY", "1", "20010", symbol="NQ"),
        fill(3, "SELL", "2", "20005.25", symbol="NQ"),  # average cost 20002.50: 2 x 2.75 x 20
        fill(4, "SELL", "5", "19990", symbol="NQ"),  # closes 2 at -12.50, opens 3 short
        fill(5, "BUY", "3", "19980", symbol="NQ"),  # closes 3 at +10
    ]
    cash = [row.delta for row in book(fills, NQ) if row.asset == "USD"]
    assert cash == ["110", "-500", "600"]
    assert total(book(fills, NQ), "NQ") == "0"


def test_a_bust_takes_back_what_was_booked() -> None:
    rows = book([fill(1, "BUY", "10", "5", fee=7), fill(2, "BUY", "10", "5", fee=7, kind="bust")])
    assert total(rows, "AAPL") == total(rows, "USD") == "0"


def test_fractions_round_halves_up_to_whole_micros() -> None:
    rows = book([fill(1, "BUY", "0.0000015", "1"), fill(2, "SELL", "0.0000015", "1")])
    assert [row.delta for row in rows if row.asset == "USD"] == ["-0.000002", "0.000001"]


def test_what_is_no_side_is_a_defect() -> None:
    with pytest.raises(InvariantBroken, match="'buy' is no side"):
        book([fill(1, "buy", "1", "1")])


FILLS = st.lists(
    st.tuples(st.sampled_from(["BUY", "SELL"]), st.integers(1, 9), st.integers(1, 400_000)), min_size=1, max_size=30
)


@given(FILLS)
def test_cash_of_stocks_is_minus_what_was_paid(drawn) -> None:
    fills = [fill(at, side, str(qty), f"{ticks / 100:.2f}") for at, (side, qty, ticks) in enumerate(drawn)]
    rows = book(fills)
    assert Decimal(total(rows, "AAPL")) == sum(SIGN[item.side] * Decimal(item.quantity) for item in fills)
    paid = sum(SIGN[item.side] * Decimal(item.quantity) * Decimal(item.price) for item in fills)
    assert Decimal(total(rows, "USD")) == -paid
    verify_ledger(fills, rows)


@given(FILLS)
def test_a_flat_margined_account_has_made_what_it_sold_minus_what_it_bought(drawn) -> None:
    fills = [fill(at, side, str(qty), str(ticks), symbol="NQ") for at, (side, qty, ticks) in enumerate(drawn)]
    held = sum(SIGN[item.side] * int(item.quantity) for item in fills)
    if held:
        fills.append(fill(99, "SELL" if held > 0 else "BUY", str(abs(held)), "777", symbol="NQ"))
    rows = book(fills, NQ)
    assert total(rows, "NQ") == "0"
    gained = -sum(SIGN[item.side] * int(item.quantity) * int(item.price) * 20 for item in fills)
    assert Decimal(total(rows, "USD")) == gained
    verify_ledger(fills, rows, NQ)


def test_other_movements_are_taken_as_they_are() -> None:
    fills = [fill(1, "BUY", "1", "10")]
    deposit = replace(entry("d1", "USD", "1000"), kind="deposit")
    verify_ledger(fills, [deposit, *book(fills), replace(deposit, ref="s1", kind="split", asset="AAPL", delta="9")])


def test_a_ledger_that_is_not_the_replay_of_its_fills_is_named() -> None:
    fills = [fill(1, "BUY", "1", "10", fee=5), fill(2, "SELL", "1", "11")]
    rows = book(fills)
    for at, row in enumerate(rows):
        missing = rows[:at] + rows[at + 1 :]
        with pytest.raises(TapeBroken, match="not in the ledger"):
            verify_ledger(fills, missing)
        for change in ({"delta": "3.5"}, {"asset": "EUR"}, {"account": "B"}, {"run_id": "S"}):
            with pytest.raises(TapeBroken, match="the ledger says"):
                verify_ledger(fills, [*missing, replace(row, **change)])
    with pytest.raises(TapeBroken, match="belongs to no fill"):
        verify_ledger(fills, [*rows, entry("by hand", "USD", "1000000")])
    with pytest.raises(TapeBroken, match="belongs to no fill"):
        verify_ledger(fills[:1], rows)
    verify_ledger(fills, [replace(row, delta=f"{Decimal(row.delta):.9f}") for row in rows])  # the same number
