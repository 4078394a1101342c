"""Bars are the trades, merged."""

from __future__ import annotations

import numpy as np

from tidemill.model.bars import MINUTE_NS
from tidemill.model.fingerprint import bars_sha256
from tidemill.research.synthetic.market import SyntheticMarket


def test_every_minute_bar_is_what_its_trades_say(market: SyntheticMarket) -> None:
    for bars in market.bars:
        ticks = market.ticks[bars.symbol]
        minutes = ticks["ts_ns"] // MINUTE_NS * MINUTE_NS
        assert np.array_equal(np.unique(minutes), bars.ts)
        for row in np.random.default_rng(1).integers(0, len(bars), 50):
            own = ticks[minutes == bars.ts[row]]
            prices = own["price"]
            expected = (prices[0], prices.max(), prices.min(), prices[-1], own["size"].sum())
            columns = (bars.open, bars.high, bars.low, bars.close, bars.volume)
            assert tuple(column[row] for column in columns) == expected


def test_quiet_minutes_have_no_bar(market: SyntheticMarket) -> None:
    assert len(market.bars[1]) < 40 * 390
    assert len(market.bars[2]) < 40 * 1380


def test_daily_bars_agree_with_their_minutes(market: SyntheticMarket) -> None:
    for bars, daily in zip(market.bars, market.daily, strict=True):
        day = np.searchsorted(daily.ts, bars.ts, side="right") - 1
        first = np.flatnonzero(np.diff(day, prepend=-1))
        assert len(daily) == 40
        assert np.array_equal(daily.open, bars.open[first])
        assert np.array_equal(daily.high, np.maximum.reduceat(bars.high, first))
        assert np.array_equal(daily.low, np.minimum.reduceat(bars.low, first))
        assert np.array_equal(daily.volume, np.add.reduceat(bars.volume, first))


def test_prices_lie_on_the_tick_grid(market: SyntheticMarket) -> None:
    for bars in market.bars:
        in_ticks = bars.close / market.instruments[bars.symbol].tick_size
        assert np.abs(in_ticks - np.rint(in_ticks)).max() < 1e-6
        assert bars.low.min() > 0.0


def test_bars_carry_the_simulated_mark_and_their_hash(market: SyntheticMarket) -> None:
    for bars in (*market.bars, *market.daily):
        assert bars.meta["simulated"] is True
        assert bars.meta["note"].startswith("SIMULATED")
        assert bars.meta["sha256"] == bars_sha256(bars)
