"""Exits take no more than is confirmed and free, and nothing but sanity stands in their way (promises 10 and 11)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tidemill.model.enums import Intent, Side
from tidemill.runtime.guard.facts import Facts, OpenOrder, Scope, ScopeFacts, SymbolFacts
from tidemill.runtime.guard.reducing import room
from unit.runtime.guard.guard_facts import (
    account,
    closing,
    facts,
    limit,
    order,
    refusal,
    scope_facts,
    stop,
    symbol_facts,
    working,
)

NAN = float("nan")


def holding(units: float, *orders: OpenOrder, own: float | None = None) -> Facts:
    here = symbol_facts(confirmed_units=units, own_units=units if own is None else own)
    return facts({"AAPL": here}, scope_facts(orders=list(orders)))


def protect(quantity: float = 10.0, name: str = "P", **values: Any):
    return working(stop(90.0, quantity, Side.SELL, intent=Intent.PROTECT, name=name, **values))


def test_an_exit_takes_up_to_the_confirmed_position_promise_10() -> None:
    assert refusal(closing(10.0), holding(10.0)) == ""
    assert refusal(closing(11.0), holding(10.0)) == "exit_flip"
    assert refusal(closing(10.0, Side.BUY), holding(-10.0)) == ""
    assert refusal(closing(10.0, Side.BUY), holding(10.0)) == "exit_flip"
    assert refusal(closing(1.0), holding(0.0)) == "exit_flip"


def test_other_exits_claim_their_part_promise_10() -> None:
    assert refusal(closing(10.0), holding(10.0, protect())) == "exit_flip"  # the stop could fill in between
    assert refusal(closing(4.0), holding(10.0, protect(6.0))) == ""
    assert refusal(closing(5.0), holding(10.0, protect(6.0))) == "exit_flip"


def test_an_unknown_exit_claims_its_part_too_promise_14() -> None:
    lost = protect()
    lost.is_unknown = True
    assert refusal(closing(10.0), holding(10.0, lost)) == "exit_flip"


def test_stop_and_target_of_one_group_claim_once() -> None:
    target = limit(110.0, 10.0, Side.SELL, intent=Intent.PROTECT, name="T", group="7")
    assert refusal(target, holding(10.0, protect(group="7"))) == ""
    assert refusal(target, holding(10.0, protect(group="8"))) == "exit_flip"
    other_run = protect(group="7")
    other_run.owner = "R2/s"
    assert refusal(target, holding(10.0, other_run)) == "exit_flip"  # the same number in another run is another group


def test_a_resized_stop_does_not_stand_in_its_own_way_b7() -> None:
    assert refusal(stop(90.0, 10.0, Side.SELL, intent=Intent.PROTECT, name="P"), holding(10.0, protect(5.0))) == ""


def test_a_brackets_children_claim_their_entry_not_the_position() -> None:
    parent = working(limit(99.0, 5.0, name="PARENT"))
    child = protect(5.0, parent="PARENT")
    assert refusal(closing(10.0), holding(10.0, parent, child)) == ""
    late = replace(child, request=replace(child.request, quantity=8.0), remaining=8.0)
    assert refusal(closing(10.0), holding(10.0, parent, late)) == "exit_flip"
    assert refusal(closing(7.0), holding(10.0, parent, late)) == ""
    orphan = protect(5.0, parent="GONE")
    assert refusal(closing(10.0), holding(10.0, parent, orphan)) == "exit_flip"


def test_a_child_may_leave_with_its_entry_before_any_position() -> None:
    parent = working(limit(99.0, 5.0, name="PARENT"))
    flat = holding(0.0, parent)
    assert refusal(stop(90.0, 5.0, Side.SELL, intent=Intent.PROTECT, parent="PARENT"), flat) == ""
    assert refusal(stop(90.0, 6.0, Side.SELL, intent=Intent.PROTECT, parent="PARENT"), flat) == "exit_flip"
    assert refusal(stop(90.0, 5.0, Side.SELL, intent=Intent.PROTECT, parent="GONE"), flat) == "exit_flip"


def test_an_exit_closes_only_what_is_its_own() -> None:
    assert refusal(closing(10.0), holding(20.0, own=10.0)) == ""
    assert refusal(closing(11.0), holding(20.0, own=10.0)) == "exit_flip"
    assert refusal(closing(10.0), holding(5.0, own=10.0)) == "exit_flip"  # the broker shows less than we believe


@pytest.mark.parametrize("units", [NAN, float("inf"), None])
def test_a_position_that_is_not_known_lets_no_exit_out(units) -> None:
    assert refusal(closing(), holding(units)) == "exit_flip"
    assert refusal(closing(), facts({"MSFT": symbol_facts()})) == "identity"


def everything_wrong(held: float = 10.0) -> Facts:
    """A present in which no entry could leave for two dozen reasons."""
    here = SymbolFacts(confirmed_units=held, own_units=held)
    present = Facts(0, 0, 0, "A1", "R1", "s", "paper", "A1", "paper", symbols={"AAPL": here})
    present.scopes = {Scope.ACCOUNT: ScopeFacts()}
    present.lease_remaining_ns = 20_000_000_000
    present.recon_symbols = ("AAPL",)
    return present


def test_an_exit_is_never_trapped_trap_38() -> None:
    tight = account(max_daily_loss_usd=1.0, max_trades_per_day=1, max_position_usd=1.0, extended_hours=False)
    assert refusal(closing(10.0), everything_wrong(), tight) == ""
    assert refusal(stop(90.0, 10.0, Side.SELL, intent=Intent.PROTECT), everything_wrong(), tight) == ""
    assert refusal(order(10.0), everything_wrong(), tight) != ""


def test_an_exit_of_an_instrument_nobody_knows_still_leaves_b33() -> None:
    assert refusal(closing(3.7), everything_wrong(10.0)) == ""  # adopted from outside: no lot, no tick


def test_room_tells_the_run_how_much_an_exit_may_take() -> None:
    assert room(holding(10.0, protect(6.0)), closing()) == 4.0
    assert room(holding(-10.0), closing(side=Side.SELL)) == 0.0
