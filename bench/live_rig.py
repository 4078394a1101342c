"""A run put together by hand for measuring: real store, real disk, a thread that waits for it, own feed and broker."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tidemill.adapters.calendars import get_calendar
from tidemill.adapters.paper import PaperBroker, PaperTerms
from tidemill.adapters.sql.opening import open_store
from tidemill.authoring.rulebook import load_rules
from tidemill.authoring.strategy import spec_of
from tidemill.engine.engine import Engine
from tidemill.model.bars import MINUTE_NS, BarTable
from tidemill.model.enums import Session
from tidemill.model.instrument import Instrument
from tidemill.model.settings import RunSettings
from tidemill.research.planning import Entrant, plan_run
from tidemill.runtime.clock import SystemClock
from tidemill.runtime.guard.baseline import DayClock
from tidemill.runtime.guard.chain import RULES
from tidemill.runtime.guard.facts import Scope
from tidemill.runtime.guard.halts import Halts
from tidemill.runtime.guard.limits import no_limits
from tidemill.runtime.guard.send_guard import SendGuard
from tidemill.runtime.guard.tolerances import Tolerances
from tidemill.runtime.inbox import Inbox
from tidemill.runtime.life.run import Run
from tidemill.runtime.life.terms import RunParts, RunTerms
from tidemill.runtime.market.candles import Candles
from tidemill.runtime.orders.present import Present
from tidemill.runtime.record.writer import InlineWriter, ThreadWriter

START_NS = 1_700_001_000_000_000_000  # 2023-11-14, 17:30 in New York minus three hours: a regular session in UTC
LOOSE = Tolerances(
    max_orders_per_window=100_000,
    max_messages_per_window=1_000_000,
    max_strategy_orders_per_window=100_000,
    duplicate_window_s=0.000001,
    collar_pct=50.0,
)


def always_open(symbol: str, tick_size: float = 0.01) -> Instrument:
    """Return an instrument that trades around the clock, so that a bench may run at any hour."""
    return Instrument(symbol, tick_size=tick_size, calendar="24/7", zone="UTC")


def flat_bars(symbols: Sequence[str], start_ns: int, interval_ns: int) -> list[BarTable]:
    """Return two bars per symbol: what a plan needs to know the bar size and the span."""
    tables = []
    for symbol in symbols:
        ts = np.array([start_ns - 400 * 86_400_000_000_000, start_ns + 400 * 86_400_000_000_000], np.int64)
        hundred = np.full(2, 100.0)
        tables.append(BarTable(symbol, interval_ns, interval_ns, ts, hundred, hundred, hundred, hundred, hundred))
    return tables


def build(  # noqa: PLR0913 - a bench chooses each part
    folder: Path,
    strategy: Any,
    symbols: Sequence[str],
    *,
    feed: Any,
    broker: Callable[[Any], Any] | None = None,
    settings: RunSettings | None = None,
    interval_ns: int = MINUTE_NS,
    start_ns: int = START_NS,
    with_candles: bool = False,
    inline: bool = False,
    tick_size: float = 0.01,
) -> Run:
    """Return a run that has not started.

    Args:
        broker: makes a broker outside out of the plan; None: the paper broker.
        inline: writes where it is called, as replays at full speed do.
        tick_size: of every instrument; 0: prices are taken as they come.
    """
    folder.mkdir(parents=True, exist_ok=True)
    instruments = [always_open(symbol, tick_size) for symbol in symbols]
    spec = spec_of(strategy)
    bars = flat_bars(symbols, start_ns, interval_ns)
    entrant = Entrant(spec, spec.read_params({}))
    plan = plan_run([entrant], bars, instruments, settings or RunSettings(), get_calendar)
    clock = SystemClock()
    writer = InlineWriter() if inline else ThreadWriter()
    paper = PaperBroker(plan, PaperTerms(account_id="BENCH")) if broker is None else None
    outside = broker(plan) if broker is not None else paper

    def present(core: Any, book: Any) -> Present:
        made = Present(
            core,
            book,
            instruments=instruments,
            strategies=[spec.name],
            run_id="bench",
            account="BENCH",
            mode="paper",
            scopes=[Scope.ACCOUNT],
            tolerances=LOOSE,
            day_clock=DayClock("UTC"),
            session_of=lambda row, now: Session.REGULAR,
            interval_ns=0 if with_candles else interval_ns,
        )
        made.health.is_reconciled = True
        return made

    terms = RunTerms(
        "bench", "bench", "BENCH", "paper", "bench", "bench", "{}", hashlib.sha256(b"{}").hexdigest(), "USD",
        100_000_000_000, instruments, [spec.name],
    )  # fmt: skip
    calendars = {"24/7": get_calendar("24/7")}
    candles = Candles(instruments, [[interval_ns]] * len(instruments), calendars) if with_candles else None
    guard = SendGuard(RULES, {Scope.ACCOUNT: no_limits(Scope.ACCOUNT)}, Halts(folder / "halts"), tolerances=LOOSE)
    url = f"sqlite:///{folder}/bench.db"
    made: list[Any] = []
    if inline:
        made.append(open_store(url, migrate=True))
    else:
        done = threading.Event()
        writer.soon(lambda: (made.append(open_store(url, migrate=True)), done.set()))
        done.wait()
    parts = RunParts(
        Engine(plan, load_rules()), outside, paper, feed, Inbox(instruments, clock, is_replay=feed.is_replay),
        made[0], writer, folder / "runs", clock, guard, present, lambda *_: None, candles,
    )  # fmt: skip
    return Run(terms, parts)
