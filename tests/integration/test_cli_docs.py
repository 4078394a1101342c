"""The pages about the command line are true: tables match the program, examples run as they stand."""

from __future__ import annotations

import itertools
import re
import shlex
from pathlib import Path

import pytest
from cli_page import PAGE, page_with_tables
from cli_runs import bar_rows, tidemill, write_bars

from tidemill.cli.config import values_of

TUTORIAL = PAGE.parents[1] / "tutorial.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"as `([\w./-]+)`:\s*$")


def blocks(page: Path) -> list[tuple[str, str, str]]:
    """Kind, text and the words before each block of a page."""
    text = page.read_text(encoding="utf-8")
    return [(found[1], found[2], text[: found.start()]) for found in BLOCK.finditer(text)]


def commands(text: str) -> list[list[str]]:
    return [shlex.split(line) for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def test_the_tables_of_the_page_are_made_from_the_program() -> None:
    assert PAGE.read_text(encoding="utf-8") == page_with_tables(), "run tests/integration/cli_page.py"


def test_every_flag_a_page_names_exists() -> None:
    known = set(re.findall(r"--[a-z-]+", page_with_tables().partition("## Every flag")[2]))
    known |= {"--help", "--version", "--traceback"}
    for page in (PAGE, TUTORIAL):
        assert set(re.findall(r"`[^`\n]*?(--[a-z-]+)", page.read_text(encoding="utf-8"))) <= known


@pytest.mark.parametrize("page", ["going-live.md", "stop-everything.md", "agent.md", "deploy.md"])
def test_every_command_of_the_pages_for_the_operator_exists(page: str) -> None:
    text = (PAGE.parents[1] / "how-to" / page).read_text(encoding="utf-8")
    named = {found.strip() for found in re.findall(r"(?:^|`)tidemill ([^`\n]+)", text, re.MULTILINE)}
    assert named
    for command in sorted(named):
        verbs = list(itertools.takewhile(lambda word: re.fullmatch(r"[a-z-]+", word), command.split()))
        depth = 2 if verbs[0] in {"conditions", "config", "data", "ledger", "new", "user"} else 1
        shown = tidemill(*verbs[:depth], "--help")
        assert shown.code == 0, command
        flags = {flag for flag in re.findall(r"--[a-z-]+", command) if flag != "--version"}
        assert flags <= set(re.findall(r"--[a-z-]+", shown.out)), command


def test_the_tutorial_runs_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = 0
    for kind, text, before in blocks(TUTORIAL):
        if kind != "bash":
            named = NAMED.search(before)
            assert named is not None, f"no file name before {text[:40]!r}"
            Path(named[1]).write_text(text, encoding="utf-8")
            continue
        for program, *words in commands(text):
            assert program == "tidemill"
            outcome = tidemill(*words)
            assert outcome.code == 0, (words, outcome.err)
            assert outcome.out
            ran += 1
    assert ran >= 10
    for name in ("report.html", "tighter.html", "mine.html"):
        assert "SIMULATED" in Path(name).read_text(encoding="utf-8")


def test_the_examples_of_the_command_line_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert tidemill("data", "import", write_bars(tmp_path / "AIG.csv", bar_rows(600)), "--out", "AIG.parquet").code == 0
    for kind, text, _ in blocks(PAGE):
        if kind == "toml":
            Path("run.toml").write_text(text, encoding="utf-8")
            outcome = tidemill("backtest", "--config", "run.toml")
            assert outcome.code == 0, outcome.err
            continue
        for program, *words in commands(text):
            assert program == "tidemill"
            outcome = tidemill(*words)
            assert outcome.code == 0, outcome.err
    assert Path("out.html").stat().st_size > 100_000
    assert Path("out.json").is_file()


def test_the_example_file_of_the_page_is_understood_key_by_key() -> None:
    import tomllib

    text = next(text for kind, text, _ in blocks(PAGE) if kind == "toml")
    values = values_of(tomllib.loads(text))
    assert values["set"] == {"fast_window": 10, "slow_window": 30, "ma_type": "sma"}
    assert values["map"] == {"close": "close"}
    assert values["days"] == "MON,TUE,WED,THU,FRI"
