"""The trial ledger: counts once, loses nothing, never crashes a backtest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from tidemill.research.trials import Trial, TrialCount, TrialLedger

ONE = Trial(1, "momentum", "p1", "d1", 0.05, 250)


@pytest.fixture
def ledger(tmp_path):
    """Return a ledger in a folder that does not exist yet."""
    return TrialLedger(tmp_path / "project")


def test_round_trip(ledger):
    trials = [ONE, replace(ONE, params_hash="p2", sharpe=None), replace(ONE, strategy="über")]
    assert ledger.append(trials) == []
    assert ledger.read() == (trials, [])
    assert ledger.append([]) == [] and len(ledger.path.read_bytes().splitlines()) == 3


def test_identical_trials_count_once(ledger):
    ledger.append([ONE, replace(ONE, ts_ns=2), replace(ONE, ts_ns=3, params_hash="p2", sharpe=0.01)])
    count, warnings = ledger.count("momentum", "d1")
    assert count.n == 2 and warnings == []
    assert count.sharpe_variance == pytest.approx(np.var([0.05, 0.01], ddof=1))


def test_other_strategies_and_data_are_other_families(ledger):
    ledger.append([ONE, replace(ONE, strategy="rsi"), replace(ONE, data_hash="d2")])
    assert ledger.count("momentum", "d1")[0] == TrialCount(1, 0.0)


def test_undefined_ratio_counts_as_a_trial_but_not_in_the_variance(ledger):
    ledger.append([replace(ONE, params_hash=f"p{i}", sharpe=s) for i, s in enumerate((0.1, 0.3, None, float("nan")))])
    count, warnings = ledger.count("momentum", "d1")
    assert count.n == 4 and count.sharpe_variance == pytest.approx(0.02) and warnings == []


def test_nothing_tried_yet_is_one(ledger):
    assert ledger.count("momentum", "d1") == (TrialCount(1, 0.0), [])


def test_record_returns_the_count_with_the_new_trial(ledger):
    assert ledger.record(ONE) == (TrialCount(1, 0.0), [])
    count, _ = ledger.record(replace(ONE, params_hash="p2", sharpe=0.15))
    assert count.n == 2 and count.sharpe_variance == pytest.approx(0.005)


@pytest.mark.parametrize(
    "bad",
    [
        b"{broken",
        b"[1, 2]",
        b'"text"',
        b"\xff\xfe",
        b'{"ts_ns": 1}',
        json.dumps({"ts_ns": 1, "strategy": 5, "params_hash": "p", "data_hash": "d", "sharpe": 1, "n": 1}).encode(),
        b'{"ts_ns": 1, "strategy": "momentum", "params_hash": "p", "data_hash": "d1", "sharpe": NaN, "n": 1}',
    ],
)
def test_a_corrupt_line_is_skipped_named_and_kept(ledger, bad):
    ledger.append([ONE])
    with ledger.path.open("ab") as file:
        file.write(bad + b"\n")
    count, warnings = ledger.record(replace(ONE, params_hash="p2"))
    assert count.n == 2
    assert len(warnings) == 1 and "line 2 is not a trial" in warnings[0]
    assert bad in ledger.path.read_bytes()


def test_a_line_cut_short_by_a_crash_does_not_swallow_the_next(ledger):
    ledger.append([ONE])
    whole = ledger.path.read_bytes()
    ledger.path.write_bytes(whole + whole[:20])
    next_one = replace(ONE, params_hash="p2")
    count, warnings = ledger.record(next_one)
    assert count.n == 2 and len(warnings) == 1
    assert ledger.read()[0] == [ONE, next_one]
    assert ledger.path.read_bytes().endswith(b"\n")


def test_newer_fields_are_tolerated(ledger):
    ledger.append([ONE])
    row = json.loads(ledger.path.read_text()) | {"machine": "x"}
    ledger.path.write_text(json.dumps(row) + "\n")
    assert ledger.read() == ([ONE], [])


def test_unwritable_folder_warns_and_counts_one(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    count, warnings = TrialLedger(blocked / "folder").record(ONE)
    assert count.n == 1 and "not writable" in count.note
    assert warnings and "make the folder writable" in warnings[0]


def test_a_folder_in_place_of_the_file_warns(tmp_path):
    ledger = TrialLedger(tmp_path)
    ledger.path.mkdir()
    count, warnings = ledger.record(ONE)
    assert count.n == 1 and len(warnings) == 2 and "check its permissions" in warnings[1]


def test_partial_write_is_reported(ledger, monkeypatch):
    monkeypatch.setattr(os, "write", lambda handle, data: len(data) // 2)
    assert "disk full" in ledger.append([ONE])[0]


def test_place_of_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TIDEMILL_HOME", raising=False)
    TrialLedger().append([ONE])
    assert (tmp_path / ".tidemill" / "trials.jsonl").is_file()
    monkeypatch.setenv("TIDEMILL_HOME", str(tmp_path / "home"))
    assert TrialLedger().path == tmp_path / "home" / "trials.jsonl"
    assert TrialLedger(tmp_path / "own").path == tmp_path / "own" / "trials.jsonl"


WRITER = """
import sys
from tidemill.research.trials import Trial, TrialLedger
ledger = TrialLedger(sys.argv[1])
for i in range(150):
    ledger.append([Trial(i, "s" * 300, f"{sys.argv[2]}-{i}-{k}", "d", 0.1, 1) for k in range(3)])
"""


def test_concurrent_writers_do_not_interleave(tmp_path):
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(i)]) for i in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    count, warnings = TrialLedger(tmp_path).count("s" * 300, "d")
    assert (count.n, warnings) == (3 * 150 * 3, [])
