"""The smaller verbs: demo, strategies, data, doctor, new."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_runs import bar_rows, tidemill, write_bars

from tidemill import __version__
from tidemill.research.parity import Parity


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_real_demo_proves_parity_and_writes_its_report() -> None:
    outcome = tidemill("demo", "--real")
    assert outcome.code == 0, outcome.err
    assert "Parity: 100 % (1,509 bars" in outcome.out
    assert "moving_average_crossover on AAPL" in outcome.out and "SIMULATED" not in outcome.out
    assert Path("build/report.html").stat().st_size > 100_000


def test_a_broken_parity_is_told_and_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Parity(99.9, "fills row 4 at 2020-02-26 14:30:00 UTC: price 71.63 against 72.63.", 3085, 17_664)
    monkeypatch.setattr("tidemill.services.demo.compare_engines", lambda *_: broken)
    outcome = tidemill("demo", "--real", "--report", "r.html")
    assert outcome.code == 1
    assert "Parity: 99.9000 %; first difference: fills row 4" in outcome.out
    document = json.loads(tidemill("demo", "--real", "--report", "r.html", "--json").out)
    assert document["parity"]["percent"] == 99.9


def test_the_simulated_demo_says_so_everywhere() -> None:
    outcome = tidemill("demo", "--report", "r.html", "--symbol", "SIMA", "--seed", "3")
    assert outcome.code == 0, outcome.err
    assert "SIMULATED PRICES" in outcome.out and "SIMULATED" in Path("r.html").read_text(encoding="utf-8")
    documents = [json.loads(tidemill("demo", "--symbol", "SIMA", "--seed", seed, "--json").out) for seed in (3, 3, 4)]
    assert documents[0]["fills"] == documents[1]["fills"] != documents[2]["fills"]
    assert documents[0]["parity"] is None


def test_strategies_are_listed_and_explained() -> None:
    listed = tidemill("strategies").out
    assert "moving_average_crossover" in listed and "buy_and_hold" in listed
    one = tidemill("strategies", "moving_average_crossover").out
    assert "slow_window" in one and "2 to 512" in one and "sma, ema" in one
    described = json.loads(tidemill("strategies", "moving_average_crossover", "--json").out)
    assert described["params"][0]["unit"] == "bars"
    assert len(json.loads(tidemill("strategies", "--json").out)) >= 6
    assert "no parameters" in tidemill("strategies", "buy_and_hold").out
    assert tidemill("strategies", "buy_and_hodl").code == 4


def test_data_are_inspected_without_being_changed(folder: Path) -> None:
    rows = bar_rows(200)
    rows[50] = rows[50].replace(",1000", ",-1")
    write_bars(folder / "AIG.csv", [*rows[:100], *rows[120:]])
    outcome = tidemill("data", "inspect", "AIG.csv")
    assert outcome.code == 0, outcome.err
    assert "1 times: The volume is negative." in outcome.out and "20 bars missing" in outcome.out
    assert tidemill("data", "inspect", "AIG.csv", "--strict").code == 1
    report = json.loads(tidemill("data", "inspect", "AIG.csv", "--json").out)[0]
    assert (report["rows"], report["kept"], report["is_clean"]) == (180, 179, False)
    assert report["quarantined"] == {"NEGATIVE_VOLUME": 1}
    assert report["first"] == "2024-01-02T14:30:00Z"
    assert report["gaps"][0]["bars"] == 20


def test_clean_data_pass_the_strict_look(folder: Path) -> None:
    write_bars(folder / "AIG.csv")
    assert tidemill("data", "inspect", "AIG.csv", "--strict").code == 0


def test_data_are_imported_and_read_back_the_same(folder: Path) -> None:
    rows = bar_rows(100)
    write_bars(folder / "AIG.csv", [*rows, rows[-1]])
    outcome = tidemill("data", "import", "AIG.csv", "--out", "AIG.parquet", "--quarantine", "aside.csv", "--json")
    assert json.loads(outcome.out) == [{"path": "AIG.parquet", "symbol": "AIG", "rows": 100, "set_aside": 1}]
    assert "DUPLICATE" in Path("aside.csv").read_text(encoding="utf-8")
    reports = [json.loads(tidemill("data", "inspect", name, "--json").out)[0] for name in ("AIG.csv", "AIG.parquet")]
    assert reports[0]["last"] == reports[1]["last"]
    write_bars(folder / "SPY.csv")
    assert tidemill("data", "import", "AIG.csv", "SPY.csv", "--out", "both.parquet").code == 11
    assert tidemill("data", "import", "AIG.csv", "SPY.csv", "--out", "both").code == 0
    assert sorted(path.name for path in Path("both").iterdir()) == ["AIG_1min.parquet", "SPY_1min.parquet"]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_simulated_data_are_written_marked_and_read(kind: str) -> None:
    words = (
        "data",
        "synth",
        "--out",
        "sim",
        "--symbol",
        "SIMA",
        "--symbol",
        "SIMQ",
        "--sessions",
        "3",
        "--format",
        kind,
    )
    written = json.loads(tidemill(*words, "--json").out)
    assert written == [f"sim/SIMA_1min.{kind}", f"sim/SIMQ_1min.{kind}", "sim/actions/actions.csv"]
    reports = json.loads(tidemill("data", "inspect", "sim", "--json").out)
    assert [(report["symbol"], report["is_simulated"]) for report in reports] == [("SIMA", True), ("SIMQ", True)]


def test_simulated_splits_are_applied() -> None:
    words = ("--out", "sim", "--symbol", "SIMA", "--daily", "--sessions", "400")
    assert tidemill("data", "synth", *words).code == 0
    assert "split_ratio" in Path("sim/actions/actions.csv").read_text(encoding="utf-8")
    run = ("backtest", "buy_and_hold", "--data", "sim", "--sizing", "percent:90", "--no-count", "--json", "-")
    plain, adjusted = (json.loads(tidemill(*run, *more).out) for more in ((), ("--actions", "sim/actions/actions.csv")))
    assert adjusted["metrics"]["final_equity"] > plain["metrics"]["final_equity"]


def test_both_formats_hold_the_same_bars() -> None:
    hashes = []
    for kind in ("csv", "parquet"):
        tidemill("data", "synth", "--out", kind, "--symbol", "SIMA", "--sessions", "3", "--format", kind)
        run = ("backtest", "buy_and_hold", "--data", kind, "--no-count", "--json", "-")
        hashes.append(json.loads(tidemill(*run).out)["card"]["data"])
    assert hashes[0] == hashes[1]


def test_the_doctor_looks_at_everything() -> None:
    outcome = tidemill("doctor", "--json")
    found = json.loads(outcome.out)
    assert outcome.code == (0 if found["is_good"] else 1)
    assert {check["topic"] for check in found["checks"]} >= {
        "python", "packages", "compiler", "folders", "strategies", "rules", "calendars",
    }  # fmt: skip
    assert "All is well." in tidemill("doctor").out or not found["is_good"]


def test_a_folder_that_takes_no_files_is_amiss(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "plain").write_text("", encoding="utf-8")
    monkeypatch.setenv("TIDEMILL_HOME", str(folder / "plain" / "home"))
    outcome = tidemill("doctor", "--json")
    assert outcome.code == 1
    amiss = [check["name"] for check in json.loads(outcome.out)["checks"] if not check["is_good"]]
    assert amiss == ["trial ledger"]


def test_a_new_strategy_runs_at_once(folder: Path) -> None:
    written = json.loads(tidemill("new", "strategy", "golden_cross", "--folder", "mine", "--json").out)
    assert "mine/golden_cross.py" in written
    write_bars(folder / "AIG.csv", bar_rows(400))
    outcome = tidemill("backtest", "mine/golden_cross.py", "--data", "AIG.csv", "--no-count")
    assert outcome.code == 0, outcome.err
    assert tidemill("new", "strategy", "golden_cross", "--folder", "mine").code == 3


def test_the_version_is_told() -> None:
    assert tidemill("--version").out == f"tidemill {__version__}\n"


def test_nothing_said_is_help() -> None:
    outcome = tidemill()
    assert outcome.code == 2
    assert "backtest" in outcome.out + outcome.err
