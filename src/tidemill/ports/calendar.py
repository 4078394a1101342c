"""When an exchange trades: sessions, pauses, early closes, and what the clock says now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tidemill.model.enums import Session

__all__ = ["Calendar", "MarketStatus", "Schedule"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """The sessions of an exchange over a stretch of trading days, oldest first.

    Args:
        day: int64[n], trading day as days since 1970-01-01 (a CME session that opens Sunday evening is Monday's).
        open_ns, close_ns: int64[n], UTC start and end of regular trading.
        break_start_ns, break_end_ns: int64[n], UTC pause inside the session; both equal ``close_ns`` where
            there is none.
        pre_open_ns, post_close_ns: int64[n], UTC start of pre-market and end of after-hours trading; equal to
            open and close where the venue has neither.
    """

    day: NDArray[np.int64]
    open_ns: NDArray[np.int64]
    close_ns: NDArray[np.int64]
    break_start_ns: NDArray[np.int64]
    break_end_ns: NDArray[np.int64]
    pre_open_ns: NDArray[np.int64]
    post_close_ns: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.day)

    def between(self, start_day: int, end_day: int) -> Schedule:
        """Return the sessions whose trading day lies in [start_day, end_day)."""
        cut = slice(*np.searchsorted(self.day, [start_day, end_day]))
        return Schedule(*(getattr(self, name)[cut] for name in self.__slots__))

    def phase(self, ts_ns: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the session each instant lies in, as ``Session`` values.

        Args:
            ts_ns: int64[k], UTC nanoseconds.
        """
        if not len(self):
            return np.full(len(ts_ns), Session.CLOSED, np.uint8)
        at = np.searchsorted(self.pre_open_ns, ts_ns, side="right") - 1
        row = np.maximum(at, 0)
        phase = np.full(len(ts_ns), Session.CLOSED, np.uint8)
        phase[ts_ns < self.post_close_ns[row]] = Session.POST
        phase[ts_ns < self.close_ns[row]] = Session.REGULAR
        phase[(ts_ns >= self.break_start_ns[row]) & (ts_ns < self.break_end_ns[row])] = Session.CLOSED
        phase[ts_ns < self.open_ns[row]] = Session.PRE
        phase[at < 0] = Session.CLOSED
        return phase


@dataclass(frozen=True, slots=True)
class MarketStatus:
    """What the market does at one instant.

    Args:
        calendar: name of the calendar asked.
        now_ns: the instant, UTC nanoseconds.
        session: PRE, REGULAR, POST or CLOSED.
        is_open: whether regular trading runs.
        next_open_ns: UTC start of the next regular trading after now (after a pause: its end).
        next_close_ns: UTC end of the regular trading that runs now or comes next.
    """

    calendar: str
    now_ns: int
    session: Session
    is_open: bool
    next_open_ns: int
    next_close_ns: int

    @property
    def until_change_ns(self) -> int:
        """Time until regular trading ends (when open) or begins (when not), in nanoseconds."""
        return (self.next_close_ns if self.is_open else self.next_open_ns) - self.now_ns


class Calendar(Protocol):
    """The trading days of one exchange."""

    @property
    def name(self) -> str:
        """The name an instrument uses: ``XNYS``, ``CME``, ``24/7``, ``FX``."""

    @property
    def zone(self) -> str:
        """IANA zone of the exchange."""

    def sessions(self, start_day: int, end_day: int) -> Schedule:
        """Return the sessions of trading days in [start_day, end_day), days since 1970-01-01."""
