"""Headline figures with their definitions, the verdict in one sentence, and the table of all figures."""

from __future__ import annotations

import html

from tidemill.research.report.catalogue import CATALOGUE, figure_text, label_of
from tidemill.research.report.figures import DASH, count, percent, ratio, signed, tone
from tidemill.research.report.sections.card import card
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


def _samples(view: ReportView) -> dict[str, str]:
    """Return what stands under each figure: on how much it rests."""
    days, trades = count(len(view.record.days)), len(view.record.trips)
    small = ", small sample" if trades < _SMALL_SAMPLE else ""
    sample = f"{count(trades)} trade{'' if trades == 1 else 's'}{small}"
    interval = [ratio(view.number(f"sharpe_ci_{end}")) for end in ("low", "high")]
    known = view.metrics.get("sharpe_ci_low") is not None
    opened, length, gross = (
        view.number(key) for key in ("open_trades", "max_drawdown_days", "gross_exposure_average_pct")
    )
    return {
        "net_profit": f"{view.record.currency}, after all costs",
        "total_return_pct": f"{days} days",
        "cagr_pct": view.notes.get("cagr_pct", "") if view.metrics.get("cagr_pct") is None else f"{days} days",
        "max_drawdown_pct": "" if length is None else f"lasted {count(length)} days",
        "sharpe": f"95 %: {interval[0]} to {interval[1]}, {days} days" if known else f"{days} days",
        "profit_factor": sample,
        "win_rate": sample,
        "total_trades": f"{count(opened)} still open" if opened else "all closed",
        "exposure_pct": "" if gross is None else f"{count(gross, 1)} % of equity on average",
    }


def _tile(label: str, text: str, sample: str, hint: str, style: str) -> str:
    described = html.escape(hint or label, quote=True)
    return (
        f'<div class="tile" title="{described}"><dt>{html.escape(label)}</dt>'
        f'<dd class="value {style}" style="--signs:{len(text)}">{html.escape(text)}</dd>'
        f'<dd class="sample">{html.escape(sample)}</dd></div>'
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
        f"{signed(own - other)} pp",
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
    samples = _samples(view)
    tiles = "".join(
        _tile(
            label_of(key),
            figure_text(key, view.metrics.get(key)),
            samples[key],
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
    heads = "".join(
        f"<th scope='col'{style}>{name}</th>"
        for name, style in (("Figure", ""), ("Value", " class='num'"), ("Definition", ""))
    )
    table = f"<div class='scroll'><table class='figures'><thead><tr>{heads}</tr></thead>{tables}</table></div>"
    return card(
        "figures", "All figures", f"<details><summary>Every figure with its definition</summary>{table}</details>"
    )
