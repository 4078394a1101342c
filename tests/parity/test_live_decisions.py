"""A run through the whole runtime, fed again from its tape: the same decisions, term by term, on any stream."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as search
from hypothesis import strategies as st

from death import Fate, die_at, haunt
from live_rig import RUN, blueprint, build_run, serve
from live_scene import World
from parity.cases import CROSS, Case, random_cases, walk
from parity.test_equivalences import difference
from tidemill import Costs, FillRules, Instrument, RunSettings, Sizing, StrategySettings
from tidemill.adapters.files import read_bars
from tidemill.model.enums import FillTiming, OrderType, PathRule, Refusal, Slippage
from tidemill.model.tape import FILL_ROW
from tidemill.runtime.life.run import Run
from tidemill.services.ledger import verify_run
from tidemill.services.parity import decision_parity, feed_again
from tidemill.services.recorded import Blueprint, RecordedRun, read_recorded

# of 500 bars one split falls on the instant at which a bar ends
CASES = [*random_cases(600), *(case for case in random_cases(500) if case.name == "splits")]


def recorded(run: Run) -> RecordedRun:
    return read_recorded(run.parts.store, run.parts.folder, RUN)


def prove(case: Case, folder: Path) -> Run:
    """Run a case on paper; its tape fed again decides the same and stands where the run stood."""
    run = serve(build_run(case.job(), folder))
    found = recorded(run)
    parity = decision_parity(found, blueprint(case.job()))
    assert parity.percent == 100.0, parity.first_difference
    assert parity.first_difference is None
    assert parity.waiting == 0
    again, _ = feed_again(found, blueprint(case.job()))
    assert again.core.engine.tape.content() == run.parts.engine.tape.content()
    assert again.core.engine.fingerprint() == run.parts.engine.fingerprint()
    return run


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_paper_run_fed_again_decides_the_same(case: Case, tmp_path: Path) -> None:
    run = prove(case, tmp_path)
    if not run.approver.refused:
        engine = case.finish()
        assert run.parts.engine.tape.content() == engine.tape.content(), difference(engine, run.parts.engine)


def test_the_least_confidence_is_asked_for_in_a_backtest_as_on_paper(tmp_path: Path) -> None:
    case = next(case for case in CASES if case.name == "only sure signals")
    run, engine = prove(case, tmp_path), case.finish()
    for told in (run.parts.engine.tape, engine.tape):
        refused = told.rows("refusals")["refusal"].tolist()
        assert 0 < refused.count(int(Refusal.LOW_CONFIDENCE)) == len(refused)
        assert len(told.rows("fills")) > 0


def test_real_minutes_of_a_stock_and_a_future(shared_data: Path, tmp_path: Path) -> None:
    spy = read_bars(shared_data / "equity/1min/SPY.parquet", symbol="SPY")[0].rows(0, 6_000)
    nq = read_bars(shared_data / "future/1min/NQ_front.parquet", symbol="NQ")[0]
    start = int(np.searchsorted(nq.ts, spy.ts[0]))
    nq = nq.rows(start, start + 6_000) if start + 100 < len(nq) else nq.rows(0, 6_000)
    one = StrategySettings(sizing=Sizing.FIXED, size_value=1.0, stop_loss_pct=0.3, take_profit_pct=0.6)
    case = Case("real", [CROSS], [spy, nq], RunSettings(cash=500_000.0, leverage=4.0, settings=one))
    run = prove(case, tmp_path)
    assert run.approver.refused == 0
    engine = case.finish()
    assert len(engine.tape.rows("fills")) > 100
    assert run.parts.engine.tape.content() == engine.tape.content(), difference(engine, run.parts.engine)


SETTINGS = st.builds(
    StrategySettings,
    sizing=st.sampled_from([Sizing.FIXED, Sizing.PERCENT, Sizing.EQUAL_WEIGHT, Sizing.KELLY]),
    size_value=st.sampled_from([1.0, 7.0, 20.0]),
    stop_loss_pct=st.sampled_from([0.0, 0.3, 1.0]),
    take_profit_pct=st.sampled_from([0.0, 0.5]),
    trailing_stop_pct=st.sampled_from([0.0, 0.4]),
    max_bars_held=st.sampled_from([0, 7]),
    max_open_positions=st.integers(0, 2),
    max_trades_per_day=st.sampled_from([0, 9]),
    entry_type=st.sampled_from([OrderType.MARKET, OrderType.LIMIT]),
    limit_offset_pct=st.sampled_from([0.0, -0.05]),
)
FILLS = st.builds(
    FillRules,
    timing=st.sampled_from(FillTiming),
    path=st.sampled_from(PathRule),
    latency_ms=st.sampled_from([0.0, 250.0]),
    limit_through=st.booleans(),
)
COSTS = st.sampled_from([Costs(), Costs(Slippage.FIXED, 0.02, 0.005), Costs(Slippage.PROPORTIONAL, 0.03, 0.0, 0.01)])


@search(max_examples=12)
@given(seed=st.integers(0, 10_000), settings=SETTINGS, fills=FILLS, costs=COSTS)
def test_any_settings_on_any_stream(
    seed: int, settings: StrategySettings, fills: FillRules, costs: Costs, tmp_path_factory: pytest.TempPathFactory
) -> None:
    bars = [walk(seed + number, f"T{number}", 160, missing=number * 12) for number in range(2)]
    items = [Instrument(table.symbol, lot_size=1e-4, calendar="24/7", zone="UTC") for table in bars]
    case = Case("any", [CROSS], bars, RunSettings(settings=settings, fills=fills, costs=costs), items)
    run = prove(case, tmp_path_factory.mktemp("run"))
    engine = case.finish()
    if not run.approver.refused:
        assert run.parts.engine.tape.content() == engine.tape.content(), difference(engine, run.parts.engine)


def test_a_changed_record_is_no_longer_whole(tmp_path: Path) -> None:
    case = CASES[1]
    run = serve(build_run(case.job(), tmp_path))
    found = recorded(run)
    assert len(run.parts.engine.tape.rows("fills")) > 0
    assert run.parts.engine.tape.rows("fills").dtype == FILL_ROW
    victim = found.intents[3]
    victim.terms = victim.terms.replace('"quantity":', '"quantity":1')
    parity = decision_parity(found, blueprint(case.job()))
    assert parity.percent < 100.0
    assert parity.first_seq == victim.seq
    assert "quantity" in (parity.first_difference or "")
    del found.intents[0]  # type: ignore[attr-defined]
    parity = decision_parity(found, blueprint(case.job()))
    assert "only the replay decided BUY" in (parity.first_difference or "")


@pytest.mark.parametrize("at", [12, 31, 57])
def test_a_run_at_a_broker_outside_that_died_decides_the_same(
    at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = {2: ("buy",), 6: ("close",), 8: ("buy",), 11: ("buy", {"limit_price": 99.0, "type": 1}), 14: ("close",)}
    prices = [100.0, 101.0, 100.4, 99.9, 101.5, 102.0, 101.0, 100.0, 99.5, 98.0, 99.1, 98.7, 99.6, 101.0, 100.5, 100.0]
    terms = StrategySettings(sizing=Sizing.FIXED, size_value=10.0, stop_loss_pct=1.0, take_profit_pct=1.5)
    world = World(tmp_path, script, prices, settings=terms)
    with monkeypatch.context() as patch:
        haunt(world, Fate(at), patch)
        die_at(world)
    for name in ("submit", "cancel", "replace"):  # the exchange outlives the process, and its own deed is undone
        vars(world.exchange).pop(name, None)
    world.wrap_store = world.wrap_broker = lambda inner: inner
    drawn = Blueprint(world.plan, (), "callback")
    died = decision_parity(read_recorded(world.store, tmp_path / "runs", RUN), drawn)
    assert died.is_whole, died.first_difference
    run = world.play()
    assert world.broken(run) == []
    parity = decision_parity(read_recorded(world.store, tmp_path / "runs", RUN), drawn)
    assert parity.is_whole, parity.first_difference
    assert parity.orders >= 6
    assert verify_run(world.store, tmp_path / "runs", RUN, lambda _: drawn).read_rows > 20
