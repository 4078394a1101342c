"""How real the simulated market is: the stylised facts of returns, volumes and trades, each with its range.

Minute facts are the median over blocks of six full sessions, because the real figures behind the ranges were measured
on six to nine sessions; futures count in stock hours only. Daily facts need long histories (``synthesise_daily``).
Ranges: SPY, BAC, IBM and index futures, minutes and ticks of October 2013 and November 2023, days 1998-2021,
widened on both sides. The catalogue of facts is that of R. Cont, "Empirical Properties of Asset Returns",
Quantitative Finance 1 (2001).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidemill.model.bars import MINUTE_NS, BarTable
from tidemill.model.enums import EventKind
from tidemill.research.synthetic.market import SyntheticMarket
from tidemill.research.synthetic.stable import Floats

__all__ = ["DAILY_FACTS_NEED", "Fact", "autocorrelation", "excess_kurtosis", "facts", "facts_table", "total_returns"]

DAILY_FACTS_NEED = 1000
"""Daily bars below which daily facts are not measured: heavy tails need years."""

_BLOCK = 6
_FULL_MINUTES = 390
_INF = math.inf
_RANGES: dict[str, tuple[float, float]] = {
    "excess kurtosis, 1-minute returns": (1.0, 15.0),
    "autocorrelation of 1-minute returns, lag 1": (-0.25, 0.06),
    "autocorrelation of absolute 1-minute returns, lag 1": (0.08, 1.0),
    "autocorrelation of absolute 1-minute returns, lag 10": (0.03, 1.0),
    "the same, lag 10 less lag 1": (-1.0, 0.0),
    "the same, lag 60 less lag 10": (-1.0, 0.0),
    "volume against session mean, first 30 minutes": (1.4, _INF),
    "volume against session mean, 12:00-13:00": (0.0, 0.8),
    "volume against session mean, last 30 minutes": (1.0, _INF),
    "volume of the last minute against session mean": (4.0, 30.0),
    "absolute return against session mean, first 30 minutes": (1.25, _INF),
    "absolute return against session mean, 12:00-13:00": (0.0, 0.9),
    "correlation of volume and absolute return, 1 minute": (0.2, 0.7),
    "excess kurtosis, daily returns": (4.0, 30.0),
    "autocorrelation of absolute daily returns, lag 1": (0.12, 1.0),
    "autocorrelation of absolute daily returns, lag 20": (0.06, 1.0),
    "overnight share of daily variance": (0.2, 0.65),
    "return today against absolute return tomorrow": (-0.3, 0.0),
    "autocorrelation of trade price changes, lag 1": (-0.5, -0.25),
    "trades in multiples of 100": (0.8, 1.0),
    "correlation of daily returns": (0.3, 0.6),
    "correlation of 1-minute returns": (0.3, 0.6),
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One measured figure and the range a real market leaves for it."""

    symbol: str
    name: str
    value: float
    low: float
    high: float

    @property
    def holds(self) -> bool:
        """Whether the value lies inside the range."""
        return self.low <= self.value <= self.high


def _fact(symbol: str, name: str, value: float) -> Fact:
    return Fact(symbol, name, float(value), *_RANGES[name])


def excess_kurtosis(values: Floats) -> float:
    """Return the fourth standardised moment less 3."""
    centred = values - values.mean()
    return float((centred**4).mean() / (centred**2).mean() ** 2 - 3.0)


def autocorrelation(rows: Floats, lag: int) -> float:
    """Return the autocorrelation at a lag, never across the end of a row.

    Args:
        rows: float64[n] or float64[sessions, minutes].
    """
    centred = rows - rows.mean()
    return float((centred[..., lag:] * centred[..., :-lag]).mean() / (centred * centred).mean())


def total_returns(market: SyntheticMarket, daily: BarTable) -> tuple[Floats, Floats]:
    """Return log returns close to close and close to open with splits, dividends and rolls put back.

    Returns:
        Two float64[n - 1] arrays.
    """
    ratio, cash = np.ones(len(daily)), np.zeros(len(daily))
    own = market.actions[market.actions["symbol"] == daily.symbol]
    rows = np.searchsorted(daily.ts, own["ts_ns"])
    split = own["kind"] == EventKind.SPLIT
    ratio[rows[split]] = own["value"][split]
    cash[rows[~split]] = own["value"][~split]
    rolls = market.rolls[market.rolls["symbol"] == daily.symbol]
    cash[np.searchsorted(daily.ts, rolls["ts_ns"])] -= rolls["gap"]
    before = daily.close[:-1]
    closes = np.log((daily.close * ratio + cash)[1:] / before)
    opens = np.log((daily.open * ratio + cash)[1:] / before)
    return closes, opens


def _minute_grid(market: SyntheticMarket, bars: BarTable) -> tuple[Floats, Floats]:
    """Return log closes and volumes on the minutes of full stock sessions, float64[sessions, 390].

    A quiet minute keeps the close before it and has no volume; the auction at the opening gives every session a
    first minute.
    """
    hours = market.schedules["XNYS"]
    opens = hours.open_ns[hours.close_ns - hours.open_ns == _FULL_MINUTES * MINUTE_NS]
    minutes = (opens[:, None] + np.arange(_FULL_MINUTES) * MINUTE_NS).ravel()
    rows = np.searchsorted(bars.ts, minutes, side="right") - 1
    traded = bars.ts[rows] == minutes
    shape = (len(opens), _FULL_MINUTES)
    closes = np.log(bars.close[rows]).reshape(shape)
    return closes, np.where(traded, bars.volume[rows], 0.0).reshape(shape)


def _minute_block(closes: Floats, volume: Floats) -> dict[str, float]:
    returns = np.diff(closes, axis=1)
    size = np.abs(returns)
    memory = {lag: autocorrelation(size, lag) for lag in (1, 10, 60)}
    share = volume / volume.mean(axis=1, keepdims=True)
    # Column k of the returns belongs to minute k + 1 of the session.
    values = (
        excess_kurtosis(returns),
        autocorrelation(returns, 1),
        memory[1],
        memory[10],
        memory[10] - memory[1],
        memory[60] - memory[10],
        share[:, :30].mean(),
        share[:, 150:210].mean(),
        share[:, -30:].mean(),
        share[:, -1].mean(),
        size[:, :29].mean() / size.mean(),
        size[:, 149:209].mean() / size.mean(),
        np.corrcoef(volume[:, 1:].ravel(), size.ravel())[0, 1],
    )
    return dict(zip(list(_RANGES)[: len(values)], map(float, values), strict=True))


def _minute_facts(market: SyntheticMarket, bars: BarTable) -> list[Fact]:
    closes, volume = _minute_grid(market, bars)
    starts = range(0, max(len(closes) - _BLOCK, 0) + 1, _BLOCK)
    blocks = [_minute_block(closes[at : at + _BLOCK], volume[at : at + _BLOCK]) for at in starts]
    found = {name: float(np.median([block[name] for block in blocks])) for name in blocks[0]}
    if market.instruments[bars.symbol].is_margined:
        del found["volume of the last minute against session mean"]
    return [_fact(bars.symbol, name, value) for name, value in found.items()]


def _daily_facts(market: SyntheticMarket, daily: BarTable) -> list[Fact]:
    closes, opens = total_returns(market, daily)
    size = np.abs(closes)
    found = {
        "excess kurtosis, daily returns": excess_kurtosis(closes),
        "autocorrelation of absolute daily returns, lag 1": autocorrelation(size, 1),
        "autocorrelation of absolute daily returns, lag 20": autocorrelation(size, 20),
        "return today against absolute return tomorrow": float(np.corrcoef(closes[:-1], size[1:])[0, 1]),
    }
    if not market.instruments[daily.symbol].is_margined:
        found["overnight share of daily variance"] = float(opens.var() / closes.var())
    return [_fact(daily.symbol, name, value) for name, value in found.items()]


def _trade_facts(symbol: str, ticks: NDArray[np.void], opens_ns: NDArray[np.int64]) -> list[Fact]:
    day = np.searchsorted(opens_ns, ticks["ts_ns"], side="right")
    changes = np.diff(ticks["price"])
    inside = np.diff(day) == 0
    pairs = inside[1:] & inside[:-1]
    bounce = (changes[1:] * changes[:-1])[pairs].mean() / (changes[inside] ** 2).mean()
    return [
        _fact(symbol, "autocorrelation of trade price changes, lag 1", bounce),
        _fact(symbol, "trades in multiples of 100", float((ticks["size"] % 100 == 0).mean())),
    ]


def _pairs(symbols: list[str], returns: list[Floats], name: str) -> list[Fact]:
    return [
        _fact(f"{symbols[i]}/{symbols[j]}", name, float(np.corrcoef(returns[i], returns[j])[0, 1]))
        for i in range(len(symbols))
        for j in range(i + 1, len(symbols))
    ]


def facts(market: SyntheticMarket) -> list[Fact]:
    """Measure everything the market allows: minute facts from bars, trade facts from ticks, daily facts from years.

    Trade facts and the last minute's volume are measured for stocks only, as the real figures were.

    Args:
        market: from ``synthesise`` (at least one full session) or ``synthesise_daily``.
    """
    found: list[Fact] = []
    for bars in market.bars:
        found += _minute_facts(market, bars)
    stocks = [symbol for symbol in market.ticks if not market.instruments[symbol].is_margined]
    for symbol in stocks:
        found += _trade_facts(symbol, market.ticks[symbol], market.schedules["XNYS"].open_ns)
    grids = [np.diff(_minute_grid(market, bars)[0], axis=1).ravel() for bars in market.bars]
    found += _pairs([bars.symbol for bars in market.bars], grids, "correlation of 1-minute returns")
    long = [daily for daily in market.daily if len(daily) >= DAILY_FACTS_NEED]
    for daily in long:
        found += _daily_facts(market, daily)
    histories = [total_returns(market, daily)[0] for daily in long]
    return found + _pairs([daily.symbol for daily in long], histories, "correlation of daily returns")


def _range_text(low: float, high: float) -> str:
    return f"above {low:g}" if high == _INF else f"{low:g} to {high:g}"


def facts_table(found: list[Fact]) -> str:
    """Return facts as a table in Markdown: one row per fact, one column per symbol or pair."""
    names = dict.fromkeys(fact.name for fact in found)
    lines = ["| fact | accepted | measured |", "|---|---|---|"]
    for name in names:
        own = [fact for fact in found if fact.name == name]
        values = ", ".join(f"{fact.symbol} {fact.value:.3f}{'' if fact.holds else ' (outside)'}" for fact in own)
        lines.append(f"| {name} | {_range_text(own[0].low, own[0].high)} | {values} |")
    return "\n".join(lines)
