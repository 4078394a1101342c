"""The flight recorder on the command line: parity, why, replay, ledger, backup and restore of a real paper run."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from tidemill.cli.main import main
from tidemill.model.errors import ConfigError, OutputError, StoreError, TapeBroken, UnknownName

AGENT = """schema = 1
name = "flight"
mode = "paper"
strategy = "moving_average_crossover"

[settings]
sizing = "percent:45"
stop_loss = 0.5

[feed]
kind = "synthetic"
sessions = 2
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with one finished run, F1."""
    folder = tmp_path_factory.mktemp("flight")
    (folder / "agent.toml").write_text(AGENT, encoding="utf-8")
    words = ["run", str(folder / "agent.toml"), "--run-id", "F1", "--refresh", "0", "--data-dir", str(folder / "home")]
    assert main(words) == 0
    return folder / "home"


def told(capsys: pytest.CaptureFixture[str], home: Path, *words: str, code: int = 0) -> str:
    capsys.readouterr()
    assert main([*words, "--data-dir", str(home)]) == code
    return capsys.readouterr().out


def copy_of(home: Path, folder: Path) -> Path:
    """Return a home of its own with the same run, by backup and restore."""
    assert main(["backup", str(folder / "saved"), "--data-dir", str(home)]) == 0
    assert main(["restore", str(folder / "saved"), "--data-dir", str(folder / "home")]) == 0
    return folder / "home"


def test_parity_is_whole_and_says_so(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, home, "parity", "F1")
    assert text.startswith("Decision parity: 100 % (")
    assert "Fill parity: 100 %" in text
    document = json.loads(told(capsys, home, "parity", "--json"))
    assert document["run_id"] == "F1"
    assert document["decisions"]["percent"] == 100.0
    assert document["decisions"]["orders"] > 20
    assert document["gap"]["gap_micros"] == 0
    assert set(document["gap"]["parts"]) == {"data", "timing", "spread", "fees", "partial fills", "guard", "operator"}


def test_a_changed_decision_gives_another_exit_code(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = copy_of(home, tmp_path)
    with sqlite3.connect(other / "tidemill.db") as database:
        database.execute("UPDATE intents SET leg = 7 WHERE number = (SELECT min(number) FROM intents)")
    text = told(capsys, other, "parity", code=1)
    assert "First difference: Tape row" in text
    assert "leg 7 in the run, 0 in the replay" in text


def test_a_changed_note_is_no_parity_at_all(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = copy_of(home, tmp_path)
    with sqlite3.connect(other / "tidemill.db") as database:
        database.execute("UPDATE tape SET body = x'00' WHERE seq = (SELECT max(seq) FROM tape)")
    for verb in (["parity", "F1"], ["ledger", "verify", "F1"], ["why", "F1", "SIMA", "2024-01-02T15:00"]):
        assert main([*verb, "--data-dir", str(other)]) == TapeBroken.exit_code
        assert "it was changed after it was written" in capsys.readouterr().err


def test_the_ledger_adds_up_and_a_changed_cent_is_named(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (check,) = json.loads(told(capsys, home, "ledger", "verify", "--all", "--json"))
    assert check["run_id"] == "F1"
    assert min(check["tape_rows"], check["fills"], check["entries"], check["read_rows"]) > 20
    other = copy_of(home, tmp_path)
    with sqlite3.connect(other / "tidemill.db") as database:
        database.execute("UPDATE ledger SET delta = delta || '1' WHERE kind = 'trade' AND asset = 'USD' AND number = 3")
    assert main(["ledger", "verify", "--data-dir", str(other)]) == TapeBroken.exit_code
    assert "restore a backup" in capsys.readouterr().err


def test_read_tables_are_written_anew(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = copy_of(home, tmp_path)
    with sqlite3.connect(other / "tidemill.db") as database:
        database.execute("DELETE FROM signals WHERE number = 5")
    assert main(["ledger", "verify", "--data-dir", str(other)]) == TapeBroken.exit_code
    assert "row (5,) of signals is missing" in capsys.readouterr().err
    assert "were written anew" in told(capsys, other, "ledger", "rebuild", "F1")
    assert "The record adds up" in told(capsys, other, "ledger", "verify")


def test_why_and_replay_speak(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(told(capsys, home, "why", "F1", "SIMA", "2024-01-02T15:30", "--json"))
    assert document["symbol"] == "SIMA"
    assert document["strategies"][0]["conditions"]
    assert "What it saw" in told(capsys, home, "why", "F1", "SIMA", "2024-01-02T15:30:59Z")
    page = tmp_path / "after.html"
    words = ["replay", "F1", "--set", "stop_loss=2", "--latency", "200ms", "--report", str(page)]
    text = told(capsys, home, *words)
    assert "What if: stop_loss=2, latency_ms=200.0" in text
    assert "Final equity" in text
    assert page.stat().st_size > 10_000
    document = json.loads(told(capsys, home, "replay", "--set", "fast_window=5", "--json"))
    metrics = document["metrics"]["final_equity"]
    assert metrics["before"] != metrics["after"]
    assert document["first_difference"]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["parity", "F2"], UnknownName),
        (["why", "F1", "NOPE", "2024-01-02T15:30"], UnknownName),
        (["why", "F1", "SIMA", "noon"], ConfigError),
        (["replay", "F1", "--set", "stop_los=2"], UnknownName),
        (["replay", "F1", "--set", "stop_loss"], ConfigError),
        (["ledger", "rebuild", "F2"], UnknownName),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    words: list[str], error: type[ConfigError], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--data-dir", str(home)]) == error.exit_code
    text = capsys.readouterr().err
    assert text.startswith("Error: ")
    assert text.count("\n") == 1


def test_a_backup_is_proven_and_never_written_over(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = tmp_path / "saved"
    assert "all hash chains whole" in told(capsys, home, "backup", str(saved))
    assert main(["backup", str(saved), "--data-dir", str(home)]) == OutputError.exit_code
    tape = next((tmp_path / "saved.runs" / "F1").glob("*.tape"))
    sound = tape.read_bytes()
    tape.write_bytes(sound[:500] + b"X" + sound[501:])
    assert main(["restore", str(saved), "--data-dir", str(tmp_path / "a")]) == TapeBroken.exit_code
    assert not (tmp_path / "a" / "tidemill.db").exists()
    tape.write_bytes(sound)
    saved.write_bytes(saved.read_bytes()[:-1] + b"X")
    assert main(["restore", str(saved), "--data-dir", str(tmp_path / "a")]) == StoreError.exit_code
    assert not (tmp_path / "a" / "runs").exists()


def test_what_was_there_before_is_kept(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = copy_of(home, tmp_path)
    text = told(capsys, other, "restore", str(tmp_path / "saved"))
    assert text.count("What was there before: ") == 2
    assert (other / "runs.replaced-1" / "F1").is_dir()
    assert "The record adds up" in told(capsys, other, "ledger", "verify")
