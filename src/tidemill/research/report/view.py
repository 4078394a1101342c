"""What every section of the page is written from: the run, its figures, its tables, and a few names made once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.model.bars import DAY_NS
from tidemill.model.runrecord import RunRecord
from tidemill.research.metrics import (
    DEFINITIONS,
    by_group,
    monthly_table,
    rolling_sharpe,
    top_drawdowns,
    trade_histogram,
    yearly,
)
from tidemill.research.metrics import verdict as verdict_of
from tidemill.research.report.thin import interval_text
from tidemill.research.report.zone import trading_day

__all__ = ["GROUPS", "ReportTables", "ReportView", "tables_of", "view_of"]

GROUPS = {
    "symbol": "By symbol",
    "hour": "By hour of entry",
    "weekday": "By weekday",
    "exit_reason": "By exit reason",
    "side": "By side",
    "strategy": "By strategy",
}
_LONG_WINDOW, _SHORT_WINDOW = 126, 21  # trading days: half a year, a month
_SHORT_RUN = 2 * _LONG_WINDOW
_MOST_DRAWDOWNS = 10


@dataclass(slots=True)
class ReportTables:
    """Tables beside the headline figures, in the shape ``tidemill.research.metrics`` makes them.

    Args:
        monthly: one row per year: ``year``, ``months`` (12 percentages or None), ``year_pct``.
        yearly: one row per year: ``year``, ``return_pct``, ``max_drawdown_pct``, ``benchmark_pct``, ``n``.
        drawdowns: deepest first: ``peak``, ``trough``, ``recovered``, ``depth_pct``, ``days``, ...
        groups: by key of ``GROUPS``: rows with ``group``, ``trades``, ``win_rate``, ``net_profit``, ...
        pnl_histogram, r_histogram: ``edges`` and ``counts``.
        rolling_sharpe: float64[days], NaN before the first full window.
        rolling_days: that window, trading days.
        verdict: one sentence in plain words.
    """

    monthly: list[dict[str, Any]] = field(default_factory=list)
    yearly: list[dict[str, Any]] = field(default_factory=list)
    drawdowns: list[dict[str, Any]] = field(default_factory=list)
    groups: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    pnl_histogram: dict[str, Any] = field(default_factory=dict)
    r_histogram: dict[str, Any] = field(default_factory=dict)
    rolling_sharpe: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    rolling_days: int = _LONG_WINDOW
    verdict: str = ""


@dataclass(slots=True)
class ReportView:
    """One report being written; ``metrics`` has neither definitions nor notes, they stand beside it."""

    record: RunRecord
    metrics: dict[str, Any]
    definitions: dict[str, str]
    notes: dict[str, str]
    tables: ReportTables
    verdict: str
    created_at: str
    command: str
    title: str
    name: str

    def number(self, key: str) -> float | None:
        """Return a figure, None when the run has none."""
        value = self.metrics.get(key)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def tables_of(record: RunRecord) -> ReportTables:
    """Return all tables of a run; short runs get a rolling window of one month instead of half a year."""
    window = _LONG_WINDOW if len(record.days) >= _SHORT_RUN else _SHORT_WINDOW
    return ReportTables(
        monthly_table(record),
        yearly(record),
        top_drawdowns(record, _MOST_DRAWDOWNS),
        {key: by_group(record, key) for key in GROUPS},
        trade_histogram(record, "money"),
        trade_histogram(record, "r"),
        rolling_sharpe(record, window) if len(record.days) else np.zeros(0),
        window,
    )


def _span(record: RunRecord) -> str:
    known = [at for at, bars in enumerate(record.bars) if len(bars)]
    if not known:
        return "no bars"
    first, last = ([record.bars[at].ts[end] for at in known] for end in (0, -1))
    lead = record.instruments[known[0]]
    daily = record.bars[known[0]].interval_ns >= DAY_NS
    roll = lead.day_roll_minutes if daily else 0
    start, end = (trading_day(int(ts), lead.zone, roll) for ts in (min(first), max(last)))
    return f"{start} to {end}"


def _title(record: RunRecord) -> str:
    symbols = [instrument.symbol for instrument in record.instruments]
    named = ", ".join(symbols[:4]) + (f" and {len(symbols) - 4} more" if len(symbols) > 4 else "")
    interval = interval_text(min((bars.interval_ns for bars in record.bars), default=DAY_NS))
    return f"{' + '.join(record.strategies) or 'Backtest'} · {named} {interval} · {_span(record)}"


def _name(record: RunRecord) -> str:
    text = str(record.card.get("run_id") or "-".join(record.strategies) or "run")
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-").lower()[:40] or "run"


def view_of(
    record: RunRecord,
    metrics: dict[str, Any],
    tables: ReportTables | None,
    created_at: str,
    command: str,
) -> ReportView:
    """Gather what the sections need; tables that were not handed in are made from the run."""
    figures = {key: value for key, value in metrics.items() if key not in ("definitions", "notes", "verdict")}
    made = tables if tables is not None else tables_of(record)
    complete = DEFINITIONS.keys() <= metrics.keys()
    verdict = made.verdict or str(metrics.get("verdict") or "") or (verdict_of(metrics) if complete else "")
    return ReportView(
        record,
        figures,
        DEFINITIONS | dict(metrics.get("definitions") or {}),
        dict(metrics.get("notes") or {}),
        made,
        verdict,
        created_at,
        command,
        _title(record),
        _name(record),
    )
