"""The public face: same seed, same bytes; hours, instruments, marks."""

from __future__ import annotations

import numpy as np
import pytest

from tidemill.model.bars import HOUR_NS, MINUTE_NS
from tidemill.model.errors import ConfigError
from tidemill.model.instrument import AssetClass
from tidemill.research.synthetic.market import SyntheticMarket, synthesise, synthesise_daily
from tidemill.research.synthetic.sessions import SessionSchedule, weekday_schedule

# These bytes may change only with the model itself, or if numpy changes what its generators draw.
GOLDEN_MINUTES = "0c0e1cb3d10da2e319ec97ca60316a8305edc1cbdbfa2e13757a63b7e0dd481b"
GOLDEN_DAILY = "e2c2e1940a8b5a7b1c02de17d13e4f778d4448350ebdce026a40fe432089b1e3"


def test_same_seed_gives_the_bytes_of_record() -> None:
    assert synthesise(seed=7, sessions=3, with_ticks=True).digest() == GOLDEN_MINUTES
    assert synthesise_daily(seed=7, sessions=300).digest() == GOLDEN_DAILY


def test_another_seed_gives_another_market() -> None:
    one, two = (synthesise(seed=seed, symbols=("SIMA",), sessions=2) for seed in (1, 2))
    assert one.digest() != two.digest()


def test_a_symbol_does_not_depend_on_its_neighbours_or_on_ticks() -> None:
    alone = synthesise(symbols=("SIMB",), sessions=3).bars[0]
    among = synthesise(symbols=("SIMQ", "SIMC", "SIMB"), sessions=3, with_ticks=True).bars[2]
    assert alone.meta["sha256"] == among.meta["sha256"]


def test_instruments_are_two_stocks_and_one_future(market: SyntheticMarket) -> None:
    future = market.instruments["SIMQ"]
    assert (future.asset_class, future.tick_size, future.multiplier) == (AssetClass.FUTURE, 0.25, 20.0)
    assert future.calendar == "CME"
    assert market.instruments["SIMA"].asset_class is AssetClass.STOCK
    assert [bars.symbol for bars in market.bars] == ["SIMA", "SIMB", "SIMQ"]


def test_bars_stay_inside_the_sessions(market: SyntheticMarket) -> None:
    for bars in market.bars:
        hours = market.schedules[market.instruments[bars.symbol].calendar]
        row = np.searchsorted(hours.open_ns, bars.ts, side="right") - 1
        assert np.all(bars.ts + MINUTE_NS <= hours.close_ns[row])
        assert np.array_equal(np.unique(row), np.arange(40))


def test_future_pauses_one_hour(market: SyntheticMarket) -> None:
    ts = market.bars[2].ts
    local_minute = (ts - 5 * HOUR_NS) // MINUTE_NS % 1440
    assert not np.any((local_minute >= 17 * 60) & (local_minute < 18 * 60))
    assert np.any(local_minute < 9 * 60)


def test_early_close_comes_from_the_schedule() -> None:
    plain = weekday_schedule("2024-07-02", 3, ["2024-07-04"])
    early = SessionSchedule(plain.day, plain.open_ns, plain.close_ns - np.array([0, 180 * MINUTE_NS, 0]))
    market = synthesise(schedule=early, start="2024-07-02", sessions=3)
    stock, future = market.bars[0], market.bars[2]
    half_day = stock.between(int(early.open_ns[1]), int(early.open_ns[2]))
    assert half_day.ts[-1] == early.close_ns[1] - MINUTE_NS
    assert half_day.volume[-1] > 5 * np.median(half_day.volume)
    last = future.between(int(early.open_ns[1]), int(early.open_ns[1]) + 8 * HOUR_NS).ts[-1]
    assert early.close_ns[1] <= last < early.close_ns[1] + 15 * MINUTE_NS


def test_quotes_surround_the_trades(market: SyntheticMarket) -> None:
    for symbol in ("SIMA", "SIMQ"):
        ticks, quotes = market.ticks[symbol], market.quotes[symbol]
        plain = ticks[ticks["side"] != 0]
        met = quotes[np.searchsorted(quotes["ts_ns"], plain["ts_ns"], side="left") - 1]
        right = np.where(plain["side"] > 0, met["ask"], met["bid"]) == plain["price"]
        assert right.mean() > 0.999
        assert quotes["bid_size"].min() >= 1


def test_spread_is_wider_at_the_opening_and_for_the_dear_stock(market: SyntheticMarket) -> None:
    medians = {}
    for symbol in ("SIMA", "SIMB"):
        quotes = market.quotes[symbol]
        spread = quotes["ask"] - quotes["bid"]
        opens = market.schedules["XNYS"].open_ns
        age = quotes["ts_ns"] - opens[np.maximum(np.searchsorted(opens, quotes["ts_ns"], side="right") - 1, 0)]
        medians[symbol] = np.median(spread)
        assert spread[age < 2 * MINUTE_NS].mean() > 1.5 * spread[age > HOUR_NS].mean()
    assert medians["SIMA"] <= 0.02 + 1e-9 < medians["SIMB"]


def test_drift_lifts_long_histories() -> None:
    flat, lifted = (synthesise_daily(symbols=("SIMQ",), sessions=2520, drift=drift) for drift in (0.0, 0.1))
    gain = np.log(lifted.daily[0].close[-1] / flat.daily[0].close[-1])
    assert gain == pytest.approx(1.0, abs=0.01)


def test_names_of_real_symbols_are_refused() -> None:
    with pytest.raises(ConfigError, match="begin with SIM"):
        synthesise(symbols=("AAPL",), sessions=1)
    with pytest.raises(ConfigError, match="only once"):
        synthesise(symbols=("SIMA", "SIMA"), sessions=1)
