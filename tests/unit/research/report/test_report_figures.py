"""Figures as a reader sees them; nothing of this machine and nothing secret among them."""

from __future__ import annotations

import numpy as np
import pytest

from tidemill.research.metrics import DEFINITIONS, UNITS
from tidemill.research.report.catalogue import CATALOGUE, figure_text
from tidemill.research.report.figures import count, hidden_paths, percent, plain, signed, tone
from tidemill.research.report.svg import bar_chart, line_chart, scatter_chart, ticks


def test_signs_groups_and_dashes() -> None:
    assert count(-1234567.891, 2) == "−1,234,567.89"
    assert signed(3.0) == "+3.00" and signed(-0.001) == "0.00" and signed(0.001) == "0.00"
    assert percent(None) == "—" and count(float("nan")) == "—" and percent(-2.5) == "−2.50 %"
    assert (tone(1), tone(-1), tone(0), tone(None)) == ("gain", "loss", "", "")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("read /home/joe/data/acme.csv today", "read acme.csv today"),
        ("--data=/srv/x/y.parquet", "--data=y.parquet"),
        ("~/secret/file.csv", "file.csv"),
        (r"C:\Users\Joe\bars.csv", "bars.csv"),
        (r"\\server\share\bars.csv", "bars.csv"),
        ("file:///home/joe/a.csv", "a.csv"),
        ("24/7 and 1/2 and and/or", "24/7 and 1/2 and and/or"),
        ("https://example.org/a/b", "https://example.org/a/b"),
    ],
)
def test_paths_are_cut_to_their_last_name(text: str, shown: str) -> None:
    assert hidden_paths(text) == shown


def test_secrets_are_not_shown() -> None:
    assert plain("broker_api_key", "PK123") == "set, not shown"
    assert plain("token", None) == "—" and plain("fast", 12) == "12" and plain("short", False) == "no"


def test_every_numeric_metric_has_a_label_and_a_format() -> None:
    known = {key for rows in CATALOGUE.values() for key in rows}
    basis = {"n", "periods_per_year", "rf", "trials_sharpe_variance"}
    assert {key for key in DEFINITIONS if UNITS.get(key, "text") != "text"} - known <= basis
    assert figure_text("win_rate", 0.5125) == "51.2 %" and figure_text("sharpe", None) == "—"


def test_ticks_are_round_numbers_within_bounds() -> None:
    assert ticks(0, 10) == [0, 2, 4, 6, 8, 10]
    assert ticks(-0.3, 0.7) == pytest.approx([-0.2, 0.0, 0.2, 0.4, 0.6])
    assert ticks(5, 5) == [5]


def test_still_charts_escape_their_titles_and_survive_odd_data() -> None:
    flat = line_chart("<b>", [("main", np.full(3, 7.0))], ["a", "<c>"])
    assert "<b>" not in flat and "&lt;c&gt;" in flat and "nan" not in flat
    broken = line_chart("x", [("main", np.array([np.nan, 1.0, np.nan]))], ["a"], zero=True, area=True)
    assert "nan" not in broken
    bars = bar_chart("x", np.array([-1.0, 0.0, 1.0]), np.array([2.0, 3.0]), decimals=1)
    assert bars.count('<rect class="loss"') == 1 and bars.count('<rect class="gain"') == 1
    assert scatter_chart("x", np.zeros(0), np.zeros(0), np.zeros(0, bool)).count("<circle") == 0


def test_scatter_draws_each_trade_once() -> None:
    x = np.linspace(0, 1, 50)
    assert scatter_chart("x", x, x, x > 0.5).count("<circle") == 50
