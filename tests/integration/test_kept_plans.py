"""A run explains itself after its data and its strategy's file are gone; made-up prices are named wherever it shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_runs import ALTERNATING, tidemill, write_bars

HEAD = 'schema = 1\nname = "kept"\nstrategy = "alternating.py"\n'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of which every file it was made with is gone, and what the verbs said before."""
    folder = tmp_path_factory.mktemp("kept")
    files = [write_bars(folder / "AIG.csv"), folder / "alternating.py", folder / "agent.toml"]
    files[1].write_text(ALTERNATING, encoding="utf-8")
    files[2].write_text(f'{HEAD}[data]\nfiles = ["AIG.csv"]\nsymbols = ["AIG"]\n', encoding="utf-8")
    assert tidemill("run", files[2], "--run-id", "r", "--data-dir", folder / "home").code == 0
    before = {name: said(folder, *words) for name, words in VERBS.items()}
    (folder / "before.json").write_text(json.dumps(before), encoding="utf-8")
    for path in files:
        path.unlink()
    return folder


VERBS: dict[str, tuple[str, ...]] = {
    "parity": ("parity", "r"),
    "why": ("why", "r", "AIG", "2024-01-02T14:39"),
    "day": ("why", "r", "AIG", "2024-01-02"),
    "replay": ("replay", "r", "--set", "sizing=fixed:2"),
    "ledger": ("ledger", "verify", "r"),
}


def said(folder: Path, *words: str) -> object:
    outcome = tidemill(*words, "--data-dir", folder / "home", "--json")
    assert outcome.code == 0, outcome.err
    return json.loads(outcome.out)


@pytest.mark.parametrize("name", VERBS)
def test_what_is_told_of_a_run_outlives_its_files(folder: Path, name: str) -> None:
    before = json.loads((folder / "before.json").read_text(encoding="utf-8"))[name]
    after = said(folder, *VERBS[name])
    if name == "parity":
        assert isinstance(after, dict)
        (note,) = after.pop("notes")
        assert "cannot be used any more" in note
        assert before.pop("notes") == []
        assert after["decisions"]["percent"] == after["fills"]["percent"] == 100.0
    assert after == before


def test_a_day_lists_every_decision_in_order(folder: Path) -> None:
    told = said(folder, *VERBS["day"])
    assert isinstance(told, dict)
    assert (told["symbol"], told["day"]) == ("AIG", "2024-01-02")
    stamps = [one["at_ns"] for one in told["decisions"]]
    assert stamps == sorted(stamps)
    assert {one["what"] for one in told["decisions"]} == {"order"}
    assert any(one["words"].startswith("BUY MARKET") and "FILLED" in one["outcome"] for one in told["decisions"])
    text = tidemill("why", "r", "AIG", "2024-01-02", "--data-dir", folder / "home")
    assert text.code == 0
    assert "what became of it" in text.out
    empty = tidemill("why", "r", "AIG", "2024-01-09", "--data-dir", folder / "home")
    assert empty.out.strip() == "Nothing was decided on AIG on 2024-01-09."
    wrong = tidemill("why", "r", "AIG", "2024-1-9", "--data-dir", folder / "home")
    assert (wrong.code, "is no day" in wrong.err) == (3, True)


def test_prices_read_from_a_made_up_file_are_named_so(tmp_path: Path) -> None:
    made = tidemill(
        "data", "synth", "--out", tmp_path / "market", "--symbol", "SIMA", "--sessions", "2", "--format", "csv"
    )
    assert made.code == 0
    agent = tmp_path / "a.toml"
    text = 'schema = 1\nstrategy = "buy_and_hold"\n[data]\nfiles = ["market/SIMA_1min.csv"]\n'
    agent.write_text(text, encoding="utf-8")
    outcome = tidemill("run", agent, "--run-id", "r", "--data-dir", tmp_path / "home", "--json")
    assert json.loads(outcome.out.splitlines()[-1])["feed"] == "SIMULATED"
    (line,) = json.loads(tidemill("runs", "--data-dir", tmp_path / "home", "--json").out)
    assert line["is_simulated"] is True
    assert "SIMULATED" in tidemill("runs", "--data-dir", tmp_path / "home").out
    assert "SIMULATED" in tidemill("status", "r", "--data-dir", tmp_path / "home").out
    assert "SIMULATED" in tidemill("parity", "r", "--data-dir", tmp_path / "home").out
    page = tmp_path / "after.html"
    assert tidemill("replay", "r", "--report", page, "--data-dir", tmp_path / "home").code == 0
    assert "SIMULATED PRICES" in page.read_text(encoding="utf-8")
