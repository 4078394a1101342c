"""Every risk rule refuses what it says, names its reason on the tape, lets the rest through, and stops no exit."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from naive.scenario import SCRIPTS, START, Script, table
from tidemill.adapters.calendars import get_calendar
from tidemill.authoring.rulebook import load_rules
from tidemill.authoring.strategy import spec_of
from tidemill.engine.engine import Engine
from tidemill.engine.streams import build_streams
from tidemill.model.bars import DAY_NS, HOUR_NS, MINUTE_NS, BarTable
from tidemill.model.enums import EventKind, Intent, Operator, Reason, Refusal
from tidemill.model.errors import ConfigError
from tidemill.model.instrument import Instrument, infer_instrument
from tidemill.model.records import EVENT
from tidemill.model.settings import Costs, RunSettings, StrategySettings
from tidemill.research.planning import Entrant, plan_run

NEW_YORK, PHOENIX = ZoneInfo("America/New_York"), ZoneInfo("America/Phoenix")
STOCK = Instrument("S", tick_size=0.0)


def do(verb: str, **args: Any) -> dict[str, Any]:
    """Return one action of a script."""
    return {"verb": verb, "args": args}


PROBE = do("buy", quantity=1.0, limit=1.0, tif="ioc")  # an entry that never fills and is gone at the next open


def prices(*path: float | tuple[float, ...], symbol: str = "S", **more: Any) -> BarTable:
    """Return bars, each a flat price or (open, high, low, close)."""
    return table(symbol, [row if isinstance(row, tuple) else (row,) * 4 for row in path], **more)


def ending(when: list[datetime], *, symbol: str = "S", price: float = 100.0) -> BarTable:
    """Return flat minute bars that end at local times, which is when decisions are made."""
    starts = [round(moment.timestamp()) * 1_000_000_000 - MINUTE_NS for moment in when]
    return prices(*[price] * len(when), symbol=symbol, starts=starts)


def play(
    bars: BarTable | list[BarTable],
    script: dict[Any, Any],
    *,
    instruments: list[Instrument] | None = None,
    run: dict[str, Any] | None = None,
    events: list[tuple[int, int]] | None = None,
    **settings: Any,
) -> Engine:
    """Run a script of (instrument row, bar number) or bar number to actions through engine, rules and exchange."""
    tables = bars if isinstance(bars, list) else [bars]
    SCRIPTS[0].clear()
    for key, actions in script.items():
        row, number = key if isinstance(key, tuple) else (0, key)
        SCRIPTS[0][row, int(tables[row].ts[number])] = actions if isinstance(actions, list) else [actions]
    chosen = RunSettings(settings=StrategySettings(**settings), **(run or {}))
    traded = instruments or [Instrument(item.symbol, tick_size=0.0) for item in tables]
    spec = spec_of(Script)
    plan = plan_run([Entrant(spec, spec.read_params({}))], tables, traded, chosen, get_calendar)
    engine = Engine(plan, load_rules(), equity_rows=512)
    commands = np.zeros(len(events or []), EVENT)
    for row, (instant, code) in zip(commands, events or [], strict=True):
        row["kind"], row["instrument"], row["code"] = int(EventKind.OPERATOR), -1, code
        row["ts_ns"] = row["now_ns"] = instant
    engine.replay(build_streams(tables, [item.symbol for item in traded], [commands] if events else []))
    return engine


def refusals(engine: Engine) -> list[str]:
    """Return the refusals on the tape, by name."""
    return [Refusal(int(row["refusal"])).name for row in engine.tape.rows("refusals")]


def fills(engine: Engine) -> list[tuple[float, float, str]]:
    """Return (signed quantity, price, reason) of every fill."""
    return [
        (float(row["side"] * row["quantity"]), float(row["price"]), Reason(int(row["reason"])).name)
        for row in engine.tape.rows("fills")
    ]


def probed(bars: BarTable, **settings: Any) -> list[str]:
    """Return the answer to an entry at the end of every bar: a refusal's name, or nothing."""
    engine = play(bars, dict.fromkeys(range(len(bars)), PROBE), **settings)
    said = {int(row["ts_ns"]): Refusal(int(row["refusal"])).name for row in engine.tape.rows("refusals")}
    return [said.get(int(stamp) + bars.duration_ns, "") for stamp in bars.ts]


def test_rules_are_asked_by_rank_and_together_name_their_refusals() -> None:
    rules = load_rules()
    assert [rule.name for rule in rules] == [
        "halted", "short_allowed", "confidence", "pyramiding", "session_window", "extended_hours",
        "daily_loss", "max_trades", "max_positions", "max_position_size", "buying_power",
    ]  # fmt: skip
    assert [rule.rank for rule in rules] == [10, 20, 25, *range(30, 101, 10)]
    assert {name for rule in rules for name in rule.settings} <= set(StrategySettings.__dataclass_fields__)


def test_first_refusal_by_rank_is_the_one_written() -> None:
    engine = play(prices(100, 100), {0: do("sell", quantity=1e9)}, window="22:00-23:00", max_position_pct=1.0)
    assert refusals(engine) == ["SHORT_NOT_ALLOWED"]
    engine = play(prices(100, 100), {0: do("buy", quantity=1e9)}, window="22:00-23:00", max_position_pct=1.0)
    assert refusals(engine) == ["OUTSIDE_WINDOW"]
    engine = play(prices(100, 100), {0: do("buy", quantity=1e9)}, max_position_pct=1.0)
    assert refusals(engine) == ["MAX_POSITION_SIZE"]


def test_halt_refuses_entries_until_resumed() -> None:
    bars = prices(*[100] * 6)
    halt = [(START + MINUTE_NS + 1, int(Operator.HALT)), (START + 3 * MINUTE_NS + 1, int(Operator.RESUME))]
    engine = play(bars, dict.fromkeys(range(6), PROBE), events=halt)
    assert refusals(engine) == ["HALTED", "HALTED"]
    assert (engine.tape.rows("refusals")["ts_ns"] - START == [2 * MINUTE_NS, 3 * MINUTE_NS]).all()


def test_short_needs_permission() -> None:
    bars, script = prices(100, 100, 100), {0: do("sell", quantity=1)}
    assert refusals(play(bars, script)) == ["SHORT_NOT_ALLOWED"]
    assert fills(play(bars, script, allow_short=True)) == [(-1.0, 100.0, "SIGNAL")]


def test_one_entry_at_a_time_and_no_more_than_pyramiding() -> None:
    waiting = do("buy", quantity=1, limit=50.0)
    assert refusals(play(prices(100, 100, 100), {0: waiting, 1: waiting})) == ["ORDER_PENDING"]
    again = {number: do("buy", quantity=1) for number in range(4)}
    assert refusals(play(prices(*[100] * 5), again)) == ["ALREADY_IN_POSITION"] * 3
    twice = play(prices(*[100] * 5), again, pyramiding=2)
    assert refusals(twice) == ["ALREADY_IN_POSITION"] * 2 and len(fills(twice)) == 2
    added = {0: do("buy", quantity=1), 2: do("buy", quantity=1, add=1)}
    assert [quantity for quantity, *_ in fills(play(prices(*[100] * 5), added))] == [1.0, 1.0]


@pytest.mark.parametrize("month", [1, 7])
def test_new_york_window_holds_the_same_local_hours_in_winter_and_summer(month: int) -> None:
    when = [(9, 29), (9, 30), (15, 59), (16, 0)]
    bars = ending([datetime(2024, month, 10, hour, minute, tzinfo=NEW_YORK) for hour, minute in when])
    assert probed(bars, window="09:30-16:00") == ["OUTSIDE_WINDOW", "", "", "OUTSIDE_WINDOW"]


def test_phoenix_window_moves_against_new_york_with_the_season() -> None:
    winter = ending([datetime(2024, 1, 10, hour, 15, tzinfo=NEW_YORK) for hour in (8, 9, 10)])
    summer = ending([datetime(2024, 7, 10, hour, 15, tzinfo=NEW_YORK) for hour in (8, 9, 10)])
    chosen = {"window": "06:30-08:00", "window_zone": "America/Phoenix"}
    assert probed(winter, **chosen) == ["OUTSIDE_WINDOW", "", "OUTSIDE_WINDOW"]  # 06:15, 07:15, 08:15 in Phoenix
    assert probed(summer, **chosen) == ["OUTSIDE_WINDOW", "OUTSIDE_WINDOW", ""]  # 05:15, 06:15, 07:15
    assert datetime(2024, 7, 10, 10, 15, tzinfo=NEW_YORK).astimezone(PHOENIX).hour == 7


def test_overnight_window_belongs_to_the_day_it_starts() -> None:
    # 2024-01-08 is a Monday: one minute after midnight still belongs to Sunday's window
    when = [(8, 1, 0), (8, 17, 59), (8, 18, 0), (9, 1, 59), (9, 2, 0), (9, 18, 0)]
    bars = ending([datetime(2024, 1, day, hour, minute, tzinfo=NEW_YORK) for day, hour, minute in when])
    out = "OUTSIDE_WINDOW"
    assert probed(bars, window="18:00-02:00", window_days=("MON",)) == [out, out, "", "", out, out]
    assert probed(bars, window="18:00-02:00") == ["", out, "", "", out, ""]


def test_several_windows_of_which_one_runs_overnight() -> None:
    when = [(8, 7, 59), (8, 8, 0), (8, 8, 59), (8, 9, 0), (8, 12, 0), (8, 12, 30), (8, 23, 0), (9, 0, 59), (9, 1, 0)]
    bars = ending([datetime(2024, 1, day, hour, minute, tzinfo=NEW_YORK) for day, hour, minute in when])
    out = "OUTSIDE_WINDOW"
    expected = [out, "", "", out, "", out, "", "", out]
    assert probed(bars, window="08:00-09:00, 12:00-12:30, 22:00-01:00") == expected
    assert probed(bars, window="08:00-09:00,12:00-12:30,22:00-01:00", window_days=("MON",)) == expected
    assert probed(bars, window="08:00-09:00,12:00-12:30,22:00-01:00", window_days=("TUE",)) == [out] * 9


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("09:30-10:00,", "is no window"), (",", "is no window"), ("09:30", "is no window"),
        ("09:30-10:00,11:00-11:00", "is empty"), ("09:30-10:00,25:00-26:00", "no time of day"),
        ("1:00-2:00,3:00-4:00,5:00-6:00,7:00-8:00,9:00-10:00", "too many"),
    ],
)  # fmt: skip
def test_windows_that_make_no_sense_are_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        StrategySettings(window=text)


def test_days_have_names_and_count_without_hours() -> None:
    bars = ending([datetime(2024, 1, day, 12, 0, tzinfo=NEW_YORK) for day in range(8, 15)])  # Monday to Sunday
    for number, day in enumerate(("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")):
        answers = probed(bars, window_days=(day,))
        assert [at for at, answer in enumerate(answers) if answer == ""] == [number]


def test_hours_say_nothing_about_daily_bars_but_weekdays_do() -> None:
    starts = [round(datetime(2024, 1, day, 9, 30, tzinfo=NEW_YORK).timestamp()) * 10**9 for day in range(8, 13)]
    bars = prices(*[100] * 5, interval=DAY_NS, duration=390 * MINUTE_NS, starts=starts)
    assert probed(bars, window="09:30-16:00") == [""] * 5
    assert probed(bars, window="09:30-16:00", window_days=("TUE", "FRI")) == [
        "OUTSIDE_WINDOW", "", "OUTSIDE_WINDOW", "OUTSIDE_WINDOW", "",
    ]  # fmt: skip
    assert probed(bars, window="02:00-03:00") == [""] * 5


def test_extended_hours_off_keeps_to_the_regular_session() -> None:
    when = [(25, 9, 29), (25, 9, 30), (25, 13, 30), (25, 15, 59), (25, 16, 0), (26, 12, 0)]
    when += [(27, 12, 59), (27, 13, 0), (27, 13, 30), (28, 12, 0)]
    bars = ending([datetime(2026, 11, day, hour, minute, tzinfo=NEW_YORK) for day, hour, minute in when])
    out = "OUTSIDE_SESSION"  # Thursday 26 is Thanksgiving, Friday 27 closes at 13:00, 28 is a Saturday
    assert probed(bars, extended_hours=False) == [out, "", "", "", out, out, "", out, out, out]
    assert probed(bars, extended_hours=True) == [""] * 10


def test_daily_loss_stops_at_the_amount_and_resets_at_midnight_new_york() -> None:
    # hourly bars from 00:00 UTC = 19:00 New York; 05:00 UTC is midnight
    bars = prices(100, 100, 91, 90, 90, 90, 90, interval=HOUR_NS)
    script = {0: do("buy", quantity=10)} | {number: do("buy", quantity=1, add=1) for number in range(2, 6)}
    engine = play(bars, script, daily_loss_amount=100.0)
    # 91: 90 lost, passes; at 90: 100 lost, so the bars that start at 03:00 and 04:00 are refused; 05:00 is a new day
    assert refusals(engine) == ["DAILY_LOSS"] * 2
    assert (engine.tape.rows("refusals")["ts_ns"] - START == [4 * HOUR_NS, 5 * HOUR_NS]).all()
    assert [price for _, price, _ in fills(engine)] == [100.0, 90.0, 90.0]


def test_cme_day_begins_at_seventeen_new_york() -> None:
    nq = infer_instrument("NQ")
    local = [datetime(2024, 1, 9, hour, 0, tzinfo=NEW_YORK) for hour in (13, 14, 15, 16, 17)]
    starts = [round(moment.timestamp()) * 10**9 for moment in local]
    bars = prices(18_000, 18_000, 17_990, 17_990, 17_990, symbol="NQ", interval=HOUR_NS, starts=starts)
    script = {0: do("buy", quantity=1)} | {number: do("buy", quantity=1, add=1) for number in (2, 3, 4)}
    engine = play(bars, script, instruments=[nq], daily_loss_amount=200.0)  # ten points of 20 USD
    assert refusals(engine) == ["DAILY_LOSS"] * 2  # decided at 16:00 and 17:00 on bars of the old day; 18:00 passes


@pytest.mark.parametrize(("cap", "expected"), [({"daily_loss_pct": 0.1}, 1), ({"daily_loss_pct": 0.101}, 0)])
def test_daily_loss_percent_is_of_equity_at_the_start_of_the_day(cap: dict[str, float], expected: int) -> None:
    engine = play(prices(100, 100, 90), {0: do("buy", quantity=10), 2: do("buy", quantity=1, add=1)}, **cap)
    assert len(refusals(engine)) == expected  # 100 of 100,000 lost


def test_a_profit_never_trips_a_loss_cap() -> None:
    script = {0: do("buy", quantity=100), 2: do("close"), 4: do("buy", quantity=1)}
    engine = play(prices(100, 100, 150, 150, 150, 150), script, daily_loss_amount=1.0, daily_loss_pct=0.01)
    assert refusals(engine) == [] and len(fills(engine)) == 3  # 5,000 won


def test_loss_counts_realised_unrealised_and_commissions() -> None:
    costs = {"costs": Costs(commission_per_unit=1.0)}
    script = {0: do("buy", quantity=10), 2: do("close"), 4: do("buy", quantity=10), 6: do("buy", quantity=1, add=1)}
    path = prices(100, 100, 98, 98, 98, 98, 97, 97)
    # 20 realised + 10 + 10 + 10 commissions + 10 unrealised = 60
    assert refusals(play(path, script, run=costs, daily_loss_amount=60.0)) == ["DAILY_LOSS"]
    assert refusals(play(path, script, run=costs, daily_loss_amount=60.01)) == []


@pytest.mark.parametrize(
    ("stated", "least", "passes"),
    [(80.0, 75.0, True), (75.0, 75.0, True), (74.9, 75.0, False), (0.0, 75.0, False), (0.0, 0.0, True),
     (1.0, 0.0, True), (101.0, 75.0, False), (float("nan"), 75.0, False), (-5.0, 75.0, False)],
)  # fmt: skip
def test_a_signal_that_is_not_sure_enough_opens_nothing(stated: float, least: float, passes: bool) -> None:
    script = {0: do("buy", quantity=1, confidence=stated), 3: do("close")}
    engine = play(prices(*[100] * 6), script, min_confidence=least)
    assert refusals(engine) == ([] if passes else ["LOW_CONFIDENCE"])
    assert len(fills(engine)) == (2 if passes else 0)  # an exit states none and is never asked


def test_a_person_need_not_say_how_sure_he_is() -> None:
    manual = int(Reason.MANUAL)
    engine = play(prices(*[100] * 4), {0: do("buy", quantity=1, reason=manual)}, min_confidence=75.0)
    assert refusals(engine) == [] and len(fills(engine)) == 1
    engine = play(prices(*[100] * 4), {0: do("buy", quantity=1, reason=manual, confidence=50)}, min_confidence=75.0)
    assert refusals(engine) == ["LOW_CONFIDENCE"]


def test_one_trade_is_one_opened_position() -> None:
    one = do("buy", quantity=2)
    script = {0: one, 2: do("buy", quantity=1, add=1), 4: do("close", quantity=1), 6: do("close"), 8: one, 10: one}
    engine = play(prices(*[100] * 12), script, max_trades_per_day=2)
    # entry, addition, part and rest of the exit are one trade, so the second position still opens
    assert refusals(engine) == ["ALREADY_IN_POSITION"] and len(fills(engine)) == 5
    script |= {10: do("close"), 12: one}
    assert refusals(play(prices(*[100] * 14), script, max_trades_per_day=2)) == ["MAX_TRADES"]


def test_trades_count_anew_on_the_next_trading_day() -> None:
    script = {0: do("buy", quantity=1), 2: do("close")} | {number: do("buy", quantity=1) for number in (4, 5)}
    bars = prices(*[100] * 7, interval=HOUR_NS)  # the bar that starts at 05:00 UTC is the first of the new day
    assert refusals(play(bars, script, max_trades_per_day=1)) == ["MAX_TRADES"]


def test_open_positions_count_over_all_instruments_and_share_one_account() -> None:
    tables = [prices(*[100] * 5, symbol=name) for name in ("A", "B", "C")]
    script = {(row, 0): do("buy", quantity=100) for row in range(3)} | {(0, 2): do("close")}
    script[2, 4] = do("buy", quantity=100)
    engine = play(tables, script, max_open_positions=2)
    assert refusals(engine) == ["MAX_OPEN_POSITIONS"]  # two entries on their way count; a closed one makes room
    assert int(engine.tape.rows("refusals")["instrument"][0]) == 2
    broke = play(tables, {(row, 0): do("buy", quantity=400) for row in range(3)})
    assert refusals(broke) == ["BUYING_POWER"]  # 3 x 40,000 do not fit into one account of 100,000


def test_position_size_counts_what_is_held() -> None:
    script = {0: do("buy", quantity=200), 2: do("buy", quantity=51, add=1), 3: do("buy", quantity=50, add=1)}
    engine = play(prices(*[100] * 5), script, max_position_pct=25.0)
    assert refusals(engine) == ["MAX_POSITION_SIZE"]
    assert [quantity for quantity, *_ in fills(engine)] == [200.0, 50.0]


def test_buying_power_counts_what_is_open_and_reserved_and_fees() -> None:
    tables = [prices(*[100] * 3, symbol=name) for name in ("A", "B")]
    resting = {(0, 0): do("buy", quantity=600, limit=90.0), (1, 1): do("buy", quantity=461)}
    assert refusals(play(tables, resting)) == ["BUYING_POWER"]  # 54,000 reserved, 46,100 asked
    resting[1, 1] = do("buy", quantity=460)
    assert refusals(play(tables, resting)) == []
    fee = {"costs": Costs(commission_per_unit=0.01)}
    assert refusals(play(tables[0], {0: do("buy", quantity=1_000)}, run=fee)) == ["BUYING_POWER"]
    assert refusals(play(tables[0], {0: do("buy", quantity=2_000)}, run={"leverage": 2.0})) == []


def test_futures_are_limited_by_margin_not_by_notional() -> None:
    bars = prices(18_000, 18_000, 18_000, symbol="NQ")
    nq = [infer_instrument("NQ")]
    four = play(bars, {0: do("buy", quantity=4)}, instruments=nq)
    assert refusals(four) == [] and fills(four)[0][0] == 4.0  # 4 x 25,000 of margin, 1.44 million of notional
    assert refusals(play(bars, {0: do("buy", quantity=5)}, instruments=nq)) == ["BUYING_POWER"]


def test_turning_a_future_round_frees_its_margin_only() -> None:
    script = {0: do("go_short", quantity=1), 2: do("go_long", quantity=5)}
    bars = prices(*[18_000] * 5, symbol="NQ")
    engine = play(bars, script, instruments=[infer_instrument("NQ")], allow_short=True)
    assert refusals(engine) == ["BUYING_POWER"]  # five contracts need 125,000 of an account of 100,000


def test_turning_a_share_round_needs_the_new_position_only() -> None:
    script = {0: do("go_short", quantity=900), 2: do("go_long", quantity=1_000)}
    engine = play(prices(*[100] * 5), script, allow_short=True)
    assert refusals(engine) == [] and fills(engine)[-1] == (1_000.0, 100.0, "SIGNAL")
    script[2] = do("go_long", quantity=1_001)
    assert refusals(play(prices(*[100] * 5), script, allow_short=True)) == ["BUYING_POWER"]


TIGHT: dict[str, tuple[dict[str, Any], str]] = {
    "pyramiding": ({}, "ALREADY_IN_POSITION"),
    "window": ({"window": "19:00-19:02"}, "OUTSIDE_WINDOW"),
    "daily loss": ({"daily_loss_amount": 0.01, "daily_loss_pct": 0.0001}, "DAILY_LOSS"),
    "trades": ({"max_trades_per_day": 1}, "MAX_TRADES"),
    "positions": ({"max_open_positions": 1}, "MAX_OPEN_POSITIONS"),
    "size": ({"max_position_pct": 50.0}, "MAX_POSITION_SIZE"),
    "power": ({}, "BUYING_POWER"),
}


def _tight(kind: str, exit_by: str) -> Engine:
    """Open a position on A at 100, lose a little, meet the limit on B (or A), and leave by a close or by the stop."""
    last: Any = (98.0, 98.0, 94.0, 94.0) if exit_by == "stop" else 98.0
    tables = [prices(100, 100, 98, 98, last, 96, symbol="A"), prices(*[100] * 6, symbol="B")]
    size = 1_000.0 if kind == "power" else 500.0
    entry = do("buy", quantity=size, stop=95.0)
    on_a = kind in ("pyramiding", "size")
    ask = do("buy", quantity=100.0, add=int(kind == "size"))
    script = {(0, 0): entry, (0 if on_a else 1, 3): ask}
    if exit_by == "close":
        script[0, 4] = do("close")
    return play(tables, script, **TIGHT[kind][0])


@pytest.mark.parametrize("exit_by", ["stop", "close"])
@pytest.mark.parametrize("kind", list(TIGHT))
def test_no_rule_stops_an_exit(kind: str, exit_by: str) -> None:
    engine = _tight(kind, exit_by)
    assert refusals(engine) == [TIGHT[kind][1]]
    assert fills(engine)[-1][1:] == ((95.0, "STOP_LOSS") if exit_by == "stop" else (96.0, "SIGNAL"))
    assert (engine.state.tables["slots"]["quantity"] == 0.0).all()


def _all_at_once(exit_by: str) -> Engine:
    local = [datetime(2026, 11, 27, 12, minute, tzinfo=NEW_YORK) for minute in (57, 58)]
    local += [datetime(2026, 11, 27, 13, minute, tzinfo=NEW_YORK) for minute in range(3, 6)]  # after the early close
    starts = [round(moment.timestamp()) * 10**9 for moment in local]
    last: Any = (98.0, 98.0, 94.0, 94.0) if exit_by == "stop" else 98.0
    bars = prices(100, 100, 98, last, 96, starts=starts)
    script = {0: do("buy", quantity=1_000, stop=95.0), 2: do("buy", quantity=1, add=1)}
    if exit_by == "close":
        script[3] = do("close")
    return play(
        bars, script, events=[(starts[2] - MINUTE_NS, int(Operator.HALT))],
        window="12:57-12:59", window_days=("FRI",), extended_hours=False, daily_loss_amount=0.01,
        daily_loss_pct=0.0001, max_trades_per_day=1, max_open_positions=1, max_position_pct=100.0,
    )  # fmt: skip


@pytest.mark.parametrize("exit_by", ["stop", "close"])
def test_with_every_limit_reached_at_once_exits_still_pass(exit_by: str) -> None:
    engine = _all_at_once(exit_by)
    assert refusals(engine) == ["HALTED"]
    assert fills(engine)[-1] == ((-1_000.0, 95.0, "STOP_LOSS") if exit_by == "stop" else (-1_000.0, 96.0, "SIGNAL"))
    expected = Intent.PROTECT if exit_by == "stop" else Intent.EXIT
    assert int(engine.tape.rows("fills")["intent"][-1]) == int(expected)


def test_covering_a_short_needs_no_permission_and_reversing_sends_the_exit_first() -> None:
    script = {0: do("go_short", quantity=10), 2: do("go_long", quantity=10)}
    engine = play(prices(*[100] * 5), script, allow_short=True)
    assert fills(engine) == [(-10.0, 100.0, "SIGNAL"), (10.0, 100.0, "REVERSE"), (10.0, 100.0, "SIGNAL")]


def test_warm_up_bars_hold_back_the_first_proposals() -> None:
    bars = prices(*[100] * 5)
    assert probed(bars, warmup_bars=3) == ["WARMING_UP", "WARMING_UP", "WARMING_UP", "", ""]


def test_daily_futures_bars_count_under_the_name_of_their_trading_day() -> None:
    starts = [round(datetime(2024, 1, day, 18, 0, tzinfo=NEW_YORK).timestamp()) * 10**9 for day in (7, 8, 9, 10, 11)]
    bars = prices(*[100] * 5, symbol="NQ", interval=DAY_NS, duration=23 * HOUR_NS, starts=starts)
    days = ("MON", "TUE", "WED", "THU", "FRI")
    answers = probed(bars, instruments=[infer_instrument("NQ")], window_days=days)
    assert answers == [""] * 5  # Sunday evening opens Monday's bar
