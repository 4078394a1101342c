"""What is wrong with a tree is told at its exact place, and no tree is too large to be refused at once."""

from __future__ import annotations

import json
import sys

import pytest
from trees import SELL, both, codes, indicator, nested

from tidemill.authoring.conditions import parse as module
from tidemill.authoring.conditions.parse import MAX_JSON_DEPTH, parse_conditions, read_conditions
from tidemill.authoring.conditions.tree import tree_of_text, tree_text
from tidemill.model.conditions import MAX_BYTES, MAX_CHILDREN, MAX_DEPTH, MAX_INDICATORS, MAX_NODES
from tidemill.model.errors import ConfigError

SMA = indicator("sma", "above", 100)
HERE = "buy_conditions.indicator"


@pytest.mark.parametrize("document", [None, 3, "and", [], [SMA], True, 1.5])
def test_what_is_no_object_is_no_strategy(document):
    assert codes(document) == [("", "malformed_node")]


@pytest.mark.parametrize("side", [None, [], {}, ""])
def test_a_side_may_not_be_missing(side):
    assert codes(both(SMA, side)) == [("sell_conditions", "missing_side")]
    assert codes({"buy_conditions": SMA}) == [("sell_conditions", "missing_side")]


def test_sides_may_be_spelled_in_camel_case():
    parsed = parse_conditions({"buyConditions": [SMA, 5], "sellConditions": SELL})
    assert [item.path for item in parsed.errors] == ["buyConditions[1]"]
    assert parse_conditions({"buyConditions": SMA, "sellConditions": SELL}).tree is not None


@pytest.mark.parametrize(
    ("node", "path", "code"),
    [
        (5, "buy_conditions", "malformed_node"),
        ({"type": "xor", "children": [SMA, SMA]}, "buy_conditions.type", "unknown_node_type"),
        ({"type": ["and"]}, "buy_conditions.type", "unknown_node_type"),
        ({"type": "sma", "period": 3}, "buy_conditions.type", "unknown_node_type"),
        ({"children": [SMA, SMA]}, "buy_conditions.type", "unknown_node_type"),
        ({"type": "and"}, "buy_conditions.children", "malformed_node"),
        ({"type": "and", "children": SMA}, "buy_conditions.children", "malformed_node"),
        ({"type": "and", "children": []}, "buy_conditions.children", "too_few_children"),
        ({"type": "or", "children": [SMA]}, "buy_conditions.children", "too_few_children"),
        ({"type": "not", "children": [SMA, SMA]}, "buy_conditions.children", "too_many_children"),
        ({"type": "and", "children": [SMA] * 33}, "buy_conditions.children", "too_many_children"),
        ([SMA] * 33, "buy_conditions", "too_many_children"),
        ({"type": "and", "children": [SMA, None]}, "buy_conditions.children[1]", "malformed_node"),
        ({"type": "indicator"}, HERE, "malformed_node"),
        ({"type": "indicator", "indicator": "sma"}, HERE, "malformed_node"),
        (indicator("wma", "above", 1), f"{HERE}.type", "unknown_indicator"),
        ({"type": "indicator", "indicator": {"condition": "above"}}, f"{HERE}.type", "missing_type"),
        (indicator("sma", "overbought"), f"{HERE}.condition", "unknown_condition"),
        ({"type": "indicator", "indicator": {"type": "sma"}}, f"{HERE}.condition", "missing_condition"),
        (indicator("sma", "above"), f"{HERE}.value", "missing_value"),
        (indicator("sma", "above", 1, period=0), f"{HERE}.period", "out_of_bounds"),
        (indicator("sma", "above", 1, params={"period": -1}), f"{HERE}.params.period", "out_of_bounds"),
        (indicator("ema", "above", 1, period=10**9), f"{HERE}.period", "out_of_bounds"),
        (indicator("ema", "above", 1, period=10**400), f"{HERE}.period", "bad_number"),
        (indicator("rsi", "above", 1, period=2.5), f"{HERE}.period", "not_whole"),
        (indicator("rsi", "above", 1, period=True), f"{HERE}.period", "bad_number"),
        (indicator("rsi", "above", 1, period="14"), f"{HERE}.period", "bad_number"),
        (indicator("rsi", "above", float("nan")), f"{HERE}.value", "bad_number"),
        (indicator("rsi", "above", float("inf")), f"{HERE}.value", "bad_number"),
        (indicator("rsi", "above", False), f"{HERE}.value", "bad_number"),
        (indicator("rsi", "above", [30]), f"{HERE}.value", "bad_number"),
        (indicator("rsi", "above", "thirty"), f"{HERE}.value", "bad_reference"),
        (indicator("rsi", "above", "30"), f"{HERE}.value", "bad_reference"),
        (indicator("rsi", "above", "sma(50"), f"{HERE}.value", "bad_reference"),
        (indicator("rsi", "above", "sma(1, 2)"), f"{HERE}.value", "bad_reference"),
        (indicator("rsi", "above", "sma(0)"), f"{HERE}.value", "out_of_bounds"),
        (indicator("rsi", "above", "sma(" + "9" * 400 + ")"), f"{HERE}.value", "bad_reference"),
        (indicator("rsi", "above", "macd.middle"), f"{HERE}.value", "unknown_output"),
        (indicator("rsi", "above", {"type": "nope"}), f"{HERE}.value.type", "unknown_indicator"),
        (indicator("rsi", "above", refIndicator={"period": 3}), f"{HERE}.refIndicator.type", "missing_type"),
        (indicator("sma", "above", 1, source="bid"), f"{HERE}.source", "unknown_source"),
        (indicator("vwap", "above", 1, source="open"), f"{HERE}.source", "unknown_source"),
        (indicator("sma", "above", 1, params=[20]), f"{HERE}.params", "malformed_node"),
        (indicator("macd", "signalAbove", fastPeriod=26), f"{HERE}.fastPeriod", "macd_periods"),
        (indicator("macd", "signalAbove", params={"slowPeriod": 12}), f"{HERE}.fastPeriod", "macd_periods"),
    ],
)
def test_an_error_is_told_at_its_exact_place(node, path, code):
    found = codes(both(node))
    assert (path, code) in found
    assert {item for _, item in found} <= {code, "no_indicator"}


@pytest.mark.parametrize(
    ("node", "path", "code"),
    [
        (indicator("rsi", "above", 1, period=1), f"{HERE}.period", "unusual_rsi_period"),
        (indicator("rsi", "above", 1, period=101), f"{HERE}.period", "unusual_rsi_period"),
        (indicator("sma", "above", 1, period=501), f"{HERE}.period", "long_period"),
        (indicator("bollingerBands", "priceAboveUpper", multiplier=0.05), f"{HERE}.multiplier", "unusual_multiplier"),
        (indicator("bollingerBands", "priceAboveUpper", multiplier=6), f"{HERE}.multiplier", "unusual_multiplier"),
        (indicator("sma", "above", "sma(20)"), f"{HERE}.value", "compares_with_itself"),
        (indicator("sma", "above", 1, perod=9), f"{HERE}.perod", "unknown_key"),
        ({**SMA, "chidren": []}, "buy_conditions.chidren", "unknown_key"),
        (indicator("macd", "signalAbove", 3), f"{HERE}.value", "value_not_read"),
        (indicator("sma", "above", 1, refIndicator={"type": "ema"}), f"{HERE}.value", "value_not_read"),
        (SMA, "buy_conditions", "single_indicator"),
    ],
)
def test_a_warning_is_told_at_its_exact_place_and_the_tree_can_be_used(node, path, code):
    assert (path, code) in codes(both(node), "warning")
    assert parse_conditions(both(node)).tree is not None


def test_usual_trees_are_told_nothing():
    buy = {"type": "and", "children": [{**SMA, "id": 7, "label": "slow"}, indicator("rsi", "oversold")]}
    assert parse_conditions({**both(buy), "name": "mine", "is_active": True}).findings == ()


def test_buying_overbought_and_selling_oversold_is_told():
    found = codes(both([SMA, indicator("rsi", "overbought")], indicator("rsi", "oversold", 20)), "warning")
    assert ("buy_conditions[1]", "buys_overbought") in found


def test_a_number_with_overbought_is_taken():
    for condition, value in (("overbought", 80), ("oversold", 20)):
        assert codes(both(indicator("rsi", condition, value))) == []


def test_both_sides_may_not_say_the_same_however_it_is_spelled():
    first = indicator("sma", "above", "ema(9)", period=20)
    second = indicator("SMA", "Above", {"type": "ema", "params": {"period": 9}}, params={"period": 20})
    assert codes(both(first, [second])) == [("sell_conditions[0]", "identical_sides")]


def test_capitals_dashes_and_underscores_make_no_difference():
    node = indicator("bollinger_bands", "price_below_lower", params={"Period": 9})
    tree = parse_conditions(both(node)).tree
    assert tree is not None and tree.buy.comparison is not None
    assert tree.buy.comparison.left.params == {"period": 9, "multiplier": 2.0}


def test_twelve_levels_pass_and_thirteen_do_not():
    assert parse_conditions(both(nested(MAX_DEPTH - 1))).tree is not None
    path = "buy_conditions" + ".child" * MAX_DEPTH
    assert (path, "too_deep") in codes(both(nested(MAX_DEPTH)))
    flat = both(nested(MAX_DEPTH - 2, [SMA, indicator("rsi", "oversold")]))
    assert parse_conditions(flat).tree is not None


def _wide(leaves: int) -> list:
    """So many different leaves under nodes of 32."""
    made = [indicator("sma", "above", at) for at in range(leaves)]
    groups = [made[at : at + 31] for at in range(0, leaves, 31)]
    return [{"type": "and", "children": group} for group in groups]


def test_two_hundred_and_fifty_six_nodes_pass_and_one_more_does_not():
    leaves = MAX_NODES - 1 - 1 - 8  # the sell side, the list, eight groups
    assert parse_conditions(both(_wide(leaves))).tree is not None
    assert [code for _, code in codes(both(_wide(leaves + 1)))] == ["too_many_nodes"]


def test_children_are_bounded_and_not_walked_beyond(monkeypatch):
    assert parse_conditions(both([indicator("sma", "above", at) for at in range(MAX_CHILDREN)])).tree is not None
    assert codes(both([SMA] * 1_000_000)) == [
        ("buy_conditions", "too_many_children"),
        ("buy_conditions", "no_indicator"),
    ]


@pytest.mark.parametrize("shape", ["deep", "broad"])
def test_a_million_nodes_are_refused_after_as_many_as_are_allowed(monkeypatch, shape):
    looked_at = []
    monkeypatch.setattr(module, "unknown_keys", lambda *given: looked_at.append(given))
    if shape == "deep":
        found = codes(both(nested(10_000)))
        assert any(code == "too_deep" for _, code in found)
        assert len(looked_at) == MAX_DEPTH + 1  # and the sell side
    else:
        group = {"type": "or", "children": [SMA] * MAX_CHILDREN}
        wide = {"type": "or", "children": [group] * MAX_CHILDREN}
        found = codes(both({"type": "or", "children": [wide] * MAX_CHILDREN}))
        assert [code for _, code in found] == ["too_many_nodes"]
        assert len(looked_at) == MAX_NODES


def test_a_text_of_ten_thousand_levels_never_reaches_the_parser(monkeypatch):
    asked = []
    monkeypatch.setattr(module.json, "loads", lambda text: asked.append(text) or {})
    levels = 10_000
    assert levels > sys.getrecursionlimit()
    for raw in (b'{"type":"not","child":' * levels, b"[" * (MAX_JSON_DEPTH + 1)):
        found = read_conditions(raw[:MAX_BYTES]).findings
        assert [item.code for item in found] == ["too_deep"]
    assert [item.code for item in read_conditions(b'{"a":' * levels * 2).findings] == ["too_large"]
    assert asked == []


@pytest.mark.parametrize("raw", ["", "{", "nope", b"\xff\xfe{", "\ud800", '{"buy_conditions": 1e5'])
def test_text_that_is_no_json_is_a_finding(raw):
    assert [item.code for item in read_conditions(raw).findings] == ["not_json"]


def test_numbers_beyond_all_bounds_are_told_in_a_short_sentence():
    for text in ("1e309", "-1e309", "NaN", "Infinity", "9" * 4_000):
        raw = json.dumps(both(indicator("sma", "above", 12345))).replace("12345", text)
        errors = read_conditions(raw).errors
        assert [item.code for item in errors] == ["bad_number"]
        assert len(errors[0].sentence) < 120


def test_indicators_and_their_windows_are_bounded_together():
    group = [indicator("ema", "above", 1, period=at) for at in range(1, MAX_INDICATORS + 2)]
    halves = [{"type": "or", "children": group[at : at + 22]} for at in range(0, 66, 22)]
    assert [code for _, code in codes(both(halves))] == ["too_many_indicators"]
    halves[2] = {"type": "or", "children": [*halves[2]["children"][:20], group[0]]}
    assert codes(both(halves)) == []
    long = [indicator("sma", "above", 1, period=4000 + at) for at in range(5)]
    assert codes(both(long)) == [("buy_conditions[4]", "too_many_window_bars")]
    assert codes(both(long[:4])) == []


def test_findings_are_no_longer_than_anybody_reads():
    node = {**SMA, **{f"key{at}": at for at in range(30)}}
    assert len(parse_conditions(both([node] * 5)).findings) == 100
    long = parse_conditions(both(indicator("x" * 10_000, "above", 1))).errors[0]
    assert len(long.sentence) < 120


@pytest.mark.parametrize("place", ["", ".indicator", ".indicator.params", ".indicator.value"])
def test_an_object_with_too_many_keys_is_not_walked(place):
    node = indicator("sma", "above", {"type": "ema"}, params={"period": 5})
    inner = node
    for key in filter(None, place.split(".")):
        inner = inner[key]
    inner.update({f"key{at}": at for at in range(100_000)})
    assert codes(both(node))[0] == (f"buy_conditions{place}", "malformed_node")
    assert codes(both(node), "warning") == []


def test_the_text_of_a_tree_is_the_same_however_it_was_written():
    document = {"name": "mine", **both(SMA), "price_data": [1, 2]}
    text = tree_text(document)
    assert text == tree_text(json.dumps(document, indent=4)) == tree_text(text)
    assert set(json.loads(text)) == {"buy_conditions", "sell_conditions"}
    assert tree_of_text(text) == parse_conditions(document).tree
    camel = {"buyConditions": SMA, "sellConditions": SELL}
    assert tree_text(camel) == text


def test_a_tree_that_cannot_be_used_is_refused_with_its_first_error():
    with pytest.raises(ConfigError, match=r"at buy_conditions\.indicator\.period: period is 0; .* \(1 more"):
        tree_text(both(indicator("sma", "above", "x", period=0)))
    with pytest.raises(ConfigError, match="JSON does not know"):
        tree_text(both({**SMA, "label": {1, 2}}))
    with pytest.raises(ConfigError, match="JSON does not know"):
        tree_text(both({**SMA, "label": float("nan")}))
    with pytest.raises(ConfigError, match=f"longer than {MAX_BYTES} bytes"):
        tree_text(both({**SMA, "label": "x" * MAX_BYTES}))
