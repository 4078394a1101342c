"""A first run without any file: real daily prices with the parity proof, or a simulated market of minute bars."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from tidemill.adapters.files import write_parquet
from tidemill.adapters.samples import sample_bars
from tidemill.model.bars import SECOND_NS, BarTable
from tidemill.model.enums import EventKind, Sizing
from tidemill.model.errors import UnknownName
from tidemill.model.settings import Costs, RunSettings, StrategySettings
from tidemill.research.backtest import run_backtest, run_engine
from tidemill.research.parity import Parity, compare_engines
from tidemill.research.result import BacktestResult
from tidemill.research.result.files import write_text
from tidemill.research.synthetic.market import DEFAULT_SYMBOLS, SyntheticMarket, synthesise, synthesise_daily
from tidemill.services.backtests import BacktestRequest, prepare_job, settle_run
from tidemill.services.entries import StrategyRequest

__all__ = ["DEFAULT_SYMBOLS", "DEMO_SYMBOLS", "ParityRun", "real_demo", "simulated_demo", "write_market"]

# The stocks of the simulated market; its future needs a larger account.
DEMO_SYMBOLS = ("SIMA", "SIMB")

_STRATEGY = "moving_average_crossover"
_FORMATS = ("parquet", "csv")
_MONEY_DIGITS = 6


@dataclass(frozen=True, slots=True)
class ParityRun:
    """A backtest, and whether its events give the same when fed one by one.

    Args:
        result: the backtest through the compiled loop.
        parity: the comparison with the live face.
        bars: events fed.
    """

    result: BacktestResult
    parity: Parity
    bars: int


def _demo_settings() -> RunSettings:
    """Return a plain stock account: nine tenths of the equity per position, five hundredths of a percent per fill."""
    return RunSettings(
        settings=StrategySettings(sizing=Sizing.PERCENT, size_value=90.0), costs=Costs(commission_pct=0.05)
    )


def real_demo(*, command: str = "", now: datetime | None = None) -> ParityRun:
    """Backtest Apple's daily prices of 2019 to 2024, then feed the same bars one by one and compare.

    Raises:
        DataError: the package with the prices is missing.
    """
    request = BacktestRequest(
        [StrategyRequest(_STRATEGY)], [sample_bars()], run=_demo_settings(), count_trial=False, command=command
    )
    job = prepare_job(request)
    record, loop = run_backtest(job)
    live = run_engine(job, loop.plan, job.bars, steps=loop.steps, one_by_one=True)
    parity = compare_engines(loop, live)
    return ParityRun(settle_run(request, job, record, loop, now=now), parity, sum(map(len, job.bars)))


def simulated_demo(
    symbols: Sequence[str] = DEMO_SYMBOLS,
    *,
    seed: int = 7,
    command: str = "",
    progress: Callable[[int, int], None] | None = None,
    now: datetime | None = None,
) -> BacktestResult:
    """Backtest forty sessions of simulated minute bars; the result is marked SIMULATED everywhere.

    Raises:
        ConfigError: a symbol could be taken for a real one.
    """
    market = synthesise(seed=seed, symbols=symbols)
    request = BacktestRequest(
        [StrategyRequest(_STRATEGY, {"fast_window": 60, "slow_window": 240})],
        market.bars,
        instruments=market.instruments,
        run=RunSettings(
            settings=StrategySettings(sizing=Sizing.PERCENT, size_value=45.0), costs=Costs(commission_per_unit=0.005)
        ),
        count_trial=False,
        command=command,
        progress=progress,
    )
    job = prepare_job(request)
    job.actions = market.actions if len(market.actions) else None
    record, engine = run_backtest(job)
    return settle_run(request, job, record, engine, now=now)


def write_market(
    folder: Path,
    *,
    seed: int = 7,
    symbols: Sequence[str] = DEFAULT_SYMBOLS,
    sessions: int = 40,
    daily: bool = False,
    kind: str = "parquet",
) -> list[Path]:
    """Write simulated bars of each symbol and the splits and dividends among them; return the files.

    Args:
        folder: where; it is made if needed.
        seed, symbols, sessions: see ``synthesise``.
        daily: daily bars instead of minutes.
        kind: ``parquet`` or ``csv``.

    Raises:
        ConfigError: a symbol could be taken for a real one, or there is no such kind of file.
        OutputError: a file cannot be written.
    """
    if kind not in _FORMATS:
        raise UnknownName("format", kind, _FORMATS)
    make = synthesise_daily if daily else synthesise
    market = make(seed=seed, symbols=symbols, sessions=sessions)
    size = "1d" if daily else "1min"
    paths = []
    for bars in market.daily if daily else market.bars:
        path = folder / f"{bars.symbol}_{size}.{kind}"
        if kind == "parquet":
            write_parquet(bars, path)
        else:
            write_text(_bars_csv(bars), path, "--out")
        paths.append(path)
    # in a folder of its own, so that the folder of bars can be read as a whole
    path = folder / "actions" / "actions.csv"
    write_text(_actions_csv(market), path, "--out")
    return [*paths, path]


def _bars_csv(bars: BarTable) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["timestamp", "symbol", "open", "high", "low", "close", "volume", "simulated"])
    stamps = np.datetime_as_string(bars.ts.astype("datetime64[ns]").astype("datetime64[s]"), timezone="UTC")
    columns = (bars.open, bars.high, bars.low, bars.close, bars.volume)
    for stamp, *numbers in zip(stamps.tolist(), *(column.tolist() for column in columns), strict=True):
        writer.writerow([stamp, bars.symbol, *(round(number, _MONEY_DIGITS) for number in numbers), "true"])
    return text.getvalue()


def _actions_csv(market: SyntheticMarket) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["symbol", "ex_date", "split_ratio", "dividend_cash"])
    for row in market.actions:
        day = datetime.fromtimestamp(int(row["ts_ns"]) // SECOND_NS, UTC).date().isoformat()
        value = float(row["value"])
        is_split = int(row["kind"]) == EventKind.SPLIT
        writer.writerow([row["symbol"], day, *((value, "") if is_split else ("", value))])
    return text.getvalue()
