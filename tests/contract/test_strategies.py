"""What every registered strategy must keep, ours and plug-ins' alike."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from tidemill.authoring.fields import Memory, Param
from tidemill.authoring.indicators import SMA
from tidemill.authoring.registry import installed_strategies
from tidemill.authoring.strategy import Strategy, spec_of
from tidemill.kernel.indicators.sma import sma
from tidemill.kernel.proposals import buy, sell
from tidemill.model.enums import Intent, OrderType, Reason, Refusal
from tidemill.model.errors import PluginError
from tidemill.model.settings import RunSettings, StrategySettings
from tidemill.testing.samples import daily_bars, intraday_bars
from tidemill.testing.strategies import check_declarations, check_strategy, run_strategy

STRATEGIES = installed_strategies()
TABLES = {"daily": daily_bars(), "intraday": intraday_bars()}


@pytest.mark.parametrize("name", STRATEGIES)
def test_it_keeps_the_contract(name):
    check_strategy(STRATEGIES[name])


@pytest.mark.parametrize("name", STRATEGIES)
def test_it_is_compiled_and_trades_on_one_of_the_samples(name):
    engines = [run_strategy(spec_of(STRATEGIES[name]), bars, form="compiled") for bars in TABLES.values()]
    assert any(len(engine.tape.rows("fills")) for engine in engines)


@pytest.mark.parametrize("name", STRATEGIES)
def test_parameters_read_their_bounds_and_refuse_beyond(name):
    spec = spec_of(STRATEGIES[name])
    for key, param in spec.params.items():
        assert key == key.lower()
        if not param.is_number:
            assert param.read(param.default) == param.default
            continue
        assert param.low <= param.default <= param.high
        assert param.doc.endswith(".")
        assert param.read(param.low) == param.low
        assert param.read(param.high) == param.high


@pytest.mark.parametrize("name", STRATEGIES)
def test_trap_33_it_waits_while_an_order_is_pending(name):
    never = StrategySettings(entry_type=OrderType.LIMIT, limit_offset_pct=-90.0, allow_short=True)
    for bars in TABLES.values():
        engine = run_strategy(spec_of(STRATEGIES[name]), bars, run=RunSettings(settings=never))
        refusals = engine.tape.rows("refusals")["refusal"]
        assert int(Refusal.ORDER_PENDING) not in refusals
        assert len(engine.tape.rows("fills")) == 0
        assert int((engine.state.tables["orders"]["id"] > 0).sum()) <= 1


@pytest.mark.parametrize("name", STRATEGIES)
def test_trap_37_signals_fill_at_the_next_open(name):
    for bars in TABLES.values():
        fills = run_strategy(spec_of(STRATEGIES[name]), bars).tape.rows("fills")
        signals = fills[fills["reason"] == int(Reason.SIGNAL)]
        at = np.searchsorted(bars.ts, signals["ts_ns"])
        assert (signals["price"] == bars.open[at]).all()


@pytest.mark.parametrize("name", STRATEGIES)
def test_trap_38_exits_are_market_orders_whatever_entries_are(name):
    touched = StrategySettings(entry_type=OrderType.LIMIT, limit_offset_pct=0.0)
    for bars in TABLES.values():
        orders = run_strategy(spec_of(STRATEGIES[name]), bars, run=RunSettings(settings=touched)).tape.rows("orders")
        assert set(orders["type"][orders["intent"] == int(Intent.EXIT)]) <= {int(OrderType.MARKET)}


@pytest.mark.parametrize("name", STRATEGIES)
def test_trap_40_with_its_defaults_it_is_long_only_and_never_refused(name):
    for bars in TABLES.values():
        engine = run_strategy(spec_of(STRATEGIES[name]), bars)
        assert (engine.tape.rows("fills")["position_after"] >= 0.0).all()
        assert len(engine.tape.rows("refusals")) == 0


DIGEST = """\
import hashlib
from tidemill.authoring.registry import installed_strategies
from tidemill.authoring.strategy import spec_of
from tidemill.testing.samples import daily_bars, intraday_bars
from tidemill.testing.strategies import run_strategy
for name, strategy in installed_strategies().items():
    for bars in (daily_bars(70), intraday_bars(1, 15)):
        engine = run_strategy(spec_of(strategy), bars, params=SMALL.get(name, {}))
        print(name, len(engine.tape.rows("fills")), hashlib.sha256(engine.tape.content()).hexdigest())
"""
SMALL = {
    "bollinger_bands": {"window": 8, "multiplier": 1.2},
    "breakout": {"lookback_window": 5, "min_volume_ratio": 1.0},
    "mean_reversion": {"window": 6, "threshold": 0.02},
    "momentum": {"rsi_window": 5, "momentum_window": 3},
    "moving_average_crossover": {"fast_window": 2, "slow_window": 5},
    "rule_based": {"fast_window": 3, "slow_window": 5, "rsi_window": 4, "macd_fast_window": 2, "macd_slow_window": 5},
}


def test_with_the_compiler_off_they_decide_the_same():
    source = f"SMALL = {SMALL!r}\n{DIGEST}"
    plain = subprocess.run(
        [sys.executable, "-c", source],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
    ).stdout.splitlines()
    compiled = []
    for name, strategy in STRATEGIES.items():
        for bars in (daily_bars(70), intraday_bars(1, 15)):
            engine = run_strategy(spec_of(strategy), bars, params=SMALL.get(name, {}))
            digest = hashlib.sha256(engine.tape.content()).hexdigest()
            compiled.append(f"{name} {len(engine.tape.rows('fills'))} {digest}")
    assert plain == compiled
    assert sum(int(line.split()[1]) for line in plain) > 20


class Undocumented(Strategy):
    """Says nothing about its parameter."""

    window = Param(3, low=1, high=9)

    def step(me):
        """Do nothing."""


class Impatient(Strategy):
    """Buys before its average has a value."""

    middle = SMA(window=10)

    def step(me, bar, order):
        """Buy at once."""
        sma(me.middle, bar.close)
        if order.held == 0.0:
            buy(order)


class Insistent(Strategy):
    """Asks again and again."""

    def step(me, bar, order):
        """Bid below the market on every bar, sell what was bought."""
        if order.held > 0.0:
            sell(order, limit=bar.close * 10.0)
        else:
            buy(order)


CALLS = []


class Moody(Strategy):
    """Decides by how often it has been asked in its life."""

    compiled = False

    def step(me, bar, order):
        """Buy or sell by a count outside the run."""
        CALLS.append(bar.close)
        if len(CALLS) % 7 == 0 and order.held == 0.0:
            buy(order)
        elif len(CALLS) % 11 == 0 and order.held > 0.0:
            sell(order)


class Prophet(Strategy):
    """Knows whether the last bar of the data lies above this one."""

    compiled = False
    last = Memory(0.0, doc="The future.")

    def prepare(me, bars):
        """Look at what has not happened yet."""
        me.last = float(bars.close[-1])

    def step(me, bar, order):
        """Buy what will rise, sell what will fall."""
        if bar.close < me.last and order.held == 0.0:
            buy(order)
        elif bar.close > me.last and order.held > 0.0:
            sell(order)


class Divided(Strategy):
    """Counts in whole numbers compiled, in fractions as ordinary Python."""

    half = Memory(0, doc="Half a bar each.")

    def step(me, order):
        """Buy after so many halves."""
        me.half = me.half + 0.5
        if me.half > 3 and order.held == 0.0 and order.pending == 0:
            buy(order)


@pytest.mark.parametrize(
    ("strategy", "what"),
    [
        (Undocumented, r"does not document: window \(doc=…\), window \(unit=…\)"),
        (Impatient, r"before its indicators have values \(10 bars\)"),
        (Insistent, "asks again while its order is on the way"),
        (Moody, "decides otherwise the second time"),
        (Prophet, "looks ahead"),
        (Divided, "mind whole-number memory"),
    ],
)
def test_a_strategy_that_breaks_the_contract_is_told_how(strategy, what):
    with pytest.raises(PluginError, match=what):
        check_strategy(strategy)


def test_a_strategy_without_a_sentence_about_itself_is_refused():
    silent = type("Silent", (Strategy,), {"step": Undocumented.step})
    with pytest.raises(PluginError, match="the class"):
        check_declarations(spec_of(silent))
