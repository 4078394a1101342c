"""Simulated news, always stamped before the move it announces.

Earnings come after the close and move the next opening. Headlines come during the session and move the price
seconds later, inside the same minute: whoever decides on finished minute bars is too late, as in a real market.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidemill.model.bars import HOUR_NS, MINUTE_NS, SECOND_NS
from tidemill.research.synthetic.profiles import SymbolProfile
from tidemill.research.synthetic.sessions import Clock, SessionSchedule
from tidemill.research.synthetic.stable import Floats, normal_draws
from tidemill.research.synthetic.trades import Arrivals

__all__ = ["Jumps", "NewsItem", "draw_news"]

_SESSIONS_PER_QUARTER = 63
_FIRST_EARNINGS = 18
_NOTICE_SESSIONS = 5
_EARNINGS_DEVIATION = 0.03
_HEADLINE_DEVIATION = 0.0015
_HEADLINE_CHANCE = 0.15
_HEADLINE_LEAD_NS = 3 * SECOND_NS
_REFERENCE_VOL = 0.2
_RISE = ("wins a large order", "raises its outlook", "settles a dispute on good terms")
_FALL = ("loses a large order", "lowers its outlook", "recalls a product")


@dataclass(frozen=True, slots=True)
class NewsItem:
    """One simulated news item.

    Args:
        ts_ns: UTC nanoseconds of publication.
        symbol: the symbol it is about.
        kind: ``calendar`` (a date is announced), ``earnings`` or ``headline``.
        headline: one line of text.
        moves_at_ns: UTC nanoseconds from which the price may show it; always later than ``ts_ns``.
    """

    ts_ns: int
    symbol: str
    kind: str
    headline: str
    moves_at_ns: int


@dataclass(frozen=True, slots=True)
class Jumps:
    """Sudden moves.

    Args:
        rows: int64[k], the trade that shows each first.
        sizes: float64[k], log price.
        variances: float64[k], variance the size was drawn with.
        follows_vol: bool[k], whether the size is meant for usual volatility and grows with the day's.
    """

    rows: NDArray[np.int64]
    sizes: Floats
    variances: Floats
    follows_vol: NDArray[np.bool_]


def _earnings(
    rng: np.random.Generator, profile: SymbolProfile, hours: SessionSchedule
) -> tuple[list[NewsItem], NDArray[np.int64], Floats]:
    days = np.arange((_FIRST_EARNINGS + profile.phase) % _SESSIONS_PER_QUARTER, len(hours.day), _SESSIONS_PER_QUARTER)
    days = days[days > 0]
    deviation = _EARNINGS_DEVIATION * profile.annual_vol / _REFERENCE_VOL
    sizes = normal_draws(rng, len(days)) * deviation
    items = []
    for day, size in zip(days.tolist(), sizes.tolist(), strict=True):
        opening = int(hours.open_ns[day])
        result = "above" if size > 0 else "below"
        text = f"{profile.symbol} (simulated) reports earnings {result} expectations"
        items.append(NewsItem(int(hours.close_ns[day - 1]) + 5 * MINUTE_NS, profile.symbol, "earnings", text, opening))
        if day >= _NOTICE_SESSIONS:
            early = int(hours.open_ns[day - _NOTICE_SESSIONS]) - HOUR_NS
            text = f"{profile.symbol} (simulated) will report earnings before the session of {hours.day[day]}"
            items.append(NewsItem(early, profile.symbol, "calendar", text, opening))
    return items, days, sizes


def _headline_times(
    rng: np.random.Generator, clock: Clock, hours: SessionSchedule
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return day and UTC minute of each headline, away from the session's edges."""
    chosen = np.flatnonzero(rng.random(clock.days) < _HEADLINE_CHANCE)
    length = hours.close_ns[chosen] - hours.open_ns[chosen]
    at = hours.open_ns[chosen] + ((0.1 + 0.8 * rng.random(len(chosen))) * length).astype(np.int64)
    return chosen, at // MINUTE_NS * MINUTE_NS


def draw_news(
    rng: np.random.Generator, clock: Clock, profile: SymbolProfile, hours: SessionSchedule, arrivals: Arrivals
) -> tuple[list[NewsItem], Jumps]:
    """Draw the news of one symbol and the moves it causes; futures have none of their own."""
    none = np.zeros(0)
    if profile.is_future:
        return [], Jumps(np.zeros(0, np.int64), none, none, np.zeros(0, bool))
    items, earnings_days, earnings = _earnings(rng, profile, hours)
    days, minutes = _headline_times(rng, clock, hours)
    seconds = rng.integers(10, 50, len(days))
    moves_at = minutes + seconds * SECOND_NS
    deviation = _HEADLINE_DEVIATION * profile.annual_vol / _REFERENCE_VOL
    sizes = normal_draws(rng, len(days)) * deviation
    wording = rng.integers(0, len(_RISE), len(days))
    for at, size, word in zip(moves_at.tolist(), sizes.tolist(), wording.tolist(), strict=True):
        text = f"{profile.symbol} (simulated) {(_RISE if size > 0 else _FALL)[word]}"
        items.append(NewsItem(at - _HEADLINE_LEAD_NS, profile.symbol, "headline", text, at))
    on_clock = moves_at - clock.starts_ns[days] + days * clock.day_ns
    rows = np.minimum(np.searchsorted(arrivals.clock_ns, on_clock), len(arrivals.clock_ns) - 1)
    earnings_deviation = _EARNINGS_DEVIATION * profile.annual_vol / _REFERENCE_VOL
    follows_vol = np.repeat([False, True], [len(earnings), len(days)])
    jumps = Jumps(
        np.concatenate([arrivals.first[earnings_days], rows]),
        np.concatenate([earnings, sizes]),
        np.where(follows_vol, deviation**2, earnings_deviation**2),
        follows_vol,
    )
    return sorted(items, key=lambda item: item.ts_ns), jumps
