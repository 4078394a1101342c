"""The contract of a strategy, as checks its author can run: ``check_strategy(MyStrategy)``.

A strategy that passes is documented and bounded, decides nothing before its indicators have values, decides the same
every time and in every form (compiled, interpreted, ordinary Python), and never looks ahead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tidemill.authoring.rulebook import load_rules
from tidemill.authoring.strategy import Strategy, StrategySpec, spec_of
from tidemill.engine.bind import BoundStep
from tidemill.engine.engine import Engine
from tidemill.engine.plan import CalendarPlan, EnginePlan, StrategyPlan, ZoneTable
from tidemill.engine.streams import build_streams
from tidemill.model.bars import DAY_NS, BarTable
from tidemill.model.enums import Refusal
from tidemill.model.errors import PluginError
from tidemill.model.instrument import Instrument
from tidemill.model.settings import RunSettings, StrategySettings
from tidemill.model.zones import zone_offsets
from tidemill.research.parity import compare_engines
from tidemill.research.prefix import is_prefix_invariant
from tidemill.testing.samples import daily_bars, intraday_bars

__all__ = [
    "check_declarations",
    "check_determinism",
    "check_forms",
    "check_look_ahead",
    "check_strategy",
    "check_warmup",
    "run_strategy",
]

_CUTS = 5
_SEED = 7


def run_strategy(
    spec: StrategySpec,
    bars: BarTable,
    *,
    params: Mapping[str, Any] | None = None,
    run: RunSettings | None = None,
    instrument: Instrument | None = None,
    form: str = "auto",
    steps: Sequence[BoundStep] | None = None,
) -> Engine:
    """Run a strategy over one table of bars, all risk rules in place, and return the finished engine.

    Args:
        spec: the strategy.
        bars: of one instrument.
        params: parameters that differ from their defaults.
        run: account, settings, costs and fill rules; short selling is allowed by default.
        instrument: what is traded; a US stock without a price grid by default. No exchange schedule is built: the
            market counts as always open, clocks and trading days follow the instrument's zone.
        form: auto, compiled, interpreted or callback.
        steps: an engine's steps, to compile nothing anew.

    Raises:
        ConfigError: a parameter or setting is wrong.
        StrategyError: the strategy does not compile or raised.
    """
    chosen = run or RunSettings(settings=StrategySettings(allow_short=True))
    traded = instrument or Instrument(bars.symbol, tick_size=0.0)
    first, last = (int(bars.ts[0]), int(bars.ts[-1])) if len(bars) else (0, 0)
    zone = ZoneTable(*zone_offsets(traded.zone, first - 8 * DAY_NS, last + 8 * DAY_NS))
    entrant = StrategyPlan(spec, spec.read_params(params or {}), chosen.settings, window_zone=zone)
    calendar = CalendarPlan(traded.calendar, zone, traded.day_roll_minutes)
    plan = EnginePlan([traded], [bars.interval_ns], [calendar], [0], [entrant], chosen)
    engine = Engine(plan, load_rules(), form=form, steps=steps, equity_rows=len(bars), history=[bars])
    engine.replay(build_streams([bars], [bars.symbol]))
    return engine


def check_declarations(spec: StrategySpec) -> None:
    """Refuse a strategy without a sentence about itself, its parameters or its units, or with unusable defaults.

    Raises:
        PluginError: something is missing.
        ConfigError: the defaults contradict each other.
    """
    missing = [] if spec.title else ["the class (a docstring)"]
    missing += [f"{name} (doc=…)" for name, item in spec.params.items() if not item.doc]
    missing += [f"{name} (doc=…)" for name, item in spec.memory.items() if not item.doc]
    missing += [f"{name} (unit=…)" for name, item in spec.params.items() if not item.unit and not item.options]
    if missing:
        raise PluginError(f"{spec.name} does not document: {', '.join(missing)}.")
    spec.read_params({})


def check_warmup(spec: StrategySpec, bars: BarTable, engine: Engine) -> None:
    """Refuse decisions made before every declared indicator has a value.

    Raises:
        PluginError: an order or a refusal is older than that.
    """
    needed = spec.warmup(spec.read_params({}))
    ready_ns = int((bars.ts + bars.duration_ns)[needed - 1]) if 0 < needed <= len(bars) else -(2**62)
    rows = engine.state.tables["orders"]
    living = rows["created_ns"][rows["id"] > 0]
    past = engine.tape.rows("orders")["created_ns"]
    decided = np.concatenate([living, past, engine.tape.rows("refusals")["ts_ns"]])
    if (decided < ready_ns).any():
        raise PluginError(f"{spec.name} decides before its indicators have values ({needed} bars); test with `x == x`.")


def check_determinism(spec: StrategySpec, bars: BarTable, engine: Engine) -> None:
    """Refuse a strategy that decides otherwise when it runs a second time.

    Raises:
        PluginError: the two runs differ.
    """
    again = run_strategy(spec, bars, form=engine.steps[0].form)
    if again.tape.content() != engine.tape.content():
        raise PluginError(
            f"{spec.name} decides otherwise the second time; take out clocks, chance and module variables."
        )


def check_forms(spec: StrategySpec, bars: BarTable, engine: Engine) -> None:
    """Refuse a strategy whose forms disagree: compiled and interpreted down to its memory, ordinary Python in deeds.

    Raises:
        StrategyError: a form raised.
        PluginError: the forms disagree.
    """
    if engine.steps[0].form == "callback":
        return  # code the compiler cannot take has only this form
    plain = compare_engines(engine, run_strategy(spec, bars, form="interpreted"))
    if plain.first_difference is not None:
        raise PluginError(
            f"{spec.name} decides otherwise interpreted than compiled; mind whole-number memory and NaN. "
            f"{plain.first_difference}"
        )
    called = run_strategy(spec, bars, form="callback")
    if called.tape.content() != engine.tape.content():
        raise PluginError(f"{spec.name} decides otherwise as ordinary Python; mind whole-number memory.")


def check_look_ahead(spec: StrategySpec, bars: BarTable, engine: Engine) -> None:
    """Refuse a strategy whose decisions change when later bars are cut off.

    Raises:
        PluginError: a truncated run differs from the same stretch of the full one.
    """

    def rerun(kept: Sequence[BarTable]) -> Engine:
        return run_strategy(spec, kept[0], form=engine.steps[0].form)

    if not is_prefix_invariant(engine, [bars], rerun, seed=_SEED, cuts=_CUTS):
        raise PluginError(f"{spec.name} looks ahead: its decisions change when later bars are cut off.")


def check_strategy(strategy: type[Strategy], bars: BarTable | None = None) -> None:
    """Run every check of a strategy; it passes in silence.

    Args:
        strategy: the class.
        bars: what to run it on; when left out, simulated daily bars and simulated five-minute bars.

    Raises:
        StrategyError: it does not compile (unless it says ``compiled = False``), or it raised.
        PluginError: it breaks the contract; the message says how.
    """
    spec = spec_of(strategy)
    check_declarations(spec)
    form = "compiled" if strategy.compiled else "callback"
    for table in (daily_bars(), intraday_bars()) if bars is None else (bars,):
        engine = run_strategy(spec, table, form=form)
        if (engine.tape.rows("refusals")["refusal"] == int(Refusal.ORDER_PENDING)).any():
            raise PluginError(f"{spec.name} asks again while its order is on the way; test `order.pending == 0` first.")
        check_warmup(spec, table, engine)
        check_determinism(spec, table, engine)
        check_forms(spec, table, engine)
        check_look_ahead(spec, table, engine)
