"""The linked chart and trade list, and what a reader without script or on paper sees in their place."""

from __future__ import annotations

import html

from tidemill.model.bars import DAY_NS
from tidemill.research.report.sections.still import static_trades
from tidemill.research.report.view import ReportView
from tidemill.research.report.zone import zone_label

__all__ = ["render_trading"]

_RANGES = (
    ("1D", 86_400),
    ("1W", 604_800),
    ("1M", 2_592_000),
    ("3M", 7_776_000),
    ("1Y", 31_536_000),
)
_FILTERS = ("all", "long", "short", "win", "loss")
_COLUMNS = (
    ("number", "#", "num"),
    ("entry", "Entry", ""),
    ("side", "Side", ""),
    ("quantity", "Qty", "num"),
    ("pnl", "P&L", "num"),
    ("r", "R", "num"),
    ("exitLabel", "Why", ""),
)


def _ranges(view: ReportView) -> str:
    stamps = [bars.ts for bars in view.record.bars if len(bars)]
    span = max((int(ts[-1] - ts[0]) // 1_000_000_000 for ts in stamps), default=0)
    daily = any(bars.interval_ns >= DAY_NS for bars in view.record.bars)
    buttons = [
        f'<button type="button" data-last="{seconds}">{name}</button>'
        for name, seconds in _RANGES
        if seconds < span and not (daily and seconds < 2_000_000)
    ]
    return "".join(buttons) + '<button type="button" data-last="all" title="Fit everything (0)">All</button>'


def _symbols(view: ReportView) -> str:
    options = "".join(
        f'<option value="{at}">{html.escape(instrument.symbol)}</option>'
        for at, instrument in enumerate(view.record.instruments)
    )
    hidden = " hidden" if len(view.record.instruments) < 2 else ""
    return f'<label{hidden}>Symbol <select id="symbol">{options}</select></label>'


def _heads(view: ReportView) -> str:
    columns = list(_COLUMNS)
    if len(view.record.instruments) > 1:
        columns.insert(2, ("symbol", "Symbol", ""))
    zone = zone_label(view.record.instruments[0].zone) if view.record.instruments else ""
    parts = []
    for key, name, style in columns:
        shown = f"{name}, {zone}" if key == "entry" else name
        order = ' aria-sort="ascending"' if key == "number" else ""
        parts.append(
            f'<th scope="col" class="{style}" data-key="{key}"{order}><button type="button" class="plain">{html.escape(shown)}</button></th>'
        )
    return "".join(parts)


def _chart_card(view: ReportView, merged: str) -> str:
    note = (
        f"Prices away from trades are shown at {merged}; all figures are computed from the full data." if merged else ""
    )
    refused = "" if len(view.record.refusals) else " hidden"
    benchmark = view.record.benchmark_name or "benchmark"
    equity = f"Equity, {view.record.currency}" + (
        f" (dashed: {benchmark})" if view.record.benchmark is not None else ""
    )
    names = "".join(f"<span>{html.escape(name)}</span>" for name in ("", "Volume", equity, "Drawdown"))
    bars_heads = "".join(
        f"<th scope='col'>{name}</th>"
        for name in (
            "Bar start",
            "Open",
            "High",
            "Low",
            "Close",
            "Volume",
            "Equity",
            "Drawdown",
        )
    )
    return (
        '<div class="card chart-card"><div class="bar" role="group" aria-label="Chart controls">'
        f'{_symbols(view)}<span class="ranges">{_ranges(view)}</span>'
        '<button type="button" id="log" aria-pressed="false" title="Logarithmic equity scale">Log</button>'
        f'<button type="button" id="refused" aria-pressed="false"{refused} title="Entries that a rule refused">Refused</button>'
        '<button type="button" id="full-detail" hidden>Every bar</button>'
        '<button type="button" id="table-view" aria-pressed="false" aria-controls="bars-table">Table</button>'
        '<span class="hint">Times <span id="zone"></span></span></div>'
        '<p id="legend" class="legend" aria-hidden="true"></p>'
        '<div class="chart-wrap"><div id="chart" role="group" tabindex="0" aria-label="Candles with trades, volume, equity and drawdown. '
        'Arrow keys move, plus and minus zoom; the Table button gives the same bars as text."></div>'
        f'<div id="pane-names" aria-hidden="true">{names}</div></div>'
        '<p id="chart-failed" class="alert" role="alert" hidden></p>'
        f'<p id="merged" class="note" hidden>{html.escape(note)}</p>'
        '<div id="bars-table" hidden><p id="bars-note" class="note"></p><div class="scroll tall" tabindex="0" role="region" aria-label="Bars in view">'
        f'<table><thead><tr>{bars_heads}</tr></thead><tbody id="bars-body"></tbody></table></div></div>'
        '<p class="credit">Charts: <a href="https://www.tradingview.com/" rel="noopener noreferrer">TradingView</a> Lightweight Charts™, '
        "© TradingView, Inc., Apache License 2.0</p></div>"
    )


def _list_card(view: ReportView) -> str:
    chips = "".join(
        f'<label><input type="radio" name="filter" value="{name}"{" checked" if name == "all" else ""}>{name.capitalize()}</label>'
        for name in _FILTERS
    )
    return (
        '<div class="card list-card"><div class="bar"><h3>Trades</h3><span id="trades-count" class="hint" aria-live="polite"></span>'
        '<span class="ranges"><button type="button" id="previous" title="Previous trade ([)" aria-label="Previous trade">[</button>'
        '<button type="button" id="next" title="Next trade (])" aria-label="Next trade">]</button>'
        '<button type="button" id="csv">CSV</button></span></div>'
        f'<div class="bar"><fieldset id="chips" class="chips-set"><legend class="unseen">Show</legend>{chips}</fieldset>'
        '<input type="search" id="search" placeholder="Filter (/)" aria-label="Filter trades by symbol, date, side or reason"></div>'
        '<div id="trades-box" class="scroll" tabindex="0" role="region" aria-label="Trades"><table>'
        f'<thead><tr>{_heads(view)}</tr></thead><tbody id="trades-body"></tbody></table></div>'
        '<dl id="trade-detail" class="detail"><dt>Choose a trade</dt><dd>The chart moves to it.</dd></dl>'
        '<label class="note"><input type="checkbox" id="keys" checked> Keys: [ ] step, 0 fit, + − zoom, / filter, d theme</label></div>'
    )


def render_trading(view: ReportView, merged: str) -> str:
    """Return chart and trade list; ``merged`` names the bar size that thinned stretches are drawn at, or is empty."""
    several = " several" if len(view.record.instruments) > 1 else ""
    return (
        '<section id="chart-section" aria-labelledby="chart-head"><h2 id="chart-head" class="unseen">Chart and trades</h2>'
        f'<div class="trading{several} needs-script">{_chart_card(view, merged)}{_list_card(view)}</div>'
        f'<noscript><div class="card wide"><h3>Trades</h3><div class="scroll">{static_trades(view)}</div></div></noscript></section>'
    )
