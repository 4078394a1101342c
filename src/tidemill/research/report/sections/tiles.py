"""Headline figures with their definitions, the verdict in one sentence, and the table of all figures."""

from __future__ import annotations

import html

from tidemill.research.report.catalogue import CATALOGUE, figure_text, label_of
from tidemill.research.report.figures import DASH, count, percent, ratio, tone
from tidemill.research.report.view import ReportView

__all__ = ["render_all_figures", "render_tiles"]

_TILES = (
    "net_profit",
    "total_return_pct",
    "cagr_pct",
    "max_drawdown_pct",
    "sharpe",
    "profit_factor",
    "win_rate",
    "total_trades",
    "exposure_pct",
)
_TONED = ("net_profit", "total_return_pct", "cagr_pct", "max_drawdown_pct")
_SMALL_SAMPLE = 20  # trades below which ratios say little


def _sample(view: ReportView, key: str) -> str:
    days, trades = len(view.record.days), len(view.record.trips)
    if key == "sharpe" and view.number("sharpe_ci_low") is not None:
        return (
            f"95 %: {ratio(view.number('sharpe_ci_low'))} to {ratio(view.number('sharpe_ci_high'))}, {count(days)} days"
        )
    if key == "net_profit":
        return f"{view.record.currency}, after all costs"
    if key in ("profit_factor", "win_rate"):
        return f"{count(trades)} trades" + (", small sample" if trades < _SMALL_SAMPLE else "")
    if key == "total_trades":
        opened = view.number("open_trades")
        return f"{count(opened)} still open" if opened else "all closed"
    if key == "max_drawdown_pct" and view.number("max_drawdown_days") is not None:
        return f"lasted {count(view.number('max_drawdown_days'))} days"
    if key == "exposure_pct" and view.number("gross_exposure_average_pct") is not None:
        return f"{count(view.number('gross_exposure_average_pct'), 1)} % of equity on average"
    if key == "cagr_pct" and view.metrics.get(key) is None:
        return view.notes.get(key, "")
    return f"{count(days)} days" if key in ("cagr_pct", "total_return_pct", "sharpe") else ""


def _tile(label: str, text: str, sample: str, hint: str, style: str) -> str:
    described = html.escape(hint or label, quote=True)
    return (
        f'<div class="tile" title="{described}"><dt>{html.escape(label)}</dt>'
        f'<dd class="value {style}">{html.escape(text)}</dd><dd class="sample">{html.escape(sample)}</dd></div>'
    )


def _hint(view: ReportView, key: str) -> str:
    return " ".join(text for text in (view.definitions.get(key, ""), view.notes.get(key, "")) if text)


def _benchmark_tile(view: ReportView) -> str:
    own, other = view.number("total_return_pct"), view.number("benchmark_return_pct")
    if own is None or other is None:
        return _tile(
            "vs benchmark",
            DASH,
            "no benchmark",
            "Total return less the benchmark's.",
            "",
        )
    name = view.record.benchmark_name or "Benchmark"
    hint = f"Total return less the return of {name} over the same days, in percentage points."
    return _tile(
        "vs benchmark",
        percent(own - other),
        f"{name} {percent(other)}",
        hint,
        tone(own - other),
    )


def _checks(view: ReportView) -> str:
    state = view.record.prefix_invariant
    words = {
        True: "Look-ahead check passed",
        False: "LOOK-AHEAD FOUND",
        None: "Look-ahead not checked",
    }[state]
    style = {True: "ok", False: "danger", None: "muted"}[state]
    out = f'<a class="chip {style}" href="#assumptions">{words}</a>'
    warnings = len(view.record.warnings)
    if warnings:
        out += f'<a class="chip warning" href="#assumptions">{warnings} warning{"s" if warnings > 1 else ""}</a>'
    return out


def render_tiles(view: ReportView) -> str:
    """Return the headline tiles, the verdict and the state of the checks."""
    tiles = "".join(
        _tile(
            label_of(key),
            figure_text(key, view.metrics.get(key)),
            _sample(view, key),
            _hint(view, key),
            tone(view.number(key)) if key in _TONED else "",
        )
        for key in _TILES
    )
    verdict = html.escape(view.verdict)
    return (
        '<section aria-labelledby="summary-head" id="summary"><h2 id="summary-head" class="unseen">Summary</h2>'
        f'<dl class="tiles">{tiles}{_benchmark_tile(view)}</dl>'
        f'<div class="verdict"><p>{verdict}</p><p class="chips">{_checks(view)}</p></div></section>'
    )


def _figure_rows(view: ReportView, keys: list[str]) -> str:
    rows = []
    for key in keys:
        value = figure_text(key, view.metrics[key])
        note = view.notes.get(key, "")
        rows.append(
            f"<tr><th scope='row'>{html.escape(label_of(key))}</th><td class='num'>{html.escape(value)}</td>"
            f"<td class='say'>{html.escape(view.definitions.get(key, ''))}"
            + (f" <em>{html.escape(note)}</em>" if note else "")
            + "</td></tr>"
        )
    return "".join(rows)


def render_all_figures(view: ReportView) -> str:
    """Return every figure with its definition and, where it is missing, the reason."""
    known = {key for rows in CATALOGUE.values() for key in rows}
    groups = {name: [key for key in rows if key in view.metrics] for name, rows in CATALOGUE.items()}
    groups["Other"] = [
        key for key in sorted(view.metrics) if key not in known and not isinstance(view.metrics[key], dict | list)
    ]
    tables = "".join(
        f"<tbody><tr class='group'><th colspan='3' scope='rowgroup'>{name}</th></tr>{_figure_rows(view, keys)}</tbody>"
        for name, keys in groups.items()
        if keys
    )
    return (
        '<section class="card wide" id="figures" aria-labelledby="figures-head"><h2 id="figures-head">All figures</h2>'
        '<details><summary>Every figure with its definition</summary><div class="scroll"><table class="figures">'
        "<thead><tr><th scope='col'>Figure</th><th scope='col' class='num'>Value</th><th scope='col'>Definition</th></tr></thead>"
        f"{tables}</table></div></details></section>"
    )
