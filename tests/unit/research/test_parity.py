"""Two runs are compared row by row and byte by byte, and the earliest difference is named."""

from __future__ import annotations

import pytest

from tidemill.adapters.samples import sample_bars
from tidemill.engine.engine import Engine
from tidemill.research.backtest import run_backtest, run_engine
from tidemill.research.parity import compare_engines
from tidemill.services.backtests import BacktestRequest, prepare_job
from tidemill.services.entries import StrategyRequest


@pytest.fixture
def engines() -> tuple[Engine, Engine]:
    request = BacktestRequest([StrategyRequest("moving_average_crossover")], [sample_bars()], check_prefix=False)
    job = prepare_job(request)
    _, first = run_backtest(job)
    return first, run_engine(job, first.plan, job.bars, steps=first.steps, one_by_one=True)


def test_the_loop_and_the_live_face_are_the_same(engines: tuple[Engine, Engine]) -> None:
    parity = compare_engines(*engines)
    assert (parity.percent, parity.first_difference, parity.is_whole) == (100.0, None, True)
    assert parity.events == sum(len(engines[0].tape.rows(name)) for name in engines[0].tape.tables)


def test_the_earliest_difference_is_named_with_both_values(engines: tuple[Engine, Engine]) -> None:
    fills, equity = engines[1].tape.rows("fills"), engines[1].tape.rows("equity")
    price = float(fills["price"][3])
    fills["price"][3] += 1.0
    equity["equity"][-1] += 1
    parity = compare_engines(*engines)
    assert not parity.is_whole and 99.0 < parity.percent < 100.0
    assert parity.first_difference is not None
    assert parity.first_difference.startswith("fills row 4 at ")
    assert parity.first_difference.endswith(f"price {price} against {price + 1.0}.")


def test_a_missing_row_is_a_difference(engines: tuple[Engine, Engine]) -> None:
    engines[1].tape.header["fill_count"] -= 1
    parity = compare_engines(*engines)
    assert parity.first_difference is not None
    assert "exists in the first run only" in parity.first_difference


def test_equal_tapes_with_other_states_are_no_parity(engines: tuple[Engine, Engine]) -> None:
    engines[1].state.bytes[-1] ^= 1
    parity = compare_engines(*engines)
    assert not parity.is_whole and parity.percent < 100.0
    assert parity.first_difference is not None and "states differ from byte" in parity.first_difference
