"""TA-Lib as an outside judge, on a seeded walk and on two decades of a real stock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tidemill.kernel.indicators.batch import run_batch
from tidemill.kernel.indicators.catalog import find

talib = pytest.importorskip("talib", reason="TA-Lib is not installed (extra dev)")

Market = dict[str, np.ndarray]
WINDOWS = (5, 14, 50)


def _walk() -> Market:
    rng = np.random.default_rng(5)
    close = 80.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, 3_000)))
    low = close * (1.0 - 0.01 * rng.random(3_000))
    high = close * (1.0 + 0.01 * rng.random(3_000))
    return {"high": high, "low": low, "close": close, "volume": rng.integers(1, 10**6, 3_000).astype(np.float64)}


@pytest.fixture(params=["walk", "IBM"])
def market(request: pytest.FixtureRequest) -> Market:
    if request.param == "walk":
        return _walk()
    folder: Path = request.getfixturevalue("shared_data")
    table = pd.read_parquet(folder / "equity" / "1d" / "IBM.parquet")
    return {name: table[name].to_numpy(np.float64, copy=True) for name in ("high", "low", "close", "volume")}


def _same(ours: np.ndarray, theirs: np.ndarray, *, scale: float = 0.0, same_start: bool = True) -> None:
    """Compare from TA-Lib's first value on; ``scale`` is the size of what the output is a difference of."""
    known = ~np.isnan(theirs)
    assert known.sum() > 1_000
    if same_start:
        np.testing.assert_array_equal(np.isnan(ours), ~known)
    np.testing.assert_allclose(ours[known], theirs[known], rtol=1e-9, atol=1e-9 * scale)


def _ours(name: str, market: Market, **params: float) -> Any:
    spec = find(name)
    return run_batch(spec, *(market[column] for column in spec.inputs), params=params)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize(
    ("name", "judge", "column"),
    [
        ("sma", talib.SMA, "close"),
        ("ema", talib.EMA, "close"),
        ("wma", talib.WMA, "close"),
        ("rsi", talib.RSI, "close"),
        ("rolling_min", talib.MIN, "low"),
        ("rolling_max", talib.MAX, "high"),
        ("rolling_sum", talib.SUM, "volume"),
    ],
)
def test_one_column(market: Market, name: str, judge: Callable[..., Any], column: str, window: int) -> None:
    _same(_ours(name, market, window=window)["value"], judge(market[column], timeperiod=window))


@pytest.mark.parametrize("window", WINDOWS)
def test_rate_of_change_is_a_difference_of_ratios(market: Market, window: int) -> None:
    _same(_ours("roc", market, window=window)["value"], talib.ROCP(market["close"], timeperiod=window), scale=1e-3)


@pytest.mark.parametrize("window", WINDOWS)
def test_deviation(market: Market, window: int) -> None:
    """TA-Lib subtracts the squared mean from the mean square: its own rounding is allowed for."""
    theirs = talib.STDDEV(market["close"], timeperiod=window, nbdev=1)
    _same(_ours("rolling_std", market, window=window)["value"], theirs, scale=1.0)


@pytest.mark.parametrize("ma_type", [0, 1])
def test_bollinger(market: Market, ma_type: int) -> None:
    ours = _ours("bollinger", market, window=20, multiplier=2.0, ma_type=ma_type)
    upper, middle, lower = talib.BBANDS(market["close"], timeperiod=20, nbdevup=2, nbdevdn=2, matype=ma_type)
    for output, theirs in (("upper", upper), ("middle", middle), ("lower", lower)):
        _same(ours[output], theirs, scale=1.0)


@pytest.mark.parametrize("windows", [(12, 26, 9), (3, 10, 16), (8, 8, 4)])
def test_macd(market: Market, windows: tuple[int, int, int]) -> None:
    """Our line is known from the slow window's bar on; TA-Lib hides it until the signal is known."""
    fast, slow, signal = windows
    ours = _ours("macd", market, fast_window=fast, slow_window=slow, signal_window=signal)
    line, smooth, histogram = talib.MACD(market["close"], fastperiod=fast, slowperiod=slow, signalperiod=signal)
    _same(ours["line"], line, scale=1.0, same_start=False)
    assert int(np.flatnonzero(~np.isnan(ours["line"]))[0]) == slow - 1
    _same(ours["signal"], smooth, scale=1.0)
    _same(ours["histogram"], histogram, scale=1.0)


def test_true_range(market: Market) -> None:
    _same(_ours("true_range", market)["value"], talib.TRANGE(market["high"], market["low"], market["close"]))


@pytest.mark.parametrize("window", WINDOWS)
def test_average_range_and_direction(market: Market, window: int) -> None:
    bars = (market["high"], market["low"], market["close"])
    _same(_ours("atr", market, window=window)["value"], talib.ATR(*bars, timeperiod=window))
    ours = _ours("adx", market, window=window)
    _same(ours["adx"], talib.ADX(*bars, timeperiod=window))
    _same(ours["plus_di"], talib.PLUS_DI(*bars, timeperiod=window))
    _same(ours["minus_di"], talib.MINUS_DI(*bars, timeperiod=window))


@pytest.mark.parametrize("windows", [(14, 3, 3), (5, 1, 3), (21, 7, 2)])
def test_stochastic(market: Market, windows: tuple[int, int, int]) -> None:
    """Our %K is known before %D; TA-Lib hides it until then."""
    bars = (market["high"], market["low"], market["close"])
    span, smooth, average = windows
    ours = _ours("stochastic", market, k_window=span, k_smooth_window=smooth, d_window=average)
    k, d = talib.STOCH(*bars, fastk_period=span, slowk_period=smooth, slowd_period=average)
    _same(ours["k"], k, scale=100.0, same_start=False)
    _same(ours["d"], d, scale=100.0)


def test_balance_of_volume(market: Market) -> None:
    _same(_ours("obv", market)["value"], talib.OBV(market["close"], market["volume"]))
