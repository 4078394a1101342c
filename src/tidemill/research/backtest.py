"""One backtest: bars in, a run record out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.authoring.rules import RuleSpec
from tidemill.engine.bind import BoundStep
from tidemill.engine.engine import Engine
from tidemill.engine.plan import EnginePlan
from tidemill.engine.stepper import replay_one_by_one
from tidemill.engine.streams import build_streams
from tidemill.model.bars import BarTable
from tidemill.model.enums import Reason
from tidemill.model.instrument import AssetClass, Instrument
from tidemill.model.intervals import format_interval
from tidemill.model.parsing import as_plain
from tidemill.model.runrecord import RunRecord
from tidemill.model.settings import RunSettings
from tidemill.model.tape import TRIP_ROW
from tidemill.model.units import to_micros
from tidemill.ports.calendar import Calendar
from tidemill.research.assumptions import describe_run
from tidemill.research.events import action_events
from tidemill.research.planning import Entrant, plan_run
from tidemill.research.prefix import is_prefix_invariant

__all__ = ["BacktestJob", "events_of", "record_of", "run_backtest", "run_engine"]

_CALLBACK_PREFIX_ROWS = 20_000


@dataclass(slots=True)
class BacktestJob:
    """Everything a backtest needs.

    Args:
        entrants: strategies with parameters.
        bars: tables; one instrument may have several intervals.
        instruments: in table order.
        run: account, settings, costs, fill rules, seed.
        rules: risk rules in order.
        calendars: exchange calendars by name.
        actions: splits and dividends (CORPORATE_ACTION rows), or None.
        form: how strategies run: auto, compiled, interpreted, callback.
        check_prefix: run the look-ahead check.
        progress: called with (rows done, rows in all).
    """

    entrants: Sequence[Entrant]
    bars: Sequence[BarTable]
    instruments: Sequence[Instrument]
    run: RunSettings
    rules: Sequence[RuleSpec]
    calendars: Callable[[str], Calendar]
    actions: NDArray[Any] | None = None
    form: str = "auto"
    check_prefix: bool = True
    progress: Callable[[int, int], None] | None = None


def events_of(job: BacktestJob, bars: Sequence[BarTable]) -> list[NDArray[Any]]:
    """Return the corporate actions up to the end of the bars."""
    if job.actions is None:
        return []
    rows = action_events(job.actions, [item.symbol for item in job.instruments])
    rows = rows[rows["now_ns"] <= max(int(table.ts[-1]) for table in bars if len(table))]
    return [rows] if len(rows) else []


def run_engine(
    job: BacktestJob,
    plan: EnginePlan,
    bars: Sequence[BarTable],
    *,
    steps: Sequence[BoundStep] | None = None,
    one_by_one: bool = False,
    progress: bool = False,
) -> Engine:
    """Build an engine and run bars through it: through the compiled loop, or event by event through its live face."""
    rows = sum(len(table) for table in bars)
    engine = Engine(plan, job.rules, form=job.form, steps=steps, equity_rows=rows, history=bars)
    streams = build_streams(bars, [item.symbol for item in plan.instruments], events_of(job, bars))
    if one_by_one:
        replay_one_by_one(engine, streams.rows)
    elif progress and job.progress is not None:
        report = job.progress
        engine.replay(streams, budget=max(rows // 100, 5_000), progress=lambda done: report(done, rows))
    else:
        engine.replay(streams)
    return engine


def run_backtest(job: BacktestJob) -> tuple[RunRecord, Engine]:
    """Run a job through the compiled loop and return its record together with the finished engine.

    Raises:
        DataError, ConfigError: the job cannot be run.
        StrategyError: a strategy does not compile or raised.
    """
    plan = plan_run(job.entrants, job.bars, job.instruments, job.run, job.calendars)
    engine = run_engine(job, plan, job.bars, progress=True)
    invariant = None
    if job.check_prefix:
        slow = any(step.form == "callback" for step in engine.steps)

        def rerun(bars: Sequence[BarTable]) -> Engine:
            return run_engine(job, plan, bars, steps=None if slow else engine.steps)

        invariant = is_prefix_invariant(
            engine, job.bars, rerun, seed=job.run.seed, max_rows=_CALLBACK_PREFIX_ROWS if slow else 300_000
        )
    return record_of(job, plan, engine, invariant), engine


def _open_trips(engine: Engine) -> NDArray[Any]:
    """Return a row for every position still open at the last close, marked there."""
    slots = engine.state.tables["slots"]
    instruments = engine.state.tables["instruments"]
    rows = np.zeros(int((slots["quantity"] != 0).sum()), TRIP_ROW)
    for row, slot in zip(rows, slots[slots["quantity"] != 0], strict=True):
        instrument = instruments[int(slot["instrument"])]
        is_long = slot["entry_side"] > 0
        entered, value = ("bought", "bought_value") if is_long else ("sold", "sold_value")
        left, left_value = ("sold", "sold_value") if is_long else ("bought", "bought_value")
        last = float(instrument["last"])
        units, held = float(slot[entered]), abs(float(slot["quantity"]))
        entry = float(slot[value]) / units
        paid = 0 if instrument["margined"] == 1 else int(slot["cost"])
        unrealised = int(slot["market"]) - paid
        closed = float(slot[left])
        values = {
            "strategy": slot["strategy"],
            "instrument": slot["instrument"],
            "side": slot["entry_side"],
            "quantity": slot["peak_quantity"],
            "entry_ts_ns": slot["entry_ns"],
            "entry_price": entry,
            "exit_ts_ns": instrument["last_ns"],
            "exit_price": (float(slot[left_value]) + held * last) / (closed + held),
            "pnl": int(slot["trip_realised"]) + unrealised - int(slot["trip_fees"]),
            "fees": slot["trip_fees"],
            "mae": max(entry - slot["low"] if is_long else slot["high"] - entry, 0.0),
            "mfe": max(slot["high"] - entry if is_long else entry - slot["low"], 0.0),
            "bars": slot["bars_seen"] - slot["entry_bar"],
            "risk": slot["trip_risk"],
            "entry_reason": slot["entry_reason"],
            "exit_reason": int(Reason.END_OF_DATA),
            "entry_order": slot["entry_order_id"],
        }
        for name, item in values.items():
            row[name] = item
    return rows


def _described(entrant: Entrant) -> dict[str, Any]:
    """Return a strategy of the run as plain values; settings and bar size only where it has its own."""
    known: dict[str, Any] = {
        "name": entrant.spec.name,
        "params": dict(entrant.params),
        "symbols": list(entrant.symbols),
    }
    if entrant.interval_ns:
        known["interval"] = format_interval(entrant.interval_ns)
    if entrant.settings is not None:
        known["settings"] = as_plain(entrant.settings)
    return known


def _benchmark(bars: BarTable, days: NDArray[Any]) -> NDArray[np.float64] | None:
    """Return the benchmark's last close at or before each day's last mark."""
    at = np.searchsorted(bars.ts + bars.duration_ns, days["ts_ns"], side="right") - 1
    return bars.close[at] if len(at) and at[0] >= 0 else None


def record_of(job: BacktestJob, plan: EnginePlan, engine: Engine, invariant: bool | None) -> RunRecord:
    """Gather what a finished engine left behind; ``invariant`` as the look-ahead check found, None without one."""
    finest = []
    for row, item in enumerate(plan.instruments):
        interval = plan.intervals_ns[row]
        finest.append(next(b for b in job.bars if b.symbol == item.symbol and b.interval_ns == interval))
    account = engine.state.tables["accounts"][0]
    days = engine.tape.rows("days").copy()
    is_crypto = all(item.asset_class is AssetClass.CRYPTO for item in plan.instruments)
    assumptions, warnings = describe_run(job.run, engine, finest, invariant)
    return RunRecord(
        mode="BACKTEST",
        strategies=[item.spec.name for item in plan.strategies],
        instruments=list(plan.instruments),
        bars=finest,
        currency=job.run.currency,
        start_cash=to_micros(job.run.cash),
        end_cash=int(account["cash"]),
        equity=engine.tape.rows("equity"),
        days=days[days["marks"] > 0],
        fills=engine.tape.rows("fills"),
        trips=np.concatenate([engine.tape.rows("trips"), _open_trips(engine)]),
        orders=engine.tape.rows("orders"),
        refusals=engine.tape.rows("refusals"),
        benchmark=_benchmark(finest[0], days[days["marks"] > 0]),
        benchmark_name=f"buy and hold {finest[0].symbol}",
        periods_per_year=365 if is_crypto else 252,
        zone=plan.instruments[0].zone,
        config={
            "strategies": [_described(item) for item in job.entrants],
            "run": job.run.as_dict(),
            "form": [step.form for step in engine.steps],
        },
        assumptions=assumptions,
        warnings=warnings,
        prefix_invariant=invariant,
    )
