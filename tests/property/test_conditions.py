"""The kernel and the naive reading agree on every tree; compiled, interpreted and one bar at a time they are one."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from naive.conditions import signals_of
from tidemill.authoring.conditions.parse import parse_conditions, read_conditions
from tidemill.authoring.conditions.program import compile_tree
from tidemill.authoring.conditions.reading import read_aloud
from tidemill.authoring.conditions.trial import try_tree
from tidemill.authoring.conditions.vocabulary import COMPARING, CONDITIONS, KINDS
from tidemill.authoring.strategy import spec_of
from tidemill.engine.bind import interpreted
from tidemill.kernel.compile import JIT
from tidemill.kernel.conditions import judge
from tidemill.model.conditions import MIN_BARS
from tidemill.strategies.conditions import Conditions
from tidemill.testing.samples import daily_bars
from tidemill.testing.strategies import run_strategy

QUICK = {"derandomize": True, "deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}
SOURCES = ("close", "open", "high", "low", "volume", "hl2", "hlc3", "ohlc4")
PERIODS = st.integers(1, 9)


@st.composite
def series(draw, kinds=tuple(KINDS)) -> dict[str, Any]:
    """A series in one of the two spellings."""
    kind = draw(st.sampled_from(kinds))
    values: dict[str, Any] = {}
    if kind in ("sma", "ema", "rsi", "bollingerBands") or (kind == "vwap" and draw(st.booleans())):
        values["period"] = draw(PERIODS)
    if kind == "bollingerBands":
        values["multiplier"] = draw(st.sampled_from([0.5, 1.0, 2.0]))
    if kind == "macd":
        fast, slow = sorted(draw(st.lists(PERIODS, min_size=2, max_size=2, unique=True)))
        values = {"fastPeriod": fast, "slowPeriod": slow, "signalPeriod": draw(st.integers(1, 4))}
    if kind not in ("vwap", "volume") and draw(st.booleans()):
        values["source"] = draw(st.sampled_from(SOURCES))
    return {"type": kind, "params": values} if draw(st.booleans()) else {"type": kind, **values}


@st.composite
def indicators(draw) -> dict[str, Any]:
    left = draw(series())
    condition = draw(st.sampled_from(KINDS[left["type"]].conditions))
    found = {**left, "condition": condition}
    if condition in COMPARING and len(KINDS[left["type"]].outputs) > 1 and draw(st.booleans()):
        found["output"] = draw(st.sampled_from(KINDS[left["type"]].outputs))
    if not CONDITIONS[condition].takes_value:
        return found
    kind = draw(st.sampled_from(["number", "price", "reference", "object", "default"]))
    if kind == "number":
        found["value"] = draw(st.floats(20, 120))
    elif kind == "price":
        found["value"] = draw(st.sampled_from(["price", "volume", "high", "low", "open"]))
    elif kind == "reference":
        found["refIndicator"] = draw(series())
    elif kind == "object" or condition not in ("overbought", "oversold"):
        found["value"] = draw(series())
    return found


LEAVES = indicators().map(lambda item: {"type": "indicator", "indicator": item})


def _joined(below):
    return st.one_of(
        st.builds(
            lambda kind, children: {"type": kind, "children": children},
            st.sampled_from(["and", "or"]),
            st.lists(below, min_size=2, max_size=4),
        ),
        below.map(lambda child: {"type": "not", "children": [child]}),
        below.map(lambda child: {"type": "not", "child": child}),
    )


NODES = st.recursive(LEAVES, _joined, max_leaves=8)
SIDES = st.one_of(NODES, st.lists(NODES, min_size=1, max_size=3))


def _columns(seed: int, length: int) -> np.ndarray:
    chance = np.random.default_rng(seed)
    close = 70.0 * np.exp(np.cumsum(chance.normal(0.0, 0.02, length)))
    opened = np.r_[70.0, close[:-1]] * np.exp(chance.normal(0.0, 0.004, length))
    high = np.maximum(opened, close) * np.exp(abs(chance.normal(0.0, 0.006, length)))
    low = np.minimum(opened, close) * np.exp(-abs(chance.normal(0.0, 0.006, length)))
    return np.array([opened, high, low, close, chance.uniform(20.0, 120.0, length)])


def _bars(columns: np.ndarray) -> dict[str, list[float]]:
    opened, high, low, close, volume = columns.tolist()
    rows = list(zip(opened, high, low, close, strict=True))
    return {
        "open": opened,
        "high": high,
        "low": low,
        "close": close,
        "volume": volume,
        "hl2": [(h + lo) / 2.0 for _, h, lo, _ in rows],
        "hlc3": [(h + lo + c) / 3.0 for _, h, lo, c in rows],
        "ohlc4": [sum(row) / 4.0 for row in rows],
    }


@settings(max_examples=150, **QUICK)
@given(buy=SIDES, sell=SIDES, seed=st.integers(0, 2**32 - 1), length=st.integers(1, 32))
def test_the_kernel_reads_a_tree_as_its_definition_does(buy, sell, seed, length):
    document = {"buy_conditions": buy, "sell_conditions": sell}
    parsed = parse_conditions(document)
    if parsed.tree is None:
        assert {item.code for item in parsed.errors} == {"identical_sides"}
        return
    columns = _columns(seed, length)
    found = try_tree(parsed.tree, columns).signals.tolist()
    wanted = signals_of(document, _bars(columns))
    assert [a for a, b in zip(found, wanted, strict=True) if b is not None] == [b for b in wanted if b is not None]


@settings(max_examples=100, **QUICK)
@given(buy=SIDES, sell=SIDES, seed=st.integers(0, 2**32 - 1))
def test_every_condition_has_an_answer_from_the_bar_on_that_is_told_and_not_before(buy, sell, seed):
    tree = parse_conditions({"buy_conditions": buy, "sell_conditions": sell}).tree
    if tree is None:
        return
    needed = compile_tree(tree).warmup_bars
    columns = _columns(seed, needed)
    assert None not in [item.answer for item in try_tree(tree, columns).conditions]
    if needed > MIN_BARS:
        assert None in [item.answer for item in try_tree(tree, columns[:, :-1]).conditions]


def _some_documents(seeds: range) -> list[dict[str, Any]]:
    """Trees that are sure to be used: every condition of the table once on each side, in one of five chunks."""
    found = []
    pairs = [(kind.name, condition) for kind in KINDS.values() for condition in kind.conditions]
    for seed in seeds:
        order = np.random.default_rng(seed).permutation(len(pairs))
        nodes = []
        for place in order[:12]:
            kind, condition = pairs[place]
            item: dict[str, Any] = {"type": kind, "condition": condition}
            if kind in ("sma", "ema", "rsi", "bollingerBands"):
                item["period"] = int(seed % 7) + 3
            if condition in COMPARING:
                item["value"] = 50 if kind == "rsi" else "ema(5)"
            nodes.append({"type": "indicator", "indicator": item})
        found.append({"buy_conditions": nodes[:6], "sell_conditions": {"type": "and", "children": nodes[6:8]}})
    return found


@pytest.mark.parametrize("document", _some_documents(range(6)), ids=range(6))
def test_every_form_of_the_step_decides_the_same(document):
    bars, spec = daily_bars(160), spec_of(Conditions)
    params = {"tree": json.dumps(document)}
    compiled = run_strategy(spec, bars, params=params, form="compiled")
    for form in ("interpreted", "callback"):
        other = run_strategy(spec, bars, params=params, form=form)
        assert other.tape.content() == compiled.tape.content()
        if form == "interpreted":
            assert other.fingerprint() == compiled.fingerprint()
    tree = read_conditions(params["tree"]).tree
    columns = np.array([bars.open, bars.high, bars.low, bars.close, bars.volume])
    signals = try_tree(tree, columns).signals
    assert set(signals.tolist()) > {0}
    plain, memory = interpreted(judge) if JIT else judge, compile_tree(tree).memory.view(np.recarray)[0]
    assert [plain(memory, *row) for row in columns.T.tolist()] == signals.tolist()


@settings(max_examples=60, **QUICK)
@given(buy=SIDES, sell=SIDES)
def test_a_tree_is_read_aloud_with_every_condition_in_it(buy, sell):
    tree = parse_conditions({"buy_conditions": buy, "sell_conditions": sell}).tree
    if tree is not None:
        text = read_aloud(tree)
        assert text.startswith("Buy when ") and "\nSell when " in text
        assert "None" not in text and "{" not in text


JUNK = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda below: st.one_of(
        st.lists(below, max_size=4),
        st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "children",
                    "child",
                    "indicator",
                    "params",
                    "period",
                    "condition",
                    "value",
                    "refIndicator",
                    "x",
                ]
            ),
            below
            | st.sampled_from(["and", "or", "not", "indicator", "sma", "macd", "above", "overbought", "sma(", "rsi()"]),
            max_size=5,
        ),
    ),
    max_leaves=20,
)


@settings(max_examples=200, **QUICK)
@given(buy=JUNK, sell=JUNK)
def test_whatever_comes_is_a_tree_or_a_finding_and_never_an_exception(buy, sell):
    parsed = parse_conditions({"buy_conditions": buy, "sell_conditions": sell})
    assert (parsed.tree is None) == bool(parsed.errors)
    assert all(item.path.startswith(("buy_conditions", "sell_conditions")) for item in parsed.findings)
