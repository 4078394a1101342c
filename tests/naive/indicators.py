"""Every indicator as its definition reads: whole series in, whole series out, slow and without memory.

Each function takes lists (oldest first) and parameters by name and returns one list per output, NaN where undefined.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

__all__ = ["NAIVE"]

Series = Sequence[float]
Lines = dict[str, list[float]]
NAN = math.nan


def _over_windows(values: Series, window: int, measure: Callable[[Series], float]) -> list[float]:
    """Measure the last ``window`` values at each bar, NaN while there are fewer."""
    return [NAN if i + 1 < window else measure(values[i + 1 - window : i + 1]) for i in range(len(values))]


def _padded(skip: int, values: Series) -> list[float]:
    return [NAN] * skip + list(values)


def _mean(values: Series) -> float:
    return math.fsum(values) / len(values)


def _shifted(values: Series, bars: int) -> list[float]:
    return [NAN if i < bars else values[i - bars] for i in range(len(values))]


def _variance(values: Series, ddof: int) -> Fraction:
    exact = [Fraction(value) for value in values]
    mean = sum(exact) / len(exact)
    return sum((value - mean) ** 2 for value in exact) / (len(exact) - ddof)


def _deviation(values: Series, ddof: int = 0) -> float:
    return NAN if len(values) <= ddof else math.sqrt(_variance(values, ddof))


def _score(values: Series) -> float:
    mean = sum(Fraction(value) for value in values) / len(values)
    spread = _deviation(values)
    return float(Fraction(values[-1]) - mean) / spread if spread else 0.0


def _exponential(values: Series, window: int, weight: float) -> list[float]:
    """Mean of the first ``window`` values, then ``weight`` on each new one."""
    line = [NAN] * len(values)
    for i in range(window - 1, len(values)):
        seeded = i == window - 1
        line[i] = _mean(values[:window]) if seeded else weight * values[i] + (1.0 - weight) * line[i - 1]
    return line


def _ema(values: Series, window: int) -> list[float]:
    return _exponential(values, window, 2.0 / (window + 1.0))


def _wilder(values: Series, window: int) -> list[float]:
    return _exponential(values, window, 1.0 / window)


def _ranges(high: Series, low: Series, close: Series) -> list[float]:
    """True ranges of the second bar and all later ones."""
    return [
        max(high[i] - low[i], abs(high[i] - close[i - 1]), abs(low[i] - close[i - 1])) for i in range(1, len(close))
    ]


def sma(close: Series, window: int) -> Lines:
    return {"value": _over_windows(close, window, _mean)}


def ema(close: Series, window: int) -> Lines:
    return {"value": _ema(close, window)}


def wilder(close: Series, window: int) -> Lines:
    return {"value": _wilder(close, window)}


def wma(close: Series, window: int) -> Lines:
    def weighted(values: Series) -> float:
        weights = range(1, window + 1)
        return math.fsum(weight * value for weight, value in zip(weights, values, strict=True)) / sum(weights)

    return {"value": _over_windows(close, window, weighted)}


def rsi(close: Series, window: int, smoothing: int) -> Lines:
    changes = [close[i] - close[i - 1] for i in range(1, len(close))]
    gains = [max(change, 0.0) for change in changes]
    losses = [max(-change, 0.0) for change in changes]
    if smoothing:
        rises, falls = (_over_windows(side, window, _mean) for side in (gains, losses))
    else:
        rises, falls = (_wilder(side, window) for side in (gains, losses))

    def index(rise: float, fall: float) -> float:
        if math.isnan(rise):
            return NAN
        if rise == fall == 0.0:
            return 50.0
        return 100.0 if fall == 0.0 else 100.0 - 100.0 / (1.0 + rise / fall)

    return {"value": _padded(1, [index(rise, fall) for rise, fall in zip(rises, falls, strict=True)])[: len(close)]}


def macd(close: Series, fast_window: int, slow_window: int, signal_window: int) -> Lines:
    late = max(0, slow_window - fast_window)
    fast = _padded(late, _ema(close[late:], fast_window))
    slow = _ema(close, slow_window)
    line = [a - b for a, b in zip(fast, slow, strict=False)]
    start = max(fast_window, slow_window) - 1
    signal = _padded(start, _ema(line[start:], signal_window))[: len(line)]
    return {"line": line, "signal": signal, "histogram": [a - b for a, b in zip(line, signal, strict=True)]}


def bollinger(close: Series, window: int, multiplier: float, ma_type: int) -> Lines:
    middle = _ema(close, window) if ma_type else _over_windows(close, window, _mean)
    distance = [multiplier * value for value in _over_windows(close, window, _deviation)]
    return {
        "middle": middle,
        "upper": [a + b for a, b in zip(middle, distance, strict=True)],
        "lower": [a - b for a, b in zip(middle, distance, strict=True)],
    }


def true_range(high: Series, low: Series, close: Series) -> Lines:
    return {"value": _padded(1, _ranges(high, low, close))}


def atr(high: Series, low: Series, close: Series, window: int, smoothing: int) -> Lines:
    ranges = _ranges(high, low, close)
    average = _over_windows(ranges, window, _mean) if smoothing else _wilder(ranges, window)
    return {"value": _padded(1, average)}


def _directional_sum(moves: Series, window: int) -> list[float]:
    """Wilder's running sum: ``window - 1`` moves, then each bar one part in ``window`` leaves and the new one joins."""
    line = [NAN] * len(moves)
    total = math.fsum(moves[: window - 1])
    for i in range(window - 1, len(moves)):
        total = total - total / window + moves[i]
        line[i] = total
    return line


def adx(high: Series, low: Series, close: Series, window: int) -> Lines:
    rises = [high[i] - high[i - 1] for i in range(1, len(close))]
    drops = [low[i - 1] - low[i] for i in range(1, len(close))]
    up = _directional_sum([r if r > max(d, 0.0) else 0.0 for r, d in zip(rises, drops, strict=True)], window)
    down = _directional_sum([d if d > max(r, 0.0) else 0.0 for r, d in zip(rises, drops, strict=True)], window)
    travel = _directional_sum(_ranges(high, low, close), window)
    plus = [100.0 * a / t if t else (NAN if math.isnan(t) else 0.0) for a, t in zip(up, travel, strict=True)]
    minus = [100.0 * a / t if t else (NAN if math.isnan(t) else 0.0) for a, t in zip(down, travel, strict=True)]
    strength: list[float] = []
    index = [NAN] * len(plus)
    for i in range(window - 1, len(plus)):
        both = plus[i] + minus[i]
        if both > 0.0 or len(strength) < window:
            strength.append(100.0 * abs(plus[i] - minus[i]) / both if both > 0.0 else 0.0)
        index[i] = _wilder(strength, window)[-1]
    return {"adx": _padded(1, index), "plus_di": _padded(1, plus), "minus_di": _padded(1, minus)}


def stochastic(high: Series, low: Series, close: Series, k_window: int, k_smooth_window: int, d_window: int) -> Lines:
    tops = _over_windows(high, k_window, max)
    bottoms = _over_windows(low, k_window, min)
    raw = [(100.0 * (c - b) / (t - b) if t > b else 50.0) for c, t, b in list(zip(close, tops, bottoms, strict=True))][
        k_window - 1 :
    ]
    k = _over_windows(raw, k_smooth_window, _mean)
    smooth = k[k_smooth_window - 1 :]
    d = _padded(k_smooth_window - 1, _over_windows(smooth, d_window, _mean))
    return {"k": _padded(k_window - 1, k)[: len(close)], "d": _padded(k_window - 1, d)[: len(close)]}


def keltner(high: Series, low: Series, close: Series, window: int, atr_window: int, multiplier: float) -> Lines:
    middle = _ema(close, window)
    usual = atr(high, low, close, atr_window, 0)["value"]
    return {
        "middle": middle,
        "upper": [a + multiplier * b for a, b in zip(middle, usual, strict=True)],
        "lower": [a - multiplier * b for a, b in zip(middle, usual, strict=True)],
    }


def donchian(high: Series, low: Series, window: int, previous: int) -> Lines:
    upper = _shifted(_over_windows(high, window, max), previous)
    lower = _shifted(_over_windows(low, window, min), previous)
    return {"upper": upper, "lower": lower, "middle": [(a + b) / 2.0 for a, b in zip(upper, lower, strict=True)]}


def ichimoku(high: Series, low: Series, conversion_window: int, base_window: int, span_b_window: int) -> Lines:
    conversion, base, span_b = (
        donchian(high, low, window, 0)["middle"] for window in (conversion_window, base_window, span_b_window)
    )
    span_a = [(a + b) / 2.0 for a, b in zip(conversion, base, strict=True)]
    return {"conversion_line": conversion, "base_line": base, "span_a": span_a, "span_b": span_b}


def vwap(high: Series, low: Series, close: Series, volume: Series, session: Sequence[int]) -> Lines:
    line = []
    for i in range(len(close)):
        start = i
        while start > 0 and session[start - 1] == session[i]:
            start -= 1
        bars = range(start, i + 1)
        total = math.fsum(volume[j] for j in bars)
        turnover = math.fsum((high[j] + low[j] + close[j]) / 3.0 * volume[j] for j in bars)
        line.append(turnover / total if total else NAN)
    return {"value": line}


def obv(close: Series, volume: Series) -> Lines:
    def signed(i: int) -> float:
        return volume[i] if i == 0 else volume[i] * ((close[i] > close[i - 1]) - (close[i] < close[i - 1]))

    return {"value": [math.fsum(signed(j) for j in range(i + 1)) for i in range(len(close))]}


def roc(close: Series, window: int) -> Lines:
    return {
        "value": [
            NAN if i < window or close[i - window] == 0.0 else (close[i] - close[i - window]) / close[i - window]
            for i in range(len(close))
        ]
    }


def zscore(close: Series, window: int) -> Lines:
    return {"value": _over_windows(close, window, _score)}


def rolling_min(low: Series, window: int) -> Lines:
    return {"value": _over_windows(low, window, min)}


def rolling_max(high: Series, window: int) -> Lines:
    return {"value": _over_windows(high, window, max)}


def rolling_sum(volume: Series, window: int) -> Lines:
    return {"value": _over_windows(volume, window, math.fsum)}


def rolling_std(close: Series, window: int, ddof: int) -> Lines:
    return {"value": _over_windows(close, window, lambda values: _deviation(values, ddof))}


def volume_ratio(volume: Series, window: int, previous: int) -> Lines:
    means = _shifted(_over_windows(volume, window, _mean), previous)
    return {"value": [a / b if b else 1.0 for a, b in zip(volume, means, strict=True)]}


def crossing(fast: Series, slow: Series) -> Lines:
    line = [0.0] * len(fast)
    for i in range(1, len(fast)):
        if fast[i - 1] <= slow[i - 1] and fast[i] > slow[i]:
            line[i] = 1.0
        if fast[i - 1] >= slow[i - 1] and fast[i] < slow[i]:
            line[i] = -1.0
    return {"value": line}


def delay(close: Series, window: int) -> Lines:
    return {"value": _shifted(close, window)}


NAIVE: dict[str, Callable[..., Lines]] = {
    function.__name__: function
    for function in (
        sma,
        ema,
        wilder,
        wma,
        rsi,
        macd,
        bollinger,
        true_range,
        atr,
        adx,
        stochastic,
        keltner,
        donchian,
        ichimoku,
        vwap,
        obv,
        roc,
        zscore,
        rolling_min,
        rolling_max,
        rolling_sum,
        rolling_std,
        volume_ratio,
        crossing,
        delay,
    )
}
