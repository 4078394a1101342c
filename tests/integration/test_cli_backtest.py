"""What `tidemill backtest` writes and shows, and that a file of settings is as good as flags."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cli_runs import ALTERNATING, FAST, HEADER, STRATEGY, bar_rows, tidemill, write_bars

from tidemill.cli import progress
from tidemill.kernel.compile import JIT, sources_digest
from tidemill.model.answers import REFUSALS
from tidemill.model.enums import Refusal

QUIET = ("--no-count", "-q")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_bars(tmp_path / "AIG.csv", bar_rows(600))
    (tmp_path / "alternating.py").write_text(ALTERNATING, encoding="utf-8")
    return tmp_path


def run(*words: object, strategy: str = STRATEGY, data: str = "AIG.csv") -> dict[str, Any]:
    """Run a backtest and return its document."""
    chosen = FAST if strategy == STRATEGY else ()
    outcome = tidemill("backtest", strategy, "--data", data, *chosen, *QUIET, "--json", "out.json", *words)
    assert (outcome.code, outcome.out) == (0, ""), outcome.err
    document: dict[str, Any] = json.loads(Path("out.json").read_text(encoding="utf-8"))
    return document


def test_the_whole_command_writes_what_a_program_needs(folder: Path) -> None:
    assert tidemill("data", "import", "AIG.csv", "--out", "AIG.parquet").code == 0
    words = "--symbol AIG --interval 1min --cash 100000 --set fast_window=10 --set slow_window=30 --set ma_type=sma"
    costs = "--commission-percent 0.05 --sizing fixed:1 --json out.json --report out.html"
    outcome = tidemill("backtest", STRATEGY, "--data", "AIG.parquet", *words.split(), *costs.split())
    assert outcome.code == 0, outcome.err
    document = json.loads(Path("out.json").read_text(encoding="utf-8"))
    assert document["prefix_invariant"] is True
    assert document["metrics"]["total_trades"] == len(document["trips"]) > 5
    fills = document["fills"]
    first = fills[0]
    assert {"timestamp", "symbol", "side", "quantity", "price", "fee"} <= set(first)
    assert first["timestamp"].startswith("2024-01-02T") and first["timestamp"].endswith("Z")
    assert (first["symbol"], first["side"], first["quantity"]) == ("AIG", "buy", 1.0)
    assert first["fee"] == pytest.approx(first["price"] * 0.0005, abs=1e-6)
    signed = sum(
        (-1 if fill["side"] == "buy" else 1) * fill["price"] * fill["quantity"] - fill["fee"] for fill in fills
    )
    last_close = 100.0 + abs(599 % 40 - 20) * 0.1
    held = fills[-1]["position_after"] * last_close
    assert document["metrics"]["final_equity"] == pytest.approx(100_000 + signed + held, abs=1e-4)
    assert "<html" in Path("out.html").read_text(encoding="utf-8")
    for words_shown in ("Final equity", "Look-ahead check passed", "Written: out.json", "Written: out.html"):
        assert words_shown in outcome.out
    assert len(Path(".tidemill/trials.jsonl").read_text(encoding="utf-8").splitlines()) == 1


def test_json_on_standard_output_is_nothing_but_json(folder: Path) -> None:
    outcome = tidemill("backtest", STRATEGY, "--data", "AIG.csv", *FAST, "--no-count", "--json", "-")
    assert json.loads(outcome.out)["symbols"] == ["AIG"]


def test_a_written_file_of_settings_repeats_the_run_from_elsewhere(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = (
        "--cash",
        "5000",
        "--sizing",
        "fixed:3",
        "--stop-loss",
        "1%",
        "--trailing-stop",
        "0.5pt",
        "--days",
        "MON-FRI",
    )
    more = ("--slippage", "fixed:0.01", "--latency", "200ms", "--allow-short", "--no-partial-fills", "--seed", "3")
    first = run(*words, *more, "--map", "close=close", "--write-config", "run.toml")
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    outcome = tidemill("backtest", "--config", folder / "run.toml", *QUIET, "--json", "out.json")
    assert outcome.code == 0, outcome.err
    second = json.loads(Path("out.json").read_text(encoding="utf-8"))
    for part in ("metrics", "fills", "trips", "config"):
        assert first[part] == second[part]
    assert first["card"] == second["card"]
    assert len(first["fills"]) > 5


def test_flags_win_over_the_file_and_parameters_are_merged_by_name(folder: Path) -> None:
    Path("run.toml").write_text(
        'strategy = "moving_average_crossover"\n[data]\nfiles = "AIG.csv"\n'
        "[params]\nfast_window = 3\nslow_window = 8\n[account]\ncash = 5000\n",
        encoding="utf-8",
    )
    words = ("--config", "run.toml", "--cash", "7000", "--set", "slow_window=9", *QUIET, "--json", "out.json")
    assert tidemill("backtest", *words).code == 0
    config = json.loads(Path("out.json").read_text(encoding="utf-8"))["config"]
    assert config["run"]["cash"] == 7000
    params = config["strategies"][0]["params"]
    assert (params["fast_window"], params["slow_window"]) == (3, 9)


def test_the_report_of_a_result_file_is_the_same_page(folder: Path) -> None:
    outcome = tidemill("backtest", STRATEGY, "--data", "AIG.csv", *FAST, "--json", "out.json", "--report", "one.html")
    assert outcome.code == 0
    Path("moved").mkdir()
    Path("AIG.csv").rename("moved/AIG.csv")
    assert tidemill("report", "out.json", "--html", "two.html").code == 7
    again = tidemill("report", "out.json", "--html", "two.html", "--data", "moved/AIG.csv", "--trades", "2")
    assert again.code == 0, again.err
    assert Path("one.html").read_bytes() == Path("two.html").read_bytes()
    assert "Trades (the last 2 of " in again.out and "Assumptions" in again.out
    shown = json.loads(tidemill("report", "out.json", "--json").out)
    assert shown["metrics"]["total_trades"] == len(shown["trips"])


def test_a_report_from_other_data_is_refused(folder: Path) -> None:
    run()
    write_bars(folder / "AIG.csv", bar_rows(599))
    outcome = tidemill("report", "out.json", "--html", "two.html")
    assert outcome.code == 7
    assert "nothing was written" in outcome.err and not Path("two.html").exists()


def test_a_stretch_of_the_data_has_a_hash_of_its_own(folder: Path) -> None:
    write_bars(folder / "AIG.csv", bar_rows(300, step=timedelta(hours=1)))
    whole, part = run(), run("--start", "2024-01-05", "--end", "2024-01-09")
    assert whole["card"]["data"] != part["card"]["data"]
    stamps = [fill["timestamp"][:10] for fill in part["fills"]]
    assert min(stamps) >= "2024-01-05" and max(stamps) <= "2024-01-10"


def test_tables_are_written_in_both_formats(folder: Path) -> None:
    for kind in ("csv", "parquet"):
        run("--tables", "tables", "--tables-format", kind)
        names = {path.stem for path in Path("tables").glob(f"*.{kind}")}
        assert names == {"fills", "trips", "orders", "refusals", "days", "equity"}


def test_files_of_several_symbols_are_named_in_turn_and_a_folder_is_several_files(folder: Path) -> None:
    Path("prices").mkdir()
    for name in ("a", "b"):
        write_bars(folder / "prices" / f"{name}.csv", bar_rows(100))
    pair = run("--data", "prices/b.csv", "--symbol", "AAA", "--symbol", "BBB", data="prices/a.csv")
    assert pair["symbols"] == ["AAA", "BBB"]
    assert run(data="prices")["symbols"] == ["A", "B"]


def test_one_symbol_is_picked_from_a_file_of_several(folder: Path) -> None:
    rows = [f"{row},{name}" for row in bar_rows(100) for name in ("AAA", "BBB")]
    write_bars(folder / "both.csv", rows, f"{HEADER},symbol")
    assert run("--symbol", "BBB", data="both.csv")["symbols"] == ["BBB"]


@pytest.mark.parametrize("prefix", ["", "lean:"])
def test_a_lean_folder_is_read(prefix: str, folder: Path) -> None:
    place = folder / "lean/equity/usa/minute/spy"
    place.mkdir(parents=True)
    lines = [
        f"{34_200_000 + 60_000 * n},{p},{p + 100},{p - 100},{p},10" for n, p in enumerate([1_000_000, 1_010_000] * 60)
    ]
    with zipfile.ZipFile(place / "20131007_trade.zip", "w") as archive:
        archive.writestr("20131007_spy_minute_trade.csv", "\n".join(lines))
    document = run("--symbol", "SPY", "--resolution", "minute", data=f"{prefix}lean")
    assert document["card"]["sources"][0]["rows"] == 120
    assert tidemill("backtest", STRATEGY, "--data", "lean", *QUIET).code == 3


def test_what_a_symbol_does_not_tell_can_be_said(folder: Path) -> None:
    words = ("--asset-class", "future", "--multiplier", "20", "--margin", "500", "--tick-size", "0.25")
    document = run("--symbol", "XYZ", *words, "--sizing", "fixed:1")
    described = document["config"]["instruments"][0]
    assert (described["asset_class"], described["calendar"], described["multiplier"]) == ("future", "CME", 20.0)
    plain = run("--symbol", "XYZ", "--sizing", "fixed:1")
    assert document["card"]["config"] != plain["card"]["config"]


def test_a_strategy_that_does_not_compile_runs_and_says_why(folder: Path) -> None:
    odd = ALTERNATING.replace("me.count += 1", "me.count += len({bar.close: 1, 2.0: {}})")
    Path("odd.py").write_text(odd, encoding="utf-8")
    outcome = tidemill("backtest", "odd.py", "--data", "AIG.csv", "--no-count")
    assert outcome.code == 0, outcome.err
    assert "does not compile" in outcome.out and "runs as ordinary Python, which is slower" in outcome.out


def test_a_strategy_that_wants_to_be_ordinary_python_is_told_of(folder: Path) -> None:
    plain = ALTERNATING.replace("    count = Memory(0)", "    compiled = False\n    count = Memory(0)")
    Path("plain.py").write_text(plain, encoding="utf-8")
    words = ("--data", "AIG.csv", "--no-count")
    assert "compiled = False" in tidemill("backtest", "plain.py", *words).out
    assert "ordinary Python" not in tidemill("backtest", "alternating.py", *words).out


def test_the_first_compilation_is_announced(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("TIDEMILL_CACHE", str(folder))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    progress.announce_compiling()
    assert ("Compiling the engine" in capsys.readouterr().err) is JIT
    (folder / "tidemill" / f"native-{sources_digest()}").mkdir(parents=True)
    progress.announce_compiling()
    assert capsys.readouterr().err == ""


def test_all_forms_of_a_strategy_of_ones_own_agree(folder: Path) -> None:
    documents = [run("--form", form, strategy="alternating.py") for form in ("compiled", "interpreted", "callback")]
    assert len(documents[0]["fills"]) > 50
    assert documents[0]["fills"] == documents[1]["fills"] == documents[2]["fills"]


def test_refused_orders_are_told_in_a_sentence(folder: Path) -> None:
    outcome = tidemill("backtest", STRATEGY, "--data", "AIG.csv", *FAST, "--no-count", "--sizing", "fixed:1000000")
    assert f"refused: {REFUSALS[Refusal.BUYING_POWER]} (BUYING_POWER)" in " ".join(outcome.out.split())


SEVERAL = """
[data]
files = ["AIG.csv", "B.csv"]
symbols = ["AIG", "B"]

[settings]
sizing = "fixed:10"

[[strategies]]
strategy = "moving_average_crossover"
symbols = ["AIG"]
params = { fast_window = 3, slow_window = 8 }

[[strategies]]
strategy = "alternating.py"
symbols = ["B"]
interval = "5min"

[strategies.settings]
sizing = "fixed:3"
"""


def test_several_strategies_share_one_account(folder: Path) -> None:
    write_bars(folder / "B.csv")
    (folder / "run.toml").write_text(SEVERAL, encoding="utf-8")
    words = ("--no-count", "-q", "--json", "out.json", "--write-config", "again.toml")
    outcome = tidemill("backtest", "--config", "run.toml", *words)
    assert outcome.code == 0, outcome.err
    document = json.loads(Path("out.json").read_text(encoding="utf-8"))
    fills = document["fills"]
    assert {(fill["strategy"], fill["symbol"], fill["quantity"]) for fill in fills} == {
        ("moving_average_crossover", "AIG", 10.0), ("alternating", "B", 3.0)
    }  # fmt: skip
    # decided on closes of five minutes, filled at the next minute's open
    assert {int(fill["timestamp"][14:16]) % 5 for fill in fills if fill["symbol"] == "B"} == {0}
    signs = [1 if fill["side"] == "sell" else -1 for fill in fills]
    cash = document["config"]["run"]["cash"]
    cash += sum(sign * fill["quantity"] * fill["price"] - fill["fee"] for sign, fill in zip(signs, fills, strict=True))
    last_close = 100.0 + abs(599 % 40 - 20) * 0.1, 100.0 + abs(299 % 40 - 20) * 0.1
    for symbol, close in zip(("AIG", "B"), last_close, strict=True):
        cash -= sum(s * f["quantity"] for s, f in zip(signs, fills, strict=True) if f["symbol"] == symbol) * close
    assert document["metrics"]["final_equity"] == pytest.approx(cash, abs=1e-6)
    assert document["prefix_invariant"] is True
    assert tidemill("backtest", "--config", "again.toml", "--no-count", "-q", "--json", "two.json").code == 0
    assert json.loads(Path("two.json").read_text(encoding="utf-8"))["fills"] == fills
    assert tidemill("report", "out.json", "--html", "out.html").code == 0
    page = Path("out.html").read_text(encoding="utf-8")
    assert "By strategy" in page and "class Alternating(Strategy)" in page


def test_several_strategies_by_name_and_parameters_by_strategy(folder: Path) -> None:
    sets = [word for item in FAST[1::2] for word in ("--set", f"{STRATEGY}.{item}")]
    words = ("--data", "AIG.csv", "--no-count", "-q", "--json", "out.json")
    assert tidemill("backtest", STRATEGY, "buy_and_hold", *sets, *words).code == 0
    chosen = json.loads(Path("out.json").read_text(encoding="utf-8"))["config"]["strategies"]
    assert [item["name"] for item in chosen] == [STRATEGY, "buy_and_hold"]
    assert chosen[0]["params"]["fast_window"] == 3


def test_verbose_lists_every_assumption(folder: Path) -> None:
    words = ("backtest", STRATEGY, "--data", "AIG.csv", *FAST, "--no-count")
    assert "(--verbose lists them)" in tidemill(*words).out
    assert "gaps fill at the open" in tidemill(*words, "--verbose").out


def test_the_bar_shows_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(progress, "_PATIENCE_S", 0.0)
    with progress.WorkBar("Backtest") as bar:
        bar(1, 10)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress.WorkBar("Backtest") as bar:
        bar(5, 10)
    assert "Backtest" in capsys.readouterr().err


def modules_after(*words: object) -> set[str]:
    """Names of the modules a process has loaded after one command."""
    program = (
        "import sys; from tidemill.cli.main import main; code = main(); "
        "sys.stderr.write('\\n' + ' '.join(sys.modules)); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, words)], capture_output=True, text=True, check=True, env=os.environ
    )
    return set(done.stderr.rpartition("\n")[2].split())


def test_help_loads_next_to_nothing() -> None:
    assert modules_after("--help") & {"numpy", "numba", "duckdb", "pandas", "rich", "pydantic", "scipy"} == set()


def test_a_backtest_loads_no_table_library(folder: Path) -> None:
    words = ("backtest", STRATEGY, "--data", "AIG.csv", *FAST, *QUIET, "--json", "out.json")
    assert modules_after(*words) & {"pandas", "rich", "pydantic", "pandas_market_calendars", "pyarrow"} == set()
    assert "pandas" not in modules_after("demo", "--real", "--report", "demo.html")
