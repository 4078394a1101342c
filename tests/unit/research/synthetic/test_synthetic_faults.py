"""The fault switch: nothing without it, every kind with it."""

from __future__ import annotations

import numpy as np
import pytest

from tidemill.model.errors import ConfigError
from tidemill.research.synthetic.faults import FaultPlan
from tidemill.research.synthetic.market import SyntheticMarket, synthesise

STOCKS = ("SIMA", "SIMB")


@pytest.fixture(scope="module")
def clean() -> SyntheticMarket:
    return synthesise(symbols=STOCKS, sessions=4, with_ticks=True)


@pytest.fixture(scope="module")
def broken() -> SyntheticMarket:
    return synthesise(symbols=STOCKS, sessions=4, with_ticks=True, faults=FaultPlan.everything())


def test_no_fault_without_the_switch(clean: SyntheticMarket) -> None:
    assert len(clean.faults) == 0
    for symbol in STOCKS:
        ticks, quotes = clean.ticks[symbol], clean.quotes[symbol]
        assert np.array_equal(ticks["seq"], np.arange(len(ticks)))
        assert np.all(np.diff(ticks["ts_ns"]) >= 0) and np.all(np.diff(quotes["ts_ns"]) >= 0)
        assert np.all(quotes["bid"] < quotes["ask"])
        assert set((ticks["received_ns"] - ticks["ts_ns"]).tolist()) == {1_000_000}


def test_every_kind_is_recorded(broken: SyntheticMarket) -> None:
    kinds = {"duplicate", "late", "out_of_order", "crossed", "gap", "halt", "disconnect"}
    for symbol in STOCKS:
        assert set(broken.faults["kind"][broken.faults["symbol"] == symbol].tolist()) == kinds
    assert np.all(broken.faults["rows"] > 0)
    assert np.all(broken.faults["start_ns"] <= broken.faults["end_ns"])


def test_every_kind_is_seen_in_the_feed(broken: SyntheticMarket, clean: SyntheticMarket) -> None:
    for symbol in STOCKS:
        ticks, quotes = broken.ticks[symbol], broken.quotes[symbol]
        own = broken.faults[broken.faults["symbol"] == symbol]
        rows = {kind: int(own["rows"][own["kind"] == kind].sum()) for kind in ("duplicate", "crossed", "late")}
        assert len(ticks) - len(np.unique(ticks["seq"])) == rows["duplicate"]
        assert (quotes["bid"] > quotes["ask"]).sum() == rows["crossed"]
        assert (ticks["received_ns"] - ticks["ts_ns"] > 2 * 10**9).sum() >= rows["late"]
        assert np.any(np.diff(ticks["ts_ns"]) < 0) and np.all(np.diff(ticks["received_ns"]) >= 0)
        for fault in own[np.isin(own["kind"], ("halt", "gap", "disconnect"))]:
            inside = (ticks["ts_ns"] >= fault["start_ns"]) & (ticks["ts_ns"] < fault["end_ns"])
            assert not inside.any()
        bars = next(bars for bars in broken.bars if bars.symbol == symbol)
        assert len(bars) < len(next(bars for bars in clean.bars if bars.symbol == symbol))


def test_disconnect_hits_all_symbols_at_once(broken: SyntheticMarket) -> None:
    rows = broken.faults[broken.faults["kind"] == "disconnect"]
    assert len(set(rows["symbol"].tolist())) == 2
    assert len(set(rows["start_ns"].tolist())) == 1


def test_lost_trades_leave_holes_in_the_numbering_but_a_halt_does_not() -> None:
    halted = synthesise(symbols=("SIMA",), sessions=2, with_ticks=True, faults=FaultPlan(halts=1)).ticks["SIMA"]
    gapped = synthesise(symbols=("SIMA",), sessions=2, with_ticks=True, faults=FaultPlan(gaps=1)).ticks["SIMA"]
    assert np.array_equal(halted["seq"], np.arange(len(halted)))
    assert np.diff(gapped["seq"]).max() > 1


def test_ratio_zero_keeps_every_other_byte(clean: SyntheticMarket) -> None:
    same = synthesise(symbols=STOCKS, sessions=4, with_ticks=True, faults=FaultPlan())
    assert same.digest() == clean.digest()


def test_impossible_plans_are_refused() -> None:
    with pytest.raises(ConfigError, match="late_ratio is 2"):
        FaultPlan(late_ratio=2.0)
    with pytest.raises(ConfigError, match="gaps is -1"):
        FaultPlan(gaps=-1)
    with pytest.raises(ConfigError, match="with_ticks=True"):
        synthesise(sessions=1, faults=FaultPlan(duplicate_ratio=0.1))
