"""Runs shipped strategies on small paths and real bars, and tells what they did bar by bar."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tidemill.authoring.strategy import spec_of
from tidemill.model.bars import DAY_NS, MINUTE_NS, SECOND_NS, BarTable
from tidemill.model.enums import Intent, Reason
from tidemill.testing.samples import path_bars
from tidemill.testing.strategies import run_strategy


def run(strategy, bars, *, settings=None, instrument=None, form="auto", **params: float):
    """Run a strategy class over bars, or over a list of closes."""
    table = bars if isinstance(bars, BarTable) else path_bars(bars)
    return run_strategy(spec_of(strategy), table, params=params, run=settings, instrument=instrument, form=form)


def deeds(engine, bars):
    """Return (bar on whose close it was decided, side, reason) of every fill of a market order."""
    fills = engine.tape.rows("fills")
    at = np.searchsorted(bars.ts, fills["ts_ns"]) - 1
    return [(int(i), int(f["side"]), Reason(int(f["reason"])).name) for i, f in zip(at, fills, strict=True)]


def moves(strategy, closes, *, volumes=None, settings=None, **params: float):
    """Return (bar, side) of everything a strategy did on a path of closes; refusals must not happen."""
    bars = path_bars(closes, volumes=volumes)
    engine = run(strategy, bars, settings=settings, **params)
    assert len(engine.tape.rows("refusals")) == 0
    return [(bar, side) for bar, side, _ in deeds(engine, bars)]


def entries(engine):
    """Return the fills that opened positions."""
    fills = engine.tape.rows("fills")
    return fills[fills["intent"] == int(Intent.ENTRY)]


def wandering_bars(rows, seed, *, step=0.02):
    """Return daily bars whose closes wander without any price grid, so that no two averages tie."""
    generator = np.random.default_rng(seed)
    closes = 100.0 * np.exp(np.cumsum(step * generator.standard_normal(rows)))
    volumes = np.exp(0.7 * generator.standard_normal(rows)) * 1_000.0
    return path_bars(list(closes), volumes=list(volumes))


def real_daily_bars(shared_data: Path, symbol: str, rows: int) -> BarTable:
    """Return the last daily bars of a stock."""
    return _read(shared_data / "equity" / "1d" / f"{symbol}.parquet", symbol, DAY_NS, 23_400 * SECOND_NS, rows)


def real_minutes(path: Path, symbol: str) -> BarTable:
    """Return all minute bars of a file."""
    return _read(path, symbol, MINUTE_NS, MINUTE_NS, 10**9)


def _read(path, symbol, interval_ns, duration_ns, rows):
    import duckdb

    columns = duckdb.execute(
        "select epoch_ns(timestamp) as ts, open, high, low, close, volume from read_parquet(?) order by 1", [str(path)]
    ).fetchnumpy()
    cut = {name: np.asarray(column)[-rows:] for name, column in columns.items()}
    prices = [cut[name] for name in ("open", "high", "low", "close", "volume")]
    return BarTable(symbol, interval_ns, duration_ns, cut["ts"].astype(np.int64), *prices)
