"""Every condition of the table, in both spellings, on bars on which it holds and on bars on which it does not."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest
from trees import both, indicator, signal, signals, tried

from tidemill.authoring.conditions.parse import read_conditions
from tidemill.authoring.conditions.program import compile_tree
from tidemill.authoring.conditions.reading import read_aloud
from tidemill.authoring.conditions.vocabulary import CONDITIONS, KINDS

PAGE = (Path(__file__).resolve().parents[4] / "docs/concepts/conditions.md").read_text(encoding="utf-8")
UP = [100.0 + at for at in range(60)]
DOWN = UP[::-1]
TURNS_UP = [*DOWN, 130.0]  # one sharp rise after a long fall
TURNS_DOWN = [*UP, 130.0]
WAVE = [100.0 + 10.0 * math.sin(at / 4.0) for at in range(60)]
CALM = [*WAVE, *(100.0 + 0.1 * (at % 2) for at in range(15))]
WILD = [*(100.0 + 0.1 * (at % 2) for at in range(60)), 120.0]
EASED, LIFTED = [*UP, 157.5], [*DOWN, 101.5]  # a small step back between the middle and the band

# kind, condition, value, bars on which it is met at the end, bars on which it is not
ROWS = [
    *((kind, "above", 110, UP, DOWN) for kind in ("sma", "ema")),
    *((kind, "below", 110, DOWN, UP) for kind in ("sma", "ema")),
    *((kind, "crossesAbove", "price", TURNS_DOWN, UP) for kind in ("sma", "ema")),
    *((kind, "crossesBelow", "price", TURNS_UP, DOWN) for kind in ("sma", "ema")),
    ("rsi", "above", 70, UP, DOWN),
    ("rsi", "below", 30, DOWN, UP),
    ("rsi", "crossesAbove", 40, TURNS_UP, UP),
    ("rsi", "crossesBelow", 60, TURNS_DOWN, DOWN),
    ("rsi", "overbought", None, UP, DOWN),
    ("rsi", "overbought", 65, UP, DOWN),
    ("rsi", "oversold", None, DOWN, UP),
    ("rsi", "oversold", 35, DOWN, UP),
    ("macd", "above", None, UP, DOWN),
    ("macd", "below", None, DOWN, UP),
    ("macd", "crossesAbove", None, [*DOWN, 300.0], UP),
    ("macd", "crossesBelow", None, [*UP, 50.0], DOWN),
    ("macd", "signalAbove", None, TURNS_UP, TURNS_DOWN),
    ("macd", "signalBelow", None, TURNS_DOWN, TURNS_UP),
    ("macd", "crossesAboveSignal", None, TURNS_UP, TURNS_DOWN),
    ("macd", "crossesBelowSignal", None, TURNS_DOWN, TURNS_UP),
    ("macd", "histogramPositive", None, TURNS_UP, TURNS_DOWN),
    ("macd", "histogramNegative", None, TURNS_DOWN, TURNS_UP),
    ("bollingerBands", "above", 110, UP, DOWN),
    ("bollingerBands", "below", 110, DOWN, UP),
    ("bollingerBands", "crossesAbove", "price", TURNS_DOWN, UP),
    ("bollingerBands", "crossesBelow", "price", TURNS_UP, DOWN),
    ("bollingerBands", "priceBelowLower", None, [*UP, 90.0], UP),
    ("bollingerBands", "priceAboveUpper", None, [*DOWN, 170.0], DOWN),
    ("bollingerBands", "priceBetweenMiddleAndUpper", None, EASED, DOWN),
    ("bollingerBands", "priceBetweenMiddleAndLower", None, LIFTED, UP),
    ("bollingerBands", "priceCrossesAboveMiddle", None, TURNS_UP, UP),
    ("bollingerBands", "priceCrossesBelowMiddle", None, TURNS_DOWN, DOWN),
    ("bollingerBands", "bandsExpanding", None, WILD, CALM),
    ("bollingerBands", "bandsContracting", None, CALM, WILD),
    ("vwap", "above", 110, UP, [100.0] * 60),
    ("vwap", "below", 110, [100.0] * 60, UP),
    ("vwap", "crossesAbove", "price", [*UP, 90.0], UP),
    ("vwap", "crossesBelow", "price", [*DOWN, 170.0], DOWN),
    ("vwap", "priceAbove", None, UP, DOWN),
    ("vwap", "priceBelow", None, DOWN, UP),
    ("vwap", "priceCrossesAbove", None, [*DOWN, 170.0], DOWN),
    ("vwap", "priceCrossesBelow", None, [*UP, 90.0], UP),
    ("price", "above", 110, UP, DOWN),
    ("price", "below", 110, DOWN, UP),
    ("price", "crossesAbove", 125, TURNS_UP, UP),
    ("price", "crossesBelow", 135, TURNS_DOWN, DOWN),
    ("volume", "above", 0.5, UP, [{"close": 1.0, "volume": 0.25}] * 12),
    ("volume", "below", 0.5, [{"close": 1.0, "volume": 0.25}] * 12, UP),
    ("volume", "crossesAbove", 0.5, [*[{"close": 1.0, "volume": 0.25}] * 12, 1.0], UP),
    ("volume", "crossesBelow", 0.5, [*UP, {"close": 1.0, "volume": 0.25}], UP),
]


@pytest.mark.parametrize(("kind", "condition", "value", "met", "missed"), ROWS)
def test_a_condition_is_met_where_it_should_be_in_both_spellings(kind, condition, value, met, missed):
    numbers = {item.name: item.default for item in KINDS[kind].params if item.default is not None}
    for node in (
        indicator(kind, condition, value),
        indicator(kind, condition, value, **numbers),
        indicator(kind, condition, value, params=numbers),
    ):
        assert signal(node, met)
        assert not signal(node, missed)


def test_the_rows_are_all_conditions_of_all_kinds():
    assert {(kind, condition) for kind, condition, *_ in ROWS} == {
        (kind.name, condition) for kind in KINDS.values() for condition in kind.conditions
    }
    assert set(CONDITIONS) == {condition for _, condition, *_ in ROWS}


def test_the_page_lists_every_condition_kind_and_number():
    told = re.search(r"## Conditions\n(.*?)\n## ", PAGE, re.DOTALL)
    assert told is not None
    assert re.findall(r"^\| `(\w+)`", told[1], re.MULTILINE) == list(CONDITIONS)
    table = re.search(r"## Indicators\n(.*?)\n## ", PAGE, re.DOTALL)
    assert table is not None
    for kind in KINDS.values():
        row = next(line for line in table[1].splitlines() if f"`{kind.name}`" in line.partition(" | ")[0])
        words = set(re.findall(r"`(\w+)`", row))
        assert {item.name for item in kind.params} | set(kind.outputs) <= words
        assert set(kind.conditions) - {"above", "below", "crossesAbove", "crossesBelow"} <= words


def test_every_example_of_the_page_reads_as_it_says():
    blocks = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    readings = re.findall(r"^> (Buy .*)\n> (Sell .*)$", PAGE, re.MULTILINE)
    assert len(blocks) == len(readings) == 2
    for block, reading in zip(blocks, readings, strict=True):
        tree = read_conditions(block).tree
        assert tree is not None
        assert read_aloud(tree) == "\n".join(reading)


def test_every_value_of_the_page_can_be_compared_with():
    table = re.search(r"\| value \| means \|\n\|---\|---\|\n(.*?)\n\n", PAGE, re.DOTALL)
    assert table is not None
    values = re.findall(r"^\| `(.*?)` \|", table[1], re.MULTILINE)
    assert len(values) == 8
    for value in values:
        given = f'{{"type": "rsi", "condition": "above", "value": {value}}}'
        sell = '{"type": "indicator", "indicator": {"type": "rsi", "condition": "oversold"}}'
        raw = f'{{"buy_conditions": {{"type": "indicator", "indicator": {given}}}, "sell_conditions": {sell}}}'
        assert read_conditions(raw).errors == ()


def test_the_example_of_the_source_says_what_its_translation_says():
    buy = {
        "type": "and",
        "children": [
            {"type": "indicator", "indicator": {"type": "sma", "period": 20, "condition": "above", "value": 100}},
            {"type": "indicator", "indicator": {"type": "rsi", "period": 14, "condition": "below", "value": 30}},
        ],
    }
    sell = {"type": "indicator", "indicator": {"type": "rsi", "period": 14, "condition": "above", "value": 70}}
    falling, rising = [160.0 - at for at in range(30)], [40.0 + at for at in range(30)]
    assert tried(buy, falling, sell).signal == "BUY"
    assert tried(buy, [price - 60.0 for price in falling], sell).signal is None  # SMA(20) is not above 100
    assert tried(buy, rising, sell).signal == "SELL"
    first = signals(buy, falling, sell)
    assert first.index(1) == 19  # the twentieth bar: before it SMA(20) has no value


def test_workflow_three_compares_an_average_with_the_price():
    buy = [
        {
            "type": "and",
            "children": [indicator("rsi", "below", 30), indicator("sma", "above", "price", params={"period": 20})],
        }
    ]
    assert tried(buy, DOWN, indicator("rsi", "above", 70)).signal == "BUY"
    assert tried(buy, UP, indicator("rsi", "above", 70)).signal == "SELL"


def test_buying_wins_where_both_sides_are_true():
    always = indicator("price", "above", 1)
    also = indicator("price", "above", 2)
    assert tried(always, UP, also).signal == "BUY"
    assert tried(indicator("price", "above", 1e9), UP, also).signal == "SELL"


def test_nothing_is_answered_before_the_tenth_bar():
    assert signals(indicator("price", "above", 1), UP[:12]) == [0] * 9 + [1] * 3


@pytest.mark.parametrize("negations", [1, 2, 3])
def test_what_has_no_value_yet_is_not_met_under_not_either(negations):
    node = indicator("sma", "above", 1e9, period=20)
    for _ in range(negations):
        node = {"type": "not", "children": [node]}
    found = signals(node, UP[:30])
    assert found == [0] * 19 + [negations % 2] * 11


def test_unknown_does_not_hide_what_is_certain():
    never, warming = indicator("price", "above", 1e9), indicator("sma", "above", 1, period=50)
    always = indicator("price", "above", 1)
    short = UP[:15]
    assert signal({"type": "or", "children": [warming, always]}, short)
    assert signal({"type": "not", "child": {"type": "and", "children": [warming, never]}}, short)
    assert not signal({"type": "and", "children": [warming, always]}, short)
    assert not signal({"type": "not", "child": {"type": "or", "children": [warming, never]}}, short)


def test_a_tie_is_no_crossing_until_it_is_left():
    flat = [100.0] * 12
    above, below = indicator("price", "crossesAbove", 100), indicator("price", "crossesBelow", 100)
    assert not signal(above, flat)
    assert signal(above, [*flat, 101.0])
    assert signal(below, [*flat, 99.0])
    assert not signal(above, [*[99.0] * 12, 100.0])


def test_at_the_mark_counts_as_overbought_and_not_as_above():
    assert signal(indicator("rsi", "overbought", 50), [100.0] * 20)  # a market that stood still has an RSI of 50
    assert signal(indicator("rsi", "oversold", 50), [100.0] * 20)
    assert not signal(indicator("rsi", "above", 50), [100.0] * 20)


def test_sources_are_the_bars_own_prices():
    bars = [{"open": 10.0, "high": 30.0, "low": 5.0, "close": 20.0, "volume": 7.0}] * 12
    means = {"open": 10, "high": 30, "low": 5, "close": 20, "volume": 7, "hl2": 17.5, "hlc3": 55 / 3, "ohlc4": 16.25}
    for source, value in means.items():
        at = {"source": source, "period": 3}
        assert signal(indicator("sma", "above", value - 0.001, **at), bars)
        assert signal(indicator("sma", "below", value + 0.001, params=at), bars)


def test_equal_indicators_are_computed_once_and_lines_are_told_apart():
    document = both(
        {
            "type": "and",
            "children": [
                indicator("macd", "above", "macd(12, 26, 9).signal"),
                indicator("macd", "signalAbove"),
                indicator("bollingerBands", "below", 1e6, output="width"),
                indicator("bollingerBands", "above", "bollingerBands.lower", output="upper"),
            ],
        }
    )
    parsed = read_conditions(json.dumps(document))
    assert parsed.tree is not None
    assert int(compile_tree(parsed.tree).memory["indicators"][0]) == 2
