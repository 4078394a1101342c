"""Indicator lines in the page: they come back as drawn, and they never make it heavy."""

from __future__ import annotations

import numpy as np

from tidemill.research.report.drawing import Backdrop, Drawing, Line
from tidemill.research.report.encode import unpack_numbers, unpack_steps
from tidemill.research.report.lines import LINE_BUDGET, MOST_PANES, pack_lines
from tidemill.research.report.payload import build_payload, unpack_times
from tidemill.research.report.thin import ThinPlan
from unit.research.report.builders import make_record


def test_a_line_comes_back_and_its_holes_are_holes() -> None:
    record = make_record(bars=500, trades=5)
    values = np.cumsum(np.random.default_rng(2).normal(0, 0.1, 500)) + 180
    values[:19] = np.nan
    values[300] = np.nan
    packed = pack_lines(record, ThinPlan(), [Line(0, "slow", "", values)])[0][0]
    assert (packed["label"], packed["every"]) == ("slow", 1)
    assert unpack_steps(packed["unknown"]).tolist() == [*range(19), 300]
    assert np.allclose(
        unpack_numbers(packed["values"]), values[np.isfinite(values)], atol=(np.nanmax(values) - 170) / 1e4
    )


def test_heavy_lines_are_stored_for_every_few_bars() -> None:
    record = make_record(bars=100_000, trades=50)
    noise = np.random.default_rng(2).normal(0, 1, (6, 100_000))
    packed = pack_lines(record, ThinPlan(), [Line(0, f"l{row}", "", values) for row, values in enumerate(noise)])[0]
    every = packed[0]["every"]
    assert every > 1 and sum(len(line["values"]["data"]) for line in packed) <= LINE_BUDGET
    assert packed[0]["values"]["n"] == -(-100_000 // every)
    shown = unpack_numbers(packed[0]["values"])
    assert np.allclose(shown[:-1], noise[0][every - 1 :: every][: len(shown) - 1], atol=0.01)
    assert abs(shown[-1] - noise[0][-1]) < 0.01


def test_merged_bars_show_the_value_at_their_end() -> None:
    record = make_record(bars=400, trades=0)
    plan = ThinPlan(5, 10 * record.bars[0].interval_ns)
    values = np.arange(400.0)
    packed = pack_lines(record, plan, [Line(0, "count", "", values)])[0][0]
    assert unpack_numbers(packed["values"])[:3].tolist() == [9.0, 19.0, 29.0]


def test_only_so_many_panes_are_drawn() -> None:
    record = make_record(bars=50, trades=0)
    lines = [Line(0, f"p{number}", f"p{number}", np.arange(50.0)) for number in range(MOST_PANES + 2)]
    assert len(pack_lines(record, ThinPlan(), lines)[0]) == MOST_PANES


def test_shaded_stretches_reach_the_page() -> None:
    record = make_record(bars=400, trades=3)
    ts = record.bars[0].ts
    drawing = Drawing([], [Backdrop(np.array([[ts[3], ts[9]]]), ts[[50]])])
    instrument = build_payload(record, "x", drawing)["instruments"][0]
    assert [unpack_times(column).tolist() for column in instrument["outside"]] == [[ts[3]], [ts[9]]]
    assert unpack_times(instrument["gaps"]).tolist() == [ts[50]]
