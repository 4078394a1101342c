"""The linked chart and trade list."""

from __future__ import annotations

import html
from string import Template

from tidemill.model.bars import DAY_NS, SECOND_NS
from tidemill.research.report.assets import read_asset
from tidemill.research.report.sections.still import static_trades
from tidemill.research.report.view import ReportView
from tidemill.research.report.zone import zone_label

__all__ = ["render_trading"]

_MONTH_S = 2_592_000
_RANGES = (("1D", 86_400), ("1W", 604_800), ("1M", _MONTH_S), ("3M", 3 * _MONTH_S), ("1Y", 31_536_000))
_COLUMNS = (
    ("number", "#", "num"),
    ("entry", "Entry", ""),
    ("symbol", "Symbol", ""),
    ("side", "Side", ""),
    ("quantity", "Qty", "num"),
    ("pnl", "P&L", "num"),
    ("r", "R", "num"),
    ("exitLabel", "Why", ""),
)


def _ranges(view: ReportView) -> str:
    known = [bars for bars in view.record.bars if len(bars)]
    span = max((int(bars.ts[-1] - bars.ts[0]) // SECOND_NS for bars in known), default=0)
    shortest = _MONTH_S if any(bars.interval_ns >= DAY_NS for bars in known) else 0
    buttons = [
        f'<button type="button" data-last="{seconds}">{name}</button>'
        for name, seconds in _RANGES
        if shortest <= seconds < span
    ]
    return "".join(buttons) + '<button type="button" data-last="all" title="Fit everything (0)">All</button>'


def _heads(view: ReportView) -> str:
    instruments = view.record.instruments
    zone = zone_label(instruments[0].zone) if instruments else ""
    parts = []
    for key, name, style in _COLUMNS:
        if key == "symbol" and len(instruments) < 2:
            continue
        shown = html.escape(f"{name}, {zone}" if key == "entry" else name)
        order = ' aria-sort="ascending"' if key == "number" else ""
        button = f'<button type="button" class="plain">{shown}</button>'
        parts.append(f'<th scope="col" class="{style}" data-key="{key}"{order}>{button}</th>')
    return "".join(parts)


def render_trading(view: ReportView, merged: str) -> str:
    """Return chart and trade list; ``merged`` names the bar size that thinned stretches are drawn at, or is empty."""
    record = view.record
    dashed = f" (dashed: {record.benchmark_name or 'benchmark'})" if record.benchmark is not None else ""
    symbols = (
        f'<option value="{at}">{html.escape(instrument.symbol)}</option>'
        for at, instrument in enumerate(record.instruments)
    )
    return Template(read_asset("trading.html")).substitute(
        several="several" if len(record.instruments) > 1 else "",
        one_symbol="" if len(record.instruments) > 1 else "hidden",
        symbols="".join(symbols),
        ranges=_ranges(view),
        no_refusals="" if len(record.refusals) else "hidden",
        equity_name=html.escape(f"Equity, {record.currency}{dashed}"),
        merged=html.escape(merged),
        heads=_heads(view),
        static_trades=static_trades(view),
    )
