"""What each shipped strategy must do, said once more in plain Python: whole columns first, then one pass."""

from __future__ import annotations

from naive import indicators as naive


def one_position(rows, want_buy, want_sell):
    """Return (bar, side, reason) for a position that opens and closes at the next bar's open."""
    done, since = [], None
    for bar in range(rows - 1):  # what is decided on the last bar never fills
        held = None if since is None else bar - since
        reason = want_buy(bar) if held is None else want_sell(bar, held)
        if reason:
            done.append((bar, 1 if held is None else -1, reason))
            since = bar if held is None else None
    return done


def mean_reversion(bars, window, threshold):
    middle = naive.sma(bars.close, window)["value"]
    away = [(price - mean) / mean for price, mean in zip(bars.close, middle, strict=True)]
    return one_position(
        len(bars),
        lambda bar: "SIGNAL" if away[bar] <= -threshold else "",
        lambda bar, _held: "SIGNAL" if away[bar] >= threshold else "",
    )


def moving_average_crossover(bars, fast_window, slow_window, ma_type):
    average = getattr(naive, ma_type)
    fast, slow = average(bars.close, fast_window)["value"], average(bars.close, slow_window)["value"]
    return one_position(
        len(bars),
        lambda bar: "SIGNAL" if bar and fast[bar - 1] <= slow[bar - 1] and fast[bar] > slow[bar] else "",
        lambda bar, _held: "SIGNAL" if fast[bar - 1] >= slow[bar - 1] and fast[bar] < slow[bar] else "",
    )


def momentum(bars, rsi_window=14, momentum_window=10, low=30.0, high=70.0, threshold=0.02):
    strength = naive.rsi(bars.close, rsi_window, 0)["value"]
    change = naive.roc(bars.close, momentum_window)["value"]

    def buy(bar):
        if strength[bar] <= low and change[bar] > 0:
            return "RSI_OVERSOLD"
        return "MOMENTUM_BREAKOUT" if change[bar] >= threshold and strength[bar] < high else ""

    def sell(bar, held):
        if strength[bar] >= high:
            return "RSI_OVERBOUGHT"
        return "MOMENTUM_EXHAUSTION" if change[bar] <= -threshold else ""

    return one_position(len(bars), buy, sell)


def bollinger_bands(bars, window, multiplier, ma_type):
    bands = naive.bollinger(bars.close, window, multiplier, ma_type)
    return one_position(
        len(bars),
        lambda bar: "SIGNAL" if bars.close[bar] <= bands["lower"][bar] < bands["upper"][bar] else "",
        lambda bar, _held: "SIGNAL" if bars.close[bar] >= bands["upper"][bar] > bands["lower"][bar] else "",
    )


def breakout(bars, lookback, threshold, ratio, hold):
    volume = [value if value > 0 else 1.0 for value in bars.volume]

    def busy(bar):
        return bar >= lookback and volume[bar] / (sum(volume[bar - lookback : bar]) / lookback) >= ratio

    def buy(bar):
        before = bars.close[bar - lookback : bar]
        return "SIGNAL" if busy(bar) and bars.close[bar] > max(before) * (1 + threshold) else ""

    def sell(bar, held):
        before = bars.close[bar - lookback : bar]
        return "SIGNAL" if held >= hold and busy(bar) and bars.close[bar] < min(before) * (1 - threshold) else ""

    return one_position(len(bars), buy, sell)


def rule_based(bars, fast=20, slow=50, rsi_window=14, macd=(12, 26, 9)):
    """Return what it does long-only, and every sell condition, held or not."""
    close = bars.close
    short, long = naive.sma(close, fast)["value"], naive.sma(close, slow)["value"]
    strength = naive.rsi(close, rsi_window, 1)["value"]
    lines = naive.macd(close, *macd)
    turn = naive.crossing(lines["line"], lines["signal"])["value"]

    def buy(bar):
        above = close[bar] > short[bar] and close[bar] > long[bar]
        return "SIGNAL" if turn[bar] > 0 and above and 30 < strength[bar] < 70 else ""

    def sell(bar, held=0):
        below = close[bar] < short[bar] and close[bar] < long[bar]
        return "SIGNAL" if turn[bar] < 0 and below and (strength[bar] > 70 or strength[bar] < 30) else ""

    return one_position(len(bars), buy, sell), [bar for bar in range(len(bars)) if sell(bar)], strength


def opening_range_entries(bars, days, minutes, ready, open_minute=570, flat_minute=955):
    """Return the bar of each day's first close above the range of its first minutes."""
    size = bars.interval_ns // 60_000_000_000
    found = []
    for day in dict.fromkeys(days):
        rows = [bar for bar in range(len(bars)) if days[bar] == day]
        inside = [bar for bar in rows if open_minute <= minutes[bar] and minutes[bar] + size <= ready]
        if not inside:
            continue
        top = max(bars.high[bar] for bar in inside)
        later = [bar for bar in rows if minutes[bar] >= ready and minutes[bar] + size < flat_minute]
        found += [bar for bar in later if bars.close[bar] > top][:1]
    return found
