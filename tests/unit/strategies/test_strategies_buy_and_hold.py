from __future__ import annotations

from strategy_runs import deeds, moves, run, wandering_bars

from tidemill.model.enums import Sizing
from tidemill.model.settings import RunSettings, StrategySettings
from tidemill.strategies.buy_and_hold import BuyAndHold
from tidemill.testing.samples import path_bars


def test_it_buys_on_the_first_bar_and_never_again():
    assert moves(BuyAndHold, [10, 11, 9, 30, 2, 10]) == [(0, 1)]


def test_a_position_that_a_stop_has_closed_stays_closed():
    bars = path_bars([100, 100, 90, 80, 100, 120])
    settings = RunSettings(settings=StrategySettings(stop_loss_pct=5.0))
    assert [reason for _, _, reason in deeds(run(BuyAndHold, bars, settings=settings), bars)] == ["SIGNAL", "STOP_LOSS"]


def test_a_position_that_was_opened_and_closed_between_two_bars_stays_closed():
    bars = path_bars([100, 100, 100, 100, 100])
    bars.low[1] = 90.0  # bought at its open, stopped out before its close: the strategy never sees what it held
    settings = RunSettings(settings=StrategySettings(stop_loss_pct=5.0))
    done = deeds(run(BuyAndHold, bars, settings=settings), bars)
    assert [(side, reason) for _, side, reason in done] == [(1, "SIGNAL"), (-1, "STOP_LOSS")]


def test_a_refused_entry_is_tried_again():
    bars = path_bars([1_000, 1_000, 50, 50])
    settings = RunSettings(cash=500, settings=StrategySettings(sizing=Sizing.FIXED, size_value=1))
    engine = run(BuyAndHold, bars, settings=settings)
    assert deeds(engine, bars) == [(2, 1, "SIGNAL")]
    assert len(engine.tape.rows("refusals")) == 2


def test_it_ends_where_the_market_ends():
    bars = wandering_bars(50, 3)
    settings = RunSettings(cash=1_000_000, settings=StrategySettings(sizing=Sizing.FIXED, size_value=100))
    account = run(BuyAndHold, bars, settings=settings).state.tables["accounts"][0]
    gained = (int(account["cash"]) + int(account["market"])) / 1e6 - 1_000_000
    assert abs(gained - 100 * (bars.close[-1] - bars.open[1])) < 1e-3
