from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live_market import CLOSE, OPEN, PlainHours, bars, trades
from tidemill.adapters.bars import BarStore, Gap, TickStore
from tidemill.adapters.bars.coverage import expected_starts, find_gaps
from tidemill.model.bars import DAY_NS, HOUR_NS, MINUTE_NS, BarTable
from tidemill.model.errors import OutputError

SYMBOLS = ["AAA", "BTC/USD"]


def rows(*minutes: int, instrument: int = 0, close: float = 10.0, interval_ns: int = MINUTE_NS) -> Any:
    return bars(
        *((instrument, OPEN + minute * interval_ns, 10, 12, 9, close, 100 + minute) for minute in minutes),
        interval_ns=interval_ns,
    )


@pytest.fixture
def store(tmp_path: Path):
    made = BarStore(tmp_path / "bars")
    yield made
    made.close()


def minutes(table: BarTable) -> list[int]:
    return ((table.ts - OPEN) // MINUTE_NS).tolist()


def test_recent_bars_come_oldest_first_and_as_many_as_asked(store: BarStore) -> None:
    for first in range(0, 50, 10):
        store.append(SYMBOLS, rows(*range(first, first + 10)), OPEN)
        store.flush()
    assert minutes(store.recent("AAA", MINUTE_NS, 100)) == list(range(50))
    assert minutes(store.recent("AAA", MINUTE_NS, 12)) == list(range(38, 50))
    assert minutes(store.latest("AAA", MINUTE_NS)) == [49]
    table = store.recent("AAA", MINUTE_NS, 1)
    values = [float(getattr(table, name)[0]) for name in ("open", "high", "low", "close", "volume")]
    assert values == [10, 12, 9, 10, 149]


def test_recent_bars_are_right_when_parts_overlap(store: BarStore) -> None:
    for part in ((0, 9), (1, 2, 3), (4, 8), (5, 6, 7)):
        store.append(SYMBOLS, rows(*part), OPEN)
        store.flush()
    for limit in range(1, 12):
        assert minutes(store.recent("AAA", MINUTE_NS, limit)) == list(range(10))[-limit:]


def test_series_are_kept_apart_whatever_their_symbols_look_like(store: BarStore) -> None:
    store.append(SYMBOLS, rows(1), OPEN)
    store.append(SYMBOLS, rows(2, instrument=1), OPEN)
    store.append(SYMBOLS, rows(0, interval_ns=5 * MINUTE_NS), OPEN)
    store.append(["../../x"], rows(3), OPEN)
    assert store.statistics().series == 4
    assert sorted(store.series()) == [
        ("../../x", MINUTE_NS),
        ("AAA", MINUTE_NS),
        ("AAA", 5 * MINUTE_NS),
        ("BTC/USD", MINUTE_NS),
    ]
    assert minutes(store.recent("BTC/USD", MINUTE_NS, 9)) == [2]
    assert minutes(store.recent("../../x", MINUTE_NS, 9)) == [3]
    assert len(store.recent("ZZZ", MINUTE_NS, 9)) == 0


def test_the_same_bars_twice_are_the_same_bars(store: BarStore) -> None:
    for _ in range(3):
        store.append(SYMBOLS, rows(0, 1, 2), OPEN)
        store.flush()
    store.append(SYMBOLS, rows(1, 2, 3), OPEN)
    assert minutes(store.recent("AAA", MINUTE_NS, 100)) == [0, 1, 2, 3]
    assert store.statistics().files == 2


def test_what_was_received_last_counts(store: BarStore) -> None:
    store.append(SYMBOLS, rows(0, close=10.0), OPEN + 2)
    store.append(SYMBOLS, rows(0, close=11.0), OPEN + 9)
    store.append(SYMBOLS, rows(0, close=12.0), OPEN + 1)
    assert store.recent("AAA", MINUTE_NS, 9).close.tolist() == [11.0]
    store.compact("AAA", MINUTE_NS)
    assert store.recent("AAA", MINUTE_NS, 9).close.tolist() == [11.0]


def test_many_small_parts_become_one(store: BarStore) -> None:
    for minute in range(70):
        store.append(SYMBOLS, rows(minute), OPEN)
        store.flush()
    assert store.statistics().files < 32
    assert minutes(store.recent("AAA", MINUTE_NS, 100)) == list(range(70))


def test_other_events_are_passed_over(store: BarStore) -> None:
    store.append(SYMBOLS, trades((OPEN, 10, 1)), OPEN)
    assert store.flush() == 0
    assert store.statistics().bars == 0


def test_a_table_is_kept_and_comes_back(store: BarStore) -> None:
    ts = OPEN + np.arange(3) * DAY_NS
    column = np.arange(1.0, 4.0)
    store.put(BarTable("AAA", DAY_NS, 6 * HOUR_NS + 30 * MINUTE_NS, ts, *(column,) * 5), OPEN)
    found = store.between("AAA", DAY_NS, OPEN + 1, OPEN + 3 * DAY_NS)
    assert found.ts.tolist() == ts[1:].tolist()
    assert (found.duration_ns, found.interval_ns) == (6 * HOUR_NS + 30 * MINUTE_NS, DAY_NS)


def test_another_process_reads_what_was_flushed(store: BarStore, tmp_path: Path) -> None:
    store.append(SYMBOLS, rows(0, 1), OPEN)
    other = BarStore(tmp_path / "bars")
    assert len(other.recent("AAA", MINUTE_NS, 9)) == 0
    store.flush()
    assert minutes(other.recent("AAA", MINUTE_NS, 9)) == [0, 1]
    other.close()


def test_gaps_and_coverage_are_told_by_the_sessions(store: BarStore) -> None:
    store.append(SYMBOLS, rows(0, 1, 4, *range(6, 390)), OPEN)
    schedule = PlainHours().sessions(OPEN // DAY_NS, OPEN // DAY_NS + 2)
    found = store.coverage("AAA", MINUTE_NS, OPEN, CLOSE + DAY_NS, schedule)
    at = [OPEN + minute * MINUTE_NS for minute in range(391)]
    assert (found.bars, found.first_ns, found.last_ns) == (387, OPEN, at[389])
    assert found.gaps == (
        Gap(at[2], at[4], 2),
        Gap(at[5], at[6], 1),
        Gap(OPEN + DAY_NS, CLOSE + DAY_NS, 390),
    )
    nothing = store.coverage("ZZZ", DAY_NS, OPEN, CLOSE + DAY_NS, schedule)
    assert nothing.gaps == (Gap(OPEN, OPEN + 2 * DAY_NS, 2),)


def test_statistics_count_rows_files_and_bytes(store: BarStore) -> None:
    store.append(SYMBOLS, rows(*range(10)), OPEN)
    store.append(SYMBOLS, rows(7, instrument=1), OPEN)
    found = store.statistics()
    assert (found.bars, found.series, found.files, found.damaged) == (11, 2, 2, 0)
    assert (found.first_ns, found.last_ns) == (OPEN, OPEN + 9 * MINUTE_NS)
    assert 0 < found.size_mb < 0.1


def test_a_damaged_file_is_set_aside_and_the_rest_is_read(store: BarStore, tmp_path: Path) -> None:
    store.append(SYMBOLS, rows(0, 1), OPEN)
    store.flush()
    store.append(SYMBOLS, rows(2, 3), OPEN)
    store.flush()
    path = min((tmp_path / "bars").rglob("*.parquet"))
    path.write_bytes(path.read_bytes()[:100])
    assert minutes(store.recent("AAA", MINUTE_NS, 9)) == [2, 3]
    assert store.statistics().damaged == 1
    assert len(list((tmp_path / "bars").rglob("*.damaged"))) == 1


def test_a_batch_that_cannot_be_written_stays_in_the_buffer(tmp_path: Path) -> None:
    blocked = tmp_path / "bars"
    blocked.write_text("a file where the folder should be")
    store = BarStore(blocked)
    store.append(SYMBOLS, rows(0), OPEN)
    with pytest.raises(OutputError, match="check folder and free space"):
        store.flush()
    blocked.unlink()
    assert store.flush() == 1
    assert minutes(store.recent("AAA", MINUTE_NS, 9)) == [0]
    store.close()


@settings(max_examples=15)
@given(batches=st.lists(st.lists(st.integers(0, 40), max_size=8), max_size=6), limit=st.integers(1, 45))
def test_any_batches_in_any_order_read_as_one_series(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[int]], limit: int
) -> None:
    store = BarStore(tmp_path_factory.mktemp("bars"))
    for batch in batches:
        store.append(SYMBOLS, rows(*batch), OPEN)
        store.flush()
    wanted = sorted({minute for batch in batches for minute in batch})
    assert minutes(store.recent("AAA", MINUTE_NS, limit)) == wanted[-limit:]
    store.close()


@given(st.sets(st.integers(0, 30)), st.integers(1, 31))
def test_gaps_and_bars_add_up(have: set[int], count: int) -> None:
    expected = np.arange(count, dtype=np.int64) * 10
    there = np.array(sorted(have), np.int64) * 10
    gaps = find_gaps(there, expected, 10)
    lost = [start for gap in gaps for start in range(gap.start_ns, gap.end_ns, 10)]
    assert sorted({*lost, *(set(there.tolist()) & set(expected.tolist()))}) == expected.tolist()
    assert sum(gap.bars for gap in gaps) == len(lost)
    assert not set(lost) & set(there.tolist())


def test_expected_starts_are_the_sessions_own() -> None:
    schedule = PlainHours().sessions(OPEN // DAY_NS, OPEN // DAY_NS + 1)
    found = expected_starts(schedule, HOUR_NS, OPEN, CLOSE)
    assert found.tolist() == [OPEN + hour * HOUR_NS for hour in range(7)]
    assert expected_starts(schedule, DAY_NS, OPEN, CLOSE).tolist() == [OPEN]


def test_ticks_are_kept_once_and_come_back_in_order_of_arrival(tmp_path: Path) -> None:
    store = TickStore(tmp_path / "ticks")
    first = trades((OPEN, 10, 1, 5), (OPEN + 2, 11, 1, 6), (OPEN + 2, 11, 1), (OPEN + 2, 11, 1))
    store.append(SYMBOLS, first)
    store.flush()
    store.append(SYMBOLS, first)
    store.flush()
    late = trades((OPEN + 1, 12, 2, 9), (OPEN, 10, 1, 5))
    late["now_ns"] = OPEN + 50
    store.append(SYMBOLS, late)
    store.append(SYMBOLS, trades((OPEN, 99, 1), instrument=1))
    found = store.between("AAA", OPEN, OPEN + 10)
    assert found["price"].tolist() == [10, 11, 11, 11, 12]
    assert found["seq"].tolist() == [5, 6, 0, 0, 9]
    assert store.symbols() == ["AAA", "BTC/USD"]
    assert len(store.between("AAA", OPEN + 3, OPEN + 10)) == 0
    store.close()
