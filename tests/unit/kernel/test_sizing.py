"""Every sizing method, entry offset and rebalance against amounts computed by hand; equity is 100,000 unless said."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tidemill.model.bars import DAY_NS, MINUTE_NS
from tidemill.model.enums import OrderType, Rebalance, Sizing, TimeInForce
from tidemill.model.instrument import Instrument, infer_instrument
from tidemill.model.settings import Costs
from unit.risk.test_risk_rules import NEW_YORK, do, fills, play, prices, refusals

BUY = {0: do("buy")}
FLAT = prices(100, 100, 100)


def bought(bars: Any = FLAT, script: Any = None, **chosen: Any) -> float:
    """Return the signed units of the first fill, 0 without one."""
    done = fills(play(bars, script or BUY, **chosen))
    return done[0][0] if done else 0.0


@pytest.mark.parametrize(
    ("sizing", "value", "units"),
    [
        (Sizing.FIXED, 7.0, 7.0),
        (Sizing.FIXED, 7.9, 7.0),  # whole shares
        (Sizing.FIXED_AMOUNT, 5_050.0, 50.0),
        (Sizing.PERCENT, 10.0, 100.0),
        (Sizing.PERCENT, 10.09, 100.0),
        (Sizing.PERCENT, 150.0, 1_000.0),  # cut to what the account can pay for
        (Sizing.EQUAL_WEIGHT, 10.0, 100.0),  # no number of places given: percent
        (Sizing.KELLY, 0.5, 20.0),  # no track record: 2 %
        (Sizing.RISK_PERCENT, 1.0, 20.0),  # no stop: 2 %
    ],
)
def test_size_of_an_entry(sizing: Sizing, value: float, units: float) -> None:
    assert bought(sizing=sizing, size_value=value) == units


def test_percent_is_capped_by_the_share_per_position() -> None:
    assert bought(sizing=Sizing.PERCENT, size_value=40.0, max_position_pct=25.0) == 250.0


def test_size_comes_first_and_is_then_checked() -> None:
    engine = play(FLAT, BUY, sizing=Sizing.FIXED, size_value=251.0, max_position_pct=25.0)
    assert refusals(engine) == ["MAX_POSITION_SIZE"]
    assert float(engine.tape.rows("refusals")["quantity"][0]) == 251.0  # the rule saw the size, not one unit
    amount = play(FLAT, BUY, sizing=Sizing.FIXED_AMOUNT, size_value=200_000.0)
    assert refusals(amount) == ["BUYING_POWER"] and float(amount.tape.rows("refusals")["quantity"][0]) == 2_000.0


def test_a_size_below_one_lot_is_refused() -> None:
    assert refusals(play(FLAT, BUY, sizing=Sizing.FIXED_AMOUNT, size_value=99.0)) == ["BAD_QUANTITY"]
    coin = [Instrument("S", tick_size=0.0, lot_size=0.01)]
    assert bought(sizing=Sizing.FIXED_AMOUNT, size_value=99.0, instruments=coin) == pytest.approx(0.99)


def test_risk_percent_divides_by_the_distance_to_the_stop() -> None:
    chosen = {"sizing": Sizing.RISK_PERCENT, "size_value": 1.0}  # 1,000 at risk
    assert bought(script={0: do("buy", stop=95.0)}, **chosen) == 200.0
    assert bought(script={0: do("sell", stop=102.0)}, allow_short=True, **chosen) == -500.0
    assert bought(stop_loss_pct=4.0, **chosen) == 250.0  # the settings' stop: 96
    assert bought(script={0: do("buy", stop=99.5)}, **chosen) == 1_000.0  # 2,000, cut to what can be paid for
    assert bought(script={0: do("buy", stop=99.5)}, max_position_pct=30.0, **chosen) == 300.0


def test_equal_weight_divides_equity_by_the_places() -> None:
    tables = [prices(100, 100, 100, symbol=name) for name in ("A", "B", "C", "D")]
    script = {(row, 0): do("buy") for row in range(4)}
    engine = play(tables, script, sizing=Sizing.EQUAL_WEIGHT, max_open_positions=4)
    assert [quantity for quantity, *_ in fills(engine)] == [250.0] * 4


def trips(wins: int, losses: int, *, gain: float = 10.0, loss: float = 5.0) -> tuple[Any, dict[int, Any]]:
    """Return bars and a script that closes so many winners and losers of one share, then buys at 100 by sizing."""
    path: list[float] = [100.0]
    script: dict[int, Any] = {}
    for change in [gain] * wins + [-loss] * losses:
        at = len(path) - 1
        script[at] = do("buy", quantity=1)
        script[at + 1] = do("close")
        path += [100.0, 100.0 + change, 100.0]
    script[len(path) - 1] = do("buy")
    return prices(*path, 100.0), script


def kelly(wins: int, losses: int, fraction: float = 1.0, **more: float) -> float:
    """Return the units bought after so many trips."""
    bars, script = trips(wins, losses, **more)
    engine = play(bars, script, sizing=Sizing.KELLY, size_value=fraction)
    done = fills(engine)
    assert len(engine.tape.rows("trips")) >= wins + losses
    return done[-1][0] if len(done) > 2 * (wins + losses) else 0.0


def test_kelly_takes_the_share_of_the_closed_trades() -> None:
    # W = 0.6, R = 10 / 5 = 2: f = 0.6 - 0.4 / 2 = 0.4; equity 100,000 + 60 - 20 = 100,040
    assert kelly(6, 4) == 400.0
    assert kelly(6, 4, 0.5) == 200.0


def test_kelly_needs_ten_trades_and_stays_between_nothing_and_one_half() -> None:
    assert kelly(6, 3) == 20.0  # nine trades: 2 % of 100,045
    assert kelly(9, 1) == 500.0  # f = 0.9 - 0.1 / 2 = 0.85, capped at 0.5 of 100,085
    assert kelly(10, 0) == 500.0  # never lost: the cap, of 100,100
    assert kelly(2, 8) == 0.0  # f = 0.2 - 0.8 / 2 < 0
    assert kelly(0, 10) == 0.0


def test_kelly_fraction_counts_without_losses_too() -> None:
    assert kelly(10, 0, 0.1) == 100.0  # W = 1: f = 1, a tenth of it, of 100,100


def test_kelly_counts_commissions_in_wins_and_losses() -> None:
    bars, script = trips(5, 5)
    run = {"costs": Costs(commission_per_unit=1.0)}
    engine = play(bars, script, run=run, sizing=Sizing.KELLY, size_value=1.0)
    # wins of 8, losses of 7: f = 0.5 - 0.5 * 7 / 8 = 0.0625; equity 100,005; 62.503 shares
    assert fills(engine)[-1][0] == 62.0


def test_futures_sizes_count_the_multiplier_and_the_margin() -> None:
    nq = {"bars": prices(18_000, 18_000, 18_000, symbol="NQ"), "instruments": [infer_instrument("NQ")]}
    assert bought(sizing=Sizing.FIXED_AMOUNT, size_value=720_000.0, **nq) == 2.0  # 360,000 each
    assert bought(sizing=Sizing.PERCENT, size_value=800.0, **nq) == 2.0
    assert bought(sizing=Sizing.PERCENT, size_value=100.0, **nq) == 0.0
    risk = {"sizing": Sizing.RISK_PERCENT, "size_value": 1.0}
    assert bought(script={0: do("buy", stop=17_975.0)}, **risk, **nq) == 2.0  # 25 points of 20 USD: 500 each
    assert bought(script={0: do("buy", stop=17_995.0)}, **risk, **nq) == 4.0  # ten wanted, margin pays for four


def test_a_share_of_equity_leaves_room_for_one_future_whose_margin_fits() -> None:
    nq = [infer_instrument("NQ")]
    bars = prices(18_000, 18_000, 18_000, symbol="NQ")
    engine = play(bars, BUY, instruments=nq, sizing=Sizing.FIXED, size_value=1.0, max_position_pct=25.0)
    assert refusals(engine) == []  # 25,000 of margin in 100,000 of equity


def test_limit_offset_of_minus_one_half_buys_below_and_sells_above() -> None:
    chosen = {
        "entry_type": OrderType.LIMIT, "limit_offset_pct": -0.5, "sizing": Sizing.FIXED, "size_value": 1.0,
        "entry_tif": TimeInForce.GTC, "allow_short": True, "instruments": [Instrument("S")],
    }  # fmt: skip
    bars = prices(100, (100, 100.4, 99.6, 100), (100, 100.5, 99.5, 100), 100)
    assert fills(play(bars, BUY, **chosen)) == [(1.0, 99.5, "SIGNAL")]
    assert fills(play(bars, {0: do("sell")}, **chosen)) == [(-1.0, 100.5, "SIGNAL")]
    chosen["limit_offset_pct"] = 0.5  # reaches through the market: fills at the better open
    assert fills(play(bars, BUY, **chosen)) == [(1.0, 100.0, "SIGNAL")]


def daily(*path: float) -> Any:
    """Return daily bars from Tuesday 2024-01-02 on, weekends left out."""
    days = [2, 3, 4, 5, 8, 9, 10, 11, 12][: len(path)]
    starts = [round(datetime(2024, 1, day, 9, 30, tzinfo=NEW_YORK).timestamp()) * 10**9 for day in days]
    return prices(*path, interval=DAY_NS, duration=390 * MINUTE_NS, starts=starts)


HALF: dict[str, Any] = {"sizing": Sizing.PERCENT, "size_value": 50.0}


def rebalanced(mode: Rebalance, bars: Any, script: Any = None) -> list[tuple[float, float, str]]:
    """Return the fills after the entry."""
    return fills(play(bars, script or BUY, rebalance=mode, **HALF))[1:]


def test_rebalance_never_leaves_a_position_alone() -> None:
    assert rebalanced(Rebalance.NEVER, daily(100, 100, 110, 110, 110, 110)) == []


def test_rebalance_daily_sells_what_is_too_much_and_buys_what_is_missing() -> None:
    # 500 held; at 110 equity is 105,000, half of it 52,500: 477.27 units; 22 whole shares are too many
    assert rebalanced(Rebalance.DAILY, daily(100, 100, 110, 110)) == [(-22.0, 110.0, "REBALANCE")]
    # at 90: 95,000, half 47,500: 527.78 units; 27 are missing
    assert rebalanced(Rebalance.DAILY, daily(100, 100, 90, 90)) == [(27.0, 90.0, "REBALANCE")]


def test_rebalance_weekly_waits_for_the_first_bar_of_the_next_week() -> None:
    engine = play(daily(100, 100, 110, 110, 110, 110, 110), BUY, rebalance=Rebalance.WEEKLY, **HALF)
    assert fills(engine)[1:] == [(-22.0, 110.0, "REBALANCE")]
    # decided on the close of Monday 8th (bar 4), filled at Tuesday's open
    assert int(engine.tape.rows("fills")["ts_ns"][1]) == int(daily(*[1.0] * 7).ts[5])


def test_rebalance_on_signal_waits_for_the_next_signal() -> None:
    bars = daily(100, 100, 110, 110, 110, 110)
    assert rebalanced(Rebalance.ON_SIGNAL, bars) == []
    assert rebalanced(Rebalance.ON_SIGNAL, bars, {0: do("buy"), 3: do("buy")}) == [(-22.0, 110.0, "REBALANCE")]


def test_what_a_rebalance_buys_passes_the_rules_and_what_it_sells_does_not() -> None:
    chosen = {**HALF, "rebalance": Rebalance.DAILY, "window_days": ("TUE",)}
    less = play(daily(100, 100, 90, 90), BUY, **chosen)
    assert set(refusals(less)) == {"OUTSIDE_WINDOW"} and len(fills(less)) == 1
    more = play(daily(100, 100, 110, 110), BUY, **chosen)
    assert fills(more)[1:] == [(-22.0, 110.0, "REBALANCE")]


def test_rebalance_aims_at_the_capped_size() -> None:
    chosen: dict[str, Any] = {"sizing": Sizing.PERCENT, "size_value": 40.0, "max_position_pct": 25.0}
    engine = play(daily(100, 100, 100, 100), BUY, rebalance=Rebalance.DAILY, **chosen)
    assert [quantity for quantity, *_ in fills(engine)] == [250.0] and refusals(engine) == []
