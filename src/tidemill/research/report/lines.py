"""Indicator values as packed columns: thinned with the bars, rounded to what a screen shows, within a budget."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.model.runrecord import RunRecord
from tidemill.research.report.drawing import Line
from tidemill.research.report.encode import FINEST_DECIMALS, Grid, pack_numbers, pack_steps
from tidemill.research.report.thin import ThinPlan, merged_groups

__all__ = ["LINE_BUDGET", "MOST_PANES", "pack_lines"]

LINE_BUDGET = 450_000  # characters of all packed lines
MOST_PANES = 3  # panes of indicators that do not lie among the prices
_MOST_AMONG_PRICES = 8
_STEPS = (1, 2, 4, 8, 16, 32, 64)  # bars per stored value, tried in this order
_LEVELS = 20_000  # steps between lowest and highest: smooth also where a tenth of the span fills the pane


def _digits(values: NDArray[np.float64]) -> int:
    """Return how many decimals show a line without visible steps."""
    known = values[np.isfinite(values)]
    span = float(known.max() - known.min()) if len(known) else 0.0
    return int(np.clip(math.ceil(math.log10(_LEVELS / span)), 0, FINEST_DECIMALS)) if span > 0 else FINEST_DECIMALS


def _pack(line: Line, ends: NDArray[np.int64], every: int) -> dict[str, Any]:
    values = line.values[ends]
    # the value of each stretch is the one at its end; the last stretch may be shorter
    last = np.append(np.arange(every - 1, len(values) - 1, every), len(values) - 1)
    values = values[last]
    known = np.isfinite(values)
    return {
        "label": line.label,
        "pane": line.pane,
        "every": every,
        "unknown": pack_steps(np.flatnonzero(~known), Grid(1, 1), delta=True),
        "values": pack_numbers(values[known], delta=True, digits=_digits(values)),
    }


def _chosen(lines: Sequence[Line]) -> list[Line]:
    panes = list(dict.fromkeys(line.pane for line in lines if line.pane))[:MOST_PANES]
    among = [line for line in lines if not line.pane][:_MOST_AMONG_PRICES]
    return among + [line for line in lines if line.pane in panes]


def pack_lines(record: RunRecord, plan: ThinPlan, lines: Sequence[Line]) -> list[list[dict[str, Any]]]:
    """Return the packed lines of every instrument; where they would weigh too much, only every second, fourth, ... bar.

    Args:
        record: the run.
        plan: how its bars are merged.
        lines: of all instruments.
    """
    packed: list[list[dict[str, Any]]] = [[] for _ in record.bars]
    for every in _STEPS:
        for at, bars in enumerate(record.bars):
            _, ends = merged_groups(bars, record.trips[record.trips["instrument"] == at], plan)
            own = _chosen([line for line in lines if line.instrument == at])
            packed[at] = [_pack(line, ends, every) for line in own]
        weight = sum(len(line[name]["data"]) for each in packed for line in each for name in ("values", "unknown"))
        if weight <= LINE_BUDGET:
            break
    return packed
