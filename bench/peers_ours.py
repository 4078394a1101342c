"""Our side of ``make bench-peers``: one workload in a fresh process, told as one line of JSON.

The clock starts with the bars as plain arrays and stops when equity curve and fills can be read: engine, state, streams
and tape are built inside it, as a peer builds its portfolio inside its own.
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

import workloads as wl
from inprocess import plan_of

from tidemill import BarTable, RunSettings
from tidemill.authoring.rulebook import load_rules
from tidemill.engine.engine import Engine
from tidemill.engine.plan import EnginePlan
from tidemill.engine.streams import build_streams
from tidemill.engine.sweep import Sweep
from tidemill.model.enums import FillTiming
from tidemill.model.settings import FillRules

FIELDS = ("open", "high", "low", "close")
FINE = 1e-9  # lot and tick so small that nothing is rounded
Figures = dict[str, Any]


def table(symbol: str, ts: np.ndarray, columns: list[np.ndarray]) -> BarTable:
    """Return handed-over columns (open, high, low, close) as bars."""
    prices = [np.ascontiguousarray(column) for column in columns]
    return BarTable(symbol, wl.MINUTE_NS, wl.MINUTE_NS, ts, *prices, np.full(len(ts), 1_000.0))


def hand_over(folder: Path, _repeats: int) -> Figures:
    """Write the data of every workload for all sides: one row per bar, one column per symbol."""
    single = {"w1": wl.walk(1, 1_000_000), "w1_short": wl.walk(1, 100_000), "w2": wl.walk(2, 100_000)}
    many = [wl.swings(100 + number, 100_000, f"S{number:03d}") for number in range(100)]
    for field in FIELDS:
        for name, bars in single.items():
            np.save(folder / f"{name}_{field}.npy", getattr(bars, field))
        np.save(folder / f"w3_{field}.npy", np.column_stack([getattr(bars, field) for bars in many]))
    np.save(folder / "w2_pairs.npy", [(fast, slow) for fast in range(5, 45) for slow in range(50, 300, 10)])
    return {}


def load(folder: Path, name: str) -> list[BarTable]:
    """Read what ``hand_over`` wrote."""
    columns = [np.load(folder / f"{name}_{field}.npy") for field in FIELDS]
    ts = wl.START_NS + np.arange(len(columns[0]), dtype=np.int64) * wl.MINUTE_NS
    if columns[0].ndim == 1:
        return [table("SYM", ts, columns)]
    return [table(f"S{at:03d}", ts, [column[:, at] for column in columns]) for at in range(columns[0].shape[1])]


def spans_of(work: Callable[[], Any], repeats: int) -> tuple[float, list[float]]:
    """Return the wall-clock time of the first result and the seconds of each repeat after it."""
    work()
    first = time.time()
    spans = []
    for _ in range(repeats):
        gc.collect()
        begin = time.perf_counter()
        work()
        spans.append(time.perf_counter() - begin)
    return first, spans


def replayed(plan: EnginePlan, bars: list[BarTable], repeats: int) -> Figures:
    rules = load_rules()
    steps = Engine(plan, rules).steps
    rows = sum(len(item) for item in bars)
    last: list[Engine] = []

    def work() -> None:
        last.clear()
        engine = Engine(plan, rules, steps=steps, equity_rows=rows)
        engine.replay(build_streams(bars, [item.symbol for item in plan.instruments]))
        engine.tape.rows("equity")
        engine.tape.rows("fills")
        last.append(engine)

    first, spans = spans_of(work, repeats)
    account = last[0].state.tables["accounts"][0]
    equity = int(account["cash"] + account["market"]) / 1e6
    return {"seconds": spans, "first_at": first, "equity": equity, "fills": len(last[0].tape.rows("fills"))}


def one_unit(folder: Path, name: str, repeats: int, run: RunSettings) -> Figures:
    bars = load(folder, name)
    return replayed(plan_of(wl.SmaState, bars, run), bars, repeats)


def next_open(folder: Path, repeats: int) -> Figures:
    return one_unit(folder, "w1", repeats, wl.one_unit())


def same_close(folder: Path, repeats: int) -> Figures:
    run = dataclasses.replace(wl.one_unit(), fills=FillRules(timing=FillTiming.SAME_CLOSE))
    return one_unit(folder, "w1_short", repeats, run)


def pairs(folder: Path, repeats: int, threads: int) -> Figures:
    bars = load(folder, "w2")
    sweep = Sweep(plan_of(wl.SmaState, bars, wl.one_unit()), bars, load_rules())
    settings = [{"fast_window": fast, "slow_window": slow} for fast, slow in np.load(folder / "w2_pairs.npy").tolist()]
    found: list[Any] = []

    def work() -> None:
        found[:] = sweep.run(settings, threads=threads)

    _, spans = spans_of(work, repeats)
    equity, fills = sum(item.equity for item in found), sum(item.fills for item in found)
    return {"seconds": spans, "equity": equity, "fills": fills}


def shared_cash(folder: Path, repeats: int) -> Figures:
    bars = load(folder, "w3")
    return replayed(plan_of(wl.FreshCross, bars, wl.ten_places(), lot=1e-6), bars, repeats)


def plenty_of_cash(folder: Path, repeats: int) -> Figures:
    """W3 without the two rules the peers lack: no limit binds, and levels need not lie on the market's grid."""
    bars = load(folder, "w3")
    places = wl.ten_places()
    settings = dataclasses.replace(places.settings, max_open_positions=len(bars))
    run = dataclasses.replace(places, cash=1_000_000_000.0, settings=settings)
    plan = plan_of(wl.FreshCross, bars, run, lot=FINE)
    plan = dataclasses.replace(plan, instruments=[dataclasses.replace(i, tick_size=FINE) for i in plan.instruments])
    return replayed(plan, bars, repeats)


WORK: dict[str, Callable[[Path, int], Figures]] = {
    "data": hand_over,
    "w1": next_open,
    "w1_close": same_close,
    "w2": lambda folder, repeats: pairs(folder, repeats, 2),
    "w2_one_thread": lambda folder, repeats: pairs(folder, repeats, 1),
    "w3": shared_cash,
    "w3_free": plenty_of_cash,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", choices=WORK)
    parser.add_argument("folder", type=Path)
    parser.add_argument("repeats", type=int)
    options = parser.parse_args()
    figures = WORK[options.work](options.folder, options.repeats)
    figures["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
