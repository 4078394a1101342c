"""What a run's indicators showed after every bar, read from the strategies' own memory while the run is made again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.authoring.conditions.tree import Tree, drawn_lines
from tidemill.authoring.strategy import StrategySpec
from tidemill.engine.bind import BoundStep
from tidemill.engine.engine import Engine
from tidemill.engine.plan import EnginePlan, StrategyPlan
from tidemill.engine.streams import build_streams
from tidemill.model.bars import BarTable
from tidemill.model.enums import EventKind
from tidemill.research.backtest import BacktestJob, events_of
from tidemill.research.report.drawing import Line

__all__ = ["trace_indicators"]

# Indicators whose values are prices; all others have a scale of their own.
_AMONG_PRICES = frozenset(
    (
        "bollinger",
        "donchian",
        "ema",
        "ichimoku",
        "keltner",
        "rolling_max",
        "rolling_min",
        "sma",
        "vwap",
        "wilder",
        "wma",
    )
)
_NOT_DRAWN = frozenset(("crossing", "delay"))  # they remember, they show nothing
_NEAR = 2.0  # fed with something else than prices, a mean lies elsewhere
_MOST_ROWS = 350_000  # beyond it bars are merged anyway
_MOST_CELLS = 8_000_000
_WORD = 8


@dataclass(slots=True)
class _Place:
    """Where in the engine's state one value of one indicator stands, as a count of words, and how it is drawn."""

    instrument: int
    strategy: int
    label: str
    pane: str
    is_price: bool
    word: int


def _places(engine: Engine, plan: EnginePlan) -> list[_Place]:
    found = []
    for slot in engine.state.tables["slots"]:
        item = plan.strategies[int(slot["strategy"])]
        for label, pane, is_price, at in [*_declared(item.spec), *_in_trees(item)]:
            word = (int(slot["memory"]) + at) // _WORD
            found.append(_Place(int(slot["instrument"]), int(slot["strategy"]), label, pane, is_price, word))
    return found


def _declared(spec: StrategySpec) -> Iterator[tuple[str, str, bool, int]]:
    """Yield label, pane, whether it is a price, and offset of every value of the declared indicators."""
    for key, item in spec.indicators.items():
        if item.spec.name in _NOT_DRAWN:
            continue
        layout, start = _field(spec.layout, key)
        for output in item.spec.outputs:
            label = key if len(item.spec.outputs) == 1 else f"{key}.{output}"
            at = start + _field(layout, output)[1]
            yield label, f"{key} ({item.spec.name})", item.spec.name in _AMONG_PRICES, at


def _in_trees(item: StrategyPlan) -> Iterator[tuple[str, str, bool, int]]:
    """Yield the same for the lines that condition trees compare."""
    for key, param in item.spec.params.items():
        if isinstance(param, Tree):
            start = _field(item.spec.layout, key)[1]
            for line in drawn_lines(str(item.params[key])):
                yield line.label, line.pane, line.is_price, start + _WORD * line.word


def _field(layout: np.dtype[Any], name: str) -> tuple[np.dtype[Any], int]:
    """Return a field's type and offset."""
    return layout[name], int(layout.fields[name][1])  # type: ignore[index]


def _stepwise(plan: EnginePlan) -> EnginePlan:
    """Return the plan with strategies that may not be stepped ahead, so that every bar can be looked at."""
    slow = [replace(item, spec=replace(item.spec, uses_book=True)) for item in plan.strategies]
    return replace(plan, strategies=slow)


def trace_indicators(
    job: BacktestJob, plan: EnginePlan, steps: Sequence[BoundStep], bars: Sequence[BarTable]
) -> list[Line]:
    """Run a finished job once more and return the value of every indicator after every bar.

    Args:
        job, plan, steps: of the finished run.
        bars: each instrument's finest table, in the order of the instruments.

    Returns:
        No lines where the run has more bars than a chart can show.
    """
    rows = sum(len(table) for table in job.bars)
    if rows > _MOST_ROWS:
        return []
    engine = Engine(_stepwise(plan), job.rules, form=job.form, steps=steps, equity_rows=rows, history=job.bars)
    places = _places(engine, plan)
    events = events_of(job, job.bars)
    if not places or rows * len(places) > _MOST_CELLS:
        return []
    streams = build_streams(job.bars, [item.symbol for item in plan.instruments], events)
    words = engine.state.bytes[: engine.state.size // _WORD * _WORD].view(np.float64)
    where = np.array([place.word for place in places])
    length = rows + sum(len(table) for table in events) + 1
    values, read = np.empty((length, len(places))), np.zeros((length, len(streams.rows)), np.int64)
    groups = 0

    def note(_: int) -> None:
        nonlocal groups
        values[groups], read[groups] = words[where], streams.rows["at"]
        groups += 1

    engine.replay(streams, budget=1, progress=note)
    after = [_group_of_bars(streams.rows, read[:groups], row, table) for row, table in enumerate(bars)]
    lines = []
    for column, place in enumerate(places):
        shown = values[after[place.instrument], column]
        if not np.all(np.isnan(shown)):
            spec = plan.strategies[place.strategy].spec
            lines.append(_line(spec, place, shown, bars[place.instrument], len(plan.strategies) > 1))
    return lines


def _group_of_bars(
    streams: NDArray[Any], read: NDArray[np.int64], instrument: int, bars: BarTable
) -> NDArray[np.int64]:
    """Return for each bar of an instrument the turn in which it was read."""
    own = (streams["kind"] == int(EventKind.BAR)) & (streams["instrument"] == instrument)
    stream = int(np.flatnonzero(own & (streams["interval_ns"] == bars.interval_ns))[0])
    return np.searchsorted(read[:, stream], np.arange(1, len(bars) + 1))


def _line(spec: StrategySpec, place: _Place, values: NDArray[np.float64], bars: BarTable, several: bool) -> Line:
    ratio = float(np.nanmedian(values)) / float(np.median(bars.close))
    is_price = place.is_price and 1.0 / _NEAR < ratio < _NEAR
    lead = f"{spec.name}: " if several else ""
    return Line(place.instrument, lead + place.label, "" if is_price else lead + place.pane, values)
