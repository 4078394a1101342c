"""Daily closes a run has seen, and how alike its instruments move by them (113)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tidemill.model.bars import DAY_NS, MINUTE_NS
from tidemill.model.enums import EventKind
from tidemill.model.records import EVENT
from tidemill.runtime.guard.baseline import DayClock
from tidemill.runtime.guard.closes import WINDOW_DAYS, DailyCloses
from tidemill.runtime.guard.correlation import MIN_DAYS

_NAMES = ("AAPL", "SPY", "QQQ")


def bar(row: int, ts_ns: int, close: float, kind: EventKind = EventKind.BAR) -> Any:
    rows = np.zeros(1, EVENT)
    rows["kind"], rows["instrument"], rows["ts_ns"], rows["close"] = int(kind), row, ts_ns, close
    return rows


def walk(count: int, seed: int, part: float = 0.0) -> list[float]:
    """Return prices whose moves share a part with everybody else's."""
    own, shared = np.random.default_rng(seed).normal(0, 0.01, count), np.random.default_rng(0).normal(0, 0.01, count)
    return (100.0 * np.cumprod(1.0 + part * shared + (1.0 - part) * own)).tolist()


def told(*columns: list[float], first_day: int = 19_000) -> DailyCloses:
    closes = DailyCloses(_NAMES, DayClock("UTC"))
    for at, prices in enumerate(zip(*columns, strict=True)):
        for row, price in enumerate(prices):
            closes.take(bar(row, (first_day + at) * DAY_NS, price))
    return closes


def test_the_last_bar_of_a_day_is_its_close_and_today_has_none_yet() -> None:
    one, two = walk(40, 1, 0.7), walk(40, 2, 0.7)
    daily, minutely = told(one, two), DailyCloses(_NAMES, DayClock("UTC"))
    for at in range(40):
        for row, column in enumerate((one, two)):
            for part, price in enumerate((50.0, 70.0, column[at])):
                minutely.take(bar(row, (19_000 + at) * DAY_NS + part * MINUTE_NS, price))
    today = 19_039
    expected = np.corrcoef(np.diff(one[:39]) / one[:38], np.diff(two[:39]) / two[:38])[0, 1]
    for closes in (daily, minutely):
        found = closes.matrix(["SPY", "AAPL"], today)
        assert found.between("AAPL", "SPY") == pytest.approx(expected, abs=1e-12)
        assert found.between("SPY", "AAPL") == found.between("AAPL", "SPY")
        assert found.days["SPY", "AAPL"] == 38


def test_the_window_forgets_what_is_older() -> None:
    one, two = walk(100, 1), walk(100, 1)
    two[:30] = walk(30, 5)
    assert told(one, two).matrix(["AAPL", "SPY"], 19_100).between("AAPL", "SPY") == pytest.approx(1.0)
    assert told(one, two).matrix(["AAPL", "SPY"], 19_100).days["AAPL", "SPY"] == WINDOW_DAYS


def test_too_few_shared_days_are_not_known() -> None:
    enough, short = MIN_DAYS + 1, MIN_DAYS
    for count, is_known in ((enough, True), (short, False)):
        matrix = told(walk(count, 1), walk(count, 2)).matrix(["AAPL", "SPY"], 20_000)
        assert (("AAPL", "SPY") in matrix.pairs) is is_known
        assert matrix.days["AAPL", "SPY"] == count - 1
    assert told().matrix(["AAPL", "SPY"], 20_000).days["AAPL", "SPY"] == 0


def test_days_only_one_of_them_trades_are_left_out() -> None:
    closes = DailyCloses(_NAMES, DayClock("UTC"))
    prices = walk(90, 3)
    for at, price in enumerate(prices):
        closes.take(bar(0, (19_000 + at) * DAY_NS, price))
        if at % 7 < 5:
            closes.take(bar(1, (19_000 + at) * DAY_NS, 2.0 * price))
    matrix = closes.matrix(["AAPL", "SPY"], 19_090)
    assert matrix.between("AAPL", "SPY") == pytest.approx(1.0)


def test_a_split_is_no_return() -> None:
    one, two = walk(50, 1), walk(50, 2)
    split = [price if at < 25 else price / 4.0 for at, price in enumerate(one)]
    closes = DailyCloses(_NAMES, DayClock("UTC"))
    for at in range(50):
        if at == 25:
            closes.take(bar(0, 19_025 * DAY_NS, 4.0, EventKind.SPLIT))
        closes.take(bar(0, (19_000 + at) * DAY_NS, split[at]))
        closes.take(bar(1, (19_000 + at) * DAY_NS, two[at]))
    plain = told(one, two).matrix(["AAPL", "SPY"], 19_050)
    assert closes.matrix(["AAPL", "SPY"], 19_050).between("AAPL", "SPY") == pytest.approx(plain.between("AAPL", "SPY"))


def test_real_prices_agree_with_pandas(shared_data: Path) -> None:
    folder = shared_data / "equity" / "1d"
    tables = {name: pd.read_parquet(folder / f"{name}.parquet").set_index("timestamp")["close"] for name in _NAMES}
    frame = pd.DataFrame(tables).dropna().iloc[-400:-200]
    closes = DailyCloses(_NAMES, DayClock("America/New_York"))
    for stamp, row in zip(frame.index, frame.to_numpy(), strict=True):
        for at, price in enumerate(row):
            closes.take(bar(at, int(stamp.value), float(price)))
    today = 2**20
    found = closes.matrix(_NAMES, today)
    expected = frame.pct_change().iloc[-WINDOW_DAYS:].corr()
    for first in _NAMES:
        for second in _NAMES:
            assert found.between(first, second) == pytest.approx(expected.loc[first, second], abs=1e-9)
    assert found.between("SPY", "QQQ") > 0.5
