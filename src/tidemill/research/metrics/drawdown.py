"""Falls from the highest equity so far: how deep, how long, how often."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.model.runrecord import RunRecord
from tidemill.research.metrics.returns import MIN_ANNUAL_DAYS, cagr, volatility
from tidemill.research.metrics.risk import conditional_value_at_risk
from tidemill.research.metrics.sheet import Sheet
from tidemill.research.metrics.track import Track, day_name, external_flows, track_of

__all__ = [
    "calmar_ratio",
    "describe_drawdowns",
    "drawdowns",
    "episodes",
    "intrabar_drawdown",
    "serenity_ratio",
    "top_drawdowns",
    "ulcer_index",
    "underwater",
]

_CALMAR_DAYS = 1096  # 36 months
_ROUNDING = 1e-12  # a curve rebuilt from returns may miss its own peak by a few last bits


def underwater(track: Track) -> NDArray[np.float64]:
    """Return ``index_t / max(index_0 .. index_t) - 1``, float64[n + 1]; the start counts as the first peak."""
    fall = track.index / np.maximum.accumulate(track.index) - 1.0
    fall[fall > -_ROUNDING] = 0.0
    return fall


def episodes(fall: NDArray[np.float64]) -> list[tuple[int, int, int]]:
    """Return every drawdown as (peak, trough, end), rows of ``fall``; end is the first new high or the last row."""
    wet = np.concatenate((fall < 0, [False]))
    starts = np.flatnonzero(wet & ~np.concatenate(([False], wet[:-1])))
    ends = np.flatnonzero(~wet & np.concatenate(([False], wet[:-1])))
    return [
        (
            int(start) - 1,
            int(start) + int(np.argmin(fall[start:end])),
            min(int(end), len(fall) - 1),
        )
        for start, end in zip(starts, ends, strict=True)
    ]


def drawdowns(track: Track) -> list[dict[str, Any]]:
    """Return every drawdown, deepest first; an open one is counted to the last day.

    Each row holds ISO dates ``peak``, ``trough``, ``recovered`` (None while open), ``depth_pct`` (negative) and
    calendar ``days`` (peak to new high), ``days_to_trough``, ``days_to_recover`` (None while open).
    """
    fall = underwater(track)
    day = np.concatenate(([track.start_day], track.day))
    rows = []
    for peak, trough, end in episodes(fall):
        is_open = bool(fall[end] < 0)
        rows.append(
            {
                "peak": day_name(day[peak]),
                "trough": day_name(day[trough]),
                "recovered": None if is_open else day_name(day[end]),
                "depth_pct": 100.0 * float(fall[trough]),
                "days": int(day[end] - day[peak]),
                "days_to_trough": int(day[trough] - day[peak]),
                "days_to_recover": None if is_open else int(day[end] - day[trough]),
            }
        )
    return sorted(rows, key=lambda row: row["depth_pct"])


def top_drawdowns(record: RunRecord, count: int = 5) -> list[dict[str, Any]]:
    """Return the deepest drawdowns of a run at session closes, deepest first, with their dates."""
    return drawdowns(track_of(record))[:count]


def intrabar_drawdown(record: RunRecord, track: Track) -> float:
    """Return the deepest fall if every open position had stood at its bar's worst price, ratio <= 0.

    The peak is the highest mark of all earlier days; within a day, falls between marks count too. On a day with
    a deposit or withdrawal only its close is used, because the flow's place within the day is not known.
    """
    n = track.n
    if n == 0:
        return math.nan
    days, before = record.days[:n], track.index[:-1]
    quiet = external_flows(record)[:n] == 0
    opening = np.concatenate(([record.start_cash], days["equity"][:-1])).astype(np.float64)
    worst = np.minimum(
        np.minimum(days["equity_worst"], days["equity_low"]) / opening * before,
        track.index[1:],
    )
    best = np.maximum(days["equity_high"] / opening * before, track.index[1:])
    low = np.where(quiet, worst, track.index[1:])
    high = np.where(quiet, best, track.index[1:])
    peak = np.maximum.accumulate(np.concatenate(([1.0], high)))[:-1]
    deepest = min(0.0, float(np.min(low / peak - 1.0)), float(underwater(track).min()))
    marks = record.equity["equity"]
    if len(marks) and bool(quiet.all()) and not track.ruined:
        top = np.maximum.accumulate(np.maximum(marks, record.start_cash)).astype(np.float64)
        deepest = min(deepest, float(np.min(marks / top - 1.0)))
    return deepest if deepest <= -_ROUNDING else 0.0


def ulcer_index(track: Track) -> float:
    """Return the root mean square of the drawdowns in percent, start included.

    Source: Martin & McCann, The Investor's Guide to Fidelity Funds (1989).
    """
    return float(np.sqrt(np.mean((100.0 * underwater(track)) ** 2)))


def serenity_ratio(track: Track) -> float:
    """Return growth per unit of penalised risk: ``(CAGR - rf) / (ulcer * pitfall)``, all as ratios.

    Pitfall is the mean of the 5 % deepest underwater values divided by the yearly volatility.
    Source: KeyQuant, Introducing the Serenity Ratio (2014).
    """
    yearly = volatility(track.returns, track.periods_per_year)
    ulcer = ulcer_index(track) / 100.0
    if not (yearly > 0 and ulcer > 0):
        return math.nan
    pitfall = -conditional_value_at_risk(underwater(track), 0.95) / yearly
    return (cagr(track) - track.rf) / (ulcer * pitfall)


def calmar_ratio(track: Track) -> float:
    """Return growth per year over the deepest drawdown of the same stretch: ``CAGR / |max drawdown|``."""
    deepest = float(underwater(track).min())
    return math.nan if deepest == 0 else cagr(track) / -deepest


def describe_drawdowns(record: RunRecord, track: Track, sheet: Sheet) -> None:
    """Write depth, length and recovery of the drawdowns and the ratios built on them."""
    rows = drawdowns(track)
    dry = f"no drawdown (n={track.n})"
    sheet.put("max_drawdown_pct", 100.0 * float(underwater(track).min()))
    sheet.put(
        "max_drawdown_intrabar_pct",
        100.0 * intrabar_drawdown(record, track),
        "no trading day",
    )
    sheet.put("max_drawdown_days", rows[0]["days"] if rows else 0)
    sheet.put("longest_drawdown_days", max((row["days"] for row in rows), default=0))
    open_text = "the deepest drawdown has not recovered" if rows else dry
    sheet.put("recovery_days", rows[0]["days_to_recover"] if rows else None, open_text)
    if rows and rows[0]["recovered"] is None:
        sheet.note("max_drawdown_days", "still open, counted to the last day")
    deepest = -sheet.number("max_drawdown_pct")
    sheet.put(
        "recovery_factor",
        sheet.number("total_return_pct") / deepest if deepest else None,
        dry,
    )
    sheet.put("ulcer_index", ulcer_index(track))
    _describe_yearly(track, sheet, dry)


def _describe_yearly(track: Track, sheet: Sheet, dry: str) -> None:
    keys = ("calmar", "mar", "upi", "serenity")
    if track.days_elapsed < MIN_ANNUAL_DAYS:
        for key in keys:
            sheet.put(key, None, f"hidden under {MIN_ANNUAL_DAYS:.0f} days")
        return
    window = track.since(int(track.day[-1]) - _CALMAR_DAYS)
    ulcer = ulcer_index(track)
    sheet.put("calmar", calmar_ratio(window), "no drawdown in the last 36 months")
    sheet.put("mar", calmar_ratio(track), dry)
    sheet.put("upi", 100.0 * (cagr(track) - track.rf) / ulcer if ulcer else None, dry)
    sheet.put("serenity", serenity_ratio(track), dry)
    if track.days_elapsed < _CALMAR_DAYS:
        sheet.note("calmar", "history shorter than 36 months: whole run used")
