"""Packed columns come back as they went in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidemill.model.errors import DataError
from tidemill.research.report.encode import (
    Grid,
    decode_varints,
    encode_varints,
    fit_grid,
    pack_numbers,
    tick_grid,
    unpack_numbers,
)
from tidemill.research.report.payload import build_payload, pack_bars, pack_times, unpack_bars, unpack_times
from unit.research.report.builders import make_bars, make_record

INT64 = st.integers(-(2**63), 2**63 - 1)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.lists(INT64, max_size=40))
def test_varints_round_trip(values: list[int]) -> None:
    array = np.array(values, np.int64)
    assert np.array_equal(decode_varints(encode_varints(array)), array)


def test_varint_bytes_are_those_of_sint64() -> None:
    """Known encodings: 0, -1, 1, -2 and 150 (zig-zag 300 = 0xAC 0x02)."""
    assert encode_varints(np.array([0, -1, 1, -2, 150], np.int64)) == bytes([0, 1, 2, 3, 0xAC, 0x02])


@pytest.mark.parametrize(
    ("tick", "grid"),
    [(0.01, Grid(1, 100)), (0.25, Grid(25, 100)), (0.1, Grid(1, 10)), (1.0, Grid(1, 1)), (0.00001, Grid(1, 100_000))],
)
def test_tick_grids_are_exact_fractions(tick: float, grid: Grid) -> None:
    assert tick_grid(tick) == grid


def test_a_tick_of_zero_has_no_grid() -> None:
    assert tick_grid(0.0) is None


def test_prices_off_the_tick_fall_back_to_decimals_then_to_1e8() -> None:
    assert fit_grid(np.array([10.005, 10.01]), 0.01) == Grid(1, 1000)
    assert fit_grid(np.array([1 / 3]), 0.01) == Grid(1, 10**8)


@pytest.mark.parametrize("tick", [0.01, 0.25, 0.001])
def test_bars_decode_to_exactly_the_source(tick: float) -> None:
    bars = make_bars("X", 5_000, 3, tick=tick)
    decoded = unpack_bars(pack_bars(bars, tick))
    for name in ("ts", "open", "high", "low", "close", "volume"):
        assert np.array_equal(decoded[name], getattr(bars, name)), name


def test_prices_that_no_grid_holds_come_back_within_half_a_step() -> None:
    bars = make_bars("X", 500, 3)
    rough = replace(bars, **{name: getattr(bars, name) * np.pi for name in ("open", "high", "low", "close")})
    decoded = unpack_bars(pack_bars(rough, 0.01))
    assert np.max(np.abs(decoded["close"] - rough.close)) <= 0.5e-8 + 1e-12


def test_empty_bars_pack() -> None:
    assert len(unpack_bars(pack_bars(make_bars("X", 10, 1).rows(0, 0), 0.01))["ts"]) == 0


def test_a_missing_price_is_refused_by_symbol() -> None:
    bars = make_bars("HOLED", 10, 1)
    bars.close[4] = np.nan
    with pytest.raises(DataError, match="HOLED"):
        pack_bars(bars, 0.01)


def test_missing_numbers_are_refused() -> None:
    with pytest.raises(DataError, match="missing"):
        pack_numbers(np.array([1.0, np.inf]))


@pytest.mark.parametrize("unit", [1, 1_000, 1_000_000, 60_000_000_000, 90_000_000_000])
def test_times_decode_to_the_nanosecond(unit: int) -> None:
    ts = np.array([1_700_000_000_000_000_000 // unit * unit + unit * k for k in (0, 1, 5, 1_000_003)], np.int64)
    assert np.array_equal(unpack_times(pack_times(ts)), ts)


def test_numbers_keep_eight_decimals() -> None:
    values = np.array([0.12345678, -5.0, 1e6])
    assert np.array_equal(unpack_numbers(pack_numbers(values)), values)


def test_the_payload_carries_equity_peaks_and_trips() -> None:
    record = make_record(bars=800, trades=10)
    payload = build_payload(record, "x")
    cents = np.rint(record.equity["equity"] / 10_000) / 100
    assert np.array_equal(unpack_numbers(payload["equity"]["value"]), cents)
    peak = np.maximum.accumulate(np.maximum(cents, record.start_cash / 1e6))
    assert np.array_equal(unpack_numbers(payload["equity"]["peak"]), peak)
    assert np.array_equal(unpack_times(payload["trips"]["exit"]), record.trips["exit_ts_ns"])
    assert np.allclose(unpack_numbers(payload["trips"]["mae"]), record.trips["mae"], atol=1e-8)
