"""The six workloads: the same work for every engine, prices in exact binary steps so that results can be compared."""

from __future__ import annotations

from collections import deque

import numpy as np

from tidemill import (
    SMA,
    BarTable,
    Costs,
    Crossing,
    Instrument,
    Param,
    RunSettings,
    Sizing,
    Strategy,
    StrategySettings,
    buy,
    crossing,
    sell,
    sma,
)

MINUTE_NS = 60_000_000_000
START_NS = 1_577_836_800_000_000_000  # 2020-01-01 UTC
FEE_PCT = 0.05


class SmaState(Strategy):
    """Long while the fast average is above the slow one at a close, flat while below."""

    fast_window = Param(10, low=1, high=512, unit="bars")
    slow_window = Param(30, low=1, high=512, unit="bars")
    fast = SMA(window="fast_window")
    slow = SMA(window="slow_window")

    def step(me, bar, order):
        fast = sma(me.fast, bar.close)
        slow = sma(me.slow, bar.close)
        if fast > slow:
            if order.held == 0.0 and order.pending == 0:
                buy(order)
        elif fast < slow and order.held > 0.0 and order.pending == 0:
            sell(order)


class FreshCross(Strategy):
    """Buy on a fresh cross; stop and target do the rest."""

    fast_window = Param(10, low=1, high=512, unit="bars")
    slow_window = Param(30, low=1, high=512, unit="bars")
    fast = SMA(window="fast_window")
    slow = SMA(window="slow_window")
    cross = Crossing()

    def step(me, bar, order):
        turn = crossing(me.cross, sma(me.fast, bar.close), sma(me.slow, bar.close))
        if turn > 0.0 and order.held == 0.0 and order.pending == 0:
            buy(order)


class Machine(Strategy):
    """An ordinary Python object: deques and a small state machine, nothing a compiler could take."""

    compiled = False

    def start(me):
        me.window = deque(maxlen=20)
        me.total = 0.0
        me.mode = 0
        me.since = 0

    def step(me, bar, order):
        price = bar.close
        window = me.window
        if len(window) == 20:
            me.total -= window[0]
        window.append(price)
        me.total += price
        if len(window) < 20:
            return
        mean = me.total / 20
        if me.mode == 0:
            if price < mean * 0.999:
                me.mode = 1
        elif me.mode == 1:
            if price > mean:
                buy(order)
                me.mode = 2
                me.since = 0
        else:
            me.since += 1
            if me.since > 40 or price < mean * 0.998:
                sell(order)
                me.mode = 0


def walk(seed: int, count: int, symbol: str = "SYM", start: float = 10_000.0) -> BarTable:
    """Return a random walk of minute bars on a 0.25 grid."""
    generator = np.random.default_rng(seed)
    close = start + np.cumsum(generator.integers(-8, 9, count)) * 0.25
    close = np.maximum(close, 100.0)
    opens = np.concatenate([[start], close[:-1]]) + generator.integers(-2, 3, count) * 0.25
    high = np.maximum(opens, close) + generator.integers(0, 4, count) * 0.25
    low = np.minimum(opens, close) - generator.integers(0, 4, count) * 0.25
    ts = START_NS + np.arange(count, dtype=np.int64) * MINUTE_NS
    return BarTable(symbol, MINUTE_NS, MINUTE_NS, ts, opens, high, low, close, np.full(count, 1_000.0))


def swings(seed: int, count: int, symbol: str) -> BarTable:
    """Return a lively geometric walk (0.4 % per bar) on a 0.25 grid: stops of a few percent are met often."""
    generator = np.random.default_rng(seed)
    steps = generator.normal(0.0, 0.004, count)
    path = np.cumsum(steps - steps.mean())
    close = np.round(10_000.0 * np.exp(path) * 4) / 4
    opens = np.concatenate([[10_000.0], close[:-1]])
    reach = np.round(np.abs(generator.normal(0.0, 0.002, (2, count))) * close * 4) / 4
    high = np.maximum(opens, close) + reach[0]
    low = np.maximum(np.minimum(opens, close) - reach[1], 0.25)
    ts = START_NS + np.arange(count, dtype=np.int64) * MINUTE_NS
    return BarTable(symbol, MINUTE_NS, MINUTE_NS, ts, opens, high, low, close, np.full(count, 1_000.0))


def instrument(symbol: str, lot: float = 1.0) -> Instrument:
    """Return an always-open instrument on the walk's grid."""
    return Instrument(symbol, tick_size=0.25, lot_size=lot, calendar="24/7", zone="UTC")


def one_unit() -> RunSettings:
    """Return W1's settings: one unit per trade, 0.05 % a side."""
    settings = StrategySettings(sizing=Sizing.FIXED, size_value=1)
    return RunSettings(cash=1_000_000, settings=settings, costs=Costs(commission_pct=FEE_PCT))


def ten_places() -> RunSettings:
    """Return W3's settings: 10 % of the start cash per position, 2 % stop, 4 % target, at most ten open."""
    settings = StrategySettings(
        sizing=Sizing.FIXED_AMOUNT, size_value=100_000, stop_loss_pct=2.0, take_profit_pct=4.0, max_open_positions=10
    )
    return RunSettings(cash=1_000_000, settings=settings, costs=Costs(commission_pct=FEE_PCT))
