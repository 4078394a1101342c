"""Exits that time, session and loss limits demand, each with its reason and on the bar it should come."""

from __future__ import annotations

from datetime import datetime

import pytest

from tidemill.model.bars import HOUR_NS
from unit.risk.test_risk_rules import NEW_YORK, do, ending, fills, play, prices, refusals


def _held_for(limit: int) -> tuple[list[tuple[float, float, str]], int]:
    """Return fills and bars held of an entry that fills at the open of bar 1, on prices that rise by 1 per bar."""
    engine = play(prices(*range(100, 110)), {0: do("buy", quantity=10)}, max_bars_held=limit)
    return fills(engine), int(engine.tape.rows("trips")["bars"][0])


def test_a_position_is_closed_after_so_many_bars() -> None:
    exits = [_held_for(limit)[0][1] for limit in (1, 2, 3)]
    assert [(quantity, reason) for quantity, _, reason in exits] == [(-10.0, "TIME_EXIT")] * 3
    assert [price - exits[0][1] for _, price, _ in exits] == [0.0, 1.0, 2.0]  # each bar more is one open later


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_bars_held_are_those_the_limit_names(limit: int) -> None:
    done, bars = _held_for(limit)
    assert bars == limit and done[1][1] == 101.0 + limit


def test_without_a_limit_a_position_is_held() -> None:
    assert len(fills(play(prices(*[100] * 30), {0: do("buy", quantity=10)}))) == 1


def test_a_time_exit_closes_shorts_and_leaves_room_for_the_next_entry() -> None:
    script = {0: do("sell", quantity=10), 4: do("sell", quantity=5)}
    engine = play(prices(*[100] * 10), script, max_bars_held=2, allow_short=True)
    assert fills(engine) == [
        (-10.0, 100.0, "SIGNAL"), (10.0, 100.0, "TIME_EXIT"), (-5.0, 100.0, "SIGNAL"), (5.0, 100.0, "TIME_EXIT"),
    ]  # fmt: skip


def _day(day: int, clocks: list[tuple[int, int]]) -> list[datetime]:
    return [datetime(2026, 11, day, hour, minute, tzinfo=NEW_YORK) for hour, minute in clocks]


def test_flat_before_the_close_of_the_exchange() -> None:
    bars = ending(_day(25, [(15, 50), (15, 51), (15, 54), (15, 55), (15, 56), (15, 57)]))
    engine = play(bars, {0: do("buy", quantity=10)}, flat_before_close_min=5.0)
    assert [reason for *_, reason in fills(engine)] == ["SIGNAL", "SESSION_END"]
    # decided on the close of the bar that ends at 15:55, filled at the open of the next, which is 15:55
    assert int(engine.tape.rows("fills")["ts_ns"][1]) == int(bars.ts[4])


def test_flat_before_an_early_close() -> None:
    bars = ending(_day(27, [(12, 50), (12, 51), (12, 54), (12, 55), (12, 56)]))
    engine = play(bars, {0: do("buy", quantity=10)}, flat_before_close_min=5.0)
    assert int(engine.tape.rows("fills")["ts_ns"][1]) == int(bars.ts[4])
    full = ending(_day(25, [(12, 50), (12, 51), (12, 54), (12, 55), (12, 56)]))
    assert len(fills(play(full, {0: do("buy", quantity=10)}, flat_before_close_min=5.0))) == 1


def test_timed_exits_pass_closed_windows_and_used_up_limits() -> None:
    bars = ending(_day(27, [(12, 50), (12, 51), (12, 54), (12, 55), (12, 56)]))
    tight = {"window": "12:50-12:51", "max_trades_per_day": 1, "max_open_positions": 1, "max_position_pct": 1.0}
    engine = play(bars, {0: do("buy", quantity=10)}, flat_before_close_min=5.0, extended_hours=False, **tight)
    assert refusals(engine) == [] and [reason for *_, reason in fills(engine)] == ["SIGNAL", "SESSION_END"]


def test_daily_loss_flatten_closes_what_is_open() -> None:
    path = prices(100, 100, 96, 95, 94, 94)
    kept = play(path, {0: do("buy", quantity=10)}, daily_loss_amount=50.0)
    assert len(fills(kept)) == 1  # without flatten the limit stops entries only
    engine = play(path, {0: do("buy", quantity=10)}, daily_loss_amount=50.0, daily_loss_flatten=True)
    # 96: 40 lost; 95: 50 lost, decided there, filled at the next open
    assert fills(engine) == [(10.0, 100.0, "SIGNAL"), (-10.0, 94.0, "DAILY_LOSS")]


def test_daily_loss_flatten_never_closes_a_winner_and_starts_anew_each_day() -> None:
    up = play(prices(100, 100, 200, 300), {0: do("buy", quantity=10)}, daily_loss_amount=1.0, daily_loss_flatten=True)
    assert len(fills(up)) == 1
    # hourly bars from 19:00 New York: 40 lost before midnight (05:00 UTC), 40 after: neither day reaches 50
    slow = prices(100, 100, 98, 96, 96, 94, 92, interval=HOUR_NS)
    chosen = {"daily_loss_amount": 50.0, "daily_loss_flatten": True}
    assert len(fills(play(slow, {0: do("buy", quantity=10)}, **chosen))) == 1
    assert (
        fills(play(prices(100, 100, 98, 96, 96, 94, 92), {0: do("buy", quantity=10)}, **chosen))[1][2] == "DAILY_LOSS"
    )


def test_daily_loss_percent_flattens_too() -> None:
    chosen = {"daily_loss_pct": 0.05, "daily_loss_flatten": True}  # 50 of 100,000
    engine = play(prices(100, 100, 96, 95, 94, 94), {0: do("buy", quantity=10)}, **chosen)
    assert fills(engine)[1] == (-10.0, 94.0, "DAILY_LOSS")
