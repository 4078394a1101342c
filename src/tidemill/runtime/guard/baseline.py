"""From where a day's, a week's and a peak's loss is counted: pure functions over rows that survive every restart.

A trading day belongs to the account's calendar, never to the machine's date. A row is put on the tape (``as_body``)
before the first order of its day leaves; a restart reads it back and goes on with the same numbers.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from operator import attrgetter

import numpy as np

from tidemill.model.bars import DAY_NS, MINUTE_NS
from tidemill.model.errors import TapeBroken
from tidemill.model.zones import from_local, trading_day

__all__ = ["Baseline", "DayClock", "deposit", "must_be_saved", "observe", "roll"]

_MONDAY_SHIFT = 3  # 1970-01-01 was a Thursday


@dataclass(frozen=True, slots=True)
class Baseline:
    """Where a scope stood when its trading day and week began, and its highest equity. Money in int micros.

    Args:
        scope: whose it is, as in halts.
        day: trading day. week: its week, Monday to Sunday.
        day_equity_micros, week_equity_micros: equity when they began.
        peak_micros: highest equity, moved along by deposits and withdrawals.
        last_micros: equity seen last; the next day begins with it.
        day_deposits_micros, week_deposits_micros: money brought in since (withdrawals negative): it is no profit.
    """

    scope: str
    day: int
    week: int
    day_equity_micros: int
    week_equity_micros: int
    peak_micros: int
    last_micros: int
    day_deposits_micros: int = 0
    week_deposits_micros: int = 0

    def day_loss_micros(self, equity_micros: int) -> int:
        """Return what was lost since the trading day began; negative: a profit."""
        return self.day_equity_micros + self.day_deposits_micros - equity_micros

    def week_loss_micros(self, equity_micros: int) -> int:
        """Return what was lost since the week began; negative: a profit."""
        return self.week_equity_micros + self.week_deposits_micros - equity_micros

    def drawdown_pct(self, equity_micros: int) -> float:
        """Return the fall from the peak in percent of the peak; NaN without a peak above zero."""
        if not (self.peak_micros > 0):
            return float("nan")
        return max(self.peak_micros - equity_micros, 0) / self.peak_micros * 100.0

    def as_body(self) -> bytes:
        """Return the row for the tape."""
        return json.dumps(asdict(self), sort_keys=True).encode()

    @classmethod
    def from_body(cls, body: bytes) -> Baseline:
        """Read a row from the tape.

        Raises:
            TapeBroken: it is not one.
        """
        try:
            return cls(**json.loads(body))
        except (ValueError, TypeError) as error:
            raise TapeBroken(f"A loss baseline on the tape cannot be read ({error}); restore the database.") from None


_lasting_of = attrgetter(*(name for name in Baseline.__slots__ if name != "last_micros"))


def roll(before: Baseline | None, scope: str, day: int, equity_micros: int) -> Baseline:
    """Return the row that holds on a trading day.

    A new day begins with the equity seen last before it, so what falls over night counts for the new day, wherever the
    process was. The same day, or an earlier one (a clock set back), changes nothing: a restart never resets a loss.
    """
    week = (day + _MONDAY_SHIFT) // 7
    if before is None:
        return Baseline(scope, day, week, equity_micros, equity_micros, equity_micros, equity_micros)
    if day <= before.day:
        return before
    after = replace(before, day=day, day_equity_micros=before.last_micros, day_deposits_micros=0)
    if week > before.week:
        after = replace(after, week=week, week_equity_micros=before.last_micros, week_deposits_micros=0)
    return observe(after, equity_micros)


def observe(before: Baseline, equity_micros: int) -> Baseline:
    """Take note of the present equity."""
    if before.last_micros == equity_micros <= before.peak_micros:
        return before
    return replace(before, last_micros=equity_micros, peak_micros=max(before.peak_micros, equity_micros))


def deposit(before: Baseline, amount_micros: int) -> Baseline:
    """Take note of money brought in (withdrawn: negative): it neither hides a loss nor makes one."""
    return replace(
        before,
        day_deposits_micros=before.day_deposits_micros + amount_micros,
        week_deposits_micros=before.week_deposits_micros + amount_micros,
        peak_micros=before.peak_micros + amount_micros,
        last_micros=before.last_micros + amount_micros,
    )


def must_be_saved(before: Baseline | None, after: Baseline) -> bool:
    """Tell whether a row has to reach the tape: anything but the equity seen last has changed."""
    return before is None or (before is not after and _lasting_of(before) != _lasting_of(after))


class DayClock:
    """Tells the trading day of an instant; cheap to ask for every event.

    Args:
        zone: IANA zone of the account's calendar.
        roll_minutes: minutes after local midnight at which a new day begins (CME: -420, the evening before).
    """

    def __init__(self, zone: str, roll_minutes: int = 0) -> None:
        self._zone, self._roll = zone, roll_minutes
        self._start_ns, self._end_ns, self._day = 0, 0, 0

    def day(self, now_ns: int) -> int:
        """Return the trading day as days since 1970-01-01."""
        if not (self._start_ns <= now_ns < self._end_ns):
            day = int(trading_day(np.array([now_ns], np.int64), self._zone, self._roll)[0])
            edges = np.array([day, day + 1], np.int64) * DAY_NS + self._roll * MINUTE_NS
            start, end = from_local(edges, self._zone).ts_ns.tolist()
            self._day = day
            # A day whose edge the clock skips or repeats is asked anew each time.
            self._start_ns, self._end_ns = (start, end) if start <= now_ns < end else (now_ns, now_ns)
        return self._day
