"""Everything one finished run left behind, as plain arrays: what statistics, reports and files are made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.model.bars import BarTable
from tidemill.model.instrument import Instrument
from tidemill.model.tape import DAY_ROW, EQUITY_ROW, FILL_ROW, ORDER_ROW, REFUSAL_ROW, TRIP_ROW

__all__ = ["RunRecord"]


@dataclass(slots=True)
class RunRecord:
    """One finished run.

    Args:
        mode: ``BACKTEST``, ``PAPER`` or ``LIVE``.
        strategies: names, in the order of the strategy table.
        instruments: in the order of the instrument table.
        bars: what was traded on, in the same order as ``instruments`` (the finest interval of each).
        currency: the account's currency.
        start_cash: micros.
        end_cash: micros.
        equity, days, fills, trips, orders, refusals: structured arrays of ``model/tape.py``.
        benchmark: daily closes of the benchmark, float64[len(days)], or None.
        benchmark_name: what the benchmark is, in words.
        periods_per_year: of the traded calendar: 252 for US stocks and futures, 365 for crypto.
        zone: IANA zone in which trading days are named.
        config: every setting and parameter in force, JSON-ready.
        assumptions: sentences: fills, costs, gaps, sessions; the report prints them.
        warnings: sentences about the data or the run that a reader must know.
        prefix_invariant: whether decisions stayed equal on every tried truncation; None when not checked.
        card: run card: code, data and config hashes, versions, seed.
        strategy_source: the strategy's own text, for the report.
    """

    mode: str
    strategies: list[str]
    instruments: list[Instrument]
    bars: list[BarTable]
    currency: str
    start_cash: int
    end_cash: int
    equity: NDArray[Any] = field(default_factory=lambda: np.zeros(0, EQUITY_ROW))
    days: NDArray[Any] = field(default_factory=lambda: np.zeros(0, DAY_ROW))
    fills: NDArray[Any] = field(default_factory=lambda: np.zeros(0, FILL_ROW))
    trips: NDArray[Any] = field(default_factory=lambda: np.zeros(0, TRIP_ROW))
    orders: NDArray[Any] = field(default_factory=lambda: np.zeros(0, ORDER_ROW))
    refusals: NDArray[Any] = field(default_factory=lambda: np.zeros(0, REFUSAL_ROW))
    benchmark: NDArray[np.float64] | None = None
    benchmark_name: str = ""
    periods_per_year: int = 252
    zone: str = "America/New_York"
    config: dict[str, Any] = field(default_factory=dict)
    assumptions: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    prefix_invariant: bool | None = None
    card: dict[str, Any] = field(default_factory=dict)
    strategy_source: str = ""
