"""A paper run on the same events is the backtest: tape and state agree to the byte, and the account to the micro."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paper_loop import Loop, loop_of

from naive.chance import random_case
from naive.scenario import SCRIPTS, _events, has_room, plan_of, run_core
from naive.scenario import Case as ScriptCase
from parity.cases import Case, random_cases, real_cases
from tidemill.engine.engine import Engine
from tidemill.engine.streams import build_streams
from tidemill.research.events import action_events
from tidemill.research.parity import compare_engines
from tidemill.research.planning import plan_run

ROWS = 700
REAL_ROWS = 4_000


def paper_run(case: Case, steps: list[object]) -> Loop:
    """Run a case through an engine and a paper broker."""
    job = case.job()
    plan = plan_run(job.entrants, job.bars, job.instruments, job.run, job.calendars)
    engine = Engine(plan, job.rules, steps=steps, equity_rows=4_096, history=job.bars)
    symbols = [item.symbol for item in plan.instruments]
    actions = [] if case.actions is None else [action_events(case.actions, symbols)]
    streams = build_streams(job.bars, symbols, actions)
    loop = loop_of(engine)
    loop.run(streams)
    return loop


def compare(backtest: Engine, loop: Loop) -> None:
    """Demand equal tapes and states; where a calendar was read last is a bookmark, and the paper has its own."""
    for engine in (backtest, loop.engine):
        engine.state.tables["calendars"][:] = 0
    parity = compare_engines(backtest, loop.engine)
    assert parity.is_whole, parity.first_difference


def check(case: Case) -> int:
    backtest = case.finish()
    loop = paper_run(case, backtest.steps)
    compare(backtest, loop)
    account = backtest.state.tables["accounts"][0]
    if len(case.strategies) == 1 or not any(item.is_margined for item in loop.engine.plan.instruments):
        assert loop.paper.funds.cash == int(account["cash"]), case.name
        assert loop.paper.funds.equity == int(account["cash"] + account["market"]), case.name
    assert loop.paper.funds.fees == int(account["fees"])
    return len(backtest.tape.rows("fills"))


@pytest.mark.parametrize("case", random_cases(ROWS), ids=lambda case: case.name)
def test_paper_equals_backtest_on_random_minutes(case: Case) -> None:
    assert check(case) > 0


def test_paper_equals_backtest_on_real_minutes(shared_data: Path) -> None:
    for case in real_cases(shared_data):
        case.bars = [table.rows(0, REAL_ROWS) for table in case.bars]
        assert check(case) > 0, case.name


def scripted_run(case: ScriptCase) -> Loop:
    for known, script in zip(SCRIPTS, case.scripts, strict=False):
        known.clear()
        known.update(script)
    engine = Engine(plan_of(case), form="auto", equity_rows=512)
    loop = loop_of(engine)
    loop.run(build_streams(case.bars, [item.symbol for item in case.instruments], _events(case)))
    return loop


@settings(max_examples=250)
@given(seed=st.integers(0, 2**32 - 1), length=st.integers(2, 30))
def test_paper_equals_backtest_for_orders_of_every_kind(seed: int, length: int) -> None:
    case = random_case(seed, length)
    backtest = run_core(case)
    if not has_room(backtest):
        return
    loop = scripted_run(case)
    compare(backtest, loop)
    account = backtest.state.tables["accounts"][0]
    assert loop.paper.funds.fees == int(account["fees"])
    nets = len(case.settings) > 1 and any(item.is_margined for item in case.instruments)
    if not nets and not case.rates:
        assert loop.paper.funds.cash == int(account["cash"])
    held = np.zeros(len(case.instruments))
    np.add.at(held, backtest.state.tables["slots"]["instrument"], backtest.state.tables["slots"]["quantity"])
    shown = {item.symbol: item.quantity for item in loop.paper.funds.positions()}
    assert [shown.get(item.symbol, 0.0) for item in case.instruments] == pytest.approx(held.tolist())
