"""Smaller sizes in a drawdown: half from 15 %, none from 25 % below the peak (128)."""

from __future__ import annotations

from tidemill.runtime.guard.facts import ScopeFacts
from tidemill.runtime.guard.limits import Limits
from tidemill.runtime.guard.numbers import UNKNOWN, finite

__all__ = ["HALF_AT_PCT", "RISK_PCT_BACKTEST", "RISK_PCT_LIVE", "STOP_AT_PCT", "drawdown_scale", "size_scale"]

HALF_AT_PCT, STOP_AT_PCT = 15.0, 25.0
RISK_PCT_BACKTEST, RISK_PCT_LIVE = 2.0, 1.0  # percent of equity put at risk by one trade
_HALF = 0.5


def drawdown_scale(
    drawdown_pct: float, half_at_pct: float | None = HALF_AT_PCT, stop_at_pct: float | None = STOP_AT_PCT
) -> float:
    """Return by what a size is multiplied: 1, 0.5 or 0; NaN for a drawdown that is not known."""
    if not finite(drawdown_pct):
        return UNKNOWN
    if stop_at_pct is not None and not (drawdown_pct < stop_at_pct):
        return 0.0
    return _HALF if half_at_pct is not None and not (drawdown_pct < half_at_pct) else 1.0


def size_scale(limits: Limits, scope: ScopeFacts) -> float:
    """Return by what the size limits of a scope are multiplied now; 1 where no drawdown limit is set."""
    if limits.half_size_drawdown_pct is None:
        return 1.0
    if scope.baseline is None or not finite(scope.equity_micros):
        return UNKNOWN
    return drawdown_scale(scope.baseline.drawdown_pct(scope.equity_micros), limits.half_size_drawdown_pct, None)
