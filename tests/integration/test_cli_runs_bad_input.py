"""Whatever is wrong with an agent's file is told in one sentence with its exit code, and nothing is begun."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from pathlib import Path

import pytest
from cli_runs import tidemill

from live_agents import SETTINGS

SAMPLE = '\n[feed]\nkind = "sample"\n'
GOOD = f'schema = 1\nname = "apple"\n{SETTINGS}{SAMPLE}'
CONFIG, UNKNOWN, STRATEGY, DATA, AUTHORISED, STORE, MISMATCH = 3, 4, 5, 7, 15, 21, 23

CASES = [
    ("", CONFIG, "write schema = 1"),
    (GOOD.replace("schema = 1", "schema = 2"), MISMATCH, "written for schema 2, this Tidemill reads schema 1"),
    (GOOD.replace("schema = 1", 'schema = "1"'), CONFIG, "schema must be a whole number"),
    (GOOD.replace("schema = 1", "schema = true"), CONFIG, "schema must be a whole number"),
    (GOOD.replace('name = "apple"', 'name = "../apple"'), CONFIG, "letters, digits, dashes"),
    (GOOD.replace('name = "apple"', "name = 3"), CONFIG, "name must be a text"),
    (GOOD.replace('name = "apple"', 'nmae = "apple"'), UNKNOWN, "did you mean name"),
    (GOOD.replace("schema = 1", 'schema = 1\nmode = "practice"'), UNKNOWN, "mode named 'practice'"),
    (GOOD.replace("schema = 1", 'schema = 1\nmode = "live"'), CONFIG, "paper broker trades no money"),
    (GOOD.replace("schema = 1", "schema = 1\nauto_execute = 1"), CONFIG, "auto_execute must be true or false"),
    (GOOD.replace("moving_average_crossover", "moving_averge"), UNKNOWN, "did you mean moving_average"),
    (GOOD.replace("fast_window = 5", "fast_windows = 5"), UNKNOWN, "fast_window"),
    (GOOD.replace("fast_window = 5", "fast_window = 100000"), CONFIG, "fast_window"),
    (GOOD.replace("[costs]", "[cost]"), UNKNOWN, "did you mean costs"),
    (GOOD.replace('stop_loss = "0.5"', 'stop_los = "0.5"'), UNKNOWN, "did you mean .*stop_loss"),
    (GOOD.replace('stop_loss = "0.5"', 'stop_loss = "150"'), CONFIG, "between 0 and 100"),
    (GOOD.replace("percent:45", "half:45"), CONFIG, "sizing"),
    (GOOD + '[output]\njson = "out.json"\n', UNKNOWN, "key in an agent's file named 'output'"),
    (GOOD + "[run]\nprefix_check = true\n", CONFIG, "prefix_check in \\[run\\] is of a backtest"),
    (GOOD + "[schedule]\ncheck_interval = 30\n", CONFIG, "between 60 and 3600"),
    (GOOD + "[schedule]\ncheck_interval = 90.5\n", CONFIG, "check_interval in \\[schedule\\] must be a whole number"),
    (GOOD + '[schedule]\nend = "tomorrow"\n', CONFIG, "2026-03-31"),
    (GOOD + '[schedule]\nend = "2001-01-01"\n', DATA, "behind its scheduled end"),
    (GOOD + "[limits]\nmax_position_usd = 5\n", CONFIG, "Limits are tables"),
    (GOOD + "[limits.desk]\nmax_position_usd = 5\n", UNKNOWN, "kind of limits named 'desk'"),
    (GOOD + "[limits.account]\nmax_position = 5\n", UNKNOWN, "did you mean max_position_usd"),
    (GOOD + "[limits.account]\nmax_position_usd = -5\n", CONFIG, "max_position_usd must lie above 0"),
    (GOOD + "[limits.strategy]\nmax_positions = 5\n", CONFIG, "needs max_position_usd"),
    (GOOD + '[limits.session]\nwindow = "9-5"\n', CONFIG, "HH:MM"),
    (GOOD + "[limits.session]\nwindow = 9\n", CONFIG, "cannot be 9|is a text"),
    (GOOD + "[tolerances]\nmax_orders = 5\n", UNKNOWN, "max_orders"),
    (GOOD + "[tolerances]\nentry_ttl_s = 0\n", CONFIG, "entry_ttl_s must lie above 0"),
    (GOOD + '[account]\nbroker = "robinhood"\n', UNKNOWN, "broker named 'robinhood'; known: paper"),
    (GOOD + "[account]\nbroker = 5\n", CONFIG, "broker in \\[account\\] must be a text"),
    (GOOD + "[account]\ncash = -5.0\n", CONFIG, "Starting cash must be above zero"),
    (GOOD.replace("sample", "satellite"), UNKNOWN, "feed named 'satellite'"),
    (GOOD.replace("sample", "replay"), CONFIG, "A replay needs data"),
    (GOOD.replace("sample", "push"), CONFIG, "write symbols and interval in \\[data\\]"),
    (GOOD.replace("sample", "synthetic") + "sessions = -1\n", CONFIG, "sessions must lie between 0"),
    (GOOD.replace("sample", "synthetic") + '[data]\nfiles = ["a.csv"]\n', CONFIG, "reads no files"),
    (GOOD.replace("sample", "synthetic") + '[data]\nsymbols = ["AAPL"]\n', CONFIG, "AAPL"),
    (GOOD.replace("sample", "replay") + '[data]\nfiles = ["missing.csv"]\n', DATA, "missing.csv"),
    ("schema = 1\n[feed\n", CONFIG, "is no TOML file"),
    (
        GOOD.replace("schema = 1", 'schema = 1\nmode = "live"') + '[account]\nbroker = "alpaca"\nid = "X1"\n',
        AUTHORISED,
        "live trading is not armed \\(missing: server flag",
    ),
]


@pytest.mark.parametrize(("text", "code", "told"), CASES, ids=[f"{case[2][:30]}" for case in CASES])
def test_a_bad_file_is_refused_in_one_sentence(tmp_path: Path, text: str, code: int, told: str) -> None:
    path = tmp_path / "agent.toml"
    path.write_text(text, encoding="utf-8")
    outcome = tidemill("run", path, "--data-dir", tmp_path / "home")
    assert re.search(told, outcome.err), outcome.err
    assert outcome.code == code, outcome.err
    assert outcome.out == ""
    assert outcome.err.startswith("Error: ") and len(outcome.err.splitlines()) == 1
    assert not (tmp_path / "home" / "runs").exists()


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--run-id", "../x"], CONFIG, "The run's id cannot be"),
        (["--run-id", "x", "--resume"], CONFIG, "write one of the two"),
        (["--speed", "fast"], CONFIG, "--speed must be a number"),
        (["--speed", "0.5"], CONFIG, "1 to 1000 times"),
        (["--refresh", "-1"], CONFIG, "--refresh must be zero or more"),
        (["--feed", "sample:x.csv"], CONFIG, "only a replay reads one"),
        (["--feed", "satellite"], UNKNOWN, "feed named 'satellite'"),
        (["--feed", "replay:missing.csv"], DATA, "missing.csv"),
        (["--database", "mysql://host/name"], CONFIG, "take SQLite or PostgreSQL"),
    ],
)
def test_a_bad_flag_is_refused_in_one_sentence(tmp_path: Path, words: list[str], code: int, told: str) -> None:
    path = tmp_path / "agent.toml"
    path.write_text(GOOD, encoding="utf-8")
    outcome = tidemill("run", path, "--data-dir", tmp_path / "home", *words)
    assert re.search(told, outcome.err), outcome.err
    assert outcome.code == code, outcome.err


@pytest.mark.parametrize("verb", ["runs", "status", "positions", "orders"])
def test_looking_where_nothing_is_says_so_and_makes_nothing(tmp_path: Path, verb: str) -> None:
    outcome = tidemill(verb, "--data-dir", tmp_path / "home")
    assert outcome.code == STORE
    assert "There are no runs in" in outcome.err
    assert not (tmp_path / "home").exists()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    outcome = tidemill("run", tmp_path / "agent.toml")
    assert outcome.code == CONFIG
    assert "There is no file" in outcome.err


@pytest.mark.parametrize("verb", ["run", "runs", "status", "parity", "ledger"])
def test_a_database_of_another_build_is_refused_and_left_alone(tmp_path: Path, verb: str) -> None:
    path = tmp_path / "agent.toml"
    path.write_text(GOOD, encoding="utf-8")
    home = tmp_path / "home"
    assert tidemill("run", path, "--data-dir", home, "--run-id", "r").code == 0
    with contextlib.closing(sqlite3.connect(home / "tidemill.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9000'")
    before = (home / "tidemill.db").read_bytes()
    words = {"run": ["run", path, "--run-id", "r2"], "ledger": ["ledger", "verify", "r"]}.get(verb, [verb])
    outcome = tidemill(*words, "--data-dir", home)
    assert (outcome.code, outcome.out) == (MISMATCH, "")
    assert re.search("schema 9000.*use the newer Tidemill", outcome.err)
    assert len(outcome.err.splitlines()) == 1
    assert (home / "tidemill.db").read_bytes() == before
