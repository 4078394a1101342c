"""The public face of the synthetic market: ``synthesise`` for minutes and ticks, ``synthesise_daily`` for decades."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tidemill.model.actions import CORPORATE_ACTION
from tidemill.model.bars import BarTable
from tidemill.model.errors import ConfigError
from tidemill.model.instrument import Instrument
from tidemill.research.synthetic.actions import ROLL, RawFactors
from tidemill.research.synthetic.bars import daily_bars, minute_bars
from tidemill.research.synthetic.faults import (
    FAULT,
    FaultPlan,
    cross_quotes,
    disconnect_windows,
    disturb_ticks,
    halt_windows,
    inside_windows,
    lost_windows,
    record,
)
from tidemill.research.synthetic.intraday import position
from tidemill.research.synthetic.news import NewsItem
from tidemill.research.synthetic.path import CommonFactor, common_factor
from tidemill.research.synthetic.profiles import SymbolProfile, profile_of
from tidemill.research.synthetic.sessions import Clock, Sessions, SessionSchedule, plan_sessions
from tidemill.research.synthetic.stable import Floats
from tidemill.research.synthetic.tape import SymbolTape, draw_tape
from tidemill.research.synthetic.ticks import quote_rows, tick_rows
from tidemill.research.synthetic.trades import Tape

__all__ = ["DEFAULT_SYMBOLS", "SyntheticMarket", "synthesise", "synthesise_daily"]

DEFAULT_SYMBOLS = ("SIMA", "SIMB", "SIMQ")

# Streams of random numbers that are no symbol's: symbols use the letters of their name.
_MARKET_STREAM = 0
_FAULT_STREAM = 1

Schedules = SessionSchedule | Mapping[str, SessionSchedule] | None


@dataclass(slots=True)
class SyntheticMarket:
    """A simulated market: everything a backtest or a paper session needs, and the truth behind it.

    Args:
        seed: what it was made from.
        instruments: symbol -> Instrument.
        schedules: calendar name (``XNYS``, ``CME``) -> sessions.
        bars: 1-minute bars per symbol, raw prices; empty for ``synthesise_daily``.
        daily: daily bars per symbol, raw prices, stamped with the session's opening.
        actions: CORPORATE_ACTION[...], splits and dividends, oldest first.
        rolls: ROLL[...], contract rolls of futures.
        news: simulated news, oldest first, each stamped before its move.
        ticks: symbol -> TICK[...], in order of delivery; only with ``with_ticks``.
        quotes: symbol -> QUOTE[...]; only with ``with_ticks``.
        faults: FAULT[...], every planted fault.
    """

    seed: int
    instruments: dict[str, Instrument]
    schedules: dict[str, SessionSchedule]
    bars: list[BarTable] = field(default_factory=list)
    daily: list[BarTable] = field(default_factory=list)
    actions: NDArray[np.void] = field(default_factory=lambda: np.zeros(0, CORPORATE_ACTION))
    rolls: NDArray[np.void] = field(default_factory=lambda: np.zeros(0, ROLL))
    news: list[NewsItem] = field(default_factory=list)
    ticks: dict[str, NDArray[np.void]] = field(default_factory=dict)
    quotes: dict[str, NDArray[np.void]] = field(default_factory=dict)
    faults: NDArray[np.void] = field(default_factory=lambda: np.zeros(0, FAULT))

    def digest(self) -> str:
        """Return one sha256 over all bars, ticks and quotes: equal seeds give equal digests on every machine."""
        whole = hashlib.sha256()
        for bars in (*self.bars, *self.daily):
            whole.update(f"{bars.symbol}:{bars.interval_ns}:{bars.meta['sha256']};".encode())
        for rows in (*self.ticks.values(), *self.quotes.values()):
            whole.update(rows.tobytes())
        return whole.hexdigest()


def _stream(seed: int, *key: int) -> np.random.Generator:
    """Return a generator of its own per symbol, whatever other symbols are simulated with it.

    ``spawn_key`` is what SeedSequence.spawn fills with a running number; the letters of the symbol do the same work
    and do not depend on the order of the symbols.
    """
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))


def _letters(symbol: str) -> tuple[int, ...]:
    return tuple(symbol.encode())


@dataclass(frozen=True, slots=True)
class _World:
    """What all symbols share."""

    seed: int
    clock: Clock
    sessions: Sessions
    where: Floats
    factor: CommonFactor
    drift: float

    def tape(self, profile: SymbolProfile) -> SymbolTape:
        hours = self.sessions.hours[profile.instrument.calendar]
        rng = _stream(self.seed, *_letters(profile.symbol))
        return draw_tape(rng, self.clock, self.where, profile, hours, self.factor, self.drift)


def _world(seed: int, sessions: Sessions, drift: float, bin_minutes: int, steps_per_bin: int) -> _World:
    clock = Clock(sessions.starts_ns, bin_minutes, steps_per_bin)
    where = position(clock, *sessions.offsets("XNYS"))
    return _World(seed, clock, sessions, where, common_factor(_stream(seed, _MARKET_STREAM), clock, where), drift)


def _profiles(symbols: Sequence[str]) -> list[SymbolProfile]:
    if not symbols or len(set(symbols)) != len(symbols):
        raise ConfigError("Give at least one symbol, and each only once.")
    return [profile_of(symbol) for symbol in symbols]


def _add_tape(
    market: SyntheticMarket, profile: SymbolProfile, tape: Tape, raw: RawFactors, news: list[NewsItem]
) -> None:
    hours = market.schedules[profile.instrument.calendar]
    market.daily.append(daily_bars(profile, tape, hours.open_ns, market.seed))
    market.actions = np.concatenate([market.actions, raw.actions])
    market.rolls = np.concatenate([market.rolls, raw.rolls])
    market.news += news


def _lose_trades(
    rng: np.random.Generator, symbol: str, tape: Tape, plan: FaultPlan, disconnects: NDArray[np.int64]
) -> tuple[Tape, NDArray[np.int64], list[NDArray[np.void]]]:
    """Return what is left of a tape after halts, gaps and disconnects, its sequence numbers, and the record."""
    halts = halt_windows(rng, tape, plan)
    records = [("halt", window, tape.ts_ns) for window in halts]
    tape = tape.rows(~inside_windows(tape.ts_ns, halts))
    gaps = lost_windows(rng, tape, plan)
    records += [("gap", window, tape.ts_ns) for window in gaps]
    records += [("disconnect", window, tape.ts_ns) for window in disconnects]
    kept = ~(inside_windows(tape.ts_ns, gaps) | inside_windows(tape.ts_ns, disconnects))
    rows = [
        record(symbol, kind, int(window[0]), int(window[1]), int(inside_windows(stamps, window[None, :]).sum()))
        for kind, window, stamps in records
    ]
    return tape.rows(kept), np.flatnonzero(kept), rows


def synthesise(
    *,
    seed: int = 7,
    symbols: Sequence[str] = DEFAULT_SYMBOLS,
    start: str = "2024-01-02",
    sessions: int = 40,
    drift: float = 0.0,
    schedule: Schedules = None,
    holidays: Sequence[str] = (),
    faults: FaultPlan | None = None,
    with_ticks: bool = False,
) -> SyntheticMarket:
    """Simulate a market of minute bars, built from trades, that behaves like a real one and holds no edge.

    Args:
        seed: same seed, same bytes.
        symbols: fictional symbols; SIMQ is a future (tick 0.25, multiplier 20), every other name a stock.
        start: first possible day, ``YYYY-MM-DD``.
        sessions: number of trading days.
        drift: expected yearly log return as a ratio; 0 makes prices a martingale.
        schedule: stock sessions, or schedules by calendar name (``XNYS``, ``CME``), with early closes as they are;
            nothing means New York weekdays without ``holidays``.
        holidays: days without trading, ``YYYY-MM-DD``; used without ``schedule`` only.
        faults: feed faults to plant; nothing means a clean feed.
        with_ticks: keep trades and quotes too (about 40 bytes each).

    Raises:
        ConfigError: a symbol could be taken for a real one, too few sessions, or faults that need ticks.
    """
    plan = faults or FaultPlan()
    if plan.needs_ticks and not with_ticks:
        raise ConfigError("Duplicates, late, out-of-order and crossed rows exist in ticks only; set with_ticks=True.")
    profiles = _profiles(symbols)
    world = _world(seed, plan_sessions(start, sessions, holidays, schedule), drift, 1, 6)
    market = SyntheticMarket(seed, {p.symbol: p.instrument for p in profiles}, world.sessions.hours)
    disconnects = disconnect_windows(_stream(seed, _FAULT_STREAM), world.clock, plan)
    records: list[NDArray[np.void]] = []
    for profile in profiles:
        drawn = world.tape(profile)
        rng = _stream(seed, _FAULT_STREAM, *_letters(profile.symbol))
        tape, sequence, lost = _lose_trades(rng, profile.symbol, drawn.tape, plan, disconnects)
        records += lost
        market.bars.append(minute_bars(profile, tape, seed))
        _add_tape(market, profile, tape, drawn.raw, drawn.news)
        if with_ticks:
            ticks, disturbed = disturb_ticks(rng, profile.symbol, tick_rows(profile, tape, sequence), plan)
            quotes, crossed = cross_quotes(rng, profile.symbol, quote_rows(drawn.rng, profile, tape), plan)
            market.ticks[profile.symbol], market.quotes[profile.symbol] = ticks, quotes
            records += disturbed + crossed
    return _finished(market, records)


def synthesise_daily(
    *,
    seed: int = 7,
    symbols: Sequence[str] = DEFAULT_SYMBOLS,
    start: str = "2004-01-02",
    sessions: int = 5040,
    drift: float = 0.0,
    schedule: Schedules = None,
    holidays: Sequence[str] = (),
) -> SyntheticMarket:
    """Simulate long daily histories (20 years in about a second) from a tape thinned to one trade per 15 minutes.

    Args are those of ``synthesise``. The days are not those of a minute market of the same seed.
    """
    profiles = _profiles(symbols)
    world = _world(seed, plan_sessions(start, sessions, holidays, schedule), drift, 15, 1)
    market = SyntheticMarket(seed, {p.symbol: p.instrument for p in profiles}, world.sessions.hours)
    for profile in profiles:
        drawn = world.tape(profile)
        _add_tape(market, profile, drawn.tape, drawn.raw, drawn.news)
    return _finished(market, [])


def _finished(market: SyntheticMarket, records: list[NDArray[np.void]]) -> SyntheticMarket:
    market.actions = market.actions[np.argsort(market.actions["ts_ns"], kind="stable")]
    market.rolls = market.rolls[np.argsort(market.rolls["ts_ns"], kind="stable")]
    market.news.sort(key=lambda item: item.ts_ns)
    market.faults = np.concatenate([market.faults, *records])
    return market
