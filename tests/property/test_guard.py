"""Laws of the guard: what is not a number denies, a tighter limit never lets more through, exits are never trapped."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidemill.model.broker import OrderRequest
from tidemill.model.enums import Intent, Side
from tidemill.model.errors import GuardRefusal
from tidemill.runtime.guard.correlation import CorrelationMatrix
from tidemill.runtime.guard.facts import Facts, OpenOrder, Scope, ScopeFacts, SymbolFacts
from tidemill.runtime.guard.limits import BOUNDS, Limits
from tidemill.runtime.guard.reducing import room
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
    guard,
    limit,
    order,
    refusal,
    scope_facts,
    stop,
    symbol_facts,
    working,
)

NAN, INF = float("nan"), float("inf")
NOT_NUMBERS: list[Any] = [NAN, -NAN, INF, -INF, None, "7", True, [], 1j]
BELOW_ZERO: list[Any] = [-5e-324, -1e-9, -1, -(10**400), -1e308]

FULL = account(
    max_order_usd=5_000.0,
    max_position_usd=5_000.0,
    max_position_pct=50.0,
    max_contracts=5,
    max_concurrent_positions=5,
    max_exposure_pct=50.0,
    max_leverage=2.0,
    max_sector_pct=50.0,
    max_correlation=0.7,
    min_confidence=50.0,
    max_daily_loss_usd=500.0,
    max_daily_loss_pct=2.0,
    max_weekly_loss_usd=900.0,
    max_drawdown_pct=25.0,
    half_size_drawdown_pct=15.0,
    max_trades_per_day=5,
    max_daily_volume_usd=9_000.0,
    max_losses_in_row=3,
    extended_hours=False,
)


def held_too(**values: Any) -> Facts:
    """A healthy present with a position and an entry on its way besides, so that every rule has something to read."""
    pair = CorrelationMatrix(
        {("AAPL", "MSFT"): 0.1, ("MSFT", "AAPL"): 0.1, ("AAPL", "GOOG"): 0.1, ("GOOG", "AAPL"): 0.1}
    )
    names = ("AAPL", "MSFT", "GOOG")
    symbols = {name: symbol_facts(name=name, atr=1.0) for name in names}
    symbols["MSFT"].confirmed_units = symbols["MSFT"].own_units = 10.0
    book = scope_facts(units={"MSFT": 10.0}, orders=[working(limit(99.0, symbol="GOOG", name="G"))])
    return facts(symbols, book, **({"correlations": pair} | values))


def sure() -> OrderRequest:
    """An order whose signal is sure enough."""
    return order(confidence=90.0)


def test_the_spoiled_presents_start_from_one_that_passes() -> None:
    assert refusal(sure(), held_too(), FULL) == ""


# --- promise 13: fail closed

# What may be missing without harm, because it is optional by nature: an order passes, and only by a tighter rule.
OPTIONAL_FACTS = {"atr", "interval_ns", "delay_ns", "recent", "trading_day", "correlations", "arming"}
COUNTS = {
    "orders_in_window",
    "messages_in_window",
    "strategy_orders_in_window",
    "rejects_in_row",
    "loop_lag_s",
    "db_latency_s",
    "disk_free_bytes",
    "inbox_depth",
    "lease_remaining_ns",
    "buying_power_micros",
    "trades_today",
    "volume_today_micros",
    "losses_in_row",
    "last",
    "equity_micros",
}
NUMBERS = {*COUNTS, "clock_skew_s", "now_ns", "mono_ns", "stamp_ns", "arrived_mono_ns", "slippage_bps"}


def spoiled(name: str, value: Any) -> list[Facts]:
    """Put a value in place of a fact, wherever a fact of that name is."""
    presents = []
    for pick in (lambda p: p, lambda p: p.scopes[Scope.ACCOUNT], lambda p: p.symbols["AAPL"]):
        present = held_too()
        if name in {item.name for item in fields(pick(present))}:
            setattr(pick(present), name, value)
            presents.append(present)
    return presents


@pytest.mark.parametrize("value", NOT_NUMBERS, ids=repr)
@pytest.mark.parametrize("name", sorted(NUMBERS))
def test_what_is_no_number_denies_promise_13(name: str, value: Any) -> None:
    for present in spoiled(name, value):
        assert refusal(sure(), present, FULL) != ""


@pytest.mark.parametrize("value", BELOW_ZERO, ids=lambda value: str(value)[:8])
@pytest.mark.parametrize("name", sorted(COUNTS - {"equity_micros", "last"}))
def test_a_count_below_zero_denies_promise_13(name: str, value: Any) -> None:
    for present in spoiled(name, value):
        assert refusal(sure(), present, FULL) != ""


@pytest.mark.parametrize("where", [Facts, ScopeFacts, SymbolFacts])
def test_every_fact_left_out_denies_promise_13(where: type) -> None:
    for item in fields(where):
        if item.name in OPTIONAL_FACTS or item.name in {"bid", "ask", "orders", "units", "sector", "account", "run_id"}:
            continue
        for present in spoiled(item.name, None):
            if item.name != "strategy":
                assert refusal(sure(), present, FULL) != "", item.name


@pytest.mark.parametrize("value", [*NOT_NUMBERS, *BELOW_ZERO, 10**400], ids=lambda value: str(value)[:8])
@pytest.mark.parametrize("name", ["quantity", "limit_price"])
def test_an_absurd_order_denies_promise_13(name: str, value: Any) -> None:
    request = replace(limit(100.0), **{name: value})
    assert refusal(request, held_too(), FULL) != ""


@pytest.mark.parametrize("value", [*NOT_NUMBERS, *BELOW_ZERO], ids=lambda value: str(value)[:8])
def test_an_absurd_quote_or_neighbour_denies_promise_13(value: Any) -> None:
    for symbol, name in (("AAPL", "bid"), ("AAPL", "ask"), ("MSFT", "last"), ("GOOG", "last"), ("AAPL", "own_units")):
        present = held_too()
        setattr(present.symbols[symbol], name, value)
        none_given = name in {"bid", "ask"} and isinstance(value, float) and math.isnan(value)
        flat_short = (
            name == "own_units" and isinstance(value, (int, float)) and not isinstance(value, bool) and value <= 0
        )
        if not none_given and not flat_short:
            assert refusal(sure(), present, FULL) != "", (symbol, name)
    present = held_too()
    present.scopes[Scope.ACCOUNT].orders = [
        working(limit(99.0, symbol="GOOG", name="G"), value if value is not None else NAN)
    ]
    assert refusal(sure(), present, FULL) != ""


def _numbers() -> st.SearchStrategy[Any]:
    odd = st.sampled_from([*NOT_NUMBERS, *BELOW_ZERO, 10**400, 5e-324, -0.0, 0, 1e308])
    return st.one_of(odd, st.floats(), st.integers())


@settings(max_examples=120)
@given(st.data())
def test_no_mixture_of_absurd_facts_raises_anything_but_a_refusal_promise_13(data: st.DataObject) -> None:
    present = held_too()
    names = data.draw(st.lists(st.sampled_from(sorted(NUMBERS | {"bid", "ask", "atr"})), min_size=1, max_size=4))
    for name in names:
        value = data.draw(_numbers())
        for part in (present, present.scopes[Scope.ACCOUNT], *present.symbols.values()):
            if name in {item.name for item in fields(part)}:
                setattr(part, name, value)
    request = replace(
        limit(100.0),
        quantity=data.draw(_numbers()),
        limit_price=data.draw(_numbers()),
        intent=data.draw(st.sampled_from(Intent)),
    )
    try:
        guard(FULL).approve(request, present)
    except GuardRefusal:
        return
    assert request.quantity > 0 and request.limit_price > 0  # what passes is at least a number above zero


# --- a tighter limit never lets more through

_LOOSE = {name: high for name, (_, high, _) in BOUNDS.items()}
_COUNTED = {"max_concurrent_positions", "max_trades_per_day", "max_losses_in_row", "max_contracts"}


@st.composite
def presents(draw: st.DrawFn) -> Facts:
    present = held_too()
    book = present.scopes[Scope.ACCOUNT]
    book.units = {"MSFT": float(draw(st.integers(-50, 50))), "AAPL": float(draw(st.integers(-50, 50)))}
    for symbol in ("AAPL", "MSFT"):
        here = present.symbols[symbol]
        here.confirmed_units = here.own_units = book.units[symbol]
    book.equity_micros = EQUITY + draw(st.integers(-30_000, 30_000)) * MICROS
    book.trades_today = draw(st.integers(0, 8))
    book.losses_in_row = draw(st.integers(0, 8))
    book.volume_today_micros = draw(st.integers(0, 20_000)) * MICROS
    book.baseline = baseline(peak_micros=EQUITY + draw(st.integers(0, 30_000)) * MICROS)
    return present


@settings(max_examples=30)
@pytest.mark.parametrize("name", sorted(BOUNDS))
@given(data=st.data())
def test_a_tighter_limit_never_lets_more_through(name: str, data: st.DataObject) -> None:
    low, high, _ = BOUNDS[name]
    top = min(high, 200_000.0)
    values = st.integers(1, int(top)) if name in _COUNTED else st.floats(max(low, 1e-3), top)
    first, second = sorted([data.draw(values), data.draw(values)])
    tight, loose = (second, first) if name == "min_confidence" else (first, second)
    base = account(max_position_usd=20_000.0) if name == "half_size_drawdown_pct" else account()
    present = data.draw(presents())
    side = data.draw(st.sampled_from([Side.BUY, Side.SELL]))
    sure_by = data.draw(st.floats(0.0, 100.0))
    request = limit(100.0, float(data.draw(st.integers(1, 300))), side, confidence=sure_by)
    tight_code = refusal(request, present, replace(base, **{name: tight}))
    loose_code = refusal(request, present, replace(base, **{name: loose}))
    none_code = refusal(request, present, base)
    assert tight_code != "" or loose_code == ""
    assert loose_code != "" or none_code == ""


@settings(max_examples=100)
@given(data=st.data())
def test_a_tighter_tolerance_never_lets_more_through(data: st.DataObject) -> None:
    present = held_too(
        clock_skew_s=data.draw(st.floats(-3, 3)),
        loop_lag_s=data.draw(st.floats(0, 4)),
        db_latency_s=data.draw(st.floats(0, 4)),
        inbox_depth=data.draw(st.integers(0, 2_000)),
        orders_in_window=data.draw(st.integers(0, 120)),
        messages_in_window=data.draw(st.integers(0, 240)),
        strategy_orders_in_window=data.draw(st.integers(0, 60)),
        rejects_in_row=data.draw(st.integers(0, 10)),
    )
    present.symbols["AAPL"].stamp_ns = NOW - data.draw(st.integers(0, 120)) * SECOND
    request = limit(
        100.0 + data.draw(st.integers(0, 20)), created_ns=NOW - data.draw(st.integers(0, 10)) * SECOND, expires_ns=0
    )
    names = [
        "entry_ttl_s",
        "max_data_age_s",
        "collar_pct",
        "collar_atr",
        "max_clock_skew_s",
        "max_loop_lag_s",
        "max_db_latency_s",
        "max_inbox_depth",
        "max_orders_per_window",
        "max_messages_per_window",
        "max_strategy_orders_per_window",
        "max_rejects_in_row",
    ]
    loose = Tolerances(auto_halt=False)
    shrunk = {name: max(getattr(loose, name) * data.draw(st.sampled_from([0.25, 0.5, 1.0])), 1e-3) for name in names}
    tight = replace(
        loose,
        **{
            name: type(getattr(loose, name))(max(value, 1) if isinstance(getattr(loose, name), int) else value)
            for name, value in shrunk.items()
        },
    )
    if refusal(request, present, tolerances=tight) == "":
        assert refusal(request, present, tolerances=loose) == ""


# --- exits


@settings(max_examples=120)
@given(data=st.data())
def test_an_exit_within_the_confirmed_position_is_never_trapped_promise_11(data: st.DataObject) -> None:
    held = data.draw(st.integers(1, 100)) * data.draw(st.sampled_from([1, -1]))
    here = SymbolFacts(confirmed_units=float(held), own_units=float(held))
    for name in ("last", "bid", "ask", "atr"):
        setattr(here, name, data.draw(_numbers()))
    present = Facts(0, MONO, DAY, "A1", "R1", "s", "paper", "A1", "paper", symbols={"AAPL": here})
    book = ScopeFacts(
        units={"AAPL": data.draw(_numbers())}, equity_micros=data.draw(st.one_of(st.none(), st.integers()))
    )
    present.scopes = {Scope.ACCOUNT: book}
    present.lease_remaining_ns = 10 * SECOND
    for name in ("clock_skew_s", "loop_lag_s", "disk_free_bytes", "orders_in_window", "rejects_in_row"):
        setattr(present, name, data.draw(_numbers()))
    side = Side.SELL if held > 0 else Side.BUY
    quantity = float(data.draw(st.integers(1, abs(held))))
    for request in (
        closing(quantity, side),
        stop(90.0, quantity, side, intent=Intent.PROTECT, created_ns=0),
        limit(90.0, quantity, side, intent=Intent.EXIT, created_ns=0),
    ):
        assert refusal(request, present, FULL) == ""


@settings(max_examples=120)
@given(data=st.data())
def test_exits_let_through_one_after_the_other_never_turn_the_position_promise_10(data: st.DataObject) -> None:
    held = float(data.draw(st.integers(0, 40)))
    orders: list[OpenOrder] = []
    here = symbol_facts(held=held)
    for number in range(data.draw(st.integers(1, 8))):
        group = data.draw(st.sampled_from(["", "", "1", "2"]))
        request = closing(float(data.draw(st.integers(1, 30))), name=f"X{number}", group=group)
        present = facts({"AAPL": here}, scope_facts(orders=list(orders)))
        if refusal(request, present) == "":
            orders.append(working(request, is_unknown=data.draw(st.booleans())))
    alone = sum(item.remaining for item in orders if not item.request.group)
    groups = {item.request.group for item in orders if item.request.group}
    largest = sum(max(item.remaining for item in orders if item.request.group == group) for group in sorted(groups))
    assert alone + largest <= held


@settings(max_examples=100)
@given(data=st.data())
def test_room_is_never_more_than_the_confirmed_position_plus_the_parent(data: st.DataObject) -> None:
    units = st.floats(-100, 100)
    here = SymbolFacts(confirmed_units=data.draw(units), own_units=data.draw(units))
    parent = working(limit(99.0, float(data.draw(st.integers(1, 9))), name="P"))
    some = st.builds(
        lambda quantity, owner, group, origin: working(
            stop(
                90.0,
                float(quantity),
                Side.SELL,
                intent=Intent.PROTECT,
                name=f"{owner}{group}{origin}",
                group=group,
                parent=origin,
            ),
            owner=owner,
        ),
        st.integers(1, 50),
        st.sampled_from(["R1/s", "R2/t"]),
        st.sampled_from(["", "1"]),
        st.sampled_from(["", "P"]),
    )
    present = facts({"AAPL": here}, scope_facts(orders=[parent, *data.draw(st.lists(some, max_size=4))]))
    for origin in ("", "P"):
        free = room(present, closing(name="ME", parent=origin))
        most = max(min(here.confirmed_units, here.own_units), 0.0) + (parent.remaining if origin else 0.0)
        assert 0.0 <= free <= most


def test_limits_without_any_number_are_only_made_on_purpose() -> None:
    assert Limits(Scope.ACCOUNT) == account()
    assert [name for name in _LOOSE if getattr(account(), name) is not None] == []
