"""Use case: run a backtest and count it. The Python face ``tidemill.backtest`` and the command line both end here."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidemill.adapters.calendars import get_calendar
from tidemill.adapters.files import read_corporate_actions, write_quarantine
from tidemill.authoring.rulebook import load_rules
from tidemill.authoring.strategy import Strategy
from tidemill.engine.bind import BoundStep
from tidemill.engine.engine import Engine
from tidemill.engine.plan import EnginePlan
from tidemill.model.bars import BarTable
from tidemill.model.instrument import Instrument
from tidemill.model.runrecord import RunRecord
from tidemill.model.settings import RunSettings
from tidemill.research.backdrop import backdrop_of
from tidemill.research.backtest import BacktestJob, run_backtest
from tidemill.research.card import config_hash, run_card
from tidemill.research.metrics import summarise
from tidemill.research.planning import Entrant
from tidemill.research.report.drawing import Drawing
from tidemill.research.result import BacktestResult
from tidemill.research.traces import trace_indicators
from tidemill.research.trials import Trial, TrialLedger
from tidemill.services.entries import StrategyRequest, check_symbols, entrants_of, with_longer_bars
from tidemill.services.frames import bars_from_frame
from tidemill.services.reading import ReadRequest, Source, describe_instruments, read_inputs

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["BacktestRequest", "backtest", "prepare_job", "run_request", "settle_run"]


@dataclass(slots=True)
class BacktestRequest:
    """What a user asks for, before anything is read.

    Args:
        strategies: who takes part; several share one account.
        data: file paths or bar tables.
        symbols, interval, mapping, zone, start, end, sort: how to read the files (see ``read_bars``).
        instruments: whole instruments by symbol.
        run: account, settings, costs, fill rules, seed.
        actions: file of splits and dividends.
        resolution, market: of a Lean folder.
        overrides: fields of every instrument that differ from what its symbol suggests.
        quarantine: where rows that were set aside are written.
        form: auto, compiled, interpreted or callback.
        check_prefix: run the look-ahead check.
        count_trial: write the run into the project's trial ledger.
        command: what reproduces the run, for the report.
        inputs: the request as plain tables, so that a result file can be run again.
        progress: called with (rows done, rows in all).
    """

    strategies: Sequence[StrategyRequest]
    data: Sequence[Source | BarTable]
    symbols: Sequence[str] = ()
    interval: str | None = None
    mapping: Mapping[str, str] | None = None
    zone: str | None = None
    start: str | None = None
    end: str | None = None
    sort: bool = False
    instruments: Mapping[str, Instrument] = field(default_factory=dict)
    run: RunSettings = field(default_factory=RunSettings)
    actions: Source | None = None
    resolution: str | None = None
    market: str | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    quarantine: str | PathLike[str] | None = None
    form: str = "auto"
    check_prefix: bool = True
    count_trial: bool = True
    command: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    progress: Callable[[int, int], None] | None = None


def _read(request: BacktestRequest) -> tuple[list[BarTable], list[Instrument]]:
    """Read all data of a request and write what was set aside, if asked; return tables and their instruments."""
    wanted = ReadRequest(
        request.data,
        request.symbols,
        request.interval,
        request.mapping,
        request.zone,
        request.start,
        request.end,
        request.sort,
        request.resolution,
        request.market,
        request.instruments,
        request.overrides,
    )
    bars, quarantine = read_inputs(wanted)
    if request.quarantine is not None:
        write_quarantine(Path(request.quarantine), quarantine)
    return bars, [wanted.instrument(symbol) for symbol in dict.fromkeys(table.symbol for table in bars)]


def prepare_job(request: BacktestRequest) -> BacktestJob:
    """Read strategies, data, calendars and rules of a request.

    Raises:
        ConfigError, DataError: something asked for does not exist or cannot be used.
    """
    entrants = entrants_of(request.strategies)
    bars, instruments = _read(request)
    check_symbols(entrants, bars)
    bars = with_longer_bars(entrants, bars, instruments)
    actions = None
    if request.actions is not None:
        actions = read_corporate_actions(Path(request.actions), [item.symbol for item in instruments])
    return BacktestJob(
        entrants,
        bars,
        instruments,
        request.run,
        load_rules(),
        get_calendar,
        actions,
        request.form,
        request.check_prefix,
        request.progress,
    )


def _source_of(entrants: Sequence[Entrant]) -> str:
    texts = []
    for entrant in {entrant.spec.strategy: entrant for entrant in entrants}.values():
        try:
            texts.append(inspect.getsource(entrant.spec.strategy))
        except (OSError, TypeError):
            texts.append(f"# the source of {entrant.spec.name} is not in a file")
    return "\n\n".join(texts)


def run_request(request: BacktestRequest, *, now: datetime | None = None) -> BacktestResult:
    """Run a request and return its result; the run is counted in the trial ledger unless told otherwise."""
    job = prepare_job(request)
    record, engine = run_backtest(job)
    return settle_run(request, job, record, engine, now=now)


def settle_run(
    request: BacktestRequest, job: BacktestJob, record: RunRecord, engine: Engine, *, now: datetime | None = None
) -> BacktestResult:
    """Give a finished run its run card, its count in the trial ledger and its figures."""
    record.config["instruments"] = describe_instruments(record.instruments)
    stamp = now or datetime.now(UTC)
    record.strategy_source = _source_of(job.entrants)
    record.card = run_card(job.bars, record.config, request.run.seed, record.strategy_source)
    metrics = summarise(record)
    if request.count_trial:
        ratio = metrics["sharpe"]
        trial = Trial(
            int(stamp.timestamp()) * 1_000_000_000,
            "+".join(record.strategies),
            config_hash(record.config),
            str(record.card["data"]),
            None if ratio is None else float(ratio) / math.sqrt(record.periods_per_year),
            int(metrics["n"]),
        )
        count, notes = TrialLedger().record(trial)
        record.warnings += notes
        metrics = summarise(record, count)
    created = stamp.strftime("%Y-%m-%d %H:%M UTC")
    draw = partial(_draw, job, engine.plan, engine.steps, record.bars)
    return BacktestResult(
        record, metrics, command=request.command, created_at=created, inputs=request.inputs, draw=draw
    )


def _draw(job: BacktestJob, plan: EnginePlan, steps: Sequence[BoundStep], bars: Sequence[BarTable]) -> Drawing:
    """Return what a chart of the run shows beside the trades."""
    pairs = zip(bars, plan.instruments, strict=True)
    return Drawing(
        trace_indicators(job, plan, steps, bars), [backdrop_of(table, item, job.calendars) for table, item in pairs]
    )


def backtest(
    strategy: str | type[Strategy] | Sequence[StrategyRequest],
    data: Source | BarTable | DataFrame | Sequence[Source | BarTable],
    *,
    symbol: str | None = None,
    interval: str | None = None,
    params: Mapping[str, Any] | None = None,
    run: RunSettings | None = None,
    cash: float | None = None,
    check_prefix: bool = True,
    count_trial: bool = False,
    **read: Any,
) -> BacktestResult:
    """Run a strategy over data and return the result.

    Args:
        strategy: a shipped strategy's name, ``file.py[:Class]`` or a Strategy class; or several ``StrategyRequest``,
            each with parameters, settings and symbols of its own, on one shared account.
        data: a CSV or Parquet path, a bar table, a DataFrame with open, high, low, close (and volume), or several.
        symbol, interval: needed where the data do not say.
        params: strategy parameters that differ from their defaults.
        run: account, sizing, limits, costs and fill rules; ``cash`` overrides its starting cash.
        check_prefix: run the look-ahead check.
        count_trial: write the run into the trial ledger of the current folder.
        read: further ``BacktestRequest`` fields: form, mapping, zone, start, end, actions, instruments.

    Raises:
        TidemillError: in one sentence, what is wrong and what to do.

    Example:
        >>> result = tidemill.backtest("moving_average_crossover", "AAPL.csv", symbol="AAPL")  # doctest: +SKIP
        >>> result.metrics["sharpe"]  # doctest: +SKIP
    """
    settings = run or RunSettings()
    if cash is not None:
        settings = replace(settings, cash=cash)
    sources: list[Any]
    if isinstance(data, (str, PathLike, BarTable)):
        sources = [data]
    elif hasattr(data, "columns"):
        sources = [bars_from_frame(data, symbol or "DATA", interval)]
    else:
        sources = list(data)
    request = BacktestRequest(
        [StrategyRequest(strategy, params or {})] if isinstance(strategy, str | type) else list(strategy),
        sources,
        [symbol] if symbol else (),
        interval,
        run=settings,
        check_prefix=check_prefix,
        count_trial=count_trial,
        **read,
    )
    return run_request(request)
