"""Returns by month and year, distribution of results, drawdowns, rolling Sharpe, excursions."""

from __future__ import annotations

import html
from typing import Any

import numpy as np

from tidemill.research.report.figures import DASH, cell, count, percent, signed, tone
from tidemill.research.report.sections.card import card
from tidemill.research.report.svg import bar_chart, line_chart, scatter_chart
from tidemill.research.report.view import ReportView

__all__ = [
    "render_distribution",
    "render_drawdowns",
    "render_excursions",
    "render_months",
    "render_rolling",
]

_MONTHS = (
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
)
_SHADES = 5
_LABELS = 4  # dates under a curve: as many as a phone can show side by side


def _shade(value: float | None, widest: float) -> str:
    if value is None or value == 0 or widest == 0:
        return "num"
    level = min(_SHADES, 1 + int(abs(value) / widest * _SHADES))
    return f"num heat {'up' if value > 0 else 'down'}{level}"


def _year_row(row: dict[str, Any], more: dict[str, Any], widest: float) -> str:
    months = "".join(
        cell(signed(value, 1) if value is not None else "", _shade(value, widest)) for value in row["months"]
    )
    fall, benchmark = more.get("max_drawdown_pct"), more.get("benchmark_pct")
    total = cell(percent(row["year_pct"], 1), "num total " + tone(row["year_pct"]))
    return (
        f"<tr>{cell(str(row['year']), head=True)}{months}{total}"
        f"{cell(percent(fall, 1), 'num')}{cell(percent(benchmark, 1), 'num')}</tr>"
    )


def render_months(view: ReportView) -> str:
    """Return the grid of monthly returns with the year's return, deepest fall and benchmark."""
    rows = view.tables.monthly
    if not rows:
        return card(
            "months",
            "Monthly returns, %",
            "<p class='note'>No trading day.</p>",
            "half",
        )
    by_year = {row["year"]: row for row in view.tables.yearly}
    widest = max(
        (abs(value) for row in rows for value in row["months"] if value is not None),
        default=0.0,
    )
    heads = "".join(f"<th scope='col' class='num'>{name}</th>" for name in (*_MONTHS, "Year", "Max DD", "Bench."))
    body = "".join(_year_row(row, by_year.get(row["year"], {}), widest) for row in rows)
    table = (
        "<div class='scroll'><table class='months'><thead><tr><th scope='col'>Year</th>"
        f"{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )
    return card("months", "Monthly and yearly returns, %", table, "wide")


def _histogram(title: str, data: dict[str, Any], suffix: str, decimals: int) -> str:
    edges, counts = (
        np.array(data.get("edges", []), np.float64),
        np.array(data.get("counts", []), np.float64),
    )
    if len(counts) == 0:
        return f"<figure><figcaption>{title}</figcaption><p class='note'>{DASH} nothing to show.</p></figure>"
    drawing = bar_chart(f"{title}: number of trades", edges, counts, decimals=decimals, suffix=suffix)
    return f"<figure><figcaption>{title}, number of trades</figcaption>{drawing}</figure>"


def render_distribution(view: ReportView) -> str:
    """Return how results spread, in money and in R."""
    currency = html.escape(view.record.currency)
    money = _histogram(f"Result per trade in {currency}", view.tables.pnl_histogram, "", 0)
    multiples = view.tables.r_histogram
    in_r = _histogram("Result in R (initial risk)", multiples, " R", 1) if multiples.get("counts") else ""
    return card(
        "distribution",
        "Distribution",
        f"<div class='figures-row'>{money}{in_r}</div>",
        "wide" if in_r else "half",
    )


def render_drawdowns(view: ReportView) -> str:
    """Return the deepest drawdowns with dates and lengths."""
    rows = "".join(
        "<tr>"
        + cell(str(number), "num")
        + cell(percent(row["depth_pct"]), "num loss")
        + cell(row["peak"])
        + cell(row["trough"])
        + cell(row["recovered"] or "open")
        + cell(count(row["days"]), "num")
        + cell(count(row["days_to_trough"]), "num")
        + cell(count(row["days_to_recover"]), "num")
        + "</tr>"
        for number, row in enumerate(view.tables.drawdowns, 1)
    )
    names = (
        "#",
        "Depth",
        "Peak",
        "Trough",
        "New high",
        "Days",
        "To trough",
        "To recover",
    )
    heads = "".join(f"<th scope='col'{_NUMERIC if name in _RIGHT else ''}>{name}</th>" for name in names)
    empty = "<p class='note'>No drawdown.</p>" if not rows else ""
    table = f"<div class='scroll'><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>{empty}"
    return card("drawdowns", "Drawdowns, session closes", table, "half")


_RIGHT = ("#", "Depth", "Days", "To trough", "To recover")
_NUMERIC = ' class="num"'


def render_rolling(view: ReportView) -> str:
    """Return the Sharpe ratio of a moving window."""
    values, days = view.tables.rolling_sharpe, view.tables.rolling_days
    title = f"Rolling Sharpe, {days} days"
    if not np.any(np.isfinite(values)):
        return card(
            "rolling",
            title,
            f"<p class='note'>Needs more than {days} trading days.</p>",
            "half",
        )
    known = np.flatnonzero(np.isfinite(values))
    shown = slice(int(known[0]), len(values))
    places = np.linspace(shown.start, shown.stop - 1, _LABELS).astype(int)
    labels = [str(np.datetime64(int(view.record.days["day"][at]), "D")) for at in places]
    return card(
        "rolling",
        title,
        line_chart(title, [("main", values[shown])], labels, zero=True),
        "half",
    )


def render_excursions(view: ReportView) -> str:
    """Return worst against best excursion of every trade, in percent of its entry price."""
    trips = view.record.trips[view.record.trips["entry_price"] > 0]
    if len(trips) == 0:
        return card("excursions", "MAE and MFE", "<p class='note'>No trades.</p>", "third")
    worst, best = (100.0 * trips[name] / trips["entry_price"] for name in ("mae", "mfe"))
    drawing = scatter_chart(
        "Worst against best excursion per trade, percent of entry price",
        worst,
        best,
        trips["pnl"] > 0,
    )
    key = (
        "<p class='note'>Across: worst excursion (MAE), up: best (MFE), both in % of the entry price; "
        "<span class='gain'>●</span> won, <span class='loss'>○</span> lost. The axes end at the 99th percentile.</p>"
    )
    return card("excursions", "MAE and MFE", drawing + key, "third")
