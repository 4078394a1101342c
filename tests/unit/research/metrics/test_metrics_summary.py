"""The whole page: complete, JSON-ready, defined, honest."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import numpy as np
import pytest

from tidemill.research.metrics import DEFINITIONS, SECTIONS, UNITS, summarise, verdict
from tidemill.research.trials import TrialCount


def growing(new_record, new_trips, days, drift, trades=40):
    """Return a seeded noisy run with a drift per day and alternating trades."""
    returns = drift + 0.01 * np.random.default_rng(12).normal(size=days)
    returns += drift - returns.mean()
    trips = new_trips([2.0, -1.0] * (trades // 2))
    return new_record(1e5 * np.cumprod(1 + returns), start=1e5, trips=trips)


def test_every_key_has_a_definition_and_a_unit(new_record):
    metrics = summarise(new_record([100.0, 101.0]))
    assert list(metrics) == list(DEFINITIONS) == list(UNITS)
    assert [key for keys in SECTIONS.values() for key in keys] == list(DEFINITIONS)
    assert all(text.endswith(".") and len(text) > 20 for text in DEFINITIONS.values())


@pytest.mark.parametrize(
    "equity", [[], [100.0], [100.0, 100.0], [0.0], [50.0, -1.0], [101.0, 99.0, 103.0], list(range(90, 290))]
)
def test_no_nan_reaches_json_and_every_gap_is_explained(new_record, equity):
    metrics = summarise(new_record(equity))
    json.dumps(metrics, allow_nan=False)
    for key, value in metrics.items():
        assert value is not None or metrics["notes"][key], key
        assert not isinstance(value, float) or math.isfinite(value)
    assert set(metrics["notes"]) <= set(DEFINITIONS)


def test_empty_run_keeps_its_cash(new_record):
    metrics = summarise(new_record([], start=2500.0))
    assert (metrics["start_equity"], metrics["final_equity"], metrics["net_profit"]) == (2500.0, 2500.0, 0.0)
    assert metrics["n"] == 0


def test_conventions_are_printed(new_record):
    metrics = summarise(new_record([101.0]), rf=0.03)
    assert (metrics["periods_per_year"], metrics["rf"], metrics["n"]) == (252, 0.03, 1)
    assert metrics["sampling"] == "daily, at the session close"


def test_import_pulls_in_nothing_heavy():
    heavy = "[m for m in ('pandas', 'scipy', 'numba', 'duckdb', 'pyarrow') if m in sys.modules]"
    code = f"import sys, tidemill.research.metrics; print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_verdict_without_trades(new_record):
    assert verdict(summarise(new_record([100.0] * 5))) == "No trades were made, so there is nothing to judge."


def test_verdict_on_too_few_data(new_record, new_trips):
    text = verdict(summarise(growing(new_record, new_trips, 20, 0.002, 12), TrialCount(1, 0.0)))
    assert text.startswith("After 1 trial the deflated Sharpe ratio is 0.")
    assert text.endswith("too few data: 20 days and 12 trades prove nothing yet.")


def test_verdict_asks_for_more_months(new_record, new_trips):
    metrics = summarise(growing(new_record, new_trips, 252, 0.0006), TrialCount(1, 0.0))
    months = round((metrics["min_trl"] - 252) / 21)
    assert verdict(metrics).endswith(
        f"below 0.95, so luck is not ruled out: {months} more months like these would be needed."
    )


def test_verdict_blames_the_search_when_length_is_enough(new_record, new_trips):
    metrics = summarise(growing(new_record, new_trips, 500, 0.001), TrialCount(5000, 0.003))
    assert metrics["psr"] > 0.95 > metrics["dsr"]
    assert "After 5,000 trials" in verdict(metrics) and "after this many trials luck is still" in verdict(metrics)


def test_verdict_on_a_convincing_run_and_on_a_loser(new_record, new_trips):
    good = verdict(summarise(growing(new_record, new_trips, 700, 0.002, 10)))
    assert "above 0.95" in good and "Only 10 trades" in good and "trials were not counted" in good
    bad = verdict(summarise(growing(new_record, new_trips, 300, -0.001), TrialCount(1, 0.0)))
    assert bad.endswith("the run earned no more than the risk-free rate, so no edge is shown.")


def test_verdict_never_rounds_up_to_the_bar(new_record, new_trips):
    metrics = summarise(growing(new_record, new_trips, 252, 0.0006), TrialCount(1, 0.0))
    metrics["dsr"] = 0.9499
    assert "is 0.94;" in verdict(metrics)


def test_verdict_when_the_ratio_is_undefined(new_record, new_trips):
    metrics = summarise(new_record([100.0] * 80, trips=new_trips([0.0])), TrialCount(1, 0.0))
    assert verdict(metrics) == "No verdict: returns do not vary (n=80)."
