"""What the round trips say: how often, how much, how reliably."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.model.enums import Reason, Side
from tidemill.model.units import MICROS
from tidemill.research.metrics.returns import spread
from tidemill.research.metrics.sheet import Sheet

__all__ = [
    "describe_trades",
    "kelly_fraction",
    "longest_streak",
    "payoff_ratio",
    "profit_factor",
    "r_multiples",
    "system_quality",
]

SQN_CAP = 100
_KELLY_TRADES = 100


def profit_factor(pnl: NDArray[np.float64]) -> float:
    """Return money won per money lost, after costs; NaN without a loss."""
    lost = -float(pnl[pnl < 0].sum())
    return float(pnl[pnl > 0].sum()) / lost if lost > 0 else math.nan


def payoff_ratio(pnl: NDArray[np.float64]) -> float:
    """Return the mean win over the mean loss; NaN without both."""
    won, lost = pnl[pnl > 0], pnl[pnl < 0]
    return float(won.mean()) / -float(lost.mean()) if len(won) and len(lost) else math.nan


def r_multiples(trips: NDArray[Any]) -> NDArray[np.float64]:
    """Return each result in units of its initial risk, for the trips that had a stop."""
    risked = trips[trips["risk"] > 0]
    return np.asarray(risked["pnl"] / risked["risk"], dtype=np.float64)


def system_quality(multiples: NDArray[np.float64]) -> float:
    """Return ``sqrt(min(n, 100)) * mean(R) / std(R)``. Source: Tharp, Definitive Guide to Position Sizing (2008)."""
    deviation = spread(multiples)
    if not deviation > 0:
        return math.nan
    return math.sqrt(min(len(multiples), SQN_CAP)) * float(multiples.mean()) / deviation


def kelly_fraction(win_rate: float, payoff: float) -> float:
    """Return ``W - (1 - W) / payoff``: the stake that would have grown fastest. Source: Kelly (1956)."""
    return win_rate - (1.0 - win_rate) / payoff if payoff > 0 else math.nan


def longest_streak(hits: NDArray[np.bool_]) -> int:
    """Return the longest run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], hits.astype(np.int8), [0]))))
    return int((edges[1::2] - edges[::2]).max()) if len(edges) else 0


def describe_trades(trips: NDArray[Any], sheet: Sheet) -> None:
    """Write every figure that is computed from round trips; one still open counts at its last mark."""
    ordered = trips[np.lexsort((trips["entry_ts_ns"], trips["exit_ts_ns"]))]
    pnl = ordered["pnl"] / MICROS
    _describe_counts(ordered, pnl, sheet)
    _describe_edge(ordered, pnl, sheet)
    _describe_excursions(ordered, sheet)
    _describe_sides(ordered, pnl, sheet)


def _describe_counts(trips: NDArray[Any], pnl: NDArray[np.float64], sheet: Sheet) -> None:
    n, wins, losses = len(pnl), int((pnl > 0).sum()), int((pnl < 0).sum())
    sheet.put("total_trades", n)
    sheet.put("open_trades", int((trips["exit_reason"] == Reason.END_OF_DATA).sum()))
    sheet.put("wins", wins)
    sheet.put("losses", losses)
    sheet.put("breakeven", n - wins - losses)
    sheet.put("win_rate", wins / n if n else None, "no trades")
    sheet.put("longest_win_streak", longest_streak(pnl > 0))
    sheet.put("longest_loss_streak", longest_streak(pnl < 0))
    sheet.put("largest_win", float(pnl.max()) if wins else None, f"no wins (n={n})")
    sheet.put("largest_loss", float(pnl.min()) if losses else None, f"no losses (n={n})")
    sheet.put("average_win", float(pnl[pnl > 0].mean()) if wins else None, f"no wins (n={n})")
    sheet.put(
        "average_loss",
        float(pnl[pnl < 0].mean()) if losses else None,
        f"no losses (n={n})",
    )


def _describe_edge(trips: NDArray[Any], pnl: NDArray[np.float64], sheet: Sheet) -> None:
    n, multiples = len(pnl), r_multiples(trips)
    one_sided = f"no losses (n={n})" if n and not (pnl < 0).any() else f"no wins (n={n})" if n else "no trades"
    sheet.put("profit_factor", profit_factor(pnl), f"no losses (n={n})" if n else "no trades")
    sheet.put("payoff", payoff_ratio(pnl), one_sided)
    sheet.put("expectancy", float(pnl.mean()) if n else None, "no trades")
    no_risk = f"no trade had an initial stop (n={n})" if n else "no trades"
    sheet.put("expectancy_r", float(multiples.mean()) if len(multiples) else None, no_risk)
    same = f"needs two different R results (n={len(multiples)})" if len(multiples) else no_risk
    sheet.put("sqn", system_quality(multiples), same)
    if 0 < len(multiples) < n:
        for key in ("expectancy_r", "sqn"):
            sheet.note(key, f"{len(multiples)} of {n} trades had an initial stop")
    kelly = kelly_fraction(sheet.number("win_rate"), sheet.number("payoff"))
    sheet.put("kelly", kelly, one_sided)
    sheet.put("half_kelly", kelly / 2.0, one_sided)
    if math.isfinite(kelly):
        need = f"needs n >= {_KELLY_TRADES} (n={n})" if n < _KELLY_TRADES else f"n={n}"
        sheet.note("half_kelly", f"{need}; a ceiling from the past, not advice")


def _describe_excursions(trips: NDArray[Any], sheet: Sheet) -> None:
    n, entry = len(trips), trips["entry_price"]
    for key, column in (("mae", "mae"), ("mfe", "mfe")):
        size = 100.0 * trips[column] / entry if n else np.zeros(0)
        sheet.put(f"{key}_average_pct", float(size.mean()) if n else None, "no trades")
        sheet.put(f"{key}_median_pct", float(np.median(size)) if n else None, "no trades")
    span = trips["mae"] + trips["mfe"]
    moved = span > 0
    points = (trips["exit_price"] - entry) * trips["side"]
    efficiency = float((points[moved] / span[moved]).mean()) if moved.any() else None
    sheet.put("efficiency", efficiency, f"no trade saw a price move (n={n})")
    held = (trips["exit_ts_ns"] - trips["entry_ts_ns"]) / 1e9
    sheet.put("average_holding_seconds", float(held.mean()) if n else None, "no trades")
    sheet.put("average_holding_bars", float(trips["bars"].mean()) if n else None, "no trades")


def _describe_sides(trips: NDArray[Any], pnl: NDArray[np.float64], sheet: Sheet) -> None:
    for name, side in (("long", Side.BUY), ("short", Side.SELL)):
        own = pnl[trips["side"] == side]
        sheet.put(f"{name}_trades", len(own))
        sheet.put(f"{name}_net_profit", float(own.sum()))
        sheet.put(
            f"{name}_win_rate",
            float((own > 0).mean()) if len(own) else None,
            f"no {name} trades",
        )
