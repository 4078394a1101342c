"""What a reader without script or on paper sees in place of the chart and the trade list."""

from __future__ import annotations

import html
from typing import Any

import numpy as np

from tidemill.model.enums import Reason, Side
from tidemill.model.instrument import Instrument
from tidemill.model.units import MICROS
from tidemill.research.report.encode import tick_grid
from tidemill.research.report.figures import cell, count, money, tone
from tidemill.research.report.sections.card import card
from tidemill.research.report.svg import line_chart
from tidemill.research.report.view import ReportView
from tidemill.research.report.zone import local_date, local_text, zone_label

__all__ = ["render_stills", "static_trades"]

_STATIC_TRADES = 500
_LABELS = 4  # dates under a curve: as many as a phone can show side by side
_NUMBERS = ("#", "Qty", "Entry price", "Exit price", "P&L")


def _price(value: float, instrument: Instrument) -> str:
    grid = tick_grid(instrument.tick_size)
    return f"{value:.8g}" if grid is None else count(value, len(str(grid.den)) - 1)


def _row(number: int, trip: Any, instrument: Instrument) -> str:
    pnl, size = float(trip["pnl"]) / MICROS, float(trip["quantity"])
    cells = (
        cell(str(number), "num"),
        cell(instrument.symbol),
        cell("Long" if trip["side"] == Side.BUY else "Short"),
        cell(count(size, 0 if size.is_integer() else 4), "num"),
        cell(f"{local_text(trip['entry_ts_ns'], instrument.zone)} {zone_label(instrument.zone)}"),
        cell(_price(float(trip["entry_price"]), instrument), "num"),
        cell(f"{local_text(trip['exit_ts_ns'], instrument.zone)} {zone_label(instrument.zone)}"),
        cell(_price(float(trip["exit_price"]), instrument), "num"),
        cell(money(pnl), f"num {tone(pnl)}"),
        cell(Reason(int(trip["exit_reason"])).name.replace("_", " ").lower()),
    )
    return f"<tr>{''.join(cells)}</tr>"


def static_trades(view: ReportView) -> str:
    """Return the first round trips as a plain table."""
    record = view.record
    rows = [
        _row(number, trip, record.instruments[int(trip["instrument"])])
        for number, trip in enumerate(record.trips[:_STATIC_TRADES], 1)
    ]
    names = ("#", "Symbol", "Side", "Qty", "Entry", "Entry price", "Exit", "Exit price", "P&L", "Why")
    heads = "".join(
        f"<th scope='col'{' class=num' if name in _NUMBERS else ''}>{html.escape(name)}</th>" for name in names
    )
    left = len(record.trips) - len(rows)
    note = f"<p class='note'>{count(left)} further trades are in the file but need script to be listed.</p>"
    table = f"<table id='static-trades'><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return table + (note if left > 0 else "")


def render_stills(view: ReportView) -> str:
    """Return still drawings of equity and drawdown, for paper and for readers without script."""
    record = view.record
    values = record.equity["equity"].astype(np.float64) / MICROS
    if len(values) == 0:
        return ""
    peaks = np.maximum.accumulate(np.maximum(values, record.start_cash / MICROS))
    places = np.linspace(0, len(values) - 1, _LABELS).astype(int)
    labels = [local_date(int(record.equity["ts_ns"][at]), record.zone) for at in places]
    fall = (values / np.where(peaks > 0, peaks, 1.0) - 1.0) * 100.0
    equity = line_chart(f"Equity in {record.currency}", [("main", values)], labels)
    drawdown = line_chart(
        "Drawdown in percent",
        [("loss", fall)],
        labels,
        suffix=" %",
        zero=True,
        area=True,
        height=150,
    )
    body = f"<h3>Equity, {html.escape(record.currency)}</h3>{equity}<h3>Drawdown</h3>{drawdown}"
    return card("stills", "Equity and drawdown", body, "wide still-only")
