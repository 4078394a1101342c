"""Depth, length and recovery of drawdowns."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tidemill.model.tape import EQUITY_ROW
from tidemill.research.metrics import summarise, top_drawdowns, track_of, underwater
from tidemill.research.metrics.drawdown import episodes, ulcer_index


def test_starting_equity_is_the_first_peak(new_record):
    assert summarise(new_record([90.0, 95.0]))["max_drawdown_pct"] == pytest.approx(-10.0)


def test_table_lists_peak_trough_and_recovery(new_record):
    # Monday 1 January 2024 onwards: two falls, the second still open.
    rows = top_drawdowns(new_record([110.0, 99.0, 104.5, 110.0, 120.0, 114.0]))
    assert rows == [
        {
            "peak": "2024-01-01",
            "trough": "2024-01-02",
            "recovered": "2024-01-04",
            "depth_pct": pytest.approx(-10.0),
            "days": 3,
            "days_to_trough": 1,
            "days_to_recover": 2,
        },
        {
            "peak": "2024-01-05",
            "trough": "2024-01-08",
            "recovered": None,
            "depth_pct": pytest.approx(-5.0),
            "days": 3,
            "days_to_trough": 3,
            "days_to_recover": None,
        },
    ]


def test_only_the_deepest_are_listed(new_record):
    saw = [100.0 + (10 + step if step % 2 else -step) for step in range(20)]
    rows = top_drawdowns(new_record(saw), 5)
    assert len(rows) == 5
    assert [row["depth_pct"] for row in rows] == sorted(row["depth_pct"] for row in rows)


def test_open_drawdown_is_counted_to_the_end(new_record):
    metrics = summarise(new_record([120.0, 90.0, 100.0, 100.0]))
    assert metrics["max_drawdown_days"] == metrics["longest_drawdown_days"] == 3
    assert metrics["recovery_days"] is None
    assert metrics["notes"]["max_drawdown_days"].startswith("still open")


def test_without_a_fall_ratios_say_why(new_record):
    metrics = summarise(new_record(np.linspace(101, 140, 200)))
    assert metrics["max_drawdown_pct"] == metrics["max_drawdown_days"] == 0
    for key in ("mar", "calmar", "upi", "serenity", "recovery_days", "recovery_factor"):
        assert metrics[key] is None and metrics["notes"][key].startswith("no drawdown")


def test_episode_positions():
    fall = np.array([0.0, -0.1, -0.2, 0.0, 0.0, -0.3])
    assert episodes(fall) == [(0, 2, 3), (4, 5, 5)]
    assert episodes(np.zeros(3)) == []


def test_ulcer_index_is_the_rms_of_the_falls_in_percent(new_record):
    assert ulcer_index(track_of(new_record([90.0, 80.0, 100.0]))) == pytest.approx(math.sqrt((100 + 400) / 4))


def test_intrabar_fall_sees_what_the_close_hides(new_record):
    record = new_record([110.0, 108.0])
    record.days["equity_worst"] = [95_000_000, 88_000_000]
    metrics = summarise(record)
    assert metrics["max_drawdown_pct"] == pytest.approx(100 * (108 / 110 - 1))
    assert metrics["max_drawdown_intrabar_pct"] == pytest.approx(100 * (88 / 110 - 1))


def test_intrabar_peak_is_the_highest_mark_not_the_highest_close(new_record):
    record = new_record([110.0, 108.0])
    record.days["equity_high"] = [125_000_000, 110_000_000]
    assert summarise(record)["max_drawdown_intrabar_pct"] == pytest.approx(100 * (108 / 125 - 1))


def test_fall_within_one_day_is_found_in_the_marks(new_record):
    record = new_record([100.0])
    record.equity = np.zeros(3, EQUITY_ROW)
    record.equity["equity"] = [120_000_000, 90_000_000, 100_000_000]
    assert summarise(record)["max_drawdown_intrabar_pct"] == pytest.approx(-25.0)


def test_calmar_looks_at_36_months_and_mar_at_everything(new_record):
    # An early crash, then four years of quiet growth with one small fall.
    late = 60 * 1.0005 ** np.arange(1040)
    late[-100] *= 0.98
    metrics = summarise(new_record(np.concatenate(([50.0], late))))
    assert metrics["mar"] == pytest.approx(metrics["cagr_pct"] / 50.0)
    assert metrics["calmar"] > 3 * metrics["mar"]
    assert "calmar" not in metrics["notes"]


def test_short_history_is_named_in_calmar(new_record):
    metrics = summarise(new_record(100 + np.sin(np.arange(200))))
    assert metrics["calmar"] == pytest.approx(metrics["mar"])
    assert "shorter than 36 months" in metrics["notes"]["calmar"]


def test_serenity_by_hand(new_record):
    record = new_record(100 + 3 * np.sin(np.arange(200) / 5) + np.arange(200) * 0.1)
    track, metrics = track_of(record), summarise(record)
    fall = np.sort(underwater(track))
    pitfall = -fall[: int(200 * 0.05) + 1].mean() / (metrics["volatility_pct"] / 100)
    expected = metrics["cagr_pct"] / 100 / (metrics["ulcer_index"] / 100 * pitfall)
    assert metrics["serenity"] == pytest.approx(expected)
    assert metrics["upi"] == pytest.approx(metrics["cagr_pct"] / metrics["ulcer_index"])
