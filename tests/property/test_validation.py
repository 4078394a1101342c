"""What must hold for any rows: the sound ones are kept, the impossible ones named, and no clock loses an instant."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tidemill.model.bars import DAY_NS, HOUR_NS, MINUTE_NS, BarTable
from tidemill.model.instrument import infer_instrument
from tidemill.model.intervals import format_interval, parse_interval
from tidemill.model.quality import BadRow, row_faults
from tidemill.model.resample import aggregate
from tidemill.model.zones import from_local, to_local, trading_day
from tidemill.research.validation import examine, suspected_splits

_RULES = settings(derandomize=True, max_examples=80, deadline=None)
_ANY = st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.sampled_from([0.0, -1.0, 1.0, 10.0, 11.0]))
_ZONES = st.sampled_from(["America/New_York", "Europe/London", "Europe/Stockholm", "America/Phoenix", "Asia/Tokyo"])


def _reason(open_: float, high: float, low: float, close: float, volume: float) -> BadRow:
    prices = (open_, high, low, close)
    if any(np.isnan((*prices, volume))):
        return BadRow.NOT_A_NUMBER
    if any(np.isinf((*prices, volume))):
        return BadRow.INFINITE
    if min(prices) <= 0:
        return BadRow.NOT_POSITIVE
    if high < low:
        return BadRow.HIGH_BELOW_LOW
    if not (low <= open_ <= high and low <= close <= high):
        return BadRow.OUTSIDE_RANGE
    return BadRow.NEGATIVE_VOLUME if volume < 0 else BadRow.NONE


@_RULES
@given(arrays(np.float64, st.tuples(st.just(5), st.integers(0, 12)), elements=_ANY))
def test_every_row_gets_the_reason_a_plain_reading_gives(table: np.ndarray) -> None:
    faults = row_faults(*table)
    assert faults.tolist() == [int(_reason(*row)) for row in table.T.tolist()]


@_RULES
@given(_ZONES, st.lists(st.integers(0, 60 * 365 * 1440), min_size=1, max_size=60, unique=True))
def test_local_time_returns_to_the_same_instant_in_order(zone: str, minutes: list[int]) -> None:
    ts = np.sort(np.array(minutes, np.int64)) * MINUTE_NS
    back = from_local(to_local(ts, zone), zone)
    assert back.missing == 0
    wrong = back.ts_ns != ts
    assert np.count_nonzero(wrong) <= back.ambiguous


@_RULES
@given(_ZONES, st.integers(2007, 2036), st.sampled_from([5, 15, 30]))
def test_a_whole_year_of_bars_survives_the_wall_clock(zone: str, year: int, step: int) -> None:
    first = int(np.datetime64(f"{year}-01-01", "ns").astype(np.int64))
    ts = np.arange(first, first + 365 * DAY_NS, step * MINUTE_NS)
    back = from_local(to_local(ts, zone), zone)
    assert np.array_equal(back.ts_ns, ts)
    assert back.ambiguous in (0, 2 * 60 // step)


@_RULES
@given(st.integers(0, 20_000), st.integers(0, 1439), st.sampled_from([0, -420]))
def test_a_trading_day_holds_exactly_its_own_day(day: int, minute: int, roll: int) -> None:
    local = np.array([day * DAY_NS + minute * MINUTE_NS], np.int64)
    ts = from_local(local, "America/New_York").ts_ns
    shown = to_local(ts, "America/New_York")[0]
    expected = (shown - roll * MINUTE_NS) // DAY_NS
    assert trading_day(ts, "America/New_York", roll)[0] == expected


def _bars(count: int, seed: int, symbol: str = "BTCUSD") -> BarTable:
    random = np.random.default_rng(seed)
    ts = np.cumsum(random.integers(1, 4, count)) * MINUTE_NS
    close = 100 + np.cumsum(random.normal(0, 0.1, count))
    open_ = close + random.normal(0, 0.05, count)
    high, low = np.maximum(open_, close) + 0.1, np.minimum(open_, close) - 0.1
    return BarTable(symbol, MINUTE_NS, MINUTE_NS, ts, open_, high, low, close, random.integers(0, 9, count) * 1.0)


@_RULES
@given(st.integers(1, 300), st.integers(0, 1000))
def test_building_longer_bars_in_two_steps_equals_one(count: int, seed: int) -> None:
    bars = _bars(count, seed)
    one = aggregate(bars, HOUR_NS)
    two = aggregate(aggregate(bars, 15 * MINUTE_NS), HOUR_NS)
    for name in ("ts", "open", "high", "low", "close", "volume"):
        assert np.array_equal(getattr(one, name), getattr(two, name)), name
    assert one.volume.sum() == bars.volume.sum()
    assert one.high.max() == bars.high.max() and one.low.min() == bars.low.min()


@_RULES
@given(st.integers(2, 300), st.integers(0, 1000))
def test_bars_and_missing_bars_add_up(count: int, seed: int) -> None:
    bars = _bars(count, seed)
    report = examine(bars)
    assert report.expected == report.kept + report.missing == (bars.ts[-1] - bars.ts[0]) // MINUTE_NS + 1
    assert report.extended_ratio is None and report.is_clean


@_RULES
@given(st.sampled_from([2.0, 3.0, 4.0, 7.0, 10.0, 0.1, 0.05, 0.5]), st.integers(3, 36), st.integers(0, 200))
def test_a_planted_split_is_found_where_it_is(ratio: float, at: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.005, 40)))
    volume = random.uniform(0.9e6, 1.1e6, 40)
    close[at:] /= ratio
    volume[at:] *= ratio
    ts = np.arange(40, dtype=np.int64) * DAY_NS + 15 * HOUR_NS
    bars = BarTable("XYZ", DAY_NS, DAY_NS, ts, close, close * 1.001, close * 0.999, close, volume)
    found = suspected_splits(bars, infer_instrument("XYZ"))
    assert [(split.ts_ns, split.ratio) for split in found] == [(int(ts[at]), ratio)]


@_RULES
@given(st.integers(1, 500), st.sampled_from(["s", "min", "h", "d", "w"]))
def test_intervals_survive_their_spelling(count: int, unit: str) -> None:
    size = parse_interval(f"{count}{unit}")
    assert parse_interval(format_interval(size)) == size
    assert parse_interval(f" {count} {unit.upper()} ") == size
