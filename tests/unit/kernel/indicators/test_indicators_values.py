"""Small cases a trader can check by hand, and long series in which rounding must not pile up."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from tidemill.kernel.compile import JIT
from tidemill.kernel.indicators.batch import run_batch
from tidemill.kernel.indicators.catalog import find

NAN = math.nan


def _line(name: str, *columns: object, output: str = "value", **params: float) -> list[float]:
    arrays = [np.asarray(column) for column in columns]
    return run_batch(find(name), *arrays, params=params)[output].tolist()


def test_crossing_counts_leaving_a_tie_and_ignores_the_unknown() -> None:
    fast = [1.0, 2.0, 3.0, 2.0, 2.0, 1.0, NAN, 3.0, 1.0, 2.0]
    slow = [2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, NAN, 1.0]
    assert _line("crossing", fast, slow) == [0.0, 0.0, 1.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0]


def test_crossing_does_not_fire_on_the_first_bar() -> None:
    assert _line("crossing", [5.0, 5.0], [4.0, 4.0]) == [0.0, 0.0]
    assert _line("crossing", [-5.0, -5.0], [-4.0, -4.0]) == [0.0, 0.0]


def test_average_of_average_seed() -> None:
    np.testing.assert_allclose(_line("ema", [1.0, 2.0, 3.0, 5.0], window=3), [NAN, NAN, 2.0, 3.5])
    np.testing.assert_allclose(_line("wilder", [1.0, 2.0, 3.0, 5.0], window=3), [NAN, NAN, 2.0, 3.0])
    np.testing.assert_allclose(_line("wma", [1.0, 2.0, 3.0, 5.0], window=3), [NAN, NAN, 14 / 6, 23 / 6])


def test_strength_of_a_still_market_is_neutral_and_of_a_rising_one_full() -> None:
    for smoothing in (0, 1):
        assert _line("rsi", [7.1] * 4, window=2, smoothing=smoothing)[2:] == [50.0, 50.0]
        assert _line("rsi", [1.0, 2.0, 3.0, 4.0], window=2, smoothing=smoothing)[2:] == [100.0, 100.0]
        assert _line("rsi", [4.0, 3.0, 2.0, 1.0], window=2, smoothing=smoothing)[2:] == [0.0, 0.0]


def test_plain_strength_forgets_an_old_jump_completely() -> None:
    changes = [0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 0.2, 1e6, 0.0, 0.0, 0.0, 0.0]
    assert _line("rsi", np.cumsum(changes) + 9.0, window=4, smoothing=1)[-1] == 50.0


def test_equal_prices_have_no_deviation_and_bands_on_the_price() -> None:
    closes = [93.17, 101.4, 88.3, *[0.1] * 8]
    assert _line("rolling_std", closes, window=4)[-4:] == [0.0] * 4
    assert _line("zscore", closes, window=4)[-4:] == [0.0] * 4
    for output in ("middle", "upper", "lower"):
        assert _line("bollinger", closes, output=output, window=4)[-4:] == [0.1] * 4


def test_sample_deviation_of_one_price_is_unknown() -> None:
    assert all(math.isnan(value) for value in _line("rolling_std", [1.0, 2.0], window=1, ddof=1))


def test_true_range_counts_the_gap() -> None:
    assert _line("true_range", [10.0, 15.0, 8.0], [9.0, 14.0, 7.0], [9.5, 14.5, 7.5])[1:] == [5.5, 7.5]


def test_still_market_has_neutral_stochastic_and_no_direction() -> None:
    flat = [5.0] * 12
    assert _line("stochastic", flat, flat, flat, output="d", k_window=3, k_smooth_window=2, d_window=2)[-1] == 50.0
    for output in ("adx", "plus_di", "minus_di"):
        assert _line("adx", flat, flat, flat, output=output, window=3)[-1] == 0.0


def test_breakout_needs_the_channel_without_the_current_bar() -> None:
    highs, lows = [1.0, 3.0, 2.0, 9.0], [0.5, 2.0, 1.0, 0.1]
    np.testing.assert_array_equal(_line("donchian", highs, lows, output="upper", window=3), [NAN, NAN, 3.0, 9.0])
    before = _line("donchian", highs, lows, output="upper", window=3, previous=1)
    np.testing.assert_array_equal(before, [NAN, NAN, NAN, 3.0])


def test_vwap_starts_anew_each_session_and_waits_for_volume() -> None:
    price = [10.0, 20.0, 30.0, 40.0]
    line = _line("vwap", price, price, price, [1.0, 3.0, 0.0, 2.0], np.array([7, 7, 8, 8]))
    np.testing.assert_array_equal(line, [10.0, 17.5, NAN, 40.0])


def test_vwap_first_session_may_have_key_zero_and_huge_keys_stay_apart() -> None:
    price, key = [10.0, 20.0], 2**62
    assert _line("vwap", price, price, price, [1.0, 1.0], np.array([0, 0])) == [10.0, 15.0]
    assert _line("vwap", price, price, price, [1.0, 1.0], np.array([key, key + 1])) == [10.0, 20.0]


def test_volume_ratio_without_volume_is_one() -> None:
    assert _line("volume_ratio", [0.0] * 3, window=2)[1:] == [1.0, 1.0]
    assert _line("volume_ratio", [5.0, 5.0, 20.0], window=2, previous=1)[2:] == [4.0]
    assert _line("volume_ratio", [5.0, 5.0, 15.0], window=2)[2:] == [1.5]


def test_ratio_to_a_price_of_zero_is_unknown() -> None:
    np.testing.assert_array_equal(_line("roc", [0.0, 5.0, 10.0], window=1), [NAN, NAN, 1.0])


def test_balance_of_volume() -> None:
    assert _line("obv", [1.0, 2.0, 2.0, 1.0], [10.0, 5.0, 7.0, 20.0]) == [10.0, 15.0, 15.0, -5.0]


@pytest.mark.skipif(not JIT, reason="300 000 bars take minutes without the compiler")
@pytest.mark.parametrize("window", [20, 300])
def test_rounding_does_not_pile_up_over_300_000_bars(window: int) -> None:
    rng = np.random.default_rng(11)
    closes = 4_000.0 * np.exp(np.cumsum(rng.normal(0.0, 1e-3, 300_007)))
    closes[150_000:150_010] *= 1_000.0
    last = [Fraction(value) for value in closes[-window:].tolist()]
    mean = sum(last) / window
    deviation = math.sqrt(sum((value - mean) ** 2 for value in last) / window)
    assert _last("sma", closes, window) == pytest.approx(float(mean), rel=1e-14)
    assert _last("rolling_std", closes, window) == pytest.approx(deviation, rel=1e-12)
    assert _last("zscore", closes, window) == pytest.approx(float(last[-1] - mean) / deviation, rel=1e-12)


def _last(name: str, closes: np.ndarray, window: int) -> float:
    return float(run_batch(find(name), closes, params={"window": window})["value"][-1])
