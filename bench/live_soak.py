"""Ticks taken over a stretch: 500 symbols, real trades of BAC and SPY among them, bars built, orders filled, memory."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from live import Paced, through

from live_rig import build
from tidemill import Strategy
from tidemill.kernel.proposals import buy, close
from tidemill.model.bars import MINUTE_NS, SECOND_NS
from tidemill.model.settings import RunSettings, Sizing, StrategySettings

__all__ = ["sustained"]

_REAL = ("BAC", "SPY")
_SHARE = 8  # every eighth tick is a real one, of one and the other in turn
_BURST = 256
_FLAT_OUT_S = 60.0  # a longer stretch is paced: the tape of ten minutes flat out would fill a disk
_PACE = 20_000.0  # ticks a second, what has to be reached (docs/benchmarks.md)

_Tick = tuple[int, float, float]  # instrument, price, size


class Sometimes(Strategy):
    """Is long for one bar after about every twenty-fifth, by the cents of its close."""

    name = "sometimes"

    def step(me, bar, order):
        if order.pending == 0:
            if order.held != 0.0:
                close(order)
            elif int(bar.close * 100.0 + 0.5) % 25 == 0:
                buy(order)


def _data_folder() -> Path | None:
    named = os.environ.get("TIDEMILL_SHARED_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[1].parent / "shared" / "data"
    folder /= "equity/tick_trade"
    return folder if all((folder / f"{name}.parquet").exists() for name in _REAL) else None


def _again(number: int, prices: list[float], sizes: list[float]) -> Iterator[_Tick]:
    """Return ticks of one symbol without end; nothing is kept of those that were taken."""
    while True:
        yield from zip(itertools.repeat(number), prices, sizes, strict=False)


def _real_ticks(folder: Path) -> Iterator[_Tick]:
    """Return recorded trades of both symbols in turn, in their order, again and again."""
    found = []
    for number, name in enumerate(_REAL):
        table = pq.read_table(folder / f"{name}.parquet", columns=["price", "size", "suspicious"])
        is_sound = ~np.asarray(table["suspicious"])
        prices, sizes = np.asarray(table["price"])[is_sound], np.asarray(table["size"])[is_sound]
        found.append(_again(number, prices.tolist(), sizes.tolist()))
    return itertools.chain.from_iterable(zip(*found, strict=True))


def _made_up_ticks(symbols: int, first: int) -> Iterator[_Tick]:
    rng = np.random.default_rng(7)
    price = (50.0 + rng.integers(0, 5_000, symbols) / 100.0).tolist()
    which = rng.integers(first, symbols, 1 << 16).tolist()
    moves = (rng.integers(-1, 2, 1 << 16) / 100.0).tolist()
    while True:
        for at, move in zip(which, moves, strict=True):
            price[at] = round(max(price[at] + move, 1.0), 2)
            yield at, price[at], 100.0


def _ticks(symbols: int) -> tuple[Iterator[_Tick], bool]:
    """Return the ticks, and whether real ones are among them."""
    folder = _data_folder()
    if folder is None:
        return _made_up_ticks(symbols, 0), False
    real, rest = _real_ticks(folder), _made_up_ticks(symbols, len(_REAL))
    pattern = itertools.cycle([real, *[rest] * (_SHARE - 1)])
    return (next(source) for source in pattern), True


def _resident_mb() -> float:
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class _Memory:
    """Resident memory at an eighth, at the middle and at the end of a stretch: before the first the engine warms up."""

    def __init__(self, seconds: float) -> None:
        self._marks = {"start_mb": seconds / 8, "middle_mb": seconds / 2}
        self.found: dict[str, float] = {}

    def look(self, elapsed: float) -> None:
        for name, due in self._marks.items():
            if elapsed >= due and name not in self.found:
                self.found[name] = _resident_mb()

    def end(self) -> dict[str, float]:
        end = _resident_mb()
        start = self.found.get("start_mb", end)
        return {**self.found, "end_mb": end, "grown_mb": end - start}


async def _feed(sink: Any, ticks: Iterator[_Tick], seconds: float, per_second: float) -> dict[str, float]:
    """Put ticks in for so long; per second 0: as fast as they are taken."""
    memory, count = _Memory(seconds), 0
    for at, price, _ in itertools.islice(ticks, 64):
        sink.border.know(at, price)  # as the day before would have told
    began = time.perf_counter()
    while (elapsed := time.perf_counter() - began) < seconds:
        if per_second and count > elapsed * per_second:
            await asyncio.sleep(0.001)
            continue
        for at, price, size in itertools.islice(ticks, _BURST):
            count += 1
            sink.trade(at, time.time_ns(), price, size, count)
        await sink.ready()
        await asyncio.sleep(0)
        memory.look(elapsed)
    while not sink.is_empty:
        await asyncio.sleep(0)
    taken_s = time.perf_counter() - began
    return {"ticks_per_s": count / taken_s, "ticks": float(count), "seconds": taken_s, **memory.end()}


def sustained(seconds: float = 10.0, symbols: int = 500, per_second: float | None = None) -> dict[str, float | str]:
    """Return ticks a second that one engine takes over a stretch, what was lost on the way, and how memory moved.

    Bars end five times in a short stretch and every minute in a long one; at each about twenty symbols are bought for
    one bar. Recorded trades of BAC and SPY come at the present time, in their order; without the folder of real data
    all ticks are made up, and ``data`` says so.

    Args:
        per_second: ticks put in; 0: as many as are taken; None: 0 up to a minute, 20,000 for longer stretches.
    """
    names = [*_REAL, *(f"S{number:03d}" for number in range(symbols - len(_REAL)))]
    pace = per_second if per_second is not None else _PACE if seconds > _FLAT_OUT_S else 0.0
    ticks, is_real = _ticks(symbols)
    interval_ns = min(max(round(seconds / 5), 1) * SECOND_NS, MINUTE_NS)
    taken: dict[str, float | str] = {}
    holder: list[Any] = []

    async def drive(sink: Any) -> None:
        run = holder[0]
        taken.update(await _feed(sink, ticks, seconds, pace))
        counts = sink.counts()
        shown = len((await run.parts.broker.executions(0)).items)
        booked = await run.parts.writer.run(lambda: len(run.parts.store.fills("bench")))
        taken.update(
            lost_ticks=float(counts.overflowed),
            set_aside=float(sink.border.total),
            orders=float(len(run.book.by_client)),
            fills=float(booked),
            lost_fills=float(shown - booked),
            data="recorded trades of BAC and SPY, and made up" if is_real else "made up: no real data found",
        )

    settings = RunSettings(cash=100_000_000, settings=StrategySettings(sizing=Sizing.FIXED, size_value=1))
    with tempfile.TemporaryDirectory() as folder:
        run = build(
            Path(folder), Sometimes, names, feed=Paced(drive), with_candles=True, start_ns=time.time_ns(),
            settings=settings, interval_ns=interval_ns, tick_size=0.0,
        )  # fmt: skip
        holder.append(run)
        asyncio.run(through(run))
        run.parts.writer.close()
    return taken


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sustain-seconds", type=float, default=10.0)
    parser.add_argument("--ticks-per-second", type=float, default=None)
    options = parser.parse_args()
    print(json.dumps(sustained(options.sustain_seconds, per_second=options.ticks_per_second), indent=1))
