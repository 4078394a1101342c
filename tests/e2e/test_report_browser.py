"""The report in a real browser: opened from disk with the network off."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tidemill.model.runrecord import RunRecord
from tidemill.research.metrics import summarise
from tidemill.research.report import write_report
from tidemill.research.report.drawing import Backdrop, Drawing, Line
from unit.research.report.builders import make_record

pytestmark = pytest.mark.e2e
DESK, PHONE = {"width": 1600, "height": 1000}, {"width": 390, "height": 844}
HOSTILE = "</script><img src=x onerror=document.title='broken'>"
Open = Callable[..., Any]


def make_report(folder: Path, record: RunRecord, drawing: Drawing | None = None) -> Path:
    path = folder / "report.html"
    told = {"created_at": "2026-11-21 10:00 UTC", "command": "tidemill backtest x"}
    write_report(record, summarise(record), path, drawing=drawing, **told)
    return path


@pytest.fixture(scope="module")
def record() -> RunRecord:
    return make_record(bars=6_000, trades=90)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, record: RunRecord) -> Path:
    return make_report(tmp_path_factory.mktemp("report"), record)


@pytest.fixture
def open_page(browser: Any, faults: list[str]) -> Iterator[Open]:
    """Return a function that opens a file in a fresh offline context and watches it."""
    contexts = []

    def open_file(path: Path, viewport: dict[str, int] = DESK, *, ready: bool = True, **options: Any) -> Any:
        context = browser.new_context(viewport=viewport, offline=True, accept_downloads=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(f"page error: {error}"))
        page.on("console", lambda said: faults.append(f"console: {said.text}") if said.type == "error" else None)
        page.on(
            "request",
            lambda sent: (
                None if sent.url.startswith(("file:", "data:", "blob:")) else faults.append(f"request: {sent.url}")
            ),
        )
        page.goto(path.as_uri())
        if ready:
            page.locator("html[data-ready=true]").wait_for(timeout=60_000)
        return page

    yield open_file
    for context in contexts:
        context.close()


def chart(page: Any, name: str) -> str:
    return str(page.locator("#chart").get_attribute(f"data-{name}") or "")


def new_range(page: Any, before: str) -> str:
    """Wait until the chart has drawn another range: it notes its range with the next frame."""
    page.locator(f"#chart:not([data-range='{before}'])").wait_for()
    return chart(page, "range")


def first_cells(page: Any, column: int, count: int = 5) -> list[str]:
    rows = page.locator("#trades-body tr[data-trade]")
    return [rows.nth(row).locator("td").nth(column).inner_text() for row in range(count)]


def test_candles_markers_and_last_close_are_drawn(open_page: Open, report: Path, record: RunRecord) -> None:
    page = open_page(report)
    assert chart(page, "bars") == "6000" and chart(page, "markers") == "180"
    assert float(chart(page, "last-close")) == record.bars[0].close[-1]
    assert int(chart(page, "last-time")) * 10**9 == record.bars[0].ts[-1]
    assert page.locator("#chart canvas").count() > 4
    assert page.locator("#zone").inner_text() == "ET"
    assert {"11,95,196", "179,71,10"} <= colours_of(page), "no rising or no falling candle on the canvas"


def test_the_table_view_holds_the_source_numbers(open_page: Open, report: Path, record: RunRecord) -> None:
    page = open_page(report)
    page.keyboard.press("]")
    page.get_by_role("button", name="Table").click()
    rows = page.locator("#bars-body tr")
    at = int(np.searchsorted(record.bars[0].ts, record.trips["entry_ts_ns"][0])) - 60
    offset = max(at, 0)
    cells = rows.nth(3).locator("td").all_inner_texts()
    bars = record.bars[0]
    row = offset + 3
    expected = [f"{getattr(bars, name)[row]:.2f}" for name in ("open", "high", "low", "close")]
    assert cells[1:5] == expected and cells[0].endswith(" ET")
    mark = int(np.searchsorted(record.equity["ts_ns"], bars.ts[row], "right"))
    assert cells[6] == f"{record.equity['equity'][mark] / 1e6:,.2f}"


def colours_of(page: Any) -> set[str]:
    """Return every colour of the price pane's canvas."""
    return set(
        page.evaluate(
            """() => {
              const canvas = document.querySelector('#chart canvas');
              const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
              const seen = new Set();
              for (let i = 0; i < data.length; i += 4) seen.add(`${data[i]},${data[i + 1]},${data[i + 2]}`);
              return [...seen];
            }"""
        )
    )


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a report with two averages, one oscillator, a shaded stretch and a gap."""
    record = make_record(bars=400, trades=3)
    bars = record.bars[0]
    mean = np.convolve(bars.close, np.ones(20) / 20)[:400]
    mean[:19] = np.nan
    lines = [Line(0, "slow", "", mean), Line(0, "strength", "strength (rsi)", np.linspace(20.0, 80.0, 400))]
    backdrop = Backdrop(np.array([[bars.ts[300], bars.ts[399]]]), bars.ts[[200]])
    return make_report(tmp_path_factory.mktemp("drawn"), record, Drawing(lines, [backdrop]))


def test_indicators_gaps_and_extended_hours_are_drawn(open_page: Open, drawn: Path) -> None:
    page = open_page(drawn, color_scheme="light")
    assert (chart(page, "lines"), chart(page, "gaps"), chart(page, "outside")) == ("slow strength", "1", "1")
    legend = page.locator("#lines").inner_text()
    assert "slow" in legend and "strength 80.0000" in legend
    assert page.locator("#pane-names .more").all_inner_texts() == ["strength (rsi)"]
    line, seen = "138,90,0", colours_of(page)  # --line1
    tinted = {f"{red},{green},{blue}" for red in (239, 240) for green in (240, 241) for blue in (241, 242)}
    assert line in seen and tinted & seen, "no line, or no tint of --outside over white"
    page.get_by_role("button", name="Indicators").click()
    page.wait_for_function("() => document.querySelector('#lines').hidden")
    page.locator("#chart").hover()
    assert line not in colours_of(page)


def test_a_run_without_indicators_offers_none(open_page: Open, report: Path) -> None:
    page = open_page(report)
    assert page.get_by_role("button", name="Indicators").count() == 0 and chart(page, "lines") == ""


@pytest.mark.parametrize("width", [390, 820, 1100, 1400, 1920])
def test_no_amount_is_cut_off_in_its_tile(open_page: Open, tmp_path: Path, width: int) -> None:
    record = make_record(bars=2_000, trades=20)
    figures = summarise(record)
    figures |= {"net_profit": -1_234_567_890.12, "total_return_pct": 98_765.43, "profit_factor": 123_456.78}
    path = tmp_path / "rich.html"
    write_report(record, figures, path, created_at="now")
    page = open_page(path, {"width": width, "height": 900})
    cut = "() => [...document.querySelectorAll('.tile .value')].filter((e) => e.scrollWidth > e.clientWidth).length"
    assert page.evaluate(cut) == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_clicking_a_trade_moves_the_chart_to_it(open_page: Open, report: Path, record: RunRecord) -> None:
    page = open_page(report)
    before = chart(page, "range")
    page.get_by_role("button", name="Show trade 7 on the chart", exact=True).click()
    page.locator("#chart[data-selected='7']").wait_for()
    after = new_range(page, before)
    start, end = (np.datetime64(text.rstrip("Z"), "ns").astype(np.int64) for text in after.split("/"))
    trip = record.trips[6]
    assert start < trip["entry_ts_ns"] <= trip["exit_ts_ns"] < end
    assert page.locator("tr[aria-current=true]").get_attribute("data-trade") == "6"
    assert "fees" in page.locator("#trade-detail").inner_text()


def test_brackets_step_and_can_be_switched_off(open_page: Open, report: Path) -> None:
    page = open_page(report)
    page.keyboard.press("]")
    page.keyboard.press("]")
    assert chart(page, "selected") == "2"
    page.keyboard.press("[")
    assert chart(page, "selected") == "1"
    page.locator("#search").press("]")
    assert chart(page, "selected") == "1" and page.locator("#search").input_value() == "]"
    page.locator("#search").fill("")
    page.locator("#keys").uncheck()
    page.locator("#keys").press("]")
    assert chart(page, "selected") == "1"
    page.get_by_role("button", name="Next trade").click()
    assert chart(page, "selected") == "2"


def test_filter_and_search_narrow_list_and_chart(open_page: Open, report: Path, record: RunRecord) -> None:
    page = open_page(report)
    page.get_by_role("radio", name="Short").check()
    shorts = int((record.trips["side"] < 0).sum())
    assert page.locator("#trades-count").inner_text() == f"{shorts} of 90 trades"
    assert set(first_cells(page, 2)) == {"Short"}
    assert chart(page, "markers") == str(2 * shorts)
    page.get_by_role("radio", name="All").check()
    page.get_by_role("searchbox").fill("trailing")
    assert set(first_cells(page, 6, 3)) == {"TRAIL"}
    page.get_by_role("searchbox").fill("nothing like this")
    assert page.locator("#trades-body tr[data-trade]").count() == 0


def test_heads_sort_both_ways(open_page: Open, report: Path, record: RunRecord) -> None:
    page = open_page(report)
    head = page.locator("th[data-key=pnl]")
    cents = np.rint(np.sort(record.trips["pnl"]) / 10_000) / 100
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert first_cells(page, 4, 1)[0].replace("−", "-").replace(",", "") == f"{cents[0]:.2f}"
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert first_cells(page, 4, 1)[0].replace(",", "") == f"+{cents[-1]:.2f}"


def test_csv_holds_every_trade(open_page: Open, report: Path, record: RunRecord) -> None:
    page = open_page(report)
    page.get_by_role("radio", name="Win").check()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="CSV").click()
    saved = waiting.value
    rows = list(csv.DictReader(io.StringIO(Path(saved.path()).read_text(encoding="utf-8"))))
    assert saved.suggested_filename == "tidemill-8f3c21-trades.csv" and len(rows) == 90
    for row, trip in zip(rows, record.trips, strict=True):
        assert float(row["entry_price"]) == trip["entry_price"]
        assert np.datetime64(row["exit_utc"].rstrip("Z"), "ns").astype(np.int64) == trip["exit_ts_ns"]
        assert float(row["pnl"]) == round(trip["pnl"] / 1e6, 2)


def test_theme_follows_the_system_and_switches(open_page: Open, report: Path) -> None:
    page = open_page(report, color_scheme="dark")
    assert chart(page, "theme") == "dark"
    page.locator("#theme").click()
    assert chart(page, "theme") == "light"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(243, 245, 248)"
    page.keyboard.press("d")
    assert chart(page, "theme") == "dark"


def test_ranges_zoom_and_logarithm(open_page: Open, report: Path) -> None:
    page = open_page(report)
    everything = chart(page, "range")
    page.get_by_role("button", name="1D", exact=True).click()
    last_day = new_range(page, everything)
    page.keyboard.press("+")
    zoomed = new_range(page, last_day)
    page.locator("#chart").press("ArrowLeft")
    new_range(page, zoomed)
    page.keyboard.press("0")
    page.locator(f"#chart[data-range='{everything}']").wait_for()
    page.get_by_role("button", name="Log").click()
    assert page.get_by_role("button", name="Log").get_attribute("aria-pressed") == "true"


def test_refused_entries_are_off_until_asked_for(open_page: Open, report: Path, record: RunRecord) -> None:
    page = open_page(report)
    assert chart(page, "refused") == ""
    page.get_by_role("button", name="Refused").click()
    assert chart(page, "refused") == str(len(record.refusals))


def test_symbols_switch_by_hand_and_by_trade(open_page: Open, tmp_path: Path) -> None:
    record = make_record(bars=1_200, trades=30, symbols=("ACME", "BETA", "GAMMA"))
    page = open_page(make_report(tmp_path, record))
    page.get_by_label("Symbol").first.select_option(label="BETA")
    page.locator("#chart[data-symbol=BETA]").wait_for()
    page.get_by_role("searchbox").fill("gamma")
    page.keyboard.press("Escape")
    page.keyboard.press("]")
    page.locator("#chart[data-symbol=GAMMA]").wait_for()
    assert page.locator("#symbol").input_value() == "2"


def test_fast_steps_across_symbols_end_on_the_last_trade(open_page: Open, tmp_path: Path) -> None:
    record = make_record(bars=1_200, trades=30, symbols=("ACME", "BETA", "GAMMA"))
    page = open_page(make_report(tmp_path, record))
    page.evaluate(
        """() => {
          for (let i = 0; i < 12; i++) document.dispatchEvent(new KeyboardEvent('keydown', { key: ']' }));
        }"""
    )
    symbol = ("ACME", "BETA", "GAMMA")[int(record.trips["instrument"][11])]
    page.locator(f"#chart[data-selected='12'][data-symbol={symbol}]").wait_for()
    start, end = chart(page, "range").split("/")
    entry = str(np.datetime64(int(record.trips["entry_ts_ns"][11]), "ns"))
    assert start < entry < end


@pytest.mark.parametrize(
    ("first", "zone"), [("2024-11-03T04:00", "UTC"), ("2024-11-04T04:00", "ET")], ids=["repeated hour", "plain night"]
)
def test_a_market_open_through_the_repeated_hour_is_shown_in_utc(
    open_page: Open, tmp_path: Path, first: str, zone: str
) -> None:
    record = make_record(bars=390, trades=0)
    bars = record.bars[0]
    bars.ts = np.datetime64(first, "ns").astype(np.int64) + np.arange(390) * bars.interval_ns
    record.equity["ts_ns"] = bars.ts + bars.duration_ns
    record.days["ts_ns"] = record.equity["ts_ns"][-1]
    record.refusals = record.refusals[:0]
    page = open_page(make_report(tmp_path, record))
    assert page.locator("#zone").inner_text() == zone
    assert page.locator("#legend").inner_text().split("  ")[0].endswith(f" {zone}")


def test_hostile_names_break_nothing(open_page: Open, tmp_path: Path) -> None:
    record = make_record(bars=600, trades=6, symbols=(HOSTILE,), strategies=[HOSTILE], strategy_source=HOSTILE)
    page = open_page(make_report(tmp_path, record))
    assert page.title().startswith("BACKTEST </script>")
    assert page.locator("img").count() == 0
    assert HOSTILE in page.locator("h1").inner_text()


def test_without_script_every_table_is_there(open_page: Open, report: Path) -> None:
    page = open_page(report, ready=False, java_script_enabled=False)
    assert page.locator("#static-trades tbody tr").count() == 90
    assert page.locator("#stills svg").first.is_visible() and not page.locator("#chart").is_visible()
    for name in ("months", "drawdowns", "groups", "assumptions", "settings", "card"):
        assert page.locator(f"#{name} h2").first.is_visible()


def test_paper_shows_still_charts_instead_of_canvas(open_page: Open, report: Path) -> None:
    page = open_page(report, color_scheme="dark")
    page.emulate_media(media="print")
    assert page.locator("#stills svg").first.is_visible() and not page.locator("#chart").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_a_phone_needs_no_sideways_scroll(open_page: Open, report: Path) -> None:
    page = open_page(report, PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.get_by_role("button", name="Next trade").bounding_box()["height"] >= 44
    page.get_by_role("button", name="Show trade 2 on the chart", exact=True).click()
    page.locator("#chart[data-selected='2']").wait_for()


def test_a_phone_gets_merged_bars_until_it_asks(open_page: Open, tmp_path: Path) -> None:
    page = open_page(make_report(tmp_path, make_record(bars=25_000, trades=20)), PHONE)
    assert chart(page, "bars") == "12500"
    page.get_by_role("button", name="Every bar").click()
    page.locator("#chart[data-bars='25000']").wait_for()


def test_a_run_without_bars_opens(open_page: Open, tmp_path: Path) -> None:
    record = make_record(bars=400, trades=0, benchmark=None)
    record.bars = [record.bars[0].rows(0, 0)]
    record.equity, record.days = record.equity[:0], record.days[:0]
    page = open_page(make_report(tmp_path, record))
    assert chart(page, "bars") == "0" and page.locator("#trades-count").inner_text() == "0 trades"


def test_a_hundred_thousand_bars_open_and_jump(open_page: Open, tmp_path: Path) -> None:
    page = open_page(make_report(tmp_path, make_record(bars=100_000, trades=3_000)))
    assert chart(page, "bars") == "100000" and chart(page, "markers") == "6000"
    assert page.locator("#trades-body tr[data-trade]").count() < 100
    page.locator("#trades-box").evaluate("box => { box.scrollTop = 1499 * 28; }")
    page.get_by_role("button", name="Show trade 1500 on the chart", exact=True).click()
    page.locator("#chart[data-selected='1500']").wait_for()


def test_landmarks_heads_and_names(open_page: Open, report: Path) -> None:
    page = open_page(report)
    assert page.get_by_role("main").count() == 1 and page.get_by_role("banner").count() == 1
    assert page.get_by_role("heading", level=1).count() == 1
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll('button, input, select, svg[role=img]')].filter((part) => {
          const label = part.closest('label') || (part.labels && part.labels[0]);
          return !(part.getAttribute('aria-label') || part.textContent.trim() || (label && label.textContent.trim()));
        }).map((part) => part.outerHTML)"""
    )
    assert unnamed == []
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the result"
