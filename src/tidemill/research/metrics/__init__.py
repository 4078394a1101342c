"""The statistics of a finished run: one definition per metric, in plain numpy."""

from __future__ import annotations

from tidemill.research.metrics.definitions import DEFINITIONS, SECTIONS, UNITS
from tidemill.research.metrics.drawdown import top_drawdowns, underwater
from tidemill.research.metrics.groups import (
    by_group,
    histogram,
    return_histogram,
    trade_histogram,
)
from tidemill.research.metrics.monthly import monthly_table, yearly
from tidemill.research.metrics.overfit import (
    Overfitting,
    cscv,
    pbo,
    walk_forward_efficiency,
)
from tidemill.research.metrics.rolling import (
    rolling_beta,
    rolling_sharpe,
    rolling_volatility,
)
from tidemill.research.metrics.summary import summarise, verdict
from tidemill.research.metrics.track import Track, benchmark_track, track_of

__all__ = [
    "DEFINITIONS",
    "SECTIONS",
    "UNITS",
    "Overfitting",
    "Track",
    "benchmark_track",
    "by_group",
    "cscv",
    "histogram",
    "monthly_table",
    "pbo",
    "return_histogram",
    "rolling_beta",
    "rolling_sharpe",
    "rolling_volatility",
    "summarise",
    "top_drawdowns",
    "track_of",
    "trade_histogram",
    "underwater",
    "verdict",
    "walk_forward_efficiency",
    "yearly",
]
