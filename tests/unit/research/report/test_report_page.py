"""The page: complete, small, safe with hostile names, the same for the same run."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tidemill.model.errors import OutputError
from tidemill.model.runrecord import RunRecord
from tidemill.research.metrics import summarise
from tidemill.research.report import ReportTables, render_report, write_report
from tidemill.research.report.drawing import Drawing, Line
from tidemill.research.report.page import script_json, script_text
from unit.research.report.builders import make_record

HOSTILE = "</script><img src=x onerror=alert(1)>\u2028"
SECTIONS = [
    "summary",
    "chart-section",
    "months",
    "distribution",
    "drawdowns",
    "rolling",
    "groups",
    "excursions",
    "costs",
    "exposure",
    "benchmark",
    "assumptions",
    "figures",
    "settings",
    "source",
    "card",
    "disclaimer",
]


def page_of(record: RunRecord, **changes: Any) -> str:
    return render_report(record, summarise(record), created_at="2026-11-21 10:00 UTC", **changes)


def data_of(page: str) -> Any:
    found = re.search(r'<script type="application/json" id="tidemill-data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found.group(1))


@pytest.fixture(scope="module")
def page() -> str:
    return page_of(make_record(), command="tidemill backtest momentum --data /home/joe/data/acme.csv")


def test_every_section_stands_in_order(page: str) -> None:
    places = [page.find(f'id="{name}"') for name in SECTIONS]
    assert -1 not in places and places == sorted(places)


def test_title_stamp_and_run_facts(page: str) -> None:
    assert "<span>momentum v7</span> · <span>ACME 1 min</span> · <span>2024-01-02 to " in page
    assert '<span class="stamp mode-backtest">BACKTEST</span>' in page
    assert "run 8f3c21 · code 4be1d0a7 · data 91abf00d" in page and "created 2026-11-21 10:00 UTC" in page
    assert "SIMULATED" not in page


def test_simulated_bars_are_stamped() -> None:
    record = make_record(bars=500, trades=5)
    record.bars[0].meta["simulated"] = True
    assert "SIMULATED PRICES" in page_of(record)


@pytest.mark.parametrize(
    ("state", "style", "words"),
    [(True, "ok", "Look-ahead check passed"), (False, "danger", "LOOK-AHEAD FOUND"), (None, "warning", "was not run")],
)
def test_the_look_ahead_result_is_told_in_words(state: bool | None, style: str, words: str) -> None:
    text = page_of(make_record(bars=500, trades=5, prefix_invariant=state))
    box = re.search(r"<div class='box (\w+)' id='prefix-result'><p>([^<]*)", text)
    assert box is not None and box.group(1) == style and words in box.group(2)


def test_hostile_names_stay_text() -> None:
    record = make_record(bars=500, trades=5, symbols=(HOSTILE,), strategies=[HOSTILE], strategy_source=HOSTILE)
    record.config[HOSTILE] = {HOSTILE: HOSTILE}
    record.warnings.append(HOSTILE)
    record.assumptions.append(HOSTILE)
    record.card[HOSTILE] = HOSTILE
    text = page_of(record, command=HOSTILE)
    assert "<img" not in text
    assert text.count("</script>") == 3
    assert data_of(text)["strategies"] == [HOSTILE]


def test_script_data_cannot_end_its_element() -> None:
    text = script_json({"a": "</script>\u2028\u2029&<!--"})
    assert not set("<>&\u2028\u2029") & set(text) and json.loads(text) == {"a": "</script>\u2028\u2029&<!--"}


def test_the_policy_allows_these_scripts_and_no_network(page: str) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None and "default-src 'none'" in policy.group(1)
    assert "connect-src" not in policy.group(1) and "unsafe-eval" not in policy.group(1)
    scripts = re.findall(r'<script(?: type="module")?>(.*?)</script>', page, re.DOTALL)
    assert len(scripts) == 2
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy.group(1)
    assert not re.search(r'(?:src|href)="(?!#|data:,|https://www\.tradingview\.com/")', page)


def test_modules_become_one_script() -> None:
    text = script_text()
    assert not re.search(r"^(?:import|export)\b", text, re.MULTILINE)
    names = re.findall(r"^(?:async )?(?:function|class|const|let) (\w+)", text, re.MULTILINE)
    assert len(names) == len(set(names)) > 30


def test_the_library_keeps_its_notice(page: str) -> None:
    assert "TradingView Lightweight Charts" in page and "apache.org/licenses/LICENSE-2.0" in page
    assert 'href="https://www.tradingview.com/"' in page


def test_nothing_of_this_machine_is_told(page: str) -> None:
    assert "/home/joe" not in page and "--data acme.csv" in page


def test_the_same_run_gives_the_same_bytes() -> None:
    first, second = (page_of(make_record(bars=900, trades=9)) for _ in range(2))
    assert first == second


def test_noscript_keeps_the_trades(page: str) -> None:
    inside = page[page.index("<noscript><div") :]
    assert inside[: inside.index("</noscript>")].count("<tr>") == 61
    assert 'id="stills"' in page and page.count("<polyline") >= 2


def test_definitions_notes_and_verdict_are_shown(page: str) -> None:
    assert "mean(r - rf) / std(r - rf) * sqrt(q)" in page
    assert "hidden under 90 days" in page and "deflated Sharpe ratio" in page


def test_tables_handed_in_are_used() -> None:
    tables = ReportTables(
        monthly=[{"year": 1999, "months": [1.5] + [None] * 11, "year_pct": 1.5}], verdict="Plainly <fine>."
    )
    text = page_of(make_record(bars=500, trades=5), extra=tables)
    assert "<th scope='row'>1999</th>" in text and "Plainly &lt;fine&gt;." in text


def test_own_definitions_win_and_missing_figures_are_dashes() -> None:
    record = make_record(bars=500, trades=5)
    text = render_report(record, {"sharpe": None, "definitions": {"sharpe": "Mine."}}, created_at="now")
    assert 'title="Mine."' in text and "—" in text


def test_a_run_without_bars_or_trades_still_reports() -> None:
    record = make_record(bars=400, trades=0, benchmark=None)
    record.bars = [record.bars[0].rows(0, 0)]
    record.equity, record.days = record.equity[:0], record.days[:0]
    assert "No trades were made" in page_of(record) and "no bars" in page_of(record)


def test_a_hundred_thousand_bars_stay_under_two_megabytes(tmp_path: Path) -> None:
    record = make_record(bars=100_000, trades=3_000)
    means = [np.convolve(record.bars[0].close, np.ones(window) / window)[:100_000] for window in (10, 20, 30, 50, 200)]
    drawing = Drawing([Line(0, f"mean{row}", "", values) for row, values in enumerate(means)])
    info = write_report(record, summarise(record), tmp_path / "deep" / "r.html", created_at="now", drawing=drawing)
    assert info.size_bytes == info.path.stat().st_size < 2_000_000
    data = data_of(info.path.read_text(encoding="utf-8"))
    assert data["instruments"][0]["bars"]["gap"]["n"] == data["equity"]["value"]["n"] == 100_000
    assert data["instruments"][0]["mergedTo"] == "" and data["trips"]["n"] == 3_000


def test_a_path_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    record = make_record(bars=400, trades=2)
    with pytest.raises(OutputError, match="choose another"):
        write_report(record, summarise(record), tmp_path / "file" / "r.html", created_at="now")
