"""Whatever is wrong with an input is told in one sentence with what to do, with an exit code and no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cli_runs import FAST, HEADER, STRATEGY, Outcome, bar_rows, tidemill, write_bars

USAGE, CONFIG, UNKNOWN, STRATEGY_CODE, DATA, ORDER, OUTPUT = 2, 3, 4, 5, 7, 9, 11

BREAKS_WHEN_COMPILED = '''
from tidemill import Strategy, buy


class Odd(Strategy):
    """Asks for something the bar does not have."""

    def step(me, bar, order):
        if bar.closing_price > 3:
            buy(order)
'''
RAISES = '''
from tidemill import Strategy, buy


class Raising(Strategy):
    """Divides by nothing in ordinary Python."""

    compiled = False

    def step(me, bar, order):
        table = {}
        buy(order, quantity=table["no such key"])
'''


def run(folder: Path, *words: object, rows: list[str] | None = None, header: str = HEADER) -> Outcome:
    path = write_bars(folder / "AIG.csv", rows, header)
    return tidemill("backtest", STRATEGY, "--data", path, "--symbol", "AIG", "--no-count", "-q", *FAST, *words)


def missing_column(folder: Path) -> Outcome:
    rows = [",".join(row.split(",")[:4] + row.split(",")[5:]) for row in bar_rows(50)]
    return run(folder, rows=rows, header="timestamp,open,high,low,volume")


def unsorted(folder: Path) -> Outcome:
    rows = bar_rows(50)
    return run(folder, rows=[*rows[:20], *rows[30:], *rows[20:30]])


def mixed_intervals(folder: Path) -> Outcome:
    longer = bar_rows(2_000, step=timedelta(minutes=5))
    return run(folder, rows=[*bar_rows(2_000), *longer[1_000:]])


def empty_file(folder: Path) -> Outcome:
    path = folder / "AIG.csv"
    path.write_bytes(b"")
    return tidemill("backtest", STRATEGY, "--data", path)


def all_rows_bad(folder: Path) -> Outcome:
    return run(folder, rows=[row.replace(",1000", ",-1") for row in bar_rows(30)])


def no_such_symbol(folder: Path) -> Outcome:
    rows = [f"{row},SPY" for row in bar_rows(50)]
    return run(folder, rows=rows, header=f"{HEADER},symbol")


def wrong_type_of_file(folder: Path) -> Outcome:
    path = folder / "AIG.xlsx"
    path.write_bytes(b"PK")
    return tidemill("backtest", STRATEGY, "--data", path)


def does_not_compile(folder: Path) -> Outcome:
    path = folder / "odd.py"
    path.write_text(BREAKS_WHEN_COMPILED, encoding="utf-8")
    data = write_bars(folder / "AIG.csv")
    return tidemill("backtest", path, "--data", data, "--form", "compiled", "--no-count")


def strategy_raises(folder: Path) -> Outcome:
    path = folder / "raising.py"
    path.write_text(RAISES, encoding="utf-8")
    return tidemill("backtest", path, "--data", write_bars(folder / "AIG.csv"), "--no-count")


def compiled_strategy_raises(folder: Path) -> Outcome:
    path = folder / "raising.py"
    path.write_text(
        RAISES.replace("    compiled = False\n\n", "").replace("table = {}", "raise ValueError"), encoding="utf-8"
    )
    return tidemill("backtest", path, "--data", write_bars(folder / "AIG.csv"), "--no-count")


def config_with_unknown_key(folder: Path) -> Outcome:
    path = folder / "run.toml"
    path.write_text('strategy = "buy_and_hold"\n[account]\ncahs = 5\n', encoding="utf-8")
    return tidemill("backtest", "--config", path)


def config_with_unknown_table(folder: Path) -> Outcome:
    path = folder / "run.toml"
    path.write_text('strategy = "buy_and_hold"\n[acount]\ncash = 5\n', encoding="utf-8")
    return tidemill("backtest", "--config", path)


def config_of_wrong_kind(folder: Path) -> Outcome:
    path = folder / "run.toml"
    path.write_text('[settings]\nallow_short = "yes"\n', encoding="utf-8")
    return tidemill("backtest", "--config", path)


def broken_config(folder: Path) -> Outcome:
    path = folder / "run.toml"
    path.write_text("[account\n", encoding="utf-8")
    return tidemill("backtest", "--config", path)


def config_with(text: str) -> Callable[[Path], Outcome]:
    def case(folder: Path) -> Outcome:
        data = write_bars(folder / "AIG.csv")
        (folder / "run.toml").write_text(text, encoding="utf-8")
        return tidemill("backtest", "--config", folder / "run.toml", "--data", data, "--no-count")

    return case


def output_in_a_file(folder: Path) -> Outcome:
    (folder / "plain").write_text("", encoding="utf-8")
    return run(folder, "--json", folder / "plain" / "out.json")


def report_of_no_result(folder: Path) -> Outcome:
    path = folder / "out.json"
    path.write_text("{}", encoding="utf-8")
    return tidemill("report", path)


def no_data(folder: Path) -> Outcome:
    return tidemill("backtest", STRATEGY)


def empty_folder(folder: Path) -> Outcome:
    return tidemill("backtest", STRATEGY, "--data", folder)


def missing_file(folder: Path) -> Outcome:
    return tidemill("backtest", STRATEGY, "--data", folder / "no.csv")


def missing_config(folder: Path) -> Outcome:
    return tidemill("backtest", "--config", folder / "no.toml")


def missing_strategy_file(folder: Path) -> Outcome:
    return tidemill("backtest", "mine.py", "--data", "x.csv")


def real_symbol(folder: Path) -> Outcome:
    return tidemill("data", "synth", "--out", folder, "--symbol", "AAPL")


def flags(*words: object) -> Callable[[Path], Outcome]:
    return lambda folder: run(folder, *words)


CASES: dict[str, tuple[Callable[[Path], Outcome], int, tuple[str, ...]]] = {
    "missing column": (missing_column, DATA, ("AIG.csv", "close", "--map close=")),
    "unknown zone": (flags("--zone", "America/New_Yrok"), CONFIG, ("America/New_Yrok", "New_York")),
    "empty file": (empty_file, DATA, ("AIG.csv is empty", "export it again")),
    "unsorted": (unsorted, ORDER, ("row 41", "out of order", "--sort")),
    "mixed intervals": (mixed_intervals, DATA, ("mixes 1min and 5min", "split it")),
    "every row impossible": (all_rows_bad, DATA, ("no usable row of AIG", "volume is negative")),
    "two symbols, one file": (flags("--symbol", "MSFT"), DATA, ("no bars of MSFT", "they hold AIG")),
    "symbol without data": (no_such_symbol, DATA, ("AIG", "SPY")),
    "dates outside the data": (flags("--start", "2031-01-01"), DATA, ("2031-01-01", "run from 2024-01-02")),
    "a day that is none": (flags("--start", "yesterday"), CONFIG, ("yesterday", "2024-01-31")),
    "another bar size": (flags("--interval", "5min"), DATA, ("1min", "5min")),
    "no such bar size": (flags("--interval", "fortnight"), CONFIG, ("fortnight",)),
    "missing file": (missing_file, DATA, ("no.csv", "path")),
    "unsupported file": (wrong_type_of_file, DATA, ("AIG.xlsx", ".parquet")),
    "empty folder": (empty_folder, DATA, ("holds no CSV or Parquet",)),
    "no data": (no_data, CONFIG, ("--data",)),
    "unknown column role": (flags("--map", "clsoe=close"), UNKNOWN, ("clsoe", "close")),
    "map names no column": (flags("--map", "close=Last"), DATA, ("'Last'", "it has")),
    "unknown strategy": (lambda _: tidemill("backtest", "moving_averge", "--data", "x.csv"), UNKNOWN, (STRATEGY,)),
    "missing strategy file": (missing_strategy_file, STRATEGY_CODE, ("mine.py",)),
    "unknown parameter": (flags("--set", "fast_windw=3"), UNKNOWN, ("fast_windw", "fast_window")),
    "parameter out of bounds": (flags("--set", "fast_window=0"), CONFIG, ("fast_window", "between 1 and 512")),
    "parameter is no number": (flags("--set", "fast_window=ten"), CONFIG, ("fast_window", "'ten'")),
    "parameters contradict": (flags("--set", "fast_window=90"), CONFIG, ("fast_window", "slow_window")),
    "bad --set": (flags("--set", "fast_window"), CONFIG, ("--set", "NAME=VALUE", "fast_window=10")),
    "does not compile": (does_not_compile, STRATEGY_CODE, ("closing_price", "odd.py, line 9")),
    "strategy raises": (strategy_raises, STRATEGY_CODE, ("raising.py", "line 12", "no such key")),
    "compiled strategy raises": (compiled_strategy_raises, STRATEGY_CODE, ("raising.py, line 9", "ValueError")),
    "cash of zero": (flags("--cash", "0"), CONFIG, ("cash", "above zero")),
    "cash is no number": (flags("--cash", "much"), USAGE, ("--cash", "much")),
    "unknown sizing": (flags("--sizing", "percnt:5"), CONFIG, ("--sizing", "percent")),
    "sizing without value": (flags("--sizing", "fixed"), CONFIG, ("--sizing", "fixed:1")),
    "sizing is no number": (flags("--sizing", "fixed:some"), CONFIG, ("some", "fixed:1")),
    "negative size": (flags("--sizing", "fixed:-1"), CONFIG, ("above zero",)),
    "unknown slippage": (flags("--slippage", "fixd:1"), CONFIG, ("--slippage", "fixed")),
    "slippage without value": (flags("--slippage", "fixed"), CONFIG, ("--slippage", "fixed:0.01")),
    "window": (flags("--window", "9-17"), CONFIG, ("'9'", "HH:MM")),
    "window without end": (flags("--window", "09:30"), CONFIG, ("09:30", "HH:MM-HH:MM")),
    "window zone": (flags("--window", "09:30-16:00", "--window-zone", "Mars"), CONFIG, ("Mars",)),
    "weekdays": (flags("--days", "MON-FRY"), CONFIG, ("FRY", "MON-FRI")),
    "stop loss": (flags("--stop-loss", "wide"), CONFIG, ("--stop-loss", "wide")),
    "stop loss out of bounds": (flags("--stop-loss", "150"), CONFIG, ("stop_loss", "between 0 and 100")),
    "latency": (flags("--latency", "soon"), CONFIG, ("--latency", "200ms")),
    "order type": (flags("--order-type", "markt"), CONFIG, ("--order-type", "market")),
    "asset class": (flags("--asset-class", "stok"), UNKNOWN, ("stok", "stock")),
    "a future without margin": (flags("--asset-class", "future"), CONFIG, ("--multiplier", "--margin")),
    "calendar": (flags("--calendar", "XNIS"), UNKNOWN, ("XNIS", "XNYS")),
    "form": (flags("--form", "compield"), UNKNOWN, ("compiled",)),
    "table format": (flags("--tables", "t", "--tables-format", "xls"), UNKNOWN, ("csv",)),
    "unknown flag": (flags("--cahs", "5"), USAGE, ("--cahs", "--cash")),
    "unwritable output": (output_in_a_file, OUTPUT, ("out.json", "--json")),
    "output is a folder": (lambda folder: run(folder, "--report", folder), OUTPUT, ("is a folder", "--report")),
    "config missing": (missing_config, CONFIG, ("no.toml", "--config")),
    "config broken": (broken_config, CONFIG, ("run.toml", "no TOML")),
    "config key": (config_with_unknown_key, UNKNOWN, ("cahs", "cash")),
    "config table": (config_with_unknown_table, UNKNOWN, ("acount", "account")),
    "config kind": (config_of_wrong_kind, CONFIG, ("allow_short", "true or false")),
    "two ways to name": (config_with('strategy = "a"\n[[strategies]]\nstrategy = "b"'), CONFIG, ("not both",)),
    "strategies no tables": (config_with('strategies = ["momentum"]'), CONFIG, ("[[strategies]]",)),
    "strategies without name": (config_with("[[strategies]]\nsymbols = []"), CONFIG, ("1 names no strategy",)),
    "strategies key": (config_with("[[strategies]]\nparms = {}"), UNKNOWN, ("parms", "params")),
    "strategies kind": (config_with('[[strategies]]\nsymbols = "AIG"'), CONFIG, ("symbols in [[strategies]] 1",)),
    "strategies symbol": (
        config_with('[[strategies]]\nstrategy = "momentum"\nsymbols = ["AGI"]'),
        UNKNOWN,
        ("AGI", "AIG"),
    ),
    "strategies interval": (
        config_with('[[strategies]]\nstrategy = "momentum"\ninterval = "90s"'),
        DATA,
        ("90s bars cannot be built",),
    ),
    "which strategy": (
        lambda _: tidemill("backtest", "momentum", "breakout", "--data", "x", "--set", "a=1"),
        CONFIG,
        ("momentum.a=10",),
    ),
    "strategy not in the run": (
        lambda _: tidemill("backtest", "momentum", "breakout", "--data", "x", "--set", "momentun.a=1"),
        UNKNOWN,
        ("momentum",),
    ),
    "data without its flag": (
        lambda _: tidemill("backtest", STRATEGY, "--data", "a.csv", "b.csv"),
        CONFIG,
        ("b.csv", "--data before each"),
    ),
    "report of no result": (report_of_no_result, CONFIG, ("out.json", "tidemill.backtest/1")),
    "simulated symbol": (real_symbol, CONFIG, ("SIM",)),
}


@pytest.mark.parametrize("name", CASES)
def test_one_sentence_and_an_exit_code(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    case, code, words = CASES[name]
    outcome = case(tmp_path)
    assert outcome.code == code, outcome.err
    assert "Traceback" not in outcome.err
    sentences = [line for line in outcome.err.splitlines() if line.startswith("Error: ")]
    assert len(sentences) == 1
    assert code == USAGE or outcome.err.count("\n") == 1
    assert [word for word in words if word not in sentences[0]] == [], sentences[0]


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        (lambda row: row.replace(",1000", ","), "NOT_A_NUMBER"),
        (lambda row: ",".join([*row.split(",")[:1], "0", *row.split(",")[2:]]), "NOT_POSITIVE"),
        (lambda row: ",".join([*row.split(",")[:1], "-5", *row.split(",")[2:]]), "NOT_POSITIVE"),
        (lambda row: ",".join([*row.split(",")[:2], "1", "2", *row.split(",")[4:]]), "HIGH_BELOW_LOW"),
    ],
)
def test_a_bad_row_is_set_aside_counted_and_written(spoilt: Callable[[str], str], reason: str, tmp_path: Path) -> None:
    rows = bar_rows(60)
    rows[30] = spoilt(rows[30])
    path = write_bars(tmp_path / "AIG.csv", rows)
    aside = tmp_path / "aside.csv"
    outcome = tidemill("backtest", STRATEGY, "--data", path, "--no-count", *FAST, "--quarantine", aside)
    assert outcome.code == 0, outcome.err
    assert f"AIG: 1 rows were set aside and not traded on: 1 {reason}." in " ".join(outcome.out.split())
    lines = aside.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2 and "AIG.csv,31," in lines[1] and reason in lines[1]


def test_duplicates_are_set_aside(tmp_path: Path) -> None:
    rows = bar_rows(60)
    path = write_bars(tmp_path / "AIG.csv", [*rows[:30], rows[29], *rows[30:]])
    outcome = tidemill("backtest", STRATEGY, "--data", path, "--no-count", *FAST)
    assert outcome.code == 0
    assert "1 DUPLICATE" in outcome.out


def process(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    program = "import sys; from tidemill.cli.main import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def test_the_process_exits_with_the_code_and_shows_a_traceback_only_when_asked(tmp_path: Path) -> None:
    words = ("backtest", STRATEGY, "--data", tmp_path / "no.csv")
    plain, asked = process(*words), process(*words, "--traceback")
    by_environment = process(*words, TIDEMILL_TRACEBACK="1")
    assert plain.returncode == asked.returncode == by_environment.returncode == DATA
    assert plain.stderr.count("\n") == 1 and plain.stdout == ""
    assert "Traceback" in asked.stderr and "Traceback" in by_environment.stderr


def test_a_defect_is_told_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> list[object]:
        raise ZeroDivisionError("none left")

    monkeypatch.setattr("tidemill.services.installation.examine_installation", broken)
    outcome = tidemill("doctor")
    assert outcome.code == 70
    assert "ZeroDivisionError: none left" in outcome.err and "report it" in outcome.err
    assert "Traceback" not in outcome.err


def test_an_interrupt_exits_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> list[object]:
        raise KeyboardInterrupt

    monkeypatch.setattr("tidemill.services.installation.examine_installation", interrupted)
    outcome = tidemill("doctor")
    assert (outcome.code, outcome.err) == (130, "Interrupted; no file was left half written.\n")
