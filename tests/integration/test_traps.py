"""The behaviour traps of the specification that concern a backtest, each by its number, through the public face."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

import tidemill
from tidemill import Costs, FillRules, Instrument, Memory, RunSettings, Sizing, Strategy, StrategySettings, buy, sell
from tidemill.cli.options import parse_days
from tidemill.model.bars import DAY_NS, HOUR_NS, MINUTE_NS, BarTable
from tidemill.model.enums import FillTiming, OrderType, Slippage, TimeInForce
from tidemill.model.instrument import infer_instrument
from tidemill.model.intervals import parse_interval
from tidemill.model.parsing import parse_enum
from tidemill.research.result import BacktestResult

NEW_YORK, PHOENIX = ZoneInfo("America/New_York"), ZoneInfo("America/Phoenix")
WINTER, SUMMER = (2024, 1, 9), (2024, 7, 9)  # both Tuesdays


class EveryBar(Strategy):
    """Buy whenever flat, sell on the next bar."""

    def step(me, bar, order):  # noqa: ARG002
        if order.pending == 1:
            return
        if order.held > 0.0:
            sell(order)
        else:
            buy(order)


class BuyOnce(Strategy):
    """Buy on the first bar and leave the rest to the stop."""

    seen = Memory(0)

    def step(me, bar, order):  # noqa: ARG002
        me.seen += 1
        if me.seen == 1:
            buy(order)


class SellFirst(Strategy):
    """Ask for a sale on the first bar."""

    seen = Memory(0)

    def step(me, bar, order):  # noqa: ARG002
        me.seen += 1
        if me.seen == 1:
            sell(order)


def at(date: tuple[int, int, int], clock: str, zone: ZoneInfo = NEW_YORK) -> int:
    """UTC nanoseconds of a local clock."""
    hour, minute = map(int, clock.split(":"))
    return int(datetime(*date, hour, minute, tzinfo=zone).timestamp()) * 10**9


def bars(ts: np.ndarray, prices: list[tuple[float, float, float, float]] | float = 100.0, symbol: str = "ABC",
         size: int = MINUTE_NS, duration: int = 0) -> BarTable:  # fmt: skip
    rows = np.full((len(ts), 4), prices) if isinstance(prices, float) else np.array(prices, float)
    columns = (np.ascontiguousarray(column) for column in rows.T)
    return BarTable(symbol, size, duration or size, np.asarray(ts, np.int64), *columns, np.full(len(ts), 1e6))


def minutes(start: int, count: int, symbol: str = "ABC") -> BarTable:
    return bars(start + np.arange(count) * MINUTE_NS, symbol=symbol)


def run(strategy: type[Strategy], data: BarTable | list[BarTable], *, fills: FillRules | None = None,
        costs: Costs | None = None, cash: float = 100_000.0, **settings: object) -> BacktestResult:  # fmt: skip
    chosen = {"sizing": Sizing.FIXED, "size_value": 10.0, **settings}
    rules = {"fills": fills or FillRules(), "costs": costs or Costs()}
    setup = RunSettings(cash=cash, settings=StrategySettings(**chosen), **rules)  # type: ignore[arg-type]
    return tidemill.backtest(strategy, data, run=setup, check_prefix=False)


def entries(result: BacktestResult, zone: ZoneInfo = NEW_YORK) -> list[str]:
    """Local clocks at which entries were filled."""
    frame = result.fills
    return [f"{stamp.tz_convert(zone):%H:%M}" for stamp in frame[frame["intent"] == "entry"]["timestamp"]]


@pytest.mark.parametrize(("date", "first"), [(WINTER, "08:30"), (SUMMER, "09:30")])
def test_trap_2_a_phoenix_window_moves_against_new_york_with_the_season(date: tuple[int, int, int], first: str) -> None:
    result = run(EveryBar, minutes(at(date, "07:00"), 300), window="06:30-08:00", window_zone="America/Phoenix")
    assert entries(result)[0] == first and entries(result, PHOENIX)[0] == "06:30"
    assert min(entries(result, PHOENIX)) == "06:30" and max(entries(result, PHOENIX)) < "08:00"


@pytest.mark.parametrize(
    ("date", "hours"), [(WINTER, ("08:30-10:00", "10:30-12:00")), (SUMMER, ("09:30-11:00", "11:30-13:00"))]
)
def test_trap_2_two_phoenix_windows_are_other_new_york_hours_in_each_season(
    date: tuple[int, int, int], hours: tuple[str, str]
) -> None:
    windows = {"window": "06:30-08:00,08:30-10:00", "window_zone": "America/Phoenix"}
    passed = entries(run(EveryBar, minutes(at(date, "07:00"), 420), **windows))
    bounds = [part.split("-") for part in hours]
    inside = [[clock for clock in passed if first <= clock < last] for first, last in bounds]
    assert [found[0] for found in inside] == [first for first, _ in bounds]
    assert sorted(inside[0] + inside[1]) == passed and min(map(len, inside)) > 20
    local = ",".join(hours)
    assert entries(run(EveryBar, minutes(at(date, "07:00"), 420), window=local)) == passed


@pytest.mark.parametrize("date", [WINTER, SUMMER])
def test_traps_1_3_and_4_a_window_without_a_zone_is_the_exchanges_in_both_seasons(date: tuple[int, int, int]) -> None:
    result = run(EveryBar, minutes(at(date, "08:00"), 540), window="09:30-16:00")
    assert (min(entries(result)), max(entries(result))) == ("09:30", "15:58")
    coins = run(EveryBar, minutes(at(date, "08:00", ZoneInfo("UTC")), 200, "BTCUSD"), window="09:30-16:00")
    assert entries(coins, ZoneInfo("UTC"))[0] == "09:30"


def test_trap_5_hours_do_not_silence_daily_bars_but_days_count() -> None:
    days = bars(at(WINTER, "09:30") + np.arange(3) * DAY_NS, size=DAY_NS, duration=23_400 * 10**9)
    settings = StrategySettings.session_defaults()
    result = tidemill.backtest(EveryBar, days, run=RunSettings(settings=settings), check_prefix=False)
    assert len(result.fills) > 0
    assert len(run(EveryBar, days, window_days=("SAT", "SUN")).fills) == 0


def test_trap_6_weekdays_have_names() -> None:
    assert parse_days("MON-FRI") == ("MON", "TUE", "WED", "THU", "FRI")
    tuesday = minutes(at(WINTER, "10:00"), 30)
    assert len(run(EveryBar, tuesday, window_days=("TUE",)).fills) > 0
    assert len(run(EveryBar, tuesday, window_days=("MON", "WED")).fills) == 0


def test_trap_7_an_overnight_window_of_a_future() -> None:
    night = minutes(at((2024, 1, 9), "17:00"), 12 * 60, "NQ")
    found = entries(run(EveryBar, night, size_value=1.0, window="18:00-02:00", window_days=("TUE",)))
    assert found[0] == "18:00" and "01:58" in found and not [clock for clock in found if "02:00" <= clock < "18:00"]


@pytest.mark.parametrize(
    ("symbol", "first", "expected"),
    [
        ("NQ", "15:30", ["15:31", "18:01"]),
        ("ABC", "18:30", ["18:31", "00:01"]),
        ("BTCUSD", "18:30", ["18:31", "19:01"]),
    ],
)
def test_trap_8_a_trading_day_belongs_to_the_market(symbol: str, first: str, expected: list[str]) -> None:
    stretch = minutes(at(WINTER, first), 400, symbol)
    if symbol == "NQ":  # the hour of rest
        rest = (stretch.ts >= at(WINTER, "17:00")) & (stretch.ts < at(WINTER, "18:00"))
        stretch = bars(stretch.ts[~rest], symbol="NQ")
    assert entries(run(EveryBar, stretch, size_value=1.0, max_trades_per_day=1)) == expected


def test_trap_9_stamps_are_aware_and_utc() -> None:
    result = run(EveryBar, minutes(at(WINTER, "10:00"), 5))
    assert str(result.fills["timestamp"].dt.tz) == "UTC" and result.document()["fills"][0]["timestamp"].endswith("Z")


@pytest.mark.parametrize("text", ["STOPLIMIT", "StopLimit", "stop_limit", "stop-limit"])
def test_traps_15_and_17_spellings_are_tolerated(text: str) -> None:
    assert parse_enum(OrderType, text, "--order-type") is OrderType.STOP_LIMIT
    assert parse_interval("1min") == parse_interval("1m") == MINUTE_NS


class StopEntry(Strategy):
    """Buy above 101 with a protective stop at 99."""

    seen = Memory(0)

    def step(me, bar, order):  # noqa: ARG002
        me.seen += 1
        if me.seen == 1:
            buy(order, trigger=101.0, stop=99.0)


def test_trap_19_the_trigger_of_an_entry_is_not_its_protective_stop() -> None:
    steps = [(100.0,) * 4, (100.0, 101.5, 100.0, 101.0), (101.0, 101.0, 98.5, 98.6), (98.6,) * 4]
    trip = run(StopEntry, bars(at(WINTER, "10:00") + np.arange(4) * MINUTE_NS, steps)).trips.iloc[0]
    assert (trip["entry_price"], trip["exit_price"], trip["exit_reason"]) == (101.0, 99.0, "stop_loss")


def test_traps_20_and_21_units_stand_in_names() -> None:
    percents = [name for name in StrategySettings.__dataclass_fields__ if "percent" in name or "fraction" in name]
    assert percents == []
    steps = [(100.0, 100.0, 100.0, 100.0), (100.0, 100.0, 100.0, 100.0), (100.0, 100.0, 97.0, 98.0), (98.0,) * 4]
    result = run(BuyOnce, bars(at(WINTER, "10:00") + np.arange(4) * MINUTE_NS, steps), stop_loss_pct=2.0)
    assert result.trips["exit_price"][0] == 98.0 and result.trips["exit_reason"][0] == "stop_loss"
    assert 0.0 <= result.metrics["win_rate"] <= 1.0


def test_trap_31_a_profit_never_trips_a_loss_cap() -> None:
    rising = np.arange(60.0) + 100
    table = bars(at(WINTER, "10:00") + np.arange(60) * MINUTE_NS, [(p, p + 1, p, p + 1) for p in rising.tolist()])
    capped = run(EveryBar, table, daily_loss_amount=50.0)
    assert len(capped.fills) == len(run(EveryBar, table).fills) and capped.metrics["net_profit"] > 50
    falling = bars(table.ts, [(p, p, p - 1, p - 1) for p in rising[::-1].tolist()])
    assert "daily_loss" in set(run(EveryBar, falling, daily_loss_amount=50.0).refusals["refusal"])


def test_trap_32_one_trade_is_one_opened_position() -> None:
    result = run(EveryBar, minutes(at(WINTER, "10:00"), 60), max_trades_per_day=3)
    assert len(entries(result)) == 3 and len(result.fills) == 6


def test_trap_37_decided_on_the_close_filled_at_the_next_open() -> None:
    table = bars(
        at(WINTER, "10:00") + np.arange(3) * MINUTE_NS, [(100, 101, 99, 100.5), (102, 103, 101, 102.5), (103,) * 4]
    )
    assert run(EveryBar, table).fills["price"][0] == 102.0
    assert run(EveryBar, table, fills=FillRules(timing=FillTiming.SAME_CLOSE)).fills["price"][0] == 100.5


def test_traps_38_and_44_stops_work_inside_bars_and_past_every_limit_and_gaps_fill_at_the_open() -> None:
    start = at(WINTER, "15:56")
    flat = (100.0, 100.0, 100.0, 100.0)
    touched = bars(start + np.arange(4) * MINUTE_NS, [flat, flat, (100, 100.5, 98.5, 100.2), flat])
    limits = {"stop_loss_pct": 1.0, "window": "09:30-15:58", "max_trades_per_day": 1, "entry_tif": TimeInForce.FOK}
    trip = run(BuyOnce, touched, **limits).trips.iloc[0]
    assert (trip["exit_price"], trip["exit_reason"]) == (99.0, "stop_loss")
    gapped = bars(start + np.arange(4) * MINUTE_NS, [flat, flat, (97, 97.5, 96, 97.2), flat])
    assert run(BuyOnce, gapped, **limits).trips["exit_price"][0] == 97.0


def test_trap_39_symbols_share_one_account() -> None:
    first, second = (minutes(at(WINTER, "10:00"), 40, symbol) for symbol in ("ABC", "XYZ"))
    result = run(EveryBar, [first, second], max_open_positions=1)
    held = {"ABC": 0.0, "XYZ": 0.0}
    for _, fill in result.fills.iterrows():
        held[fill["symbol"]] = fill["position_after"]
        assert sum(units != 0 for units in held.values()) <= 1
    assert result.metrics["start_equity"] == 100_000.0
    assert "max_open_positions" in set(result.refusals["refusal"])


def test_trap_40_a_sale_of_what_is_not_held_needs_permission() -> None:
    table = minutes(at(WINTER, "10:00"), 10)
    refused = run(SellFirst, table)
    assert len(refused.fills) == 0 and list(refused.refusals["refusal"]) == ["short_not_allowed"]
    assert run(SellFirst, table, allow_short=True).fills["position_after"][0] == -10.0


def test_trap_41_one_future_is_limited_by_margin_not_by_its_notional() -> None:
    nq = infer_instrument("NQ")
    table = bars(at(WINTER, "10:00") + np.arange(5) * MINUTE_NS, 17_000.0, "NQ")
    assert 17_000.0 * nq.multiplier == 340_000.0
    assert len(run(EveryBar, table, size_value=1.0, max_position_pct=25.0).fills) > 0
    assert len(run(EveryBar, table, size_value=1.0, cash=20_000.0).fills) == 0


def test_trap_43_a_market_order_is_limited_by_the_last_price() -> None:
    result = run(EveryBar, minutes(at(WINTER, "10:00"), 5), size_value=500.0, max_position_pct=25.0)
    assert len(result.fills) == 0 and set(result.refusals["refusal"]) == {"max_position_size"}


def test_commission_is_percent_and_is_taken_from_the_cash() -> None:
    result = run(EveryBar, minutes(at(WINTER, "10:00"), 3), costs=Costs(commission_pct=0.5))
    assert result.fills["fee"][0] == 5.0 and result.fills["cash_after"][0] == 100_000.0 - 1_000.0 - 5.0


def test_feature_92_the_defaults_of_a_session_and_none_for_a_backtest() -> None:
    session, plain = StrategySettings.session_defaults(), StrategySettings()
    assert (session.stop_loss_pct, session.take_profit_pct, session.trailing_stop_pct) == (0.0, 0.0, 0.0)
    assert (session.max_position_pct, session.max_open_positions, session.max_trades_per_day) == (25.0, 10, 0)
    assert (session.sizing, session.size_value, session.rebalance.name) == (Sizing.PERCENT, 10.0, "NEVER")
    assert (session.entry_type, session.entry_tif) == (OrderType.MARKET, TimeInForce.DAY)
    assert (session.window, session.window_days, session.window_zone) == ("09:30-16:00", parse_days("MON-FRI"), "")
    assert not session.extended_hours and session.daily_loss_pct == session.daily_loss_amount == 0.0
    assert (Costs().slippage, Costs().commission_pct, FillRules().allow_partial) == (Slippage.NONE, 0.0, True)
    assert (plain.window, plain.max_position_pct, plain.max_open_positions, plain.extended_hours) == ("", 0.0, 0, True)
    assert Instrument("ABC").zone == "America/New_York" and HOUR_NS == 60 * MINUTE_NS
