"""How old an instrument's market data are, counted in trading time, the feed's own delay left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tidemill.model.bars import MINUTE_NS, SECOND_NS
from tidemill.runtime.market.hours import Hours

__all__ = ["Age", "Freshness"]


@dataclass(frozen=True, slots=True)
class Age:
    """How old the newest data of an instrument are.

    Args:
        by_stamp_ns: now less the exchange's stamp and the feed's delay; time without trading does not count.
        by_arrival_ns: now less the arrival; time without trading does not count.
        is_open: whether the market trades now; when it does not, nothing is expected and nothing is stale.
    """

    by_stamp_ns: int
    by_arrival_ns: int
    is_open: bool


class Freshness:
    """Knows when each instrument was heard of last, by the exchange's clock and by ours.

    Args:
        hours: trading stretches per instrument.
        max_age_ns: age from which data are stale, one for all or one per instrument; of a feed of bars more than two
            bar lengths.
        delay_ns: how far behind the market the feed is by contract.
        ahead_ns: stamps further ahead of the clock make data doubtful: one of the two clocks is wrong.
        began_ns: when listening began; before the first data arrive, age counts from here.
    """

    def __init__(
        self,
        hours: Sequence[Hours],
        *,
        max_age_ns: int | Sequence[int] = MINUTE_NS,
        delay_ns: int = 0,
        ahead_ns: int = SECOND_NS,
        began_ns: int = 0,
    ) -> None:
        count = len(hours)
        self._hours = list(hours)
        self._limit = [max_age_ns] * count if isinstance(max_age_ns, int) else list(max_age_ns)
        self._delay_ns = delay_ns
        self._ahead_ns = ahead_ns
        self._began_ns = began_ns
        self.stamp_ns = [0] * count
        self.arrival_ns = [0] * count

    def heard(self, instrument: int, ts_ns: int, now_ns: int) -> None:
        """Note data of an instrument: the exchange's stamp (a bar's end) and the clock on arrival."""
        self.stamp_ns[instrument] = max(self.stamp_ns[instrument], ts_ns)
        self.arrival_ns[instrument] = now_ns

    def age(self, instrument: int, now_ns: int) -> Age:
        """Return how old the newest data of an instrument are."""
        start_ns, _ = self._hours[instrument].stretch(now_ns)
        # a delayed feed shows the first trade of a session that much later
        floor = max(start_ns, self._began_ns)
        stamp = max(self.stamp_ns[instrument], floor)
        arrival = max(self.arrival_ns[instrument], floor + self._delay_ns)
        return Age(now_ns - stamp - self._delay_ns, now_ns - arrival, start_ns > 0)

    def is_fresh(self, instrument: int, now_ns: int) -> bool:
        """Tell whether an instrument's data are young enough for an entry; always, while its market is closed."""
        age = self.age(instrument, now_ns)
        if not age.is_open:
            return True
        limit = self._limit[instrument]
        is_ahead = self.stamp_ns[instrument] > now_ns + self._ahead_ns
        return age.by_stamp_ns <= limit and age.by_arrival_ns <= limit and not is_ahead

    def stale(self, now_ns: int) -> list[int]:
        """Return the rows of the instruments whose data are too old, in order."""
        return [row for row in range(len(self._hours)) if not self.is_fresh(row, now_ns)]
