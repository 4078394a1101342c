"""Laws that hold for every run, whatever the market and the script: checked from the written rows alone."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from naive.chance import random_case
from naive.ledger import micros
from naive.scenario import Case, bars_of, has_room, plan_of, run_core
from tidemill.authoring.fields import Memory, Param
from tidemill.authoring.indicators import SMA
from tidemill.authoring.strategy import Strategy, spec_of
from tidemill.engine.engine import Engine
from tidemill.engine.plan import StrategyPlan
from tidemill.engine.streams import build_streams
from tidemill.kernel.indicators.sma import sma
from tidemill.kernel.proposals import buy, go_short, sell
from tidemill.model.enums import FillTiming, Intent, OrderState, Sizing, TimeInForce
from tidemill.model.settings import StrategySettings

SEEDS = st.integers(0, 2**32 - 1)
LENGTHS = st.integers(2, 30)
QUICK = {"derandomize": True, "deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}
START_CASH = 1_000_000_000_000
FINAL = {state.value for state in (OrderState.FILLED, OrderState.CANCELED, OrderState.REJECTED, OrderState.EXPIRED)}


def _run(seed: int, length: int) -> tuple[Case, Engine]:
    case = random_case(seed, length)
    case.rates, case.splits, case.dividends = {}, [], []
    engine = run_core(case)
    assume(has_room(engine))
    return case, engine


def _exact(value: Any) -> Decimal:
    return Decimal(str(round(float(value), 9)))


def _notional(case: Case, row: Any) -> int:
    multiplier = Decimal(str(case.instruments[int(row["instrument"])].multiplier))
    return micros(_exact(row["quantity"]) * _exact(row["price"]) * multiplier)


@settings(max_examples=400, **QUICK)
@given(seed=SEEDS, length=LENGTHS)
def test_cash_and_positions_are_a_replay_of_the_fills(seed: int, length: int) -> None:
    case, engine = _run(seed, length)
    cash, held = START_CASH, defaultdict(Decimal)
    fills = engine.tape.rows("fills")
    for at, row in enumerate(fills):
        key = int(row["strategy"]), int(row["instrument"])
        side = int(row["side"])
        held[key] += side * _exact(row["quantity"])
        margined = case.instruments[key[1]].is_margined
        cash += int(row["realised"]) - int(row["fee"]) if margined else -side * _notional(case, row) - int(row["fee"])
        assert held[key] == _exact(row["position_after"])
        assert abs(int(row["cash_after"]) - cash) <= at + 1
    account = engine.state.tables["accounts"][0]
    assert abs(int(account["cash"]) - cash) <= len(fills)
    assert int(account["fees"]) == int(fills["fee"].sum())
    assert int(account["realised"]) == int(fills["realised"].sum())
    for slot in engine.state.tables["slots"]:
        assert _exact(slot["quantity"]) == held[int(slot["strategy"]), int(slot["instrument"])]


@settings(max_examples=300, **QUICK)
@given(seed=SEEDS, length=LENGTHS)
def test_the_ledgers_of_the_strategies_sum_to_the_account(seed: int, length: int) -> None:
    _, engine = _run(seed, length)
    account, strategies = engine.state.tables["accounts"][0], engine.state.tables["strategies"]
    assert int(account["cash"]) == START_CASH + int(strategies["cash"].sum())
    for name in ("market", "fees", "realised"):
        assert int(account[name]) == int(strategies[name].sum())
    assert int(account["market"]) == int(engine.state.tables["slots"]["market"].sum())
    working = engine.state.tables["orders"]
    assert int(account["reserved"]) == int(working["reserved"][working["id"] > 0].sum())


@settings(max_examples=400, **QUICK)
@given(seed=SEEDS, length=LENGTHS)
def test_orders_end_once_and_never_overfill(seed: int, length: int) -> None:
    _, engine = _run(seed, length)
    ended, fills = engine.tape.rows("orders"), engine.tape.rows("fills")
    assert len(np.unique(ended["order_id"])) == len(ended)
    alive = engine.state.tables["orders"]["id"]
    assert not set(ended["order_id"]) & set(alive[alive > 0])
    for row in ended:
        assert int(row["state"]) in FINAL
        own = fills[fills["order_id"] == row["order_id"]]
        assert _exact(row["filled"]) == sum((_exact(q) for q in own["quantity"]), Decimal(0))
        assert _exact(row["filled"]) <= _exact(row["quantity"])
        if int(row["state"]) == OrderState.FILLED:
            assert _exact(row["filled"]) == _exact(row["quantity"]) > 0
        assert np.all(own["ts_ns"] <= row["ended_ns"])


@settings(max_examples=400, **QUICK)
@given(seed=SEEDS, length=LENGTHS)
@example(seed=955, length=20)  # a limit entry and the target fill in one pass: the stop born between them was too large
def test_exits_never_turn_a_position_round(seed: int, length: int) -> None:
    case, engine = _run(seed, length)
    # with latency an entry may turn a position round while an exit is on its way: a race that real markets know too
    assume(case.run.fills.latency_ms == 0.0)
    held: dict[tuple[int, int], float] = defaultdict(float)
    for row in engine.tape.rows("fills"):
        key = int(row["strategy"]), int(row["instrument"])
        is_exit = int(row["intent"]) in (Intent.EXIT, Intent.PROTECT)
        if is_exit:
            assert held[key] * float(row["position_after"]) >= 0.0
            assert abs(float(row["position_after"])) < abs(held[key])
        held[key] = float(row["position_after"])


@settings(max_examples=300, **QUICK)
@given(seed=SEEDS, length=LENGTHS)
def test_the_equity_curve_is_a_mark_to_market_of_the_fills(seed: int, length: int) -> None:
    case = random_case(seed, length)
    case.rates, case.splits, case.dividends = {}, [], []
    case.run.fills.timing = FillTiming.NEXT_OPEN
    for bars in case.bars:  # a second between two bars tells fills at an end from fills at the next open
        bars.duration_ns = min(bars.duration_ns, bars.interval_ns - 1_000_000_000)
    engine = run_core(case)
    assume(has_room(engine))
    fills, at = engine.tape.rows("fills"), 0
    cost: dict[tuple[int, int], int] = defaultdict(int)
    held: dict[tuple[int, int], Decimal] = defaultdict(Decimal)
    closes = sorted((bar.end, row, bar.close) for row in range(len(case.bars)) for bar in bars_of(case, row))
    last: dict[int, Decimal] = {}
    marks = engine.tape.rows("equity")
    assert [int(row["ts_ns"]) for row in marks] == sorted({end for end, _, _ in closes})
    ends = np.array([_group_end(case, row) for row in fills], np.int64)
    cash = START_CASH
    for mark in marks:
        now = int(mark["ts_ns"])
        last.update({row: price for end, row, price in closes if end == now})
        while at < len(fills) and ends[at] <= now:
            row = fills[at]
            key = int(row["strategy"]), int(row["instrument"])
            paid = int(row["side"]) * _notional(case, row)
            cost[key] += paid + int(row["realised"])
            held[key] = _exact(row["position_after"])
            cash, at = int(row["cash_after"]), at + 1
        value = 0
        for key, quantity in held.items():
            item = case.instruments[key[1]]
            raw = micros(quantity * last[key[1]] * Decimal(str(item.multiplier))) if quantity else 0
            value += raw - cost[key] if item.is_margined else raw
        assert abs(cash + value - int(mark["equity"])) <= 2 * at + len(held)


def _group_end(case: Case, fill: Any) -> int:
    """Return the end of the bar in which a fill happened."""
    bars, instant = case.bars[int(fill["instrument"])], int(fill["ts_ns"])
    return int(bars.ts[int(np.searchsorted(bars.ts, instant, "right")) - 1]) + bars.duration_ns


@settings(max_examples=400, **QUICK)
@given(seed=SEEDS, length=LENGTHS)
def test_no_fill_lies_outside_its_bar(seed: int, length: int) -> None:
    case, engine = _run(seed, length)
    for row in engine.tape.rows("fills"):
        bars, instant = case.bars[int(row["instrument"])], int(row["ts_ns"])
        item = case.instruments[int(row["instrument"])]
        slip = float(row["slippage"]) / 1e6 / (float(row["quantity"]) * item.multiplier)
        touched = float(row["price"]) - int(row["side"]) * slip
        room = 1e-6 / (float(row["quantity"]) * item.multiplier) + 1e-9
        ends = bars.ts + bars.duration_ns
        inside = (bars.low - room <= touched) & (touched <= bars.high + room) & (ends == instant)
        at_open = (np.abs(bars.open - touched) <= room) & (bars.ts == instant)
        assert np.any(inside | at_open)
        assert int(row["slippage"]) >= 0


@settings(max_examples=150, **QUICK)
@given(seed=SEEDS, length=LENGTHS)
def test_the_same_run_twice_is_the_same_tape(seed: int, length: int) -> None:
    case = random_case(seed, length)
    assert run_core(case).tape.content() == run_core(case).tape.content()


@settings(max_examples=150, **QUICK)
@given(seed=SEEDS, length=LENGTHS)
@example(seed=955, length=20)
def test_the_live_face_answers_every_report_as_the_loop_does(seed: int, length: int) -> None:
    case = random_case(seed, length)
    loop, stepped = run_core(case), run_core(case, one_by_one=True)
    assert loop.tape.content() + loop.fingerprint() == stepped.tape.content() + stepped.fingerprint()


@settings(max_examples=200, **QUICK)
@given(seed=SEEDS, length=LENGTHS)
def test_the_order_of_the_files_changes_nothing(seed: int, length: int) -> None:
    """Sizes that do not follow equity; those that do are decided one instrument after the other."""
    case = random_case(seed, length)
    case.rates = {}
    case.settings = [replace(item, sizing=Sizing.FIXED, size_value=3.0) for item in case.settings]

    def told(engine: Engine) -> list[list[Any]]:
        keep = [
            "ts_ns",
            "instrument",
            "strategy",
            "side",
            "intent",
            "reason",
            "quantity",
            "price",
            "fee",
            "position_after",
        ]
        fills = engine.tape.rows("fills")[keep]
        return [sorted(row.item() for row in fills), engine.tape.rows("equity").tolist()]

    assert told(run_core(case)) == told(run_core(case, tables=case.bars[::-1]))


@settings(max_examples=150, **QUICK)
@given(seed=SEEDS, length=LENGTHS)
def test_what_happens_in_one_market_does_not_depend_on_another(seed: int, length: int) -> None:
    case = random_case(seed, length)
    assume(len(case.instruments) > 1)
    case.rates = {}
    case.settings = [replace(item, sizing=Sizing.FIXED, size_value=3.0) for item in case.settings]
    alone = replace(
        case,
        instruments=case.instruments[:1],
        bars=case.bars[:1],
        scripts=[{key: value for key, value in script.items() if key[0] == 0} for script in case.scripts],
        splits=[item for item in case.splits if item[0] == 0],
        dividends=[item for item in case.dividends if item[0] == 0],
    )
    keep = ["ts_ns", "strategy", "side", "intent", "reason", "quantity", "price", "fee", "position_after"]
    together = run_core(case).tape.rows("fills")
    assert together[together["instrument"] == 0][keep].tolist() == run_core(alone).tape.rows("fills")[keep].tolist()


class Crossing(Strategy):
    """Trades a fast average against a slow one, long and short, with brackets."""

    fast_window = Param(2, low=1, high=20)
    slow_window = Param(5, low=2, high=40)
    fast = SMA(window="fast_window")
    slow = SMA(window="slow_window")
    seen = Memory(0)

    def step(me, bar, order, second):
        fast = sma(me.fast, bar.close)
        slow = sma(me.slow, bar.close)
        me.seen += 1
        if me.seen % 7 == 3:
            buy(second, quantity=2.0, limit=bar.low, add=1, tif=0)
        if fast > slow and order.held <= 0.0:
            buy(order, stop=bar.close - 2.0, target=bar.close + 3.0)
        elif fast < slow and order.held > 0.0:
            sell(order)
        elif fast < slow and order.held == 0.0:
            go_short(order, stop=bar.close + 2.0)


STEPS: dict[str, list[Any]] = {}


def _crossing(case: Case, form: str) -> bytes:

    spec = spec_of(Crossing)
    plan = plan_of(case)
    plan.strategies = [StrategyPlan(spec, spec.read_params({}), case.settings[0])]
    engine = Engine(plan, form=form, equity_rows=512, steps=STEPS.get(form))
    if form == "auto":
        STEPS[form] = engine.steps
    engine.replay(build_streams(case.bars, [item.symbol for item in case.instruments]))
    return engine.tape.content()


@pytest.mark.parametrize("other", ["interpreted", "callback"])
@settings(max_examples=60, **QUICK)
@given(seed=SEEDS, length=st.integers(10, 60))
def test_a_strategy_trades_alike_in_every_form(other: str, seed: int, length: int) -> None:
    case = random_case(seed, length)
    case.settings = [StrategySettings(Sizing.FIXED, 3.0, allow_short=True, entry_tif=TimeInForce.GTC)]
    case.rates = {}
    assert _crossing(case, "auto") == _crossing(case, other)
