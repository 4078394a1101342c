"""Splits, dividends and rolls move the printed price, not the holder's wealth."""

from __future__ import annotations

import numpy as np
import pytest

from tidemill.model.enums import EventKind
from tidemill.research.synthetic.actions import roll_days
from tidemill.research.synthetic.facts import total_returns
from tidemill.research.synthetic.market import SyntheticMarket, synthesise_daily


@pytest.fixture(scope="module")
def years() -> SyntheticMarket:
    return synthesise_daily(sessions=1008)


def test_one_split_and_four_dividends_a_year(years: SyntheticMarket) -> None:
    for symbol in ("SIMA", "SIMB"):
        kinds = years.actions["kind"][years.actions["symbol"] == symbol]
        assert (kinds == EventKind.SPLIT).sum() == 4
        assert (kinds == EventKind.DIVIDEND).sum() == 16


def test_raw_price_drops_on_the_ex_date(years: SyntheticMarket) -> None:
    for daily in years.daily[:2]:
        own = years.actions[years.actions["symbol"] == daily.symbol]
        for action in own[own["kind"] == EventKind.SPLIT]:
            row = int(np.searchsorted(daily.ts, action["ts_ns"]))
            assert daily.ts[row] == action["ts_ns"]
            raw = daily.open[row] / daily.close[row - 1]
            assert raw == pytest.approx(1.0 / action["value"], rel=0.15)
        assert np.all(own["value"] > 0.0)


def test_dividends_drop_the_opening_by_their_amount_on_average() -> None:
    drops = []
    for seed in range(12):
        years = synthesise_daily(seed=seed, symbols=("SIMA", "SIMB"), sessions=1008)
        for daily in years.daily:
            closes, opens = total_returns(years, daily)
            paid = years.actions[(years.actions["symbol"] == daily.symbol) & (years.actions["kind"] == 17)]
            rows = np.searchsorted(daily.ts, paid["ts_ns"])
            raw = np.log(daily.open[rows] / daily.close[rows - 1])
            drops.append(np.mean((raw - opens[rows - 1]) / (paid["value"] / daily.close[rows - 1])))
            assert np.abs(closes).max() < 0.5
    assert np.mean(drops) == pytest.approx(-1.0, abs=0.02)


def test_volume_follows_the_number_of_shares(years: SyntheticMarket) -> None:
    daily = years.daily[0]
    split = years.actions[(years.actions["symbol"] == "SIMA") & (years.actions["kind"] == EventKind.SPLIT)][0]
    row = int(np.searchsorted(daily.ts, split["ts_ns"]))
    before, after = np.median(daily.volume[row - 20 : row]), np.median(daily.volume[row : row + 20])
    assert after / before == pytest.approx(split["value"], rel=0.45)


def test_rolls_come_on_the_monday_before_the_third_friday_with_a_basis(years: SyntheticMarket) -> None:
    days = np.array(["2024-03-08", "2024-03-11", "2024-03-12", "2024-06-17", "2024-06-18"], dtype="datetime64[D]")
    assert roll_days(days) == {1: ("H24", "M24"), 3: ("M24", "U24")}
    # 1,008 weekdays without holidays are 3.9 years.
    assert len(years.rolls) == 15
    future = years.daily[2]
    for roll in years.rolls:
        row = int(np.searchsorted(future.ts, roll["ts_ns"]))
        assert roll["gap"] / future.close[row - 1] == pytest.approx(0.01, abs=0.0005)
        assert roll["gap"] % 0.25 == 0.0
    assert years.rolls["new_contract"][0] == years.rolls["old_contract"][1]
