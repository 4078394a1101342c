"""Condition trees: one small program per tree, one kernel that runs it at the close of every bar.

A program is a row of whole numbers. Each says what to do with which registers; registers hold this bar's prices, the
indicators' lines and the tree's own numbers, and once more what they were on the bar before. Answers have three
values, after S. C. Kleene, Introduction to Metamathematics, 1952: false, unknown, true. A comparison that meets a
value that does not exist yet is unknown, and ``not`` leaves it so. All trees share this machine code.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tidemill.kernel.compile import kernel
from tidemill.kernel.indicators.ema import ema
from tidemill.kernel.indicators.ema import layout as ema_layout
from tidemill.kernel.indicators.macd import layout as macd_layout
from tidemill.kernel.indicators.macd import macd
from tidemill.kernel.indicators.rolling_std import layout as std_layout
from tidemill.kernel.indicators.rolling_std import rolling_std
from tidemill.kernel.indicators.rolling_sum import layout as sum_layout
from tidemill.kernel.indicators.rolling_sum import rolling_sum
from tidemill.kernel.indicators.rsi import layout as rsi_layout
from tidemill.kernel.indicators.rsi import rsi
from tidemill.kernel.indicators.sma import layout as sma_layout
from tidemill.kernel.indicators.sma import sma
from tidemill.kernel.indicators.vwap import layout as vwap_layout
from tidemill.kernel.indicators.vwap import vwap
from tidemill.kernel.memory import record_in
from tidemill.model.conditions import MAX_DEPTH, MAX_INDICATORS, MAX_NODES, MAX_PERIOD, MAX_WINDOW_BARS, MIN_BARS

__all__ = [
    "ABOVE",
    "AND",
    "AT_LEAST",
    "AT_MOST",
    "BANDS",
    "BELOW",
    "CROSSES_ABOVE",
    "CROSSES_BELOW",
    "EMA",
    "FALLING",
    "FALSE",
    "FIRST_LINE",
    "FIRST_NUMBER",
    "LAYOUT",
    "LINES",
    "MACD",
    "MEMORIES",
    "NOT",
    "OPERAND",
    "OR",
    "POOL",
    "PRICES",
    "REGISTERS",
    "RISING",
    "RSI",
    "SMA",
    "STEPS",
    "TRUE",
    "UNKNOWN",
    "VWAP",
    "VWAP_WINDOW",
    "judge",
]

FALSE, UNKNOWN, TRUE = 0, 1, 2  # so that `and` is the least, `or` the greatest, `not` two minus
# What one step does; the registers it names stand in the higher bits.
ABOVE, BELOW, AT_LEAST, AT_MOST, CROSSES_ABOVE, CROSSES_BELOW, RISING, FALLING, AND, OR, NOT = range(11)
OPERAND = 1024  # step = what + OPERAND * (first register + OPERAND * second register)

SMA, EMA, RSI, MACD, BANDS, VWAP, VWAP_WINDOW = range(7)
PRICES = ("open", "high", "low", "close", "volume", "hl2", "hlc3", "ohlc4")  # the first registers
LINES = 4  # registers per indicator
FIRST_LINE = len(PRICES)
FIRST_NUMBER = FIRST_LINE + LINES * MAX_INDICATORS
REGISTERS = FIRST_NUMBER + MAX_NODES
STEPS = 4 * MAX_NODES  # a condition takes three at most, and joins what stands before it in one

# Memory of each kind in the pool, rings as long as any may be; only the bars of the window are really there.
_SMA, _EMA, _RSI, _MACD = sma_layout(MAX_PERIOD), ema_layout(1), rsi_layout(1), macd_layout(1)
_STD, _SUM, _VWAP = std_layout(MAX_PERIOD), sum_layout(MAX_PERIOD), vwap_layout(1)
MEMORIES = {
    SMA: (_SMA,),
    EMA: (_EMA,),
    RSI: (_RSI,),
    MACD: (_MACD,),
    BANDS: (_STD,),
    VWAP: (_VWAP,),
    VWAP_WINDOW: (_SUM, _SUM),
}
_WORDS = 32  # the longest memory besides rings, RSI's, has 27
POOL = MAX_WINDOW_BARS + _WORDS * MAX_INDICATORS

LAYOUT = np.dtype(
    [
        ("bars", np.int64),  # seen
        ("signal", np.int64),  # of the last bar: 1 buy, -1 sell, 0 neither
        ("indicators", np.int64),  # how many
        ("registers", np.int64),  # how many of those below change from bar to bar
        ("buy_steps", np.int64),  # of the program, first
        ("steps", np.int64),  # of the program in all
        ("program", np.int64, (STEPS,)),
        ("form", np.int64, (MAX_INDICATORS,)),  # SMA, EMA, …
        ("source", np.int64, (MAX_INDICATORS,)),  # register it is computed from
        ("place", np.int64, (MAX_INDICATORS,)),  # of its memory in the pool, words
        ("second_place", np.int64, (MAX_INDICATORS,)),  # of a second memory
        ("multiplier", np.float64, (MAX_INDICATORS,)),  # of bands
        ("now", np.float64, (REGISTERS,)),
        ("before", np.float64, (REGISTERS,)),
        ("pool", np.float64, (POOL,)),
        ("answers", np.int8, (STEPS,)),  # of each step on the last bar
        ("stack", np.int8, (8 * (MAX_DEPTH // 4 + 1),)),
    ]
)


@kernel
def _bands(memory: Any, index: int, price: float, at: int) -> None:
    """Write the four lines of Bollinger bands: lower, middle, upper, width."""
    now = memory.now
    deviation = record_in(memory.pool, memory.place[index], _STD)
    distance = memory.multiplier[index] * rolling_std(deviation, price)
    middle = deviation.center
    lower = middle - distance
    upper = middle + distance
    now[at] = lower
    now[at + 1] = middle
    now[at + 2] = upper
    now[at + 3] = upper - lower


@kernel
def _volume_price(memory: Any, index: int, typical: float, volume: float) -> float:
    """Return the average typical price of a window, weighted by volume; NaN while nothing was traded in it."""
    turnover = rolling_sum(record_in(memory.pool, memory.place[index], _SUM), typical * volume)
    traded = rolling_sum(record_in(memory.pool, memory.second_place[index], _SUM), volume)
    return turnover / traded if traded > 0.0 else math.nan


@kernel
def _update(memory: Any, index: int, high: float, low: float, close: float, volume: float) -> None:
    """Let one indicator take the bar, and write its lines."""
    pool, place, now = memory.pool, memory.place[index], memory.now
    form = memory.form[index]
    price = now[memory.source[index]]
    at = FIRST_LINE + LINES * index
    if form == SMA:
        now[at] = sma(record_in(pool, place, _SMA), price)
    elif form == EMA:
        now[at] = ema(record_in(pool, place, _EMA), price)
    elif form == RSI:
        now[at] = rsi(record_in(pool, place, _RSI), price)
    elif form == MACD:
        lines = record_in(pool, place, _MACD)
        now[at] = macd(lines, price)
        now[at + 1] = lines.signal
        now[at + 2] = lines.histogram
    elif form == BANDS:
        _bands(memory, index, price, at)
    elif form == VWAP:
        now[at] = vwap(record_in(pool, place, _VWAP), high, low, close, volume, 0)
    else:
        now[at] = _volume_price(memory, index, (high + low + close) / 3.0, volume)


@kernel
def _compare(what: int, first: float, second: float, first_before: float, second_before: float) -> int:
    """Return what one comparison comes to: false, unknown or true."""
    if what == RISING or what == FALLING:
        second = first_before
        what = ABOVE if what == RISING else BELOW
    if math.isnan(first) or math.isnan(second):
        return UNKNOWN
    is_met = False
    if what == ABOVE:
        is_met = first > second
    elif what == BELOW:
        is_met = first < second
    elif what == AT_LEAST:
        is_met = first >= second
    elif what == AT_MOST:
        is_met = first <= second
    elif math.isnan(first_before) or math.isnan(second_before):
        return UNKNOWN
    elif what == CROSSES_ABOVE:
        is_met = first_before <= second_before and first > second
    else:
        is_met = first_before >= second_before and first < second
    return TRUE if is_met else FALSE


@kernel
def _run(memory: Any, start: int, end: int) -> int:
    """Run a stretch of the program and return what it comes to."""
    program, stack, answers = memory.program, memory.stack, memory.answers
    now, before = memory.now, memory.before
    height = 0
    for index in range(start, end):
        step = program[index]
        what = step % OPERAND
        if what < AND:
            first = step // OPERAND % OPERAND
            second = step // (OPERAND * OPERAND)
            answer = _compare(what, now[first], now[second], before[first], before[second])
            height += 1
        elif what == NOT:
            answer = TRUE - stack[height - 1]
        else:
            height -= 1
            left, right = int(stack[height - 1]), int(stack[height])
            is_left = left < right if what == AND else left > right
            answer = left if is_left else right
        stack[height - 1] = answer
        answers[index] = answer
    return int(stack[0])


@kernel
def judge(memory: Any, open: float, high: float, low: float, close: float, volume: float) -> int:  # noqa: A002 - a bar's
    """Take one closed bar and return 1 to buy, -1 to sell, 0 for neither.

    Buying is asked first and wins where both sides are true. Nothing is answered before the tenth bar. The same bars
    give the same answers wherever this runs: it sees nothing but the bar and its own memory.
    """
    now, before = memory.now, memory.before
    for index in range(memory.registers):
        before[index] = now[index]
    now[0] = open
    now[1] = high
    now[2] = low
    now[3] = close
    now[4] = volume
    now[5] = (high + low) / 2.0
    now[6] = (high + low + close) / 3.0
    now[7] = (open + high + low + close) / 4.0
    for index in range(memory.indicators):
        _update(memory, index, high, low, close, volume)
    bars = memory.bars + 1
    memory.bars = bars
    buys = _run(memory, 0, memory.buy_steps)
    sells = _run(memory, memory.buy_steps, memory.steps)
    signal = 0
    if bars >= MIN_BARS:
        if buys == TRUE:
            signal = 1
        elif sells == TRUE:
            signal = -1
    memory.signal = signal
    return signal
