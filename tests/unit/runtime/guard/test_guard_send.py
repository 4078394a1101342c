"""Approvals, refusals and what they leave behind: violations, latches, halts; and the one place that sends."""

from __future__ import annotations

import ast
import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tidemill.model.enums import Side
from tidemill.model.errors import ConfigError, GuardRefusal, InvariantBroken
from tidemill.model.journal import Batch
from tidemill.runtime.guard.chain import RULES
from tidemill.runtime.guard.facts import Scope
from tidemill.runtime.guard.halts import Halts, Rung
from tidemill.runtime.guard.limits import Limits, no_limits
from tidemill.runtime.guard.send import submit_approved, submit_replacement
from tidemill.runtime.guard.send_guard import Approved, SendGuard, resolve
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
    no_halts,
    order,
    scope_facts,
    symbol_facts,
    working,
)

SRC = Path(__file__).resolve().parents[4] / "src/tidemill"


class Stopwatch:
    def __init__(self, mono_ns: int = MONO) -> None:
        self.mono_ns = mono_ns

    def monotonic_ns(self) -> int:
        return self.mono_ns


class Recorder:
    """A broker that writes down what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple] = []

    async def submit(self, request):
        self.asked.append(("submit", request))

    async def replace(self, *terms: Any):
        self.asked.append(("replace", *terms))


def denied(ask: Callable[..., Any], *args: Any) -> GuardRefusal:
    with pytest.raises(GuardRefusal) as caught:
        ask(*args)
    return caught.value


def drained(asked: SendGuard) -> Batch:
    batch = Batch()
    asked.drain(batch)
    return batch


# --- approvals


def test_an_approval_is_made_by_the_guard_alone_promise_11() -> None:
    with pytest.raises(InvariantBroken):
        Approved(object(), order(), MONO, None, ())


def test_an_approval_sends_once() -> None:
    broker, approved = Recorder(), guard().approve(order(), facts())
    asyncio.run(submit_approved(broker, approved, Stopwatch()))
    with pytest.raises(GuardRefusal, match="given out before"):
        asyncio.run(submit_approved(broker, approved, Stopwatch()))
    assert broker.asked == [("submit", order())]


def test_an_approval_lapses_p4_n17() -> None:
    broker, approved = Recorder(), guard().approve(order(), facts())
    with pytest.raises(GuardRefusal, match="waited too long"):
        asyncio.run(submit_approved(broker, approved, Stopwatch(MONO + 2 * SECOND + 1)))
    assert broker.asked == []


def test_a_halt_between_approval_and_send_stops_it_promise_11() -> None:
    halts, broker = no_halts(), Recorder()
    approved = guard(halts=halts).approve(order(), facts())
    halts.halt("account:A1", Rung.PAUSE, "enough", "ana", NOW)
    with pytest.raises(GuardRefusal, match="halted after"):
        asyncio.run(submit_approved(broker, approved, Stopwatch()))
    assert broker.asked == []


def test_an_exit_leaves_through_any_halt_promise_11() -> None:
    halts, broker = no_halts(), Recorder()
    halts.halt("system", Rung.FLATTEN, "enough", "ana", NOW)
    asked = guard(halts=halts)
    held = facts({"AAPL": symbol_facts(held=10.0)})
    asyncio.run(submit_approved(broker, asked.approve(closing(), held), Stopwatch()))
    assert len(broker.asked) == 1
    assert denied(asked.approve, order(), held).code == "halted"


def test_a_replacement_is_approved_like_an_order() -> None:
    broker, stop_now = Recorder(), closing(7.0, name="P", stop_price=90.0)
    approved = guard().approve(stop_now, facts({"AAPL": symbol_facts(held=7.0)}))
    asyncio.run(submit_replacement(broker, approved, "B-1", Stopwatch()))
    assert broker.asked == [("replace", "P", "B-1", 7.0, 90.0)]


@pytest.mark.parametrize("scope", ["system", "account:A1", "run:R1", "strategy:R1/s", "symbol:R1/AAPL"])
def test_a_halt_of_any_scope_above_the_order_stops_it(scope: str) -> None:
    halts = no_halts()
    halts.halt(scope, Rung.PAUSE, "enough", "ana", NOW)
    assert denied(guard(halts=halts).approve, order(), facts()).code == "halted"
    elsewhere = facts(account="A2", broker_account="A2", run_id="R2")
    if scope != "system":
        assert guard(halts=halts).approve(order(), elsewhere)


# --- what is asked, and with which limits


def test_a_guard_without_rules_or_account_limits_is_none() -> None:
    for rules, book in (
        ((), {Scope.ACCOUNT: no_limits(Scope.ACCOUNT)}),
        (RULES, {}),
        (RULES, {Scope.ACCOUNT: Limits(Scope.AGENT)}),
    ):
        with pytest.raises(ConfigError):
            SendGuard(rules, book, no_halts())


def test_a_scope_without_facts_or_without_limits_denies_promise_13() -> None:
    book = {Scope.ACCOUNT: no_limits(Scope.ACCOUNT), Scope.AGENT: no_limits(Scope.AGENT)}
    assert denied(guard(book=book).approve, order(), facts()).code == "facts"
    both = facts()
    both.scopes[Scope.AGENT] = scope_facts()
    assert denied(guard().approve, order(), both).code == "limits"
    assert guard(book=book).approve(order(), both)


def test_each_scope_is_measured_by_its_own_book() -> None:
    book = {Scope.ACCOUNT: no_limits(Scope.ACCOUNT), Scope.AGENT: Limits(Scope.AGENT, max_daily_loss_usd=500.0)}
    present = facts()
    present.scopes[Scope.AGENT] = scope_facts(equity_micros=EQUITY - 600 * MICROS)
    assert denied(guard(book=book).approve, order(), present).code == "daily_loss"
    present.scopes[Scope.AGENT].equity_micros = EQUITY
    present.scopes[Scope.ACCOUNT].equity_micros = EQUITY - 600 * MICROS
    assert guard(book=book).approve(order(), present)


def test_limits_that_only_warn_are_written_down_and_let_through_120() -> None:
    asked = guard(alerts_by_scope={Scope.ACCOUNT: account(max_daily_loss_usd=500.0)})
    assert asked.approve(order(), facts(scope=scope_facts(equity_micros=EQUITY - 600 * MICROS)))
    batch = drained(asked)
    assert [(row.rule, row.severity) for row in batch.violations] == [("daily_loss", "WARNING")]
    assert batch.guard == []


def test_a_refusal_tells_every_reason_the_first_by_name_115() -> None:
    error = denied(guard().approve, limit(200.0), facts(is_reconciled=False, loop_lag_s=9.0))
    assert error.code == "reconciled"
    assert "reconciliation" in str(error) and "9.0 s behind" in str(error) and "reaches more" in str(error)


# --- severities, cooldown, latches


def test_a_critical_violation_halts_durably_and_survives_a_restart_126(tmp_path: Path) -> None:
    folder = tmp_path / "db.halts"
    asked = guard(account(max_daily_loss_usd=500.0, auto_halt=True), halts=Halts(folder))
    loss = facts(scope=scope_facts(equity_micros=EQUITY - 500 * MICROS))
    denied(asked.approve, order(), loss)
    batch = drained(asked)
    assert [(row.scope, row.state, row.by) for row in batch.guard] == [("account:A1", "HALTED", "guard")]
    assert batch.guard[0].reason.startswith("CANCEL: daily_loss: ")
    assert [row.severity for row in batch.violations] == ["CRITICAL"]
    assert [row.severity for row in batch.alerts] == [1]
    for rows in ([], batch.guard):  # the file is enough, and so is the table
        again = guard(halts=Halts(folder if not rows else tmp_path / "other"))
        again.restore(rows)
        assert denied(again.approve, order(), facts()).code == "halted"


def test_a_disk_that_takes_no_halt_file_still_halts_and_fills_the_row_k1(tmp_path: Path) -> None:
    folder = tmp_path / "halts"
    asked = guard(account(max_daily_loss_usd=500.0, auto_halt=True), halts=Halts(folder))
    folder.rmdir()
    denied(asked.approve, order(), facts(scope=scope_facts(equity_micros=EQUITY - 500 * MICROS)))
    assert [row.scope for row in drained(asked).guard] == ["account:A1"]
    folder.mkdir()
    assert denied(asked.approve, order(), facts()).code == "halted"


def test_a_daily_loss_without_auto_halt_lasts_for_its_day_118() -> None:
    asked = guard(account(max_daily_loss_usd=500.0))
    denied(asked.approve, order(), facts(scope=scope_facts(equity_micros=EQUITY - 500 * MICROS)))
    assert denied(asked.approve, order(), facts()).code == "latched"  # the price came back, the day is over
    rows = drained(asked).guard
    assert [row.scope for row in rows] == [f"breaker:daily_loss@account:A1#D{DAY}"]
    tomorrow = facts(trading_day=DAY + 1, scope=scope_facts(baseline=baseline(day=DAY + 1)))
    restarted = guard(account(max_daily_loss_usd=500.0))
    restarted.restore(rows)
    assert denied(restarted.approve, order(), facts()).code == "latched"
    assert restarted.approve(order(), tomorrow)


def test_a_weekly_loss_lasts_for_its_week() -> None:
    asked = guard(account(max_weekly_loss_usd=500.0))
    denied(asked.approve, order(), facts(scope=scope_facts(equity_micros=EQUITY - 500 * MICROS)))

    def on(day: int):
        return facts(trading_day=day, scope=scope_facts(baseline=baseline(day=day)))

    assert denied(asked.approve, order(), on(DAY + 4)).code == "latched"  # Sunday
    assert asked.approve(order(), on(DAY + 5))  # Monday


def test_a_runaway_strategy_sends_k_and_is_switched_off_until_rearmed_p7_promise_16(tmp_path: Path) -> None:
    halts = Halts(tmp_path / "halts")
    asked = guard(halts=halts)
    sent = 0
    for number in range(200):
        try:
            asked.approve(order(float(number + 1), name=f"N{number}"), facts(strategy_orders_in_window=sent))
        except GuardRefusal:
            continue
        sent += 1
    assert sent == Tolerances().max_strategy_orders_per_window
    assert denied(asked.approve, order(), facts(strategy_orders_in_window=0)).code == "halted"
    assert asked.approve(order(), facts(strategy="other"))
    halts.clear("strategy:R1/s", "ana", NOW)
    assert asked.approve(order(), facts(strategy_orders_in_window=0))


def test_rejects_in_a_row_halt_the_account_b4_b32() -> None:
    asked = guard()
    denied(asked.approve, order(), facts(rejects_in_row=5))
    assert [(row.scope, row.state) for row in drained(asked).guard] == [("account:A1", "HALTED")]


def test_a_missing_fact_denies_but_latches_nothing() -> None:
    asked = guard(account(max_daily_loss_usd=500.0, auto_halt=True))
    assert denied(asked.approve, order(), facts(scope=scope_facts(equity_micros=None))).code == "daily_loss"
    assert drained(asked).guard == []
    assert asked.approve(order(), facts())


def test_the_same_violation_is_written_once_in_its_cooldown_and_denies_every_time_125() -> None:
    asked = guard(account(max_trades_per_day=1, violation_cooldown_s=300.0))
    for seconds in (0, 1, 299, 300):
        busy = facts(scope=scope_facts(trades_today=1), mono_ns=MONO + seconds * SECOND)
        busy.symbols["AAPL"].arrived_mono_ns = busy.mono_ns
        assert denied(asked.approve, order(), busy).code == "trades_per_day"
    assert len(drained(asked).violations) == 2
    assert drained(asked).violations == []


def test_a_loss_is_found_without_an_order_121() -> None:
    asked = guard(account(max_daily_loss_usd=500.0, auto_halt=True))
    assert asked.review(facts()) == ()
    found = asked.review(facts(scope=scope_facts(equity_micros=EQUITY - 700 * MICROS)))
    assert [violation.code for violation in found] == ["daily_loss"]
    assert [row.scope for row in drained(asked).guard] == ["account:A1"]


def test_a_violation_is_resolved_by_a_name_126() -> None:
    asked = guard()
    denied(asked.approve, order(), facts(loop_lag_s=9.0))
    row = drained(asked).violations[0]
    done = resolve(row, "ana", NOW)
    assert (done.resolved_by, done.resolved_ns) == ("ana", NOW)
    assert resolve(done, "bob", NOW + 1) == done
    with pytest.raises(ConfigError):
        resolve(row, " ", NOW)


# --- one call site


def calls_awaited(name: str) -> list[str]:
    """Every awaited call of a method of that name in the package, as path and receiver."""
    found = []
    for path in sorted(SRC.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Await) and isinstance(node.value, ast.Call):
                method = node.value.func
                if isinstance(method, ast.Attribute) and method.attr == name:
                    found.append(f"{path.relative_to(SRC)}: {ast.unparse(method)}")
    return found


@pytest.mark.parametrize("name", ["submit", "replace"])
def test_orders_reach_a_broker_in_one_place_promise_11_12(name: str) -> None:
    outside = [call for call in calls_awaited(name) if not call.startswith(("adapters/", "testing/"))]
    assert outside == [f"runtime/guard/send.py: broker.{name}"]


# --- speed


def test_a_full_approval_stays_cheap() -> None:
    limits = {
        "max_order_usd": 1e6,
        "max_position_usd": 1e6,
        "max_position_pct": 90.0,
        "max_concurrent_positions": 50,
        "max_exposure_pct": 90.0,
        "max_leverage": 4.0,
        "max_daily_loss_usd": 5e3,
        "max_trades_per_day": 50,
        "max_daily_volume_usd": 1e6,
        "max_drawdown_pct": 25.0,
    }
    names = [f"S{number}" for number in range(5)]
    symbols = {name: symbol_facts(name=name) for name in [*names, "AAPL"]}
    orders = [working(limit(99.0, name=f"W{name}", symbol=name)) for name in names]
    book = scope_facts(units=dict.fromkeys(names, 10.0), orders=orders)
    asked = guard(book={scope: Limits(scope, **limits) for scope in (Scope.ACCOUNT, Scope.AGENT)})
    present = facts(symbols, book, buying_power_micros=EQUITY)
    present.scopes[Scope.AGENT] = replace(book)
    request = order()
    for _ in range(200):
        asked.approve(request, present)
    best = min(_timed(asked, request, present) for _ in range(30))
    assert best < 300e-6  # catches a quadratic rule on a busy machine; the figure is in docs/concepts/guard.md


def _timed(asked: SendGuard, request, present) -> float:
    start = time.thread_time()
    for _ in range(20):
        asked.approve(request, present)
    return (time.thread_time() - start) / 20


def test_a_side_of_a_symbol_without_a_position_is_no_exit() -> None:
    assert denied(guard().approve, closing(side=Side.BUY), facts()).code == "exit_flip"
