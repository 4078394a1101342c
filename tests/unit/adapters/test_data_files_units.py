"""Small rules of reading files: column names, layouts, bar sizes, session starts, status lines, the cache."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from tidemill.adapters.calendars import calendar_names, describe_status, get_calendar, market_status
from tidemill.adapters.calendars.exchange import XNYS
from tidemill.adapters.files.columns import match_columns
from tidemill.adapters.files.dialect import find_dialect
from tidemill.adapters.files.read import symbol_of_file
from tidemill.adapters.files.spacing import find_interval
from tidemill.model.bars import DAY_NS, HOUR_NS, MINUTE_NS
from tidemill.model.errors import ConfigError, DataError, UnknownName
from tidemill.model.intervals import format_interval, parse_interval
from tidemill.model.zones import trading_day, zone_offsets


@pytest.mark.parametrize(
    ("names", "stamp", "close", "volume"),
    [
        (["Date", "Open", "High", "Low", "Close", "Adj Close", "Volume"], ("Date",), "Close", "Volume"),
        (["<DATE>", "<TIME>", "<OPEN>", "<HIGH>", "<LOW>", "<CLOSE>", "<V>"], ("<DATE>", "<TIME>"), "<CLOSE>", "<V>"),
        (["unix", "date", "symbol", "open", "high", "low", "close", "Volume BTC"], ("unix",), "close", "Volume BTC"),
        (["ticker", "volume", "open", "close", "high", "low", "window_start"], ("window_start",), "close", "volume"),
        (["t", "o", "h", "l", "c", "v"], ("t",), "c", "v"),
        (["timestamp", "session", "open", "high", "low", "close"], ("timestamp",), "close", None),
        (["time", "open", "high", "low", "close"], ("time",), "close", None),
    ],
)  # fmt: skip
def test_vendor_columns_are_recognised(
    names: list[str], stamp: tuple[str, ...], close: str, volume: str | None
) -> None:
    found = match_columns("x.csv", names, None)
    assert (found.stamp, found.close, found.volume) == (stamp, close, volume)


def test_a_mapping_beats_the_guess() -> None:
    names = ["Date", "Open", "High", "Low", "Close", "Adj Close", "Volume"]
    assert match_columns("x.csv", names, {"close": "Adj Close"}).close == "Adj Close"


@pytest.mark.parametrize(
    ("text", "delimiter", "has_header", "skip"),
    [
        ("https://example.com\nunix,open,high,low,close\n1,2,3,4,5\n", ",", True, 1),
        ("a;b;c;d;e\n1,5;2;3;4;5\n", ";", True, 0),
        ("2024-01-02 09:30\t1\t2\t3\t4\n", "\t", False, 0),
    ],
)
def test_layouts_are_found(tmp_path: Path, text: str, delimiter: str, has_header: bool, skip: int) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    found = find_dialect("x.csv", path, 5)
    assert (found.delimiter, found.has_header, found.skip) == (delimiter, has_header, skip)


@pytest.mark.parametrize(
    ("name", "symbol"),
    [("NQ_1min_sample.csv", "NQ"), ("btc-usd.parquet", "BTC-USD"), ("spy.csv.gz", "SPY"), ("BRK.B.csv", "BRK.B")],
)
def test_file_names_name_symbols(name: str, symbol: str) -> None:
    assert symbol_of_file(Path(name)) == symbol


def test_bar_sizes_are_found_and_mixtures_refused() -> None:
    minutes = np.arange(2000, dtype=np.int64) * MINUTE_NS
    thin = minutes[np.random.default_rng(1).random(2000) < 0.3]
    assert find_interval("x", minutes, None) == MINUTE_NS
    assert find_interval("x", thin, MINUTE_NS) == MINUTE_NS
    assert find_interval("x", minutes[:1], HOUR_NS) == HOUR_NS
    days = np.array([0, 1, 2, 3, 4, 7, 8], np.int64) * DAY_NS
    days[4:] += HOUR_NS
    assert find_interval("x", days, None) == DAY_NS
    with pytest.raises(DataError, match="single row"):
        find_interval("x", minutes[:1], None)
    with pytest.raises(DataError, match="1min and 5min"):
        find_interval("x", np.concatenate([minutes, minutes[-1] + 5 * minutes[1:]]), None)
    with pytest.raises(DataError, match="1min and 1h"):
        find_interval("x", np.sort(np.concatenate([minutes[:900], minutes[900] + minutes[:900] * 60])), None)


@pytest.mark.parametrize(
    ("own", "count", "other", "named"),
    [(1, 200, 5, 20), (1, 5_000, 60, 16), (1, 5_000, 1_440, 16), (5, 3_000, 1, 6), (60, 900, 15, 5)],
)
def test_a_few_rows_of_another_bar_size_are_no_gaps(own: int, count: int, other: int, named: int) -> None:
    first = np.arange(count, dtype=np.int64) * own
    ts = np.concatenate([first, first[-1] + np.arange(1, named + 1) * other, first[-1] + (named + 1) * other + first])
    names = " and ".join(format_interval(size * MINUTE_NS) for size in sorted((own, other)))
    with pytest.raises(DataError, match=f"mixes {names} bars"):
        find_interval("x", ts * MINUTE_NS, None)
    if other > own:
        assert find_interval("x", ts * MINUTE_NS, own * MINUTE_NS) == own * MINUTE_NS


def test_days_before_minutes_are_two_bar_sizes_and_missing_minutes_are_not() -> None:
    days = np.array([day for day in range(40) if day % 7 < 5], np.int64) * DAY_NS
    minutes = 41 * DAY_NS + np.arange(600, dtype=np.int64) * MINUTE_NS
    with pytest.raises(DataError, match="mixes 1min and 1d bars"):
        find_interval("x", np.concatenate([days, minutes]), None)
    for kept in (0.3, 0.5, 0.8):
        thin = np.flatnonzero(np.random.default_rng(4).random(400_000) < kept) * MINUTE_NS
        assert find_interval("x", thin, None) == MINUTE_NS
    sessions = np.concatenate([day + np.arange(390, dtype=np.int64) * MINUTE_NS for day in days])
    assert find_interval("x", sessions, None) == MINUTE_NS


@pytest.mark.parametrize("text", ["", "0min", "1M", "five", "5 parsecs", "-1d", "1.5h"])
def test_nonsense_is_no_bar_size(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_interval(text)


def test_sunday_evening_belongs_to_monday_in_chicago_and_to_sunday_in_new_york() -> None:
    sunday_evening = np.array([np.datetime64("2023-11-19T23:00", "ns").astype(np.int64)])
    monday = int(np.datetime64("2023-11-20", "D").astype(np.int64))
    assert trading_day(sunday_evening, "America/New_York", -420).tolist() == [monday]
    assert trading_day(sunday_evening, "America/New_York", 0).tolist() == [monday - 1]


def test_new_york_changes_its_clock_twice_a_year() -> None:
    start, end = (int(np.datetime64(day, "ns").astype(np.int64)) for day in ("2024-01-01", "2024-12-31"))
    ts, offset = zone_offsets("America/New_York", start, end)
    assert [str(np.datetime64(int(t), "m")) for t in ts // (60 * 10**9)] == [
        "2024-01-01T00:00", "2024-03-10T07:00", "2024-11-03T06:00",
    ]  # fmt: skip
    assert (offset // HOUR_NS).tolist() == [-5, -4, -5]


def test_coins_never_close_and_currencies_rest_on_saturday() -> None:
    saturday = int(np.datetime64("2024-01-06T12:00", "ns").astype(np.int64))
    coins = market_status(get_calendar("24/7"), saturday)
    assert coins.is_open and describe_status(coins) == "Market open, closes in 12 h 00 min"
    currencies = market_status(get_calendar("forex"), saturday)
    assert describe_status(currencies) == "Market closed, opens in 34 h 00 min"
    assert calendar_names() == ["24/7", "CME", "FX", "XNYS"]
    with pytest.raises(UnknownName, match="NYSE"):
        get_calendar("NYSEE")


def test_a_built_decade_is_read_back_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMILL_CACHE", str(tmp_path))
    first = XNYS.sessions(20_089, 20_454)
    files = list((tmp_path / "tidemill/calendars").iterdir())
    assert [path.suffix for path in files] == [".npy"]
    monkeypatch.setitem(sys.modules, "pandas_market_calendars", None)
    again = XNYS.sessions(20_089, 20_454)
    assert len(again) == len(first) == 250 and np.array_equal(again.close_ns, first.close_ns)
    monkeypatch.undo()
    monkeypatch.setenv("TIDEMILL_CACHE", str(tmp_path))
    files[0].write_bytes(files[0].read_bytes()[:100])
    assert np.array_equal(XNYS.sessions(20_089, 20_454).day, first.day)
    with pytest.raises(DataError, match="1970 to 2099"):
        XNYS.sessions(50_000, 50_010)
