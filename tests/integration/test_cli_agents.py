"""Agents through the command line in this process: what they trade, what they are kept from, what the record shows."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from cli_runs import ALTERNATING, Outcome, tidemill, write_bars

from live_agents import recorded_fills, write_agent

PAGE = Path(__file__).resolve().parents[2] / "docs/how-to/agent.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    """Return a file of five hours of minute bars."""
    return write_bars(tmp_path / "AIG.csv")


def alternating(folder: Path, bars: Path, tail: str = "", head: str = "") -> Path:
    """Write an agent that buys and sells in turn, beside its strategy, and return its file."""
    (folder / "alternating.py").write_text(ALTERNATING, encoding="utf-8")
    path = folder / "agent.toml"
    data = f'[data]\nfiles = ["{bars.name}"]\nsymbols = ["AIG"]\ninterval = "1min"\n'
    path.write_text(f'schema = 1\nstrategy = "alternating.py"\n{head}{data}{tail}', encoding="utf-8")
    return path


def run(agent: Path, *words: object) -> tuple[Outcome, dict[str, Any]]:
    """Run an agent and return what it said last."""
    outcome = tidemill("run", agent, "--data-dir", agent.parent / "home", "--run-id", "r", "--json", *words)
    lines = outcome.out.splitlines()
    return outcome, json.loads(lines[-1]) if lines else {}


def look(folder: Path, *words: object) -> Any:
    """Return what a reading verb tells as JSON."""
    outcome = tidemill(*words, "--data-dir", folder / "home", "--json")
    assert (outcome.code, outcome.err) == (0, "")
    return json.loads(outcome.out)


def test_the_page_about_agents_runs_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = 0
    for kind, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if kind == "toml":
            Path("apple.toml").write_text(text, encoding="utf-8")
            continue
        for line in text.splitlines():
            program, *words = shlex.split(line)
            assert program == "tidemill"
            outcome = tidemill(*words)
            assert (outcome.code, outcome.err) == (0, ""), words
            assert "COMPLETED" in outcome.out or "FILLED" in outcome.out
            ran += 1
    assert ran == 5
    assert (tmp_path / ".tidemill" / "tidemill.db").is_file()


def test_the_record_tells_what_the_run_told(tmp_path: Path, bars: Path) -> None:
    agent = alternating(tmp_path, bars)
    outcome, last = run(agent)
    assert (outcome.code, outcome.err) == (0, "")
    assert (last["state"], last["agent"], last["mode"], last["feed"]) == ("COMPLETED", "agent", "paper", "replay")
    assert (last["bars"], last["bars_total"]) == (300, 300)
    (line,) = look(tmp_path, "runs")
    assert (line["run_id"], line["state"], line["message"]) == ("r", "COMPLETED", "")
    status = look(tmp_path, "status", "r")
    assert status["fills"] == last["fills"] == len(recorded_fills(tmp_path / "home", "r")) > 40
    assert float(status["balances"]["USD"]) == last["cash"]
    assert status["beat"]["seq"] == last["seq"]
    assert sum(status["orders"].values()) == last["orders"]
    held = {line["symbol"]: float(line["quantity"]) for line in look(tmp_path, "positions")}
    assert held == {line["symbol"]: line["quantity"] for line in last["positions"]}
    assert held == ({"AIG": float(status["balances"]["AIG"])} if held else {})
    for line, told in zip(look(tmp_path, "positions"), last["positions"], strict=True):
        assert float(line["market_price"]) == told["last_price"]
        assert line["unrealised"] == told["unrealised"]
    orders = look(tmp_path, "orders", "r", "--limit", 0)
    assert [order["state"] for order in orders[:3]] == [line["state"] for line in last["last_orders"][:3]]
    assert len(orders) == last["orders"]
    assert {order["client_id"] for order in look(tmp_path, "orders", "--open")} == {
        order["client_id"] for order in orders if order["state"] not in {"FILLED", "CANCELED", "REJECTED", "EXPIRED"}
    }


@pytest.mark.parametrize("verb", ["runs", "status", "positions", "orders"])
def test_tables_are_printed_for_people(tmp_path: Path, bars: Path, verb: str) -> None:
    run(alternating(tmp_path, bars))
    outcome = tidemill(verb, "--data-dir", tmp_path / "home")
    assert (outcome.code, outcome.err) == (0, "")
    assert {"runs": "COMPLETED", "status": "Ledger", "positions": "units", "orders": "FILLED"}[verb] in outcome.out


def test_a_run_that_is_not_there_is_named_with_its_neighbours(tmp_path: Path, bars: Path) -> None:
    run(alternating(tmp_path, bars))
    outcome = tidemill("status", "rr", "--data-dir", tmp_path / "home")
    assert outcome.code == 4
    assert "did you mean r" in outcome.err


def test_without_auto_execute_signals_are_recorded_and_nothing_is_ordered(tmp_path: Path, bars: Path) -> None:
    _, last = run(alternating(tmp_path, bars, head="auto_execute = false\n"))
    assert (last["orders"], last["fills"]) == (0, 0)
    assert list(last["refused"]) == ["AIG: Every rule agrees, but this strategy only gives signals; nothing was sent."]
    assert sum(last["refused"].values()) >= 30


def test_a_limit_holds_entries_back_and_says_why(tmp_path: Path, bars: Path) -> None:
    agent = alternating(tmp_path, bars, "[limits.account]\nmax_order_usd = 500.0\n")
    _, last = run(agent)
    assert last["fills"] == 0
    refused = look(tmp_path, "status")["refused"]
    assert all(sentence.startswith("AIG: order_size: ") for sentence in refused), refused
    assert sum(refused.values()) == last["orders"] > 20
    assert set(last["refused"]) <= set(refused)


def test_every_face_of_limits_reaches_the_guard(tmp_path: Path, bars: Path) -> None:
    faces = (
        "[limits.strategy]\nmax_position_usd = 500.0\nmax_positions = 1\ndaily_loss_limit_usd = 50.0\n",
        '[limits.session]\nwindow = { hours = "03:00-04:00", zone = "America/New_York", days = ["MON"] }\n',
        '[limits.guardrail]\nwindows = ["03:00-04:00"]\n',
        "[limits.agent]\nmin_confidence = 75.0\n",
    )
    for number, face in enumerate(faces):
        folder = tmp_path / str(number)
        folder.mkdir()
        _, last = run(alternating(folder, bars.rename(folder / "AIG.csv"), face))
        assert (last["state"], last["fills"]) == ("COMPLETED", 0), face
        assert last["refused"], face
        bars = folder / "AIG.csv"


def test_a_check_interval_looks_at_the_newest_bar_every_so_often(tmp_path: Path, bars: Path) -> None:
    _, every_bar = run(alternating(tmp_path, bars))
    (tmp_path / "slow").mkdir()
    agent = alternating(
        tmp_path / "slow", bars.rename(tmp_path / "slow" / "AIG.csv"), "[schedule]\ncheck_interval = 420\n"
    )
    _, slow = run(agent)
    assert slow["bars_total"] == every_bar["bars_total"]
    assert 0 < slow["fills"] < every_bar["fills"] / 4
    opens = [int(line.partition(",")[0]) for line in recorded_fills(tmp_path / "slow" / "home", "r")]
    assert len(opens) == slow["fills"]
    assert {stamp % (420 * 10**9) for stamp in opens} == {0}, "orders leave at the look, and fill at the next open"
    outcome = tidemill("parity", "r", "--data-dir", tmp_path / "slow" / "home", "--json")
    parity = json.loads(outcome.out)
    assert (parity["decisions"]["percent"], parity["fills"]["percent"]) == (100.0, 100.0)


def test_a_schedule_ends_the_run(tmp_path: Path, bars: Path) -> None:
    _, last = run(alternating(tmp_path, bars, '[schedule]\nend = "2024-01-02T15:30:00Z"\n'))
    assert (last["state"], last["bars"]) == ("COMPLETED", 60)


def test_a_run_belongs_to_one_version_of_its_agent(tmp_path: Path, bars: Path) -> None:
    agent = alternating(tmp_path, bars)
    assert run(agent)[0].code == 0
    kept = recorded_fills(tmp_path / "home", "r")
    text = agent.read_text(encoding="utf-8")
    agent.write_text(text + "[account]\ncash = 5000.0\n", encoding="utf-8")
    outcome, _ = run(agent)
    assert outcome.code == 23
    assert "begun with other settings" in outcome.err
    agent.write_text(text, encoding="utf-8")
    strategy = tmp_path / "alternating.py"
    strategy.write_text(ALTERNATING.replace("% 10 == 5", "% 10 == 6"), encoding="utf-8")
    outcome, _ = run(agent)
    assert outcome.code == 23
    assert recorded_fills(tmp_path / "home", "r") == kept
    (line,) = look(tmp_path, "runs")
    assert line["state"] == "COMPLETED"


@pytest.mark.parametrize(("when", "told"), [("== 50", 1), (">= 50", 3)])
def test_a_strategy_that_raises_loses_the_bar_and_after_three_in_a_row_its_voice(
    tmp_path: Path, bars: Path, when: str, told: int
) -> None:
    agent = alternating(tmp_path, bars)
    assert run(agent)[0].code == 0
    whole = len(recorded_fills(tmp_path / "home", "r"))
    raising = ALTERNATING.replace(
        "        me.count += 1\n", f'        me.count += 1\n        if me.count {when}:\n            {{}}["gone"]\n'
    ).replace("    count = Memory(0)", "    compiled = False\n    count = Memory(0)")
    (tmp_path / "alternating.py").write_text(raising, encoding="utf-8")
    words = ("--run-id", "raises", "--data-dir", tmp_path / "home", "--json")
    outcome = tidemill("run", agent, *words)
    assert outcome.code == 0, outcome.err
    last = json.loads(outcome.out.splitlines()[-1])
    assert last["state"] == "COMPLETED"
    raised = [text for text in last["alerts"] if "raised KeyError: 'gone' (alternating.py, line" in text]
    assert len(raised) >= min(told, 1)
    fills = len(recorded_fills(tmp_path / "home", "raises"))
    assert 0 < fills < whole if told == 3 else fills >= whole - 2
    assert tidemill("parity", "raises", "--data-dir", tmp_path / "home").code == 0


def test_resume_goes_on_with_the_newest_unfinished_run(tmp_path: Path, bars: Path) -> None:
    agent = alternating(tmp_path, bars)
    assert run(agent)[0].code == 0
    outcome = tidemill("run", agent, "--resume", "--data-dir", tmp_path / "home")
    assert outcome.code == 3
    assert "leave --resume out" in outcome.err


def test_a_simulated_market_needs_no_file_and_says_that_it_is_simulated(tmp_path: Path) -> None:
    agent = write_agent(tmp_path / "agent.toml", tail='\n[feed]\nkind = "synthetic"\nsessions = 2\nseed = 11\n')
    outcome, last = run(agent)
    assert (outcome.code, last["state"], last["feed"]) == (0, "COMPLETED", "SIMULATED")
    assert last["fills"] > 10
    again = tidemill("run", agent, "--data-dir", tmp_path / "other", "--run-id", "r", "--json", "--refresh", 9)
    assert json.loads(again.out.splitlines()[-1])["equity"] == last["equity"]


def test_the_file_of_a_backtest_feeds_an_agent_by_flag(tmp_path: Path, bars: Path) -> None:
    agent = alternating(tmp_path, bars)
    _, last = run(agent)
    text = agent.read_text(encoding="utf-8").replace('files = ["AIG.csv"]\n', "")
    other = tmp_path / "bare.toml"
    other.write_text(text, encoding="utf-8")
    outcome = tidemill(
        "run", other, "--feed", f"replay:{bars}", "--data-dir", tmp_path / "b", "--run-id", "r", "--json"
    )
    assert outcome.code == 0
    assert json.loads(outcome.out.splitlines()[-1])["equity"] == last["equity"]
    assert recorded_fills(tmp_path / "b", "r") == recorded_fills(tmp_path / "home", "r")
