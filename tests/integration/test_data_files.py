"""Files of every supported kind, written here and read back; damaged ones named for what they are."""

from __future__ import annotations

import csv
import gzip
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tidemill.adapters.files import (
    read_bars,
    read_checked,
    read_corporate_actions,
    read_lean,
    write_parquet,
    write_quarantine,
)
from tidemill.adapters.files.connect import open_database
from tidemill.adapters.samples import sample_bars
from tidemill.model.bars import DAY_NS, HOUR_NS, MINUTE_NS, BarTable
from tidemill.model.errors import ConfigError, DataError, OutOfOrder, OutputError, UnknownName
from tidemill.model.fingerprint import bars_sha256
from tidemill.model.quality import BadRow
from tidemill.model.zones import to_local
from tidemill.services.inspection import inspect

HEADER = "timestamp,open,high,low,close,volume\n"
START = 1_704_205_800 * 10**9  # 2024-01-02 09:30 New York


def _write(folder: Path, text: str, name: str = "XYZ.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def _minutes(count: int, first: int = 0, price: float = 10.0) -> str:
    lines = [
        f"2024-01-02 {(570 + n) // 60:02d}:{(570 + n) % 60:02d}:00,{price},{price + 1},{price - 1},{price},{100 + n}\n"
        for n in range(first, first + count)
    ]
    return "".join(lines)


def _same(one: BarTable, other: BarTable) -> bool:
    names = ("ts", "open", "high", "low", "close", "volume")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


def test_parquet_round_trip_is_exact_and_keeps_its_facts(tmp_path: Path, shared_data: Path) -> None:
    bars = read_bars(shared_data / "future/1min/NQ_front.parquet")[0]
    bars.meta["simulated"] = True
    write_parquet(bars, tmp_path / "deep" / "copy.parquet")
    copy = read_bars(tmp_path / "deep" / "copy.parquet")[0]
    assert _same(bars, copy) and copy.symbol == "NQ" and copy.interval_ns == MINUTE_NS
    assert copy.meta["simulated"] is True and copy.meta["sha256"] == bars.meta["sha256"]
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["copy.parquet"]
    _write(tmp_path, "", "file")
    with pytest.raises(OutputError):
        write_parquet(bars, tmp_path / "file" / "x.parquet")


@pytest.mark.parametrize(
    "form", ["iso_zone", "epoch_s", "epoch_ms", "epoch_us", "epoch_ns", "split", "slashed", "compact"]
)
def test_every_way_to_write_time_means_the_same_instant(tmp_path: Path, form: str) -> None:
    at = [START + n * MINUTE_NS for n in range(40)]
    local = [
        np.datetime64(int(t), "ns").astype("datetime64[s]").item() for t in to_local(np.array(at), "America/New_York")
    ]
    stamps = {
        "iso_zone": [t.isoformat() + "-05:00" for t in local],
        "epoch_s": [t // 10**9 for t in at],
        "epoch_ms": [t // 10**6 for t in at],
        "epoch_us": [t // 10**3 for t in at],
        "epoch_ns": at,
        "split": [t.strftime("%Y-%m-%d,%H:%M:%S") for t in local],
        "slashed": [t.strftime("%m/%d/%Y %H:%M") for t in local],
        "compact": [t.strftime("%Y%m%d %H%M%S") for t in local],
    }[form]
    header = "Date,Time,Open,High,Low,Close,Volume\n" if form == "split" else HEADER
    text = header + "".join(f"{stamp},10,11,9,10,{n}\n" for n, stamp in enumerate(stamps))
    bars = read_bars(_write(tmp_path, text))[0]
    assert bars.ts.tolist() == at
    assert bars.symbol == "XYZ" and bars.volume.tolist() == list(range(40))


def test_packed_files_read_like_plain_ones(tmp_path: Path) -> None:
    plain = _write(tmp_path, HEADER + _minutes(50))
    packed = tmp_path / "XYZ_1min.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    with zipfile.ZipFile(tmp_path / "XYZ.zip", "w") as archive:
        archive.write(plain, "inside.csv")
    expected = read_bars(plain)[0]
    for path in (packed, tmp_path / "XYZ.zip"):
        bars = read_bars(path)[0]
        assert _same(bars, expected) and bars.symbol == "XYZ" and bars.meta["source"] == path.name


def test_decimal_commas_dollars_and_thousands(tmp_path: Path) -> None:
    german = (
        "Datum;Open;High;Low;Close;Volume\n02.01.2024 09:30;10,5;11,5;9,5;10;1\n02.01.2024 09:31;10,5;11,5;9,5;10;1\n"
    )
    bars = read_bars(_write(tmp_path, german), mapping={"timestamp": "Datum"}, zone="America/New_York")[0]
    assert bars.open.tolist() == [10.5, 10.5] and bars.ts[0] == START and not bars.meta["warnings"]
    nasdaq = (
        'Date,Close/Last,Volume,Open,High,Low\n01/03/2024,"$1,184.25","5,000",$1184.2,$1185.8,$1183.4\n'
        '01/02/2024,"$1,185.64","6,000",$1187.1,$1188.4,$1183.8\n'
    )
    path = _write(tmp_path, nasdaq, "TSLA.csv")
    with pytest.raises(OutOfOrder, match=r"newest first.*--sort"):
        read_bars(path)
    bars = read_bars(path, sort=True)[0]
    assert bars.close.tolist() == [1185.64, 1184.25] and bars.volume.tolist() == [6000, 5000]
    assert bars.ts[0] == START and bars.duration_ns == 23_400 * 10**9


def test_day_first_dates_are_told_by_the_whole_file(tmp_path: Path) -> None:
    days = ["03/01/2024", "04/01/2024", "05/01/2024", "08/01/2024", "15/01/2024"]
    path = _write(tmp_path, HEADER + "".join(f"{day},10,11,9,10,1\n" for day in days))
    bars = read_bars(path, interval="1d")[0]
    assert (bars.ts // DAY_NS - START // DAY_NS).tolist() == [1, 2, 3, 6, 13]


def test_a_file_of_several_symbols_and_timeframes(tmp_path: Path) -> None:
    rows = [
        f"2024-01-02T{h:02d}:{m:02d}:00Z,10,11,9,10,5,{symbol},{frame}\n"
        for frame, step in (("1min", 1), ("5min", 5))
        for h in (15, 16)
        for m in range(0, 60, step)
        for symbol in ("NQ", "ES")
    ]
    path = _write(tmp_path, "ts,open,high,low,close,volume,symbol,timeframe\n" + "".join(rows))
    with pytest.raises(DataError, match="mixes 1min and 5min bars; choose one with --interval"):
        read_bars(path)
    both = read_bars(path, interval="1m")
    assert [(bars.symbol, len(bars), bars.interval_ns) for bars in both] == [
        ("ES", 120, MINUTE_NS),
        ("NQ", 120, MINUTE_NS),
    ]
    only = read_bars(path, interval="5Min", symbol="nq")
    assert [(bars.symbol, len(bars)) for bars in only] == [("nq", 24)]
    with pytest.raises(DataError, match="no rows of CL; it holds ES, NQ"):
        read_bars(path, interval="1m", symbol="CL")


def test_overlapping_files_become_one_stream(tmp_path: Path) -> None:
    late = _write(
        tmp_path, HEADER + _minutes(30, 20).replace(",10.0,11.0,9.0,10.0,125", ",10.0,11.5,9.0,10.0,125"), "B.csv"
    )
    early = _write(tmp_path, HEADER + _minutes(30), "A.csv")
    checked = read_checked([late, early], symbol="XYZ")[0]
    assert len(checked.bars) == 50 and np.all(np.diff(checked.bars.ts) == MINUTE_NS)
    assert checked.bars.meta["rows_identical"] == 9 and checked.bars.meta["rows_read"] == 60
    assert checked.quarantine.counts() == {BadRow.CONFLICT: 1}
    assert (checked.quarantine.source, checked.quarantine.row) == (["B.csv"], [6])


def test_impossible_rows_are_set_aside_and_named(tmp_path: Path) -> None:
    lines = _minutes(20).splitlines()
    lines[3] = lines[3].replace(",10.0,11.0,9.0,", ",10.0,8.0,9.0,")
    lines[5] = lines[5].replace(",10.0,11.0", ",abc,11.0")
    lines[7] = lines[7] + ",7,7"
    lines[9] = "not a time,10,11,9,10,1"
    lines[11] = lines[10]
    path = _write(tmp_path, HEADER + "\n".join(lines) + "\n")
    checked = read_checked(path)[0]
    found = dict(zip(checked.quarantine.row, checked.quarantine.reason, strict=True))
    assert found == {
        4: BadRow.HIGH_BELOW_LOW, 6: BadRow.NOT_A_NUMBER, 8: BadRow.UNREADABLE, 10: BadRow.NO_STAMP,
        12: BadRow.DUPLICATE,
    }  # fmt: skip
    assert checked.bars.meta["rows_read"] == 20 and len(checked.bars) == 15
    write_quarantine(tmp_path / "bad.csv", checked.quarantine)
    with (tmp_path / "bad.csv").open() as file:
        rows = list(csv.DictReader(file))
    by_row = {row["row"]: row for row in rows}
    assert by_row["4"]["timestamp_utc"] == "2024-01-02 14:33:00" and by_row["4"]["reason"] == "HIGH_BELOW_LOW"
    assert by_row["10"]["timestamp_utc"] == "" and by_row["12"]["explanation"] == BadRow.DUPLICATE.sentence
    report = inspect(path)[0]
    assert (report.rows, report.kept, report.duplicates, report.missing) == (20, 15, 1, 5)


def test_clock_changes_are_resolved_and_counted(tmp_path: Path) -> None:
    stamps = [f"2023-11-05 {h:02d}:{m:02d}" for h in (0, 1, 1, 2) for m in range(0, 60, 15)]
    path = _write(tmp_path, HEADER + "".join(f"{stamp},10,11,9,10,1\n" for stamp in stamps), "BTCUSD.csv")
    bars = read_bars(path, zone="America/New_York")[0]
    assert np.all(np.diff(bars.ts) == 15 * MINUTE_NS) and len(bars) == 16
    assert any("8 stamps" in text and "twice" in text for text in bars.meta["warnings"])
    skipped = [f"2024-03-10 {h:02d}:{m:02d}" for h in (1, 2) for m in range(0, 60, 15)]
    path = _write(tmp_path, HEADER + "".join(f"{stamp},10,11,9,10,1\n" for stamp in skipped), "BTCUSD.csv")
    bars = read_bars(path, zone="America/New_York")[0]
    assert any("4 stamps" in text and "skipped" in text for text in bars.meta["warnings"])
    assert bars.ts[4] - bars.ts[0] == HOUR_NS
    with pytest.raises(ConfigError, match="America/New_York"):
        read_bars(path, zone="New York")


@pytest.mark.parametrize(
    ("symbol", "hour", "duration_h"), [("XYZ", 14.5, 6.5), ("NQ", -1, 23), ("BTCUSD", 0, 24), ("EURUSD", -2, 24)]
)
def test_daily_bars_move_to_the_start_of_their_session(
    tmp_path: Path, symbol: str, hour: float, duration_h: float
) -> None:
    days = ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"]
    midnight = np.array(days, "datetime64[ns]").astype(np.int64)
    for suffix in ("", " 00:00:00", "T00:00:00Z"):
        path = _write(tmp_path, HEADER + "".join(f"{day}{suffix},10,11,9,10,1\n" for day in days))
        bars = read_bars(path, symbol=symbol)[0]
        assert bars.ts.tolist() == (midnight + int(hour * HOUR_NS)).tolist()
        assert bars.interval_ns == DAY_NS and bars.duration_ns == int(duration_h * HOUR_NS)


def test_real_futures_days_start_the_evening_before(shared_data: Path) -> None:
    bars = read_bars(shared_data / "future/1d/NQ_front.parquet")[0]
    assert set((to_local(bars.ts, "America/New_York") % DAY_NS).tolist()) == {18 * HOUR_NS}
    assert bars.duration_ns == 23 * HOUR_NS


def test_each_unusable_file_is_named_for_what_it_is(tmp_path: Path) -> None:
    good = _write(tmp_path, HEADER + _minutes(30))
    mixed = HEADER + "".join(f"2024-01-02T15:{m:02d}:00Z,10,11,9,10,1\n" for m in range(40))
    mixed += "".join(f"2024-01-02T{h}:{m:02d}:00Z,10,11,9,10,1\n" for h in range(16, 24) for m in range(0, 60, 5))
    cases: list[tuple[Path, dict[str, str], str]] = [
        (_write(tmp_path, "", "empty.csv"), {}, "is empty"),
        (_write(tmp_path, HEADER, "head.csv"), {}, "no rows"),
        (_write(tmp_path, "a,b,c,d,e\n1,2,3,4,5\n", "cols.csv"), {}, "it has: a, b, c, d, e.*--map timestamp="),
        (_write(tmp_path, "hello\nworld\n", "text.csv"), {}, "is no table"),
        (_write(tmp_path, "PAR1 but not really", "bad.parquet"), {}, "cannot be read"),
        (_write(tmp_path, "no zip", "bad.zip"), {}, "no readable zip"),
        (_write(tmp_path, "x", "bars.xlsx"), {}, "unknown type"),
        (_write(tmp_path, mixed, "mixed.csv"), {}, "mixes 1min and 5min"),
        (tmp_path / "absent.csv", {}, "no file 'absent.csv'"),
        (good, {"interval": "5min"}, "holds 1min bars, not 5min"),
        (good, {"start": "2025-01-01"}, "data run from 2024-01-02 14:30 to 2024-01-02 14:59"),
        (_write(tmp_path, HEADER + "2024-01-02 09:30:00,0,0,0,0,1\n", "zero.csv"), {}, "zero or negative"),
    ]
    for path, options, message in cases:
        with pytest.raises(DataError, match=message):
            read_bars(path, **options)  # type: ignore[arg-type]
    with pytest.raises(UnknownName, match="close"):
        read_bars(good, mapping={"clos": "close"})
    with pytest.raises(DataError, match="no column 'Last'"):
        read_bars(good, mapping={"close": "Last"})
    with pytest.raises(ConfigError, match="2024-01-31"):
        read_bars(good, start="yesterday")


def test_a_cut_stretch_has_a_hash_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "XYZ.csv"
    rows = "".join(f"2024-01-{day:02d},10,11,9,10,1\n" for day in (2, 3, 4, 5))
    path.write_text(HEADER + rows, encoding="utf-8")
    whole = read_bars(path)[0]
    cut = read_bars(path, start="2024-01-03")[0]
    assert len(cut) == 3 and cut.meta["sha256"] == bars_sha256(cut) != whole.meta["sha256"]
    assert whole.meta["sha256"] == bars_sha256(whole)
    assert read_bars(path, start="2024-01-02")[0].meta["sha256"] == whole.meta["sha256"]


def test_an_interrupted_writer_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _write(tmp_path, HEADER + _minutes(20))
    checked = read_checked(path)[0]
    kept = tmp_path / "out"
    kept.mkdir()
    (kept / "x.parquet").write_text("before", encoding="utf-8")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    for write in (lambda: write_parquet(checked.bars, kept / "x.parquet"),
                  lambda: write_quarantine(kept / "bad.csv", checked.quarantine)):  # fmt: skip
        with pytest.raises(KeyboardInterrupt):
            write()
    assert [(item.name, item.read_text(encoding="utf-8")) for item in kept.iterdir()] == [("x.parquet", "before")]


def test_an_interrupted_query_is_an_interrupt() -> None:
    with pytest.raises(KeyboardInterrupt), open_database("x"):
        raise RuntimeError("Query interrupted")
    with pytest.raises(RuntimeError, match="another"), open_database("x"):
        raise RuntimeError("another")


def test_unsorted_rows_are_refused_or_sorted(tmp_path: Path) -> None:
    lines = _minutes(10).splitlines()
    lines[4], lines[5] = lines[5], lines[4]
    path = _write(tmp_path, HEADER + "\n".join(lines) + "\n")
    with pytest.raises(OutOfOrder, match=r"row 6 \(2024-01-02 14:34:00 UTC\).*--sort"):
        read_bars(path)
    bars = read_bars(path, sort=True)[0]
    assert bars.volume.tolist() == list(range(100, 110))


def _lean(path: Path, member: str, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, "\n".join(lines) + "\n")


def test_lean_folders_read_back_equal(tmp_path: Path, shared_data: Path) -> None:
    spy = read_bars(shared_data / "equity/1min/SPY.parquet")[0]
    local = to_local(spy.ts, "America/New_York")
    for day in np.unique(local // DAY_NS):
        rows = np.flatnonzero(local // DAY_NS == day)
        name = str(np.datetime64(int(day), "D")).replace("-", "")
        prices = [np.rint(column * 10_000).astype(int) for column in (spy.open, spy.high, spy.low, spy.close)]
        lines = [
            f"{local[i] % DAY_NS // 10**6},{','.join(str(p[i]) for p in prices)},{int(spy.volume[i])}" for i in rows
        ]
        _lean(tmp_path / f"equity/usa/minute/spy/{name}_trade.zip", f"{name}_spy_minute_trade.csv", lines)
    assert _same(read_lean(tmp_path, "SPY", "minute"), spy)
    daily = read_bars(shared_data / "equity/1d/SPY.parquet")[0]
    days = (to_local(daily.ts, "America/New_York") // DAY_NS).tolist()
    lines = [
        f"{str(np.datetime64(d, 'D')).replace('-', '')} 00:00,"
        + ",".join(str(round(float(c[i]) * 10_000)) for c in (daily.open, daily.high, daily.low, daily.close))
        + f",{int(daily.volume[i])}"
        for i, d in enumerate(days)
    ]
    _lean(tmp_path / "equity/usa/daily/spy.zip", "spy.csv", lines)
    assert _same(read_lean(tmp_path, "SPY", "daily"), daily)
    es = read_bars(shared_data / "future/1min/ESZ2013.parquet")[0].rows(0, 60)
    lines = [
        f"{es.ts[i] % DAY_NS // 10**6},{es.open[i]},{es.high[i]},{es.low[i]},{es.close[i]},{es.volume[i]}"
        for i in range(60)
    ]
    _lean(tmp_path / "future/cme/minute/es/20131006_trade.zip", "20131006_es_minute_trade_201312.csv", lines)
    assert _same(read_lean(tmp_path, "ESZ2013", "minute", "cme"), es)
    with pytest.raises(DataError, match="there are: spy"):
        read_lean(tmp_path, "IBM", "minute")
    with pytest.raises(UnknownName):
        read_lean(tmp_path, "SPY", "fortnight")


def test_the_sample_is_the_same_market_as_the_reference(shared_data: Path) -> None:
    reference = read_bars(shared_data / "equity/1d_adjusted/AAPL_2019_2024.parquet")[0]
    assert _same(sample_bars(), reference)


def test_splits_are_found_in_unadjusted_files_and_nowhere_else(shared_data: Path) -> None:
    actions = read_corporate_actions(shared_data / "reference/corporate_actions.parquet")
    splits = actions[(actions["kind"] == 16) & ((actions["value"] > 1.5) | (actions["value"] < 0.7))]
    for path in sorted((shared_data / "equity/1d").glob("*.parquet")):
        report = inspect(path)[0]
        known = splits[(splits["symbol"] == report.symbol) & (splits["ts_ns"] > (report.first_ns or 0))]
        assert [(split.ts_ns, split.ratio) for split in report.splits] == [
            (int(row["ts_ns"]), float(row["value"])) for row in known
        ], report.symbol
        assert report.missing == 0
        assert all(any("--corporate-actions" in text for text in report.warnings) for _ in report.splits)


def test_an_early_close_makes_no_gap(shared_data: Path) -> None:
    report = inspect(shared_data / "equity/1min/GOOG.parquet")[0]
    assert (report.expected, report.missing) == (990, 8)
    assert report.extended_ratio == pytest.approx(109 / 1091)
    simulated = inspect(shared_data / "future/1min/NQ_front.parquet")[0]
    assert (simulated.expected, simulated.missing, simulated.extended_ratio) == (10_575, 1, 0.0)


def test_corporate_actions_from_a_tolerant_csv(tmp_path: Path) -> None:
    text = "Ticker,Ex-Date,Ratio,Dividend\nXYZ,2024-06-10,10:1,\nXYZ,2024-03-05,,0.04\nABC,2024-01-02,1:8,\n"
    rows = read_corporate_actions(_write(tmp_path, text), ["xyz"])
    assert rows["value"].tolist() == [0.04, 10.0] and rows["kind"].tolist() == [17, 16]
    assert read_corporate_actions(tmp_path / "XYZ.csv")["value"].tolist() == [0.125, 0.04, 10.0]
    for line in ("XYZ,someday,2,", "XYZ,2024-06-10,-2,", "XYZ,2024-06-10,,", "XYZ,2024-06-10,,nan"):
        with pytest.raises(DataError, match="row 1"):
            read_corporate_actions(_write(tmp_path, "symbol,ex_date,split_ratio,dividend_cash\n" + line + "\n"))


_MEMORY_PROBE = """
import resource, sys
from tidemill.adapters.files import read_bars
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
bars = read_bars(sys.argv[1], symbol="BTCUSD")[0]
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
heavy = {"pandas", "pyarrow", "pandas_market_calendars"} & set(sys.modules)
print(len(bars), peak - before, sorted(heavy))
"""


def _probe_memory(path: Path, rows: int) -> int:
    """Return the kilobytes that reading a generated file of minutes needs at its peak."""
    duckdb = pytest.importorskip("duckdb")
    duckdb.execute(
        f"COPY (SELECT make_timestamp_ns(1600000020000000000 + i * 60000000000) AS timestamp, 100.0::DOUBLE AS open, "
        f"101.0::DOUBLE AS high, 99.0::DOUBLE AS low, 100.0::DOUBLE AS close, (i % 1000)::DOUBLE AS volume "
        f"FROM range({rows}) t(i)) TO '{path}' (FORMAT parquet)"
    )
    done = subprocess.run([sys.executable, "-c", _MEMORY_PROBE, str(path)], capture_output=True, text=True, check=True)
    count, kilobytes, heavy = done.stdout.split(maxsplit=2)
    assert int(count) == rows and heavy.strip() == "[]"
    return int(kilobytes)


def test_reading_needs_the_columns_and_one_piece_and_no_heavy_library(tmp_path: Path) -> None:
    rows = 1_500_000
    assert _probe_memory(tmp_path / "minutes.parquet", rows) < rows * 56 // 1024 + 260_000


@pytest.mark.campaign
def test_ten_million_rows_stay_bounded(tmp_path: Path) -> None:
    rows = 10_000_000
    assert _probe_memory(tmp_path / "minutes.parquet", rows) < rows * 56 // 1024 + 450_000
