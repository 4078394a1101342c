"""News comes before the move."""

from __future__ import annotations

import numpy as np

from tidemill.model.bars import MINUTE_NS
from tidemill.research.synthetic.market import SyntheticMarket, synthesise_daily


def test_every_item_is_stamped_before_its_move_and_names_itself_simulated(market: SyntheticMarket) -> None:
    assert {item.kind for item in market.news} == {"calendar", "earnings", "headline"}
    stamps = [item.ts_ns for item in market.news]
    assert stamps == sorted(stamps)
    for item in market.news:
        assert item.ts_ns < item.moves_at_ns
        assert "(simulated)" in item.headline


def test_headlines_move_inside_their_own_minute(market: SyntheticMarket) -> None:
    headlines = [item for item in market.news if item.kind == "headline"]
    assert headlines
    assert all(item.ts_ns // MINUTE_NS == item.moves_at_ns // MINUTE_NS for item in headlines)


def test_headlines_move_the_price_in_their_direction(market: SyntheticMarket) -> None:
    moves = []
    for item in (item for item in market.news if item.kind == "headline"):
        ticks = market.ticks[item.symbol]
        row = int(np.searchsorted(ticks["ts_ns"], item.moves_at_ns))
        up = any(word in item.headline for word in ("wins", "raises", "settles"))
        moves.append((1 if up else -1) * np.log(ticks["price"][row + 2] / ticks["price"][row - 2]))
    assert np.mean(moves) > 0.0004


def test_earnings_come_after_a_close_and_move_the_next_opening() -> None:
    moves, usual = [], []
    for seed in range(4):
        years = synthesise_daily(seed=seed, symbols=("SIMB",), sessions=1008)
        daily = years.daily[0]
        gaps = np.abs(np.log(daily.open[1:] / daily.close[:-1]))
        usual.append(np.median(gaps))
        for item in (item for item in years.news if item.kind == "earnings"):
            row = int(np.searchsorted(daily.ts, item.moves_at_ns))
            assert daily.ts[row] == item.moves_at_ns
            assert daily.ts[row - 1] < item.ts_ns < daily.ts[row]
            moves.append(gaps[row - 1])
    assert np.median(moves) > 2.5 * np.mean(usual)
