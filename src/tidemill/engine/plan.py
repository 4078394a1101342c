"""What a run trades with: strategies with parameters and settings, instruments, calendars. Plain and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tidemill.authoring.strategy import StrategySpec
from tidemill.model.bars import BarTable
from tidemill.model.instrument import Instrument
from tidemill.model.settings import RunSettings, StrategySettings

__all__ = ["CalendarPlan", "EnginePlan", "StrategyPlan", "ZoneTable"]


@dataclass(slots=True)
class ZoneTable:
    """A zone's offsets: from ``ts_ns[i]`` on, local = UTC + ``offset_ns[i]``."""

    ts_ns: NDArray[np.int64]
    offset_ns: NDArray[np.int64]


@dataclass(slots=True)
class CalendarPlan:
    """One exchange calendar as the core needs it.

    Args:
        name: calendar name.
        zone: its zone's offsets over the run.
        roll_minutes: minutes after local midnight at which a trading day begins.
        day, pre_ns, open_ns, close_ns, post_ns: sessions, int64[n]; empty means always open.
    """

    name: str
    zone: ZoneTable
    roll_minutes: int
    day: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    pre_ns: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    open_ns: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    close_ns: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    post_ns: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))


@dataclass(slots=True)
class StrategyPlan:
    """One strategy in a run: its specification, parameters, settings and the symbols it trades (empty = all).

    ``interval_ns`` restricts its step to bars of one size; 0 takes all.
    """

    spec: StrategySpec
    params: Mapping[str, float]
    settings: StrategySettings
    symbols: Sequence[str] = ()
    interval_ns: int = 0
    window_zone: ZoneTable | None = None


@dataclass(slots=True)
class EnginePlan:
    """Everything an engine is built from.

    Args:
        instruments: row order of the instrument table.
        intervals_ns: finest interval of each instrument, 0 = any bar marks it.
        calendars: calendar of each instrument, by index into ``calendars``.
        strategies: row order of the strategy table.
        run: account, costs, fill rules.
        rates: instrument row to (row of the conversion pair, inverse?) for foreign currencies.
    """

    instruments: Sequence[Instrument]
    intervals_ns: Sequence[int]
    calendars: Sequence[CalendarPlan]
    calendar_of: Sequence[int]
    strategies: Sequence[StrategyPlan]
    run: RunSettings
    rates: Mapping[int, tuple[int, bool]] = field(default_factory=dict)

    @staticmethod
    def finest(bars: Sequence[BarTable], symbol: str) -> int:
        """Return the finest interval among an instrument's bar tables."""
        return min((table.interval_ns for table in bars if table.symbol == symbol), default=0)
