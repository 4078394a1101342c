"""Lines on the chart are what the strategies saw: the same numbers that the indicators give on whole columns."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest

from tidemill.adapters.samples import sample_bars
from tidemill.kernel.indicators.batch import run_batch
from tidemill.kernel.indicators.catalog import INDICATORS
from tidemill.model.bars import DAY_NS, MINUTE_NS, BarTable
from tidemill.research import traces
from tidemill.research.report.drawing import Drawing, Line
from tidemill.services.backtests import BacktestRequest, run_request
from tidemill.services.entries import StrategyRequest


def draw(strategies: list[StrategyRequest], data: list[BarTable], form: str = "auto") -> Drawing:
    request = BacktestRequest(strategies, data, form=form, count_trial=False, check_prefix=False)
    maker: Callable[[], Drawing] | None = run_request(request).draw
    assert maker is not None
    return maker()


def by_label(lines: list[Line], instrument: int = 0) -> dict[str, Line]:
    return {line.label: line for line in lines if line.instrument == instrument}


@pytest.fixture(scope="module")
def apple() -> BarTable:
    return sample_bars()


def test_averages_are_drawn_among_the_prices_as_the_strategy_saw_them(apple: BarTable) -> None:
    params = {"fast_window": 10, "slow_window": 30}
    lines = by_label(draw([StrategyRequest("moving_average_crossover", params)], [apple]).lines)
    assert list(lines) == ["fast_sma", "slow_sma"]  # the exponential ones were never fed, crossings show nothing
    for label, window in (("fast_sma", 10), ("slow_sma", 30)):
        expected = run_batch(INDICATORS["sma"], apple.close, params={"window": window})["value"]
        assert np.array_equal(lines[label].values, expected, equal_nan=True)
        assert lines[label].pane == "" and int(np.isnan(expected).sum()) == window - 1


def test_what_is_no_price_gets_a_pane_of_its_own(apple: BarTable) -> None:
    lines = by_label(draw([StrategyRequest("rule_based")], [apple]).lines)
    panes = {label: line.pane for label, line in lines.items()}
    assert panes["strength"] == "strength (rsi)" and panes["fast"] == panes["slow"] == ""
    assert {panes[f"trend.{name}"] for name in ("line", "signal", "histogram")} == {"trend (macd)"}


def test_lines_of_a_condition_tree_are_those_of_the_indicators(apple: BarTable) -> None:
    def condition(kind: str, word: str, value: object = None) -> dict[str, object]:
        return {"type": "indicator", "indicator": {"type": kind, "condition": word, "value": value}}

    buy = [condition("sma", "above", "ema(9)"), condition("rsi", "oversold"), condition("macd", "signalAbove")]
    sell = [condition("bollingerBands", "priceAboveUpper"), condition("bollingerBands", "bandsExpanding")]
    tree = json.dumps({"buy_conditions": buy, "sell_conditions": sell})
    lines = by_label(draw([StrategyRequest("conditions", {"tree": tree})], [apple]).lines)
    drawn = {
        "SMA(20)": ("sma", {"window": 20}, "value", ""),
        "EMA(9)": ("ema", {"window": 9}, "value", ""),
        "RSI(14)": ("rsi", {"window": 14}, "value", "RSI(14)"),
        "MACD(12, 26, 9)": ("macd", {}, "line", "MACD(12, 26, 9)"),
        "the signal line of MACD(12, 26, 9)": ("macd", {}, "signal", "MACD(12, 26, 9)"),
        "the upper band of Bollinger bands(20, 2)": ("bollinger", {}, "upper", ""),
    }
    assert list(lines) == [*drawn, "the width of Bollinger bands(20, 2)"]
    for label, (name, params, output, pane) in drawn.items():
        expected = run_batch(INDICATORS[name], apple.close, params=params)[output]
        assert np.array_equal(lines[label].values, expected, equal_nan=True)
        assert lines[label].pane == pane
    assert lines["the width of Bollinger bands(20, 2)"].pane == "Bollinger bands(20, 2)"


def test_the_form_of_a_strategy_does_not_change_its_lines(apple: BarTable) -> None:
    few = apple.rows(0, 120)
    compiled, called = (
        by_label(draw([StrategyRequest("momentum")], [few], form).lines) for form in ("compiled", "callback")
    )
    assert list(compiled) == list(called) and len(compiled) == 2
    for label in compiled:
        assert np.array_equal(compiled[label].values, called[label].values, equal_nan=True)


def test_each_instrument_and_each_strategy_has_its_lines(apple: BarTable) -> None:
    other = apple.rows(200, 900)
    other.symbol = "OTHER"
    asked = [StrategyRequest("mean_reversion", symbols=["OTHER"]), StrategyRequest("moving_average_crossover")]
    lines = draw(asked, [apple, other]).lines
    assert set(by_label(lines)) == {f"moving_average_crossover: {name}_sma" for name in ("fast", "slow")}
    own = by_label(lines, 1)
    assert len(own) == 3 and "mean_reversion: " in " ".join(own)
    expected = run_batch(INDICATORS["sma"], other.close, params={"window": 10})["value"]
    assert np.array_equal(own["moving_average_crossover: fast_sma"].values, expected, equal_nan=True)


def test_longer_bars_hold_their_value_until_the_next(apple: BarTable) -> None:
    ts = np.arange(600) * MINUTE_NS + 19_800 * DAY_NS
    prices = [np.linspace(100.0, 101.0, 600) + shift for shift in (0.0, 0.1, -0.1, 0.0)]
    minutes = BarTable("M", MINUTE_NS, MINUTE_NS, ts, *prices, np.ones(600))
    lines = by_label(draw([StrategyRequest("mean_reversion", {"window": 5}, interval="5min")], [minutes]).lines)
    values = next(iter(lines.values())).values
    closes = minutes.close[4::5]
    expected = run_batch(INDICATORS["sma"], closes, params={"window": 5})["value"]
    assert np.array_equal(values[4::5], expected, equal_nan=True)
    assert np.array_equal(values[24:599], np.repeat(values[24::5], 5)[:575])


def test_more_bars_than_a_chart_shows_have_no_lines(apple: BarTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "_MOST_ROWS", 1_000)
    assert draw([StrategyRequest("moving_average_crossover")], [apple]).lines == []
