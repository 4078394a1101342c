"""Bars, always built from the trades: a minute without a trade has no bar."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.model.bars import DAY_NS, HOUR_NS, MINUTE_NS, BarTable
from tidemill.model.fingerprint import bars_sha256
from tidemill.research.synthetic.profiles import SymbolProfile
from tidemill.research.synthetic.trades import Tape

__all__ = ["SIMULATED", "daily_bars", "minute_bars"]

SIMULATED = "SIMULATED: a seeded synthetic market; none of these prices was ever traded."


def _meta(seed: int) -> dict[str, Any]:
    return {
        "source": "synthetic market",
        "simulated": True,
        "note": SIMULATED,
        "seed": seed,
        "adjustments": "none: raw prices, splits and dividends drop them on the ex-date",
    }


def _grouped(
    profile: SymbolProfile,
    tape: Tape,
    keys: NDArray[np.int64],
    starts_ns: NDArray[np.int64],
    lengths_ns: tuple[int, int],
    seed: int,
) -> BarTable:
    """Merge runs of trades with the same key into bars.

    Args:
        keys: int64[n], sorted; one bar per value.
        starts_ns: int64[n], start of the bar each trade belongs to.
        lengths_ns: nominal size of a bar, and time until it may be known.
    """
    first = np.flatnonzero(np.diff(keys, prepend=keys[:1] - 1))
    last = np.append(first[1:], len(keys)) - 1
    unit = float(profile.ticks_per_unit)
    bars = BarTable(
        profile.symbol,
        lengths_ns[0],
        lengths_ns[1],
        starts_ns[first],
        tape.ticks[first] / unit,
        np.maximum.reduceat(tape.ticks, first) / unit,
        np.minimum.reduceat(tape.ticks, first) / unit,
        tape.ticks[last] / unit,
        np.add.reduceat(tape.size, first).astype(np.float64),
        _meta(seed),
    )
    bars.meta["sha256"] = bars_sha256(bars)
    return bars


def minute_bars(profile: SymbolProfile, tape: Tape, seed: int) -> BarTable:
    """Return 1-minute bars of a tape."""
    minutes = tape.ts_ns // MINUTE_NS
    return _grouped(profile, tape, minutes, minutes * MINUTE_NS, (MINUTE_NS, MINUTE_NS), seed)


def daily_bars(profile: SymbolProfile, tape: Tape, opens_ns: NDArray[np.int64], seed: int) -> BarTable:
    """Return one bar per session, stamped with the session's opening.

    Args:
        opens_ns: int64[days], UTC nanoseconds of each session's opening.
    """
    length = 23 * HOUR_NS if profile.is_future else 23_400 * (MINUTE_NS // 60)
    return _grouped(profile, tape, tape.day, opens_ns[tape.day], (DAY_NS, length), seed)
