"""Use case: a simulated market as a live feed plays it, piece by piece, on the sessions of the real exchanges."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from tidemill.adapters.calendars import get_calendar
from tidemill.adapters.feeds import ReplayData
from tidemill.model.errors import ConfigError
from tidemill.model.instrument import Instrument
from tidemill.research.events import action_events
from tidemill.research.synthetic.market import SyntheticMarket, synthesise
from tidemill.research.synthetic.sessions import SessionSchedule

__all__ = ["SimulatedMarket", "simulated_market"]

_EPOCH = date(1970, 1, 1)
_CALENDARS = ("XNYS", "CME")
_DAYS_PER_SESSION = 2  # more than enough calendar days to find that many sessions


@dataclass(frozen=True, slots=True)
class SimulatedMarket:
    """A market that a ``SyntheticFeed`` can play.

    Args:
        instruments: in the order of the symbols asked for.
        draw: piece 0, 1, 2 ...: same number, same data. Each piece starts from the symbols' first prices again.
    """

    instruments: list[Instrument]
    draw: Callable[[int], ReplayData]


def simulated_market(
    symbols: Sequence[str],
    *,
    seed: int = 7,
    start: str = "2024-01-02",
    sessions: int = 60,
    with_ticks: bool = False,
) -> SimulatedMarket:
    """Return a simulated market without end.

    Args:
        symbols: fictional names (SIMA, SIMB, SIMQ ...).
        seed: same seed, same market.
        start: first possible day, ``YYYY-MM-DD``.
        sessions: trading days of one piece.
        with_ticks: trades and quotes instead of minute bars.

    Raises:
        ConfigError: a symbol could be taken for a real one, or the start is no day.
    """

    def market(number: int) -> SyntheticMarket:
        return synthesise(
            seed=seed + number,
            symbols=symbols,
            start=start,
            sessions=sessions,
            schedule=_schedules(start, sessions, number),
            with_ticks=with_ticks,
        )

    def draw(number: int) -> ReplayData:
        made = market(number)
        actions = action_events(made.actions, list(symbols))
        if with_ticks:
            numbered = {name: rows.copy() for name, rows in made.ticks.items()}
            for rows in numbered.values():
                rows["seq"] += 1  # the market counts from 0, which means "no number" to a feed
            return ReplayData(trades=numbered, quotes=made.quotes, actions=actions)
        return ReplayData(made.bars, actions=actions)

    one = synthesise(seed=seed, symbols=symbols, start=start, sessions=1)
    return SimulatedMarket([one.instruments[symbol] for symbol in symbols], draw)


def _schedules(start: str, sessions: int, number: int) -> dict[str, SessionSchedule]:
    """Return the sessions of one piece: those days of the real calendars that follow the pieces before it."""
    try:
        first = (date.fromisoformat(start) - _EPOCH).days
    except ValueError:
        raise ConfigError(f"{start!r} is no day; write it YYYY-MM-DD.") from None
    last = first + (number + 1) * sessions * _DAYS_PER_SESSION + 30
    found = {name: get_calendar(name).sessions(first, last) for name in _CALENDARS}
    days = np.intersect1d(found["XNYS"].day, found["CME"].day)[number * sessions : (number + 1) * sessions]
    made = {}
    for name, schedule in found.items():
        rows = np.searchsorted(schedule.day, days)
        day = days.astype("datetime64[D]")
        made[name] = SessionSchedule(day, schedule.open_ns[rows], schedule.close_ns[rows])
    return made
