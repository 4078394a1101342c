"""The fault switch: what a real feed gets wrong, only when asked for, and a record of every fault.

A halt belongs to the exchange: nothing trades. Gaps (one symbol) and disconnects (all symbols at once) lose trades
that did happen, so their sequence numbers are missing and bars built from the rest have holes. Duplicates, late and
out-of-order trades and crossed quotes touch only the delivered ticks and quotes.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from tidemill.model.bars import MINUTE_NS, SECOND_NS
from tidemill.model.errors import ConfigError
from tidemill.research.synthetic.sessions import Clock
from tidemill.research.synthetic.trades import Tape

__all__ = [
    "FAULT",
    "FaultPlan",
    "cross_quotes",
    "disconnect_windows",
    "disturb_ticks",
    "halt_windows",
    "inside_windows",
    "lost_windows",
    "record",
]

FAULT = np.dtype([("symbol", "U32"), ("kind", "U16"), ("start_ns", "<i8"), ("end_ns", "<i8"), ("rows", "<i8")])
"""One row per planted fault: its kind, the UTC span it touches, and how many rows it removed or changed."""

Windows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """Which faults to plant, and how many.

    Args:
        duplicate_ratio, late_ratio, out_of_order_ratio: share of trades delivered twice, 2 to 30 s late, or after
            their successor.
        crossed_ratio: share of quotes whose bid lies above the ask.
        gaps, halts: per symbol, how many spans of 3 to 10 minutes lose their trades, or do not trade at all.
        disconnects: how many spans of 1 to 5 minutes are lost for every symbol at once.
    """

    duplicate_ratio: float = 0.0
    late_ratio: float = 0.0
    out_of_order_ratio: float = 0.0
    crossed_ratio: float = 0.0
    gaps: int = 0
    halts: int = 0
    disconnects: int = 0

    def __post_init__(self) -> None:
        for part in fields(self):
            value = getattr(self, part.name)
            top = 1.0 if part.name.endswith("_ratio") else float("inf")
            if not 0 <= value <= top:
                raise ConfigError(f"FaultPlan.{part.name} is {value}; give a share from 0 to 1, or a count from 0.")

    @property
    def needs_ticks(self) -> bool:
        """Whether some of the faults can be seen in ticks and quotes only."""
        return any((self.duplicate_ratio, self.late_ratio, self.out_of_order_ratio, self.crossed_ratio))

    @classmethod
    def everything(cls) -> FaultPlan:
        """Return a plan in which every kind of fault occurs."""
        return cls(0.002, 0.002, 0.002, 0.002, 2, 1, 1)


def record(symbol: str, kind: str, start_ns: int, end_ns: int, rows: int) -> NDArray[np.void]:
    """Return one row of the fault record."""
    return np.array([(symbol, kind, start_ns, end_ns, rows)], dtype=FAULT)


def _windows(rng: np.random.Generator, starts_ns: NDArray[np.int64], minutes: tuple[int, int]) -> Windows:
    length = rng.integers(minutes[0], minutes[1] + 1, len(starts_ns)) * MINUTE_NS
    return np.stack([starts_ns, starts_ns + length], axis=1)


def _anchors(rng: np.random.Generator, tape: Tape, count: int) -> NDArray[np.int64]:
    """Return the times of some trades away from the auctions, so that a span surely holds a trade."""
    plain = tape.ts_ns[tape.side != 0]
    return np.sort(rng.choice(plain, count, replace=False)) if count else plain[:0]


def halt_windows(rng: np.random.Generator, tape: Tape, plan: FaultPlan) -> Windows:
    """Return [start, end) of each halt, int64[k, 2]."""
    return _windows(rng, _anchors(rng, tape, plan.halts), (3, 10))


def lost_windows(rng: np.random.Generator, tape: Tape, plan: FaultPlan) -> Windows:
    """Return [start, end) of each gap, int64[k, 2]."""
    return _windows(rng, _anchors(rng, tape, plan.gaps), (3, 10))


def disconnect_windows(rng: np.random.Generator, clock: Clock, plan: FaultPlan) -> Windows:
    """Return [start, end) of each disconnect, in the stock session of a random day, int64[k, 2]."""
    day = rng.integers(0, clock.days, plan.disconnects)
    minute = rng.integers(16 * 60, 18 * 60, plan.disconnects)
    return _windows(rng, clock.starts_ns[day] + minute * MINUTE_NS, (1, 5))


def inside_windows(ts_ns: NDArray[np.int64], windows: Windows) -> NDArray[np.bool_]:
    """Return which stamps lie in any of the windows."""
    inside = np.zeros(len(ts_ns), dtype=bool)
    for start, end in windows.tolist():
        inside[np.searchsorted(ts_ns, start) : np.searchsorted(ts_ns, end)] = True
    return inside


def _chosen(rng: np.random.Generator, rows: int, ratio: float) -> NDArray[np.int64]:
    return np.flatnonzero(rng.random(rows) < ratio)


def disturb_ticks(
    rng: np.random.Generator, symbol: str, ticks: NDArray[np.void], plan: FaultPlan
) -> tuple[NDArray[np.void], list[NDArray[np.void]]]:
    """Return ticks in their order of delivery with duplicates, late and out-of-order ones, and the record.

    Args:
        ticks: TICK[n], clean, in order.
    """
    records = []
    late = _chosen(rng, len(ticks), plan.late_ratio)
    swapped = _chosen(rng, max(len(ticks) - 1, 0), plan.out_of_order_ratio)
    doubled = _chosen(rng, len(ticks), plan.duplicate_ratio)
    out = ticks.copy()
    out["received_ns"][swapped] = out["received_ns"][swapped + 1] + 1
    out["received_ns"][late] += rng.integers(2, 31, len(late)) * SECOND_NS
    copies = out[doubled]
    copies["received_ns"] += SECOND_NS // 1000
    out = np.concatenate([out, copies])
    for kind, rows in (("late", late), ("out_of_order", swapped), ("duplicate", doubled)):
        if len(rows):
            stamps = ticks["ts_ns"][rows]
            records.append(record(symbol, kind, int(stamps[0]), int(stamps[-1]), len(rows)))
    return out[np.argsort(out["received_ns"], kind="stable")], records


def cross_quotes(
    rng: np.random.Generator, symbol: str, quotes: NDArray[np.void], plan: FaultPlan
) -> tuple[NDArray[np.void], list[NDArray[np.void]]]:
    """Return quotes of which some have bid and ask exchanged, and the record."""
    rows = _chosen(rng, len(quotes), plan.crossed_ratio)
    if not len(rows):
        return quotes, []
    out = quotes.copy()
    out["bid"][rows], out["ask"][rows] = quotes["ask"][rows], quotes["bid"][rows]
    stamps = quotes["ts_ns"][rows]
    return out, [record(symbol, "crossed", int(stamps[0]), int(stamps[-1]), len(rows))]
