"""What an agent trades on: instruments, strategies, bars to plan with, and the feed that brings the market."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.adapters.calendars import get_calendar
from tidemill.adapters.feeds import (
    PlainDialect,
    PushedFeed,
    ReplayData,
    ReplayFeed,
    StreamedFeed,
    StreamTerms,
    SyntheticFeed,
)
from tidemill.adapters.feeds.merge import groups
from tidemill.adapters.samples import sample_bars
from tidemill.model.agent import LISTENING, AgentSpec
from tidemill.model.bars import DAY_NS, BarTable
from tidemill.model.errors import ConfigError, DataError
from tidemill.model.instrument import Instrument
from tidemill.model.intervals import parse_interval
from tidemill.ports.feed import Feed
from tidemill.ports.seams import Clock
from tidemill.research.backtest import BacktestJob, events_of
from tidemill.research.planning import Entrant
from tidemill.runtime.clock import SystemRng
from tidemill.runtime.market.candles import Candles
from tidemill.services.agents import requests_of
from tidemill.services.backtests import BacktestRequest, prepare_job
from tidemill.services.demo import DEMO_SYMBOLS
from tidemill.services.entries import check_symbols, entrants_of, with_longer_bars
from tidemill.services.kept_plan import KeptPlan
from tidemill.services.reading import instrument_for
from tidemill.services.simulated import simulated_market
from tidemill.wire.sockets import SocketNet

__all__ = ["LiveMarket", "market_of", "request_of_agent"]

_AHEAD_DAYS = 400  # a run that lasts longer plans anew when it is started again
_FOREVER_DAYS = 3_650
_PIECE = 20  # sessions of one piece of a market without end
_LONGEST_PAUSE_S = 5.0  # nights and weekends of a paced replay


@dataclass(slots=True)
class LiveMarket:
    """What a run is made over.

    Args:
        entrants: strategies, in the core's order.
        instruments: in the core's order.
        bars: tables the plan is made over; of a feed without end they only tell its span and bar sizes.
        feed: brings the market.
        candles: makes bars of trades, where the feed may bring trades.
        rows: bars that will come in all; 0: nobody knows.
        is_known: the bars are the whole future of the run, as in a backtest.
        warmup: groups of bars from before the run, for its strategies to learn from.
    """

    entrants: list[Entrant]
    instruments: Sequence[Instrument]
    bars: list[BarTable]
    feed: Feed
    candles: Candles | None = None
    rows: int = 0
    is_known: bool = False
    warmup: Sequence[NDArray[Any]] = ()

    @property
    def plan(self) -> KeptPlan:
        """What is kept of it with the run."""
        return KeptPlan(self.instruments, self.bars, self.is_known, self.feed.name == "SIMULATED")


def request_of_agent(spec: AgentSpec) -> BacktestRequest:
    """Return the backtest that an agent's data and settings amount to: the run must trade as it would.

    Raises:
        ConfigError: its data have no end. StrategyError: a strategy's file is not the one it was made with.
    """
    feed = spec.feed
    data: list[BarTable | str] = [sample_bars()] if feed.kind == "sample" else list(feed.files)
    instruments = {}
    if feed.kind == "synthetic" and feed.sessions:
        market = simulated_market(spec.symbols or DEMO_SYMBOLS, seed=feed.seed, sessions=feed.sessions)
        data = list(market.draw(0).bars)
        instruments = {item.symbol: item for item in market.instruments}
    if not data:
        raise ConfigError(f"The data of a {feed.kind} feed have no end that a backtest could run to.")
    return BacktestRequest(
        requests_of(spec),
        data,
        spec.symbols if feed.kind == "replay" else (),
        spec.interval or None,
        dict(feed.mapping) or None,
        feed.zone or None,
        feed.start or None,
        feed.end or None,
        feed.sort,
        instruments,
        spec.run,
        feed.actions or None,
        feed.resolution or None,
        feed.market or None,
        dict(spec.instrument),
        form=spec.form,
        check_prefix=False,
        count_trial=False,
    )


def prepare_agent(spec: AgentSpec) -> BacktestJob:
    """Read the data of an agent whose feed ends, cut at its scheduled end.

    Raises:
        ConfigError, DataError: as of a backtest.
    """
    job = prepare_job(request_of_agent(spec))
    if spec.schedule.end:
        end_ns = spec.schedule.end_ns
        job.bars = [t.rows(0, int(np.searchsorted(t.ts, end_ns - t.duration_ns, side="right"))) for t in job.bars]
        if not any(map(len, job.bars)):
            raise DataError(f"All data of {spec.name} lie behind its scheduled end {spec.schedule.end}.")
    return job


def market_of(spec: AgentSpec, clock: Clock, began_ns: int, speed: float = math.inf) -> LiveMarket:
    """Return what a run of an agent is made over.

    Args:
        spec: the agent.
        clock: of the run.
        began_ns: when the run began first.
        speed: of a replay or simulated market, times the market's pace.

    Raises:
        ConfigError, DataError: the data cannot be used as given.
    """
    if spec.feed.kind in LISTENING:
        return _pushed(spec, clock, began_ns)
    if spec.feed.kind == "synthetic" and not spec.feed.sessions:
        return _endless(spec, clock, speed)
    job = prepare_agent(spec)
    actions = events_of(job, job.bars)
    if spec.feed.kind == "synthetic":
        symbols = [item.symbol for item in job.instruments]
        whole = simulated_market(symbols, seed=spec.feed.seed, sessions=spec.feed.sessions).draw(0).actions
        last = max(int(table.ts[-1]) for table in job.bars if len(table))
        actions = [whole[whole["now_ns"] <= last]]
    data = ReplayData(job.bars, actions=actions[0]) if actions else ReplayData(job.bars)
    is_simulated = spec.feed.kind == "synthetic" or any(table.meta.get("simulated") for table in job.bars)
    name = "SIMULATED" if is_simulated else spec.feed.kind
    feed = ReplayFeed(data, clock, speed=speed, longest_pause_s=_LONGEST_PAUSE_S, name=name)
    rows = sum(map(len, job.bars))
    return LiveMarket(list(job.entrants), job.instruments, list(job.bars), feed, None, rows, is_known=True)


def _endless(spec: AgentSpec, clock: Clock, speed: float) -> LiveMarket:
    """Return a simulated market that goes on until somebody stops it."""
    symbols = spec.symbols or DEMO_SYMBOLS
    market = simulated_market(symbols, seed=spec.feed.seed, sessions=_PIECE)
    first = market.draw(0)
    finest = min(table.interval_ns for table in first.bars)
    entrants = entrants_of(requests_of(spec))
    check_symbols(entrants, first.bars)
    items = market.instruments

    def draw(number: int) -> ReplayData:
        piece = market.draw(number) if number else first
        return ReplayData(with_longer_bars(entrants, piece.bars, items), actions=piece.actions)

    start = min(int(table.ts[0]) for table in first.bars)
    bars = _spans(entrants, items, finest, start, start + _FOREVER_DAYS * DAY_NS)
    feed = SyntheticFeed(draw, clock, speed=speed, longest_pause_s=_LONGEST_PAUSE_S)
    return LiveMarket(entrants, items, bars, feed)


def _pushed(spec: AgentSpec, clock: Clock, began_ns: int) -> LiveMarket:
    """Return a market of the present, pushed or streamed: bars, or trades that become bars."""
    items = [instrument_for(symbol, spec.instrument) for symbol in spec.symbols]
    finest = parse_interval(spec.interval)
    entrants = entrants_of(requests_of(spec))
    end_ns = max(clock.now_ns(), began_ns) + _AHEAD_DAYS * DAY_NS
    known = _history(spec, began_ns)
    start_ns = min([began_ns, *(int(table.ts[0]) for table in known)]) - DAY_NS
    bars = _spans(entrants, items, finest, start_ns, end_ns)
    check_symbols(entrants, bars)
    sizes = [sorted({table.interval_ns for table in bars if table.symbol == item.symbol}) for item in items]
    calendars = {item.calendar: get_calendar(item.calendar) for item in items}
    warmup = list(groups(ReplayData(known), spec.symbols)) if known else []
    return LiveMarket(
        entrants,
        items,
        bars,
        _listening(spec, clock, sorted({size for own in sizes for size in own})),
        Candles(items, sizes, calendars),
        warmup=warmup,
    )


def _listening(spec: AgentSpec, clock: Clock, sizes_ns: Sequence[int]) -> Feed:
    if spec.feed.kind == "push":
        return PushedFeed(clock)
    terms = StreamTerms(bar_ns=sizes_ns[0])
    net, chance = SocketNet(), SystemRng()
    return StreamedFeed(spec.feed.url, PlainDialect(sizes_ns), net, clock, chance, name="stream", terms=terms)


def _history(spec: AgentSpec, began_ns: int) -> list[BarTable]:
    """Return the bars of a feed's files that were known when the run began: its strategies learn from them."""
    if not spec.feed.files:
        return []
    tables = prepare_agent(replace(spec, feed=replace(spec.feed, kind="replay", url=""))).bars
    cut = [t.rows(0, int(np.searchsorted(t.ts, began_ns - t.duration_ns, side="right"))) for t in tables]
    return [table for table in cut if len(table)]


def _spans(
    entrants: Sequence[Entrant], items: Sequence[Instrument], finest: int, start_ns: int, end_ns: int
) -> list[BarTable]:
    """Return tables that tell bar sizes and the time a plan has to cover; they hold no prices."""
    ts = np.array([start_ns, end_ns], np.int64)
    nothing = np.full(2, np.nan)
    tables = []
    for item in items:
        own = {e.interval_ns for e in entrants if item.symbol in (e.symbols or (item.symbol,))}
        sizes = sorted({finest, *own} - {0})
        tables += [BarTable(item.symbol, size, size, ts, *(nothing,) * 5) for size in sizes]
    return tables
