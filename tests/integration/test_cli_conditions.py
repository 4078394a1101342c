"""Condition trees on the command line: checked, read, tried, traded on paper, repeated, explained bar by bar."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_runs import bar_rows, tidemill, write_bars

from tidemill.model.errors import ConfigError, DataError

TREE = {
    "name": "dips",
    "buy_conditions": {
        "type": "and",
        "children": [
            {"type": "indicator", "indicator": {"type": "sma", "period": 8, "condition": "above", "value": "price"}},
            {"type": "indicator", "indicator": {"type": "rsi", "period": 5, "condition": "below", "value": 45}},
        ],
    },
    "sell_conditions": {"type": "indicator", "indicator": {"type": "rsi", "period": 5, "condition": "overbought"}},
}
AGENT = """schema = 1
name = "trees"
mode = "paper"

[[strategies]]
strategy = "conditions"
tree = "sub/dips.json"
params = { direction = "long_only" }

[feed]
kind = "synthetic"
sessions = 1
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a tree and bars, and nothing else."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/dips.json").write_text(json.dumps(TREE, indent=2), encoding="utf-8")
    write_bars(tmp_path / "bars.csv", bar_rows(120))
    return tmp_path


def spoiled(folder: Path, name: str, document: object) -> str:
    path = folder / f"{name}.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return str(path)


def test_validate_tells_everything_at_its_place(folder: Path) -> None:
    good = tidemill("conditions", "validate", "sub/dips.json")
    assert good.code == 0
    assert "Buy when SMA(8) is above the close and RSI(5) is below 45.\nSell when" in good.out
    assert "warning: sell_conditions: This side hangs on a single indicator." in good.out
    assert "after 10 bars" in good.out
    document = json.loads(tidemill("conditions", "validate", "sub/dips.json", "--json").out)
    assert document["valid"] is True and document["errors"] == [] and document["needed_bars"] == 10
    bad = spoiled(folder, "bad", {**TREE, "sell_conditions": {"type": "and", "children": [5]}})
    found = tidemill("conditions", "validate", bad)
    assert found.code == ConfigError.exit_code
    assert "error: sell_conditions.children: and takes 2 to 32 children, not 1." in found.out
    document = json.loads(tidemill("conditions", "validate", bad, "--json").out)
    assert document["valid"] is False and document["reading"] is None
    assert document["errors"][0]["path"] == "sell_conditions.children"
    assert set(document["errors"][0]) == {"path", "code", "message", "hint"}


def test_read_is_two_sentences(folder: Path) -> None:
    reading = tidemill("conditions", "read", "sub/dips.json").out
    assert len(reading.splitlines()) == 2
    assert json.loads(tidemill("conditions", "read", "sub/dips.json", "--json").out) == {"reading": reading.rstrip()}


def test_test_tries_a_tree_on_a_data_file_a_list_and_its_own_prices(folder: Path) -> None:
    on_file = json.loads(tidemill("conditions", "test", "sub/dips.json", "--prices", "bars.csv", "--json").out)
    assert on_file["bars"] == 120 and {"BUY", "SELL"} <= set(on_file["signals"])
    assert [item["side"] for item in on_file["conditions"]] == ["buy", "buy", "sell"]
    prices = [100.0 - at for at in range(20)]
    listed = spoiled(folder, "prices", prices)
    found = tidemill("conditions", "test", "sub/dips.json", "--prices", listed)
    assert found.out.startswith("BUY after the last of 20 bars; BUY was true on 11, SELL on 0.")
    own = spoiled(folder, "own", {**TREE, "price_data": [{"close": price} for price in prices[:5]]})
    early = tidemill("conditions", "test", own)
    assert early.out.startswith("No signal after the last of 5 bars")
    assert "before 10 bars" in early.out and "unknown" in early.out


@pytest.mark.parametrize(
    ("prices", "sentence"),
    [
        ([], "list of 1 to"),
        ({"price_data": 5}, "list of 1 to"),
        ([1.0, "2"], r"price_data[1] must be a finite number"),
        ([1.0, True], r"price_data[1] must be a finite number"),
        ([{"close": -1}], r"price_data[0].close must be a finite number"),
        ([{"close": 0}], r"price_data[0].close is 0"),
        ([{"open": 1}], r"price_data[0].close must be a finite number"),
        ([{"close": 5, "high": 4, "low": 3}], r"price_data[0] is no bar"),
        ("[1e309]", r"price_data[0] must be a finite number"),
    ],
)
def test_prices_that_are_none_are_told_by_place(folder: Path, prices: object, sentence: str) -> None:
    found = tidemill("conditions", "test", "sub/dips.json", "--prices", spoiled(folder, "prices", prices))
    assert found.code == DataError.exit_code
    assert sentence in found.err


def test_files_that_are_no_trees_are_refused_in_one_sentence(folder: Path) -> None:
    for words in (
        ("conditions", "read", "nowhere.json"),
        ("conditions", "read", spoiled(folder, "deep", "[" * 10_000)),
        ("conditions", "read", spoiled(folder, "text", "buy low")),
        ("backtest", "conditions", "--data", "bars.csv", "--tree", "nowhere.json"),
        ("backtest", "conditions", "--data", "bars.csv", "--tree", spoiled(folder, "long", " " * 70_000)),
        ("backtest", "conditions", "--data", "bars.csv", "--tree", spoiled(folder, "half", {"buy_conditions": 5})),
        ("backtest", "momentum", "--data", "bars.csv", "--tree", "sub/dips.json"),
    ):
        found = tidemill(*words)
        assert found.code in (ConfigError.exit_code, ConfigError.exit_code + 1), words
        assert found.err.startswith("Error: ") and len(found.err.splitlines()) == 1


def test_a_tree_is_backtested_by_flag_by_set_and_by_file_alike(folder: Path) -> None:
    common = ("--data", "bars.csv", "--no-count", "--json", "-")
    by_flag = json.loads(tidemill("backtest", "conditions", "--tree", "sub/dips.json", *common).out)
    assert len(by_flag["trips"]) > 2
    by_set = json.loads(tidemill("backtest", "conditions", "--set", "tree=sub/dips.json", *common).out)
    config = folder / "run.toml"
    config.write_text('[[strategies]]\nstrategy = "conditions"\ntree = "sub/dips.json"\n', encoding="utf-8")
    by_table = json.loads(tidemill("backtest", "--config", config, *common).out)
    config.write_text('strategy = "conditions"\n[params]\ntree = "sub/dips.json"\n', encoding="utf-8")
    by_param = json.loads(tidemill("backtest", "--config", config, *common).out)
    for other in (by_set, by_table, by_param):
        assert other["trips"] == by_flag["trips"]
        assert other["card"]["config"] == by_flag["card"]["config"]


def test_a_result_keeps_its_tree_when_the_file_is_gone(folder: Path) -> None:
    words = ("--data", "bars.csv", "--no-count", "--quiet", "--json", "out.json", "--write-config", "again.toml")
    assert tidemill("backtest", "conditions", "--tree", "sub/dips.json", *words).code == 0
    (folder / "sub/dips.json").unlink()
    made = tidemill("report", "out.json", "--html", "out.html")
    assert made.code == 0, made.err
    again = tidemill("backtest", "--config", "again.toml", "--no-count", "--json", "-")
    assert json.loads(again.out)["trips"] == json.loads((folder / "out.json").read_text())["trips"]


def test_strategies_shows_the_tree_as_a_parameter(folder: Path) -> None:
    shown = json.loads(tidemill("strategies", "conditions", "--json").out)
    tree = shown["params"][0]
    assert (tree["name"], tree["low"], tree["high"], tree["unit"]) == ("tree", None, None, "JSON")
    assert "a condition tree" in tidemill("strategies", "conditions").out


def test_a_paper_run_trades_a_tree_and_why_lists_its_conditions(folder: Path) -> None:
    (folder / "agent.toml").write_text(AGENT, encoding="utf-8")
    ran = tidemill("run", "agent.toml", "--run-id", "T1", "--refresh", "0", "--data-dir", "home")
    assert ran.code == 0, ran.err
    (folder / "sub/dips.json").unlink()
    parity = json.loads(tidemill("parity", "T1", "--json", "--data-dir", "home").out)
    assert parity["decisions"]["percent"] == 100.0
    assert parity["decisions"]["orders"] > 4
    told = json.loads(tidemill("why", "T1", "SIMA", "2024-01-02T15:30", "--json", "--data-dir", "home").out)
    mine = told["strategies"][0]
    texts = [item["text"] for item in mine["conditions"][:3]]
    assert texts == [
        "buy: SMA(8) is above the close",
        "buy: RSI(5) is below 45",
        "sell: RSI(5) is overbought, at 70 or above",
    ]
    price = mine["conditions"][0]["numbers"]
    assert price["right"] == told["bar"]["close"]
    assert mine["conditions"][0]["is_true"] == (price["left"] > price["right"])
    seen = {item["name"]: item["after"] for item in mine["seen"]}
    assert seen["tree"].startswith("Buy when SMA(8) is above the close and")
    first = json.loads(tidemill("why", "T1", "SIMA", "2024-01-02T14:30", "--json", "--data-dir", "home").out)
    unknown = first["strategies"][0]["conditions"][0]
    assert unknown["is_true"] is False and unknown["numbers"]["left"] is None
    page = tidemill("why", "T1", "SIMA", "2024-01-02T15:30", "--data-dir", "home").out
    assert "sell: RSI(5) is overbought" in page
