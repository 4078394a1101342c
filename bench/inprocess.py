"""Workloads timed inside this process; each returns seconds (or microseconds) of its best and median repeat."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import workloads as wl

from tidemill.authoring.rulebook import load_rules
from tidemill.authoring.strategy import spec_of
from tidemill.engine.engine import Engine
from tidemill.engine.plan import CalendarPlan, EnginePlan, StrategyPlan, ZoneTable
from tidemill.engine.streams import build_streams
from tidemill.engine.sweep import Sweep
from tidemill.engine.ticks import bars_from_trades
from tidemill.model.enums import EventKind

Figures = dict[str, Any]


def timed(work: Callable[[], Any], repeats: int) -> tuple[float, float, float]:
    """Return minimum, median and maximum seconds of ``work``."""
    spans = []
    for _ in range(repeats):
        gc.collect()
        begin = time.perf_counter()
        work()
        spans.append(time.perf_counter() - begin)
    return min(spans), statistics.median(spans), max(spans)


def plan_of(
    strategy: type, bars: list, run: Any, params: dict[str, float] | None = None, lot: float = 1.0
) -> EnginePlan:
    """Return the engine plan of a workload."""
    spec = spec_of(strategy)
    zone = ZoneTable(np.zeros(1, np.int64), np.zeros(1, np.int64))
    calendar = CalendarPlan("24/7", zone, 0)
    names = [wl.instrument(table.symbol, lot) for table in bars]
    entry = StrategyPlan(spec, spec.read_params(params or {}), run.settings)
    return EnginePlan(names, [wl.MINUTE_NS] * len(bars), [calendar], [0] * len(bars), [entry], run)


def run_loop(plan: EnginePlan, bars: list, repeats: int, form: str = "auto") -> tuple[Figures, Engine]:
    """Time the compiled loop alone: state and streams are built before the clock starts."""
    rules = load_rules()
    rows = sum(len(table) for table in bars)
    engine = Engine(plan, rules, form=form, equity_rows=rows)
    spans = []
    for _ in range(repeats):
        engine = Engine(plan, rules, steps=engine.steps if form == "auto" else None, form=form, equity_rows=rows)
        streams = build_streams(bars, [item.symbol for item in plan.instruments])
        gc.collect()
        begin = time.perf_counter()
        engine.replay(streams)
        spans.append(time.perf_counter() - begin)
    account = engine.state.tables["accounts"][0]
    return {
        "min": min(spans),
        "median": statistics.median(spans),
        "max": max(spans),
        "fills": len(engine.tape.rows("fills")),
        "equity": int(account["cash"] + account["market"]) / 1e6,
    }, engine


def w1(repeats: int) -> Figures:
    bars = [wl.walk(1, 1_000_000)]
    return run_loop(plan_of(wl.SmaState, bars, wl.one_unit()), bars, repeats)[0]


def w2(repeats: int) -> Figures:
    bars = wl.walk(2, 100_000)
    pairs = [(fast, slow) for fast in range(5, 45) for slow in range(50, 300, 10)][:1_000]
    plan = plan_of(wl.SmaState, [bars], wl.one_unit())
    sweep = Sweep(plan, [bars], load_rules())
    settings = [{"fast_window": fast, "slow_window": slow} for fast, slow in pairs]
    totals: list[float] = []

    def work() -> None:
        totals.append(float(sum(item.equity for item in sweep.run(settings, threads=2))))

    low, middle, high = timed(work, repeats)
    return {"min": low, "median": middle, "max": high, "equity": totals[-1], "pairs": len(pairs)}


def w3(repeats: int) -> Figures:
    bars = [wl.swings(100 + number, 100_000, f"S{number:03d}") for number in range(100)]
    shared = bars[0].ts
    for table in bars:
        table.ts = shared
    plan = plan_of(wl.FreshCross, bars, wl.ten_places(), lot=1e-6)
    return run_loop(plan, bars, repeats)[0]


def w4(repeats: int) -> Figures:
    bars = [wl.walk(4, 1_000_000)]
    return run_loop(plan_of(wl.Machine, bars, wl.one_unit()), bars, repeats, form="callback")[0]


def w5(repeats: int) -> Figures:
    generator = np.random.default_rng(5)
    count = 10_000_000
    ts = wl.START_NS + np.cumsum(generator.integers(0, 400_000_000, count))
    price = 10_000 + np.cumsum(generator.integers(-1, 2, count)) * 0.25
    size = generator.integers(1, 20, count).astype(np.float64)
    found: list[int] = []

    def work() -> None:
        found.append(len(bars_from_trades("T", ts, price, size, wl.MINUTE_NS, check=False)))

    low, middle, high = timed(work, repeats)
    return {"min": low, "median": middle, "max": high, "bars": found[-1]}


def w6(count: int = 60_000) -> Figures:
    """Time one bar in, order out, through ``Engine.feed`` from Python: fields written, commands read."""
    bars = wl.walk(6, count)
    plan = plan_of(wl.SmaState, [bars], wl.one_unit())
    engine = Engine(plan, load_rules())
    columns = [bars.ts.tolist(), *(getattr(bars, name).tolist() for name in ("open", "high", "low", "close", "volume"))]
    event = engine.bar
    event.kind = int(EventKind.BAR)
    event.interval_ns = wl.MINUTE_NS
    spans = np.empty(count, np.int64)
    orders = 0
    clock = time.perf_counter_ns
    for number, (ts, opened, high, low, close, volume) in enumerate(zip(*columns, strict=True)):
        begin = clock()
        event.ts_ns = ts
        event.now_ns = ts + 60_000_000_000
        event.open = opened
        event.high = high
        event.low = low
        event.close = close
        event.volume = volume
        if engine.feed():
            orders += len(engine.commands)
        spans[number] = clock() - begin
        if number % 1_000 == 0:
            engine.tape.grow(4_096)
    spans = spans[count // 10 :]
    return {"p50_us": float(np.median(spans)) / 1e3, "p99_us": float(np.percentile(spans, 99)) / 1e3, "orders": orders}
