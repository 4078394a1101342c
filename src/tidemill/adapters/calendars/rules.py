"""Markets whose hours follow one rule without holidays: coins and currencies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidemill.model.bars import DAY_NS, HOUR_NS
from tidemill.model.zones import from_local
from tidemill.ports.calendar import Schedule

__all__ = ["AlwaysOpen", "CurrencyWeek"]

_FRIDAY = 4


def _plain(day: NDArray[np.int64], open_ns: NDArray[np.int64], close_ns: NDArray[np.int64]) -> Schedule:
    return Schedule(day, open_ns, close_ns, close_ns, close_ns, open_ns, close_ns)


@dataclass(frozen=True, slots=True)
class AlwaysOpen:
    """Coins: every UTC day, midnight to midnight."""

    name: str = "24/7"
    zone: str = "UTC"

    def sessions(self, start_day: int, end_day: int) -> Schedule:
        """Return one session per UTC day in [start_day, end_day)."""
        day = np.arange(start_day, end_day, dtype=np.int64)
        return _plain(day, day * DAY_NS, (day + 1) * DAY_NS)


@dataclass(frozen=True, slots=True)
class CurrencyWeek:
    """Currencies: Sunday 17:00 to Friday 17:00 New York, the value date changing at 17:00.

    Bank holidays are not modelled: dealers quote on most of them.
    """

    name: str = "FX"
    zone: str = "America/New_York"

    def sessions(self, start_day: int, end_day: int) -> Schedule:
        """Return one session per weekday in [start_day, end_day), open from 17:00 of the evening before."""
        day = np.arange(start_day, end_day, dtype=np.int64)
        day = day[(day + 3) % 7 <= _FRIDAY]
        opens = from_local(day * DAY_NS - 7 * HOUR_NS, self.zone).ts_ns
        closes = from_local(day * DAY_NS + 17 * HOUR_NS, self.zone).ts_ns
        return _plain(day, opens, closes)
