"""From what a user asks for to an engine plan: instruments, calendars, windows, conversion pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tidemill.authoring.strategy import StrategySpec
from tidemill.engine.plan import CalendarPlan, EnginePlan, StrategyPlan, ZoneTable
from tidemill.model.bars import DAY_NS, BarTable
from tidemill.model.enums import TimeInForce
from tidemill.model.errors import ConfigError, DataError
from tidemill.model.instrument import Instrument
from tidemill.model.settings import RunSettings, StrategySettings
from tidemill.model.zones import zone_offsets
from tidemill.ports.calendar import Calendar

__all__ = ["Entrant", "needs_sessions", "plan_run"]

_SESSION_TIF = (TimeInForce.OPG, TimeInForce.CLS)


@dataclass(slots=True)
class Entrant:
    """One strategy that takes part in a run, with its parameters and (optionally) settings of its own."""

    spec: StrategySpec
    params: Mapping[str, float]
    settings: StrategySettings | None = None
    symbols: Sequence[str] = ()
    interval_ns: int = 0


def needs_sessions(entrants: Sequence[Entrant], run: RunSettings, bars: Sequence[BarTable]) -> bool:
    """Tell whether a run asks for exchange sessions: only then is a schedule built."""
    if all(table.interval_ns >= DAY_NS for table in bars):
        return False
    for entrant in entrants:
        chosen = entrant.settings or run.settings
        asks_clock = "clock" in entrant.spec.arguments
        if asks_clock or not chosen.extended_hours or chosen.flat_before_close_min > 0:
            return True
        if chosen.entry_tif in _SESSION_TIF:
            return True
    return False


def _zone_table(zone: str, start_ns: int, end_ns: int) -> ZoneTable:
    return ZoneTable(*zone_offsets(zone, start_ns - 8 * DAY_NS, end_ns + 8 * DAY_NS))


def _calendar_plan(
    instrument: Instrument, start_ns: int, end_ns: int, calendars: Callable[[str], Calendar], with_sessions: bool
) -> CalendarPlan:
    plan = CalendarPlan(
        instrument.calendar, _zone_table(instrument.zone, start_ns, end_ns), instrument.day_roll_minutes
    )
    if with_sessions and instrument.calendar != "24/7":
        schedule = calendars(instrument.calendar).sessions(start_ns // DAY_NS - 2, end_ns // DAY_NS + 8)
        plan.day, plan.open_ns, plan.close_ns = schedule.day, schedule.open_ns, schedule.close_ns
        plan.pre_ns, plan.post_ns = schedule.pre_open_ns, schedule.post_close_ns
    return plan


def _rates(instruments: Sequence[Instrument], currency: str) -> dict[int, tuple[int, bool]]:
    """Find, for every foreign instrument, the pair that converts its currency into the account's."""
    symbols = [item.symbol.upper().replace("/", "").replace("-", "") for item in instruments]
    found = {}
    for row, item in enumerate(instruments):
        if item.currency == currency:
            continue
        direct, inverse = item.currency + currency, currency + item.currency
        if direct in symbols:
            found[row] = (symbols.index(direct), False)
        elif inverse in symbols:
            found[row] = (symbols.index(inverse), True)
        else:
            raise ConfigError(
                f"{item.symbol} is priced in {item.currency} and the account is in {currency}; add data of "
                f"{direct} or {inverse} to the run, or set the account's currency to {item.currency}."
            )
    return found


def plan_run(
    entrants: Sequence[Entrant],
    bars: Sequence[BarTable],
    instruments: Sequence[Instrument],
    run: RunSettings,
    calendars: Callable[[str], Calendar],
) -> EnginePlan:
    """Return the engine plan of a run.

    Raises:
        DataError: no bars, or an instrument without any.
        ConfigError: a currency cannot be converted, a window's zone is unknown.
    """
    if not bars or all(len(table) == 0 for table in bars):
        raise DataError("There are no bars to run on; check the files, the symbol and the dates.")
    start = min(int(table.ts[0]) for table in bars if len(table))
    end = max(int(table.ts[-1]) + table.duration_ns for table in bars if len(table))
    with_sessions = needs_sessions(entrants, run, bars)
    names: list[tuple[str, str, int]] = []
    calendar_of, plans = [], []
    for item in instruments:
        key = (item.calendar, item.zone, item.day_roll_minutes)
        if key not in names:
            names.append(key)
            plans.append(_calendar_plan(item, start, end, calendars, with_sessions))
        calendar_of.append(names.index(key))
    strategies = []
    for entrant in entrants:
        chosen = entrant.settings or run.settings
        zone = chosen.window_zone or instruments[0].zone
        has_window = bool(chosen.window) or len(chosen.window_days) < 7
        strategies.append(
            StrategyPlan(
                entrant.spec,
                entrant.params,
                chosen,
                entrant.symbols,
                entrant.interval_ns,
                _zone_table(zone, start, end) if has_window else None,
            )
        )
    intervals = [EnginePlan.finest(bars, item.symbol) for item in instruments]
    if 0 in intervals:
        missing = instruments[intervals.index(0)].symbol
        raise DataError(f"There are no bars of {missing}; check the file and --symbol.")
    rates = _rates(instruments, run.currency)
    return EnginePlan(instruments, intervals, plans, calendar_of, strategies, run, rates)


def span_ns(bars: Sequence[BarTable]) -> tuple[int, int]:
    """Return the first start and the last end of all bars."""
    filled = [table for table in bars if len(table)]
    return (
        int(np.min([table.ts[0] for table in filled])),
        int(np.max([table.ts[-1] + table.duration_ns for table in filled])),
    )
