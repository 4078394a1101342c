"""Every row of the tables of docs/concepts/execution.md, played by hand: bars in, fills out; the twin must agree.

Bars are one minute long on a tick of 0.25; bar 0 closes at 100 and is where the script decides unless a case says
otherwise. A fill is (minute, side, quantity, price); fills at an open carry the minute in which their bar begins.
"""

from __future__ import annotations

from typing import Any

import pytest

from naive.scenario import START, Case, differences, run_core, run_twin, table
from tidemill.model.bars import DAY_NS, HOUR_NS, MINUTE_NS
from tidemill.model.enums import EventKind, FillTiming, OrderType, PathRule, Refusal, Sizing, Slippage, TimeInForce
from tidemill.model.instrument import AssetClass, Instrument
from tidemill.model.settings import Costs, FillRules, RunSettings, StrategySettings

CALM = (100, 100, 100, 100)
STOCK = Instrument("X", tick_size=0.25, calendar="24/7", zone="UTC")


def do(verb: str, **args: Any) -> dict[str, Any]:
    """Return one action of a script."""
    return {"verb": verb, "args": args}


def play(
    rows: list[Any],
    script: dict[int, list[dict[str, Any]]],
    *,
    fills: FillRules | None = None,
    costs: Costs | None = None,
    item: Instrument = STOCK,
    starts: list[int] | None = None,
    sessions: list[tuple[int, int]] | None = None,
    splits: list[tuple[int, int, float]] | None = None,
    **settings: Any,
) -> tuple[Case, Any]:
    """Run a case in the core, hold the twin against it, and return both."""
    bars = table(item.symbol, rows, **({"starts": starts} if starts else {}))
    chosen = StrategySettings(**{"sizing": Sizing.FIXED, "size_value": 10.0, "allow_short": True, **settings})
    run = RunSettings(1_000_000.0, 50.0, "USD", chosen, costs or Costs(), fills or FillRules())
    orders = {(0, int(bars.ts[at])): actions for at, actions in script.items()}
    case = Case([item], [bars], [orders], [chosen], run, sessions or [], splits or [])
    engine = run_core(case)
    assert differences(case, engine, run_twin(case)) == []
    return case, engine


def fills_of(engine: Any) -> list[tuple[float, int, float, float]]:
    """Return fills as (minute, side, quantity, price)."""
    return [
        ((int(row["ts_ns"]) - START) / MINUTE_NS, int(row["side"]), float(row["quantity"]), float(row["price"]))
        for row in engine.tape.rows("fills")
    ]


def outcome(rows: list[Any], action: dict[str, Any] | list[dict[str, Any]], **more: Any) -> list[Any]:
    """Return the fills of what is decided on bar 0 (CALM)."""
    actions = action if isinstance(action, list) else [action]
    _, engine = play([CALM, *rows], {0: actions}, **more)
    return fills_of(engine)


ENTRIES = {
    "market at the open": (do("buy"), [(101, 102, 99, 100)], [(1, 1, 10, 101)]),
    "market sell at the open": (do("sell"), [(99, 102, 98, 100)], [(1, -1, 10, 99)]),
    "limit filled at a better open": (do("buy", limit=100), [(99, 100, 98, 99)], [(1, 1, 10, 99)]),
    "limit filled at the open it equals": (do("buy", limit=99), [(99, 100, 98, 99)], [(1, 1, 10, 99)]),
    "limit touched by the low": (do("buy", limit=98), [(100, 101, 98, 99)], [(2, 1, 10, 98)]),
    "limit missed by a tick": (do("buy", limit=97.75), [(100, 101, 98, 99)], []),
    "sell limit touched by the high": (do("sell", limit=101), [(100, 101, 99, 100)], [(2, -1, 10, 101)]),
    "stop reached": (do("buy", trigger=102), [(100, 102, 99, 100)], [(2, 1, 10, 102)]),
    "stop jumped over by a gap": (do("buy", trigger=102), [(103, 104, 102, 103)], [(1, 1, 10, 103)]),
    "stop at the open exactly": (do("buy", trigger=102), [(102, 104, 102, 103)], [(1, 1, 10, 102)]),
    "stop not reached": (do("buy", trigger=102.25), [(100, 102, 99, 100)], []),
    "sell stop reached": (do("sell", trigger=98), [(100, 101, 98, 99)], [(2, -1, 10, 98)]),
    "stop-limit reached": (do("buy", trigger=102, limit=103), [(100, 102, 99, 100)], [(2, 1, 10, 102)]),
    "stop-limit gap inside": (do("buy", trigger=102, limit=103), [(103, 104, 102, 103)], [(1, 1, 10, 103)]),
    "stop-limit gap beyond its limit, back in the same bar": (
        do("buy", trigger=102, limit=103), [(104, 105, 103, 104)], [(2, 1, 10, 103)],
    ),
    "stop-limit gap beyond its limit, never back": (do("buy", trigger=102, limit=103), [(104, 105, 103.25, 104)], []),
    "stop-limit with the limit on the far side rests until the next bar": (
        do("buy", trigger=102, limit=101), [(100, 102, 99, 101), (101.5, 102, 100, 101)], [(3, 1, 10, 101)],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("action", "rows", "expected"), ENTRIES.values(), ids=ENTRIES)
def test_prices_of_entries(action: dict[str, Any], rows: list[Any], expected: list[Any]) -> None:
    assert outcome(rows, action) == expected


@pytest.mark.parametrize(
    ("rules", "low", "filled"),
    [
        (FillRules(), 98, True),
        (FillRules(limit_through=True), 98, False),
        (FillRules(limit_through=True), 97.75, True),
        (FillRules(path=PathRule.WORST), 98, False),
        (FillRules(path=PathRule.WORST), 97.75, True),
        (FillRules(path=PathRule.BEST), 98, True),
    ],
)
def test_touch_and_through(rules: FillRules, low: float, filled: bool) -> None:
    assert outcome([(100, 101, low, 99)], do("buy", limit=98), fills=rules) == ([(2, 1, 10, 98)] if filled else [])


@pytest.mark.parametrize(
    ("path", "price", "minute"),
    [
        (PathRule.STOP_FIRST, 97, 3),
        (PathRule.TARGET_FIRST, 103, 3),
        (PathRule.WORST, 97, 3),
        (PathRule.BEST, 103, 3),
    ],
)
def test_path_rule_when_one_bar_touches_stop_and_target(path: PathRule, price: float, minute: int) -> None:
    rows = [CALM, (100, 104, 96, 100)]
    fills = outcome(rows, do("buy", stop=97, target=103), fills=FillRules(path=path))
    assert fills == [(1, 1, 10, 100), (minute, -1, 10, price)]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (PathRule.STOP_FIRST, [(2, 1, 10, 98), (2, -1, 10, 97)]),
        (PathRule.WORST, [(2, 1, 10, 98), (2, -1, 10, 97)]),
        (PathRule.TARGET_FIRST, [(2, 1, 10, 98), (2, -1, 10, 97)]),
        (PathRule.BEST, [(2, 1, 10, 98), (2, -1, 10, 101)]),
    ],
)
def test_newborn_protection_gets_one_pass_in_the_close(path: PathRule, expected: list[Any]) -> None:
    rows = [(100, 102, 96, 100)]
    assert outcome(rows, do("buy", limit=98, stop=97, target=101), fills=FillRules(path=path)) == expected


def test_protection_born_at_the_open_works_in_that_bar() -> None:
    assert outcome([(100, 101, 97, 99)], do("buy", stop=98)) == [(1, 1, 10, 100), (2, -1, 10, 98)]


def test_protection_gapped_over_fills_at_the_open() -> None:
    assert outcome([CALM, (95, 96, 94, 95)], do("buy", stop=98)) == [(1, 1, 10, 100), (2, -1, 10, 95)]


def test_protection_from_settings_is_rounded_to_the_tick() -> None:
    # 100 less 1.37 % is 98.63, which lies nearer to 98.75 than to 98.50
    assert outcome([CALM, (100, 100, 98, 99)], do("buy"), stop_loss_pct=1.37)[1] == (3, -1, 10, 98.75)
    assert outcome([CALM, (100, 103, 100, 99)], do("buy"), take_profit_pct=1.37)[1] == (3, -1, 10, 101.25)


def test_a_trailing_stop_follows_finished_bars_only() -> None:
    rows = [CALM, (100, 104, 99, 103), (103, 103, 101.75, 102)]
    # born at 100 with a trail of 2: 98 holds through the bar that makes the high of 104; then 102
    assert outcome(rows, do("buy", trail=2)) == [(1, 1, 10, 100), (4, -1, 10, 102)]


def test_a_trailing_stop_in_percent_is_rounded_to_the_tick() -> None:
    rows = [(100, 100, 100, 100), (100, 101, 100, 101), (101, 101, 95, 96)]
    # 101 less 1.37 % is 99.6163
    assert outcome(rows, do("buy", trail_pct=1.37))[1] == (4, -1, 10, 99.5)


def test_a_trailing_stop_for_shorts_mirrors() -> None:
    rows = [CALM, (100, 101, 96, 97), (97, 98.5, 97, 98)]
    assert outcome(rows, do("sell", trail=2)) == [(1, -1, 10, 100), (4, 1, 10, 98)]


def test_a_fixed_stop_is_the_floor_of_a_trailing_one() -> None:
    rows = [CALM, (100, 100, 99, 99)]
    assert outcome(rows, do("buy", trail=2, stop=99)) == [(1, 1, 10, 100), (3, -1, 10, 99)]


def test_a_trailing_stop_born_in_a_range_starts_at_the_fill() -> None:
    # bought at 95 in a bar that opened at 100: the first level is 93, not the 98 that 100 would give
    assert outcome([(100, 100, 94, 95)], do("buy", limit=95, trail=2)) == [(2, 1, 10, 95)]


TIFS = {
    "ioc limit ends after its first open": (do("buy", limit=98, tif="ioc"), [(100, 101, 97, 99), (97, 98, 96, 97)], []),
    "ioc limit fills at the open": (do("buy", limit=98, tif="ioc"), [(98, 101, 97, 99)], [(1, 1, 10, 98)]),
    "fok market fills": (do("buy", tif="fok"), [CALM], [(1, 1, 10, 100)]),
    "gtc works on": (do("buy", limit=98, tif="gtc"), [CALM, CALM, (98, 99, 97, 98)], [(3, 1, 10, 98)]),
    "cls without a session never fills": (do("buy", tif="cls"), [CALM, CALM], []),
}


@pytest.mark.parametrize(("action", "rows", "expected"), TIFS.values(), ids=TIFS)
def test_time_in_force(action: dict[str, Any], rows: list[Any], expected: list[Any]) -> None:
    assert outcome(rows, action) == expected


LATE = [START + 23 * HOUR_NS + 58 * MINUTE_NS + k * MINUTE_NS for k in range(5)]


def test_a_day_order_ends_before_the_next_trading_day() -> None:
    rows = [CALM, CALM, (98, 99, 97, 98), CALM, CALM]
    for tif, count in (("day", 0), ("gtc", 1)):
        _, engine = play(rows, {0: [do("buy", limit=98, tif=tif)]}, starts=LATE)
        assert len(fills_of(engine)) == count
    _, engine = play(rows, {1: [do("buy", limit=98, tif="day")]}, starts=LATE)
    assert len(fills_of(engine)) == 1  # the first bar it could trade in is on the new day


SESSION = [(START + day * DAY_NS + 14 * HOUR_NS, START + day * DAY_NS + 14 * HOUR_NS + 3 * MINUTE_NS) for day in (0, 1)]
TWO_DAYS = [first + k * MINUTE_NS for first, _ in SESSION for k in range(-1, 3)]


def test_cls_fills_at_the_close_of_its_session() -> None:
    rows = [(p, p + 1, p - 1, p + 0.5) for p in range(100, 108)]
    _, engine = play(rows, {0: [do("buy", tif="cls")]}, starts=TWO_DAYS, sessions=SESSION)
    assert [(row["ts_ns"], row["price"]) for row in engine.tape.rows("fills")] == [(SESSION[0][1], 103.5)]


@pytest.mark.parametrize(("limit", "count"), [(103.5, 1), (103.25, 0)])
def test_cls_limits_fill_only_at_their_price(limit: float, count: int) -> None:
    rows = [(p, p + 1, p - 1, p + 0.5) for p in range(100, 108)]
    _, engine = play(rows, {0: [do("buy", limit=limit, tif="cls")]}, starts=TWO_DAYS, sessions=SESSION)
    assert len(fills_of(engine)) == count
    assert [int(row["state"]) for row in engine.tape.rows("orders")] == [10 if count else 13]


@pytest.mark.parametrize(("decided", "at"), [(0, 1), (1, 5), (2, 5)])
def test_opg_waits_for_the_open_of_a_session(decided: int, at: int) -> None:
    rows = [(p, p + 1, p - 1, p + 0.5) for p in range(100, 108)]
    _, engine = play(rows, {decided: [do("buy", tif="opg")]}, starts=TWO_DAYS, sessions=SESSION)
    assert [(row["ts_ns"], row["price"]) for row in engine.tape.rows("fills")] == [(TWO_DAYS[at], 100.0 + at)]


def test_opg_limit_that_does_not_fill_ends_at_that_open() -> None:
    rows = [(p, p + 1, p - 1, p + 0.5) for p in range(100, 108)]
    _, engine = play(rows, {0: [do("buy", limit=99, tif="opg")]}, starts=TWO_DAYS, sessions=SESSION)
    assert fills_of(engine) == []
    assert [int(row["state"]) for row in engine.tape.rows("orders")] == [13]


# quantities

THIN = [(*CALM, 1000), (*CALM, 47), (*CALM, 20), (*CALM, 0), (*CALM, 100)]


def test_a_volume_cap_fills_in_parts() -> None:
    _, engine = play(THIN, {0: [do("buy", quantity=10)]}, fills=FillRules(volume_cap_ratio=0.1))
    assert fills_of(engine) == [(1, 1, 4, 100), (2, 1, 2, 100), (4, 1, 4, 100)]


def test_a_volume_cap_is_shared_by_all_orders_of_a_bar_in_time_priority() -> None:
    actions = [do("buy", quantity=3), do("buy", quantity=3)]
    _, engine = play(THIN, {0: actions}, fills=FillRules(volume_cap_ratio=0.1))
    assert [(at, quantity) for at, _, quantity, _ in fills_of(engine)] == [(1, 3), (1, 1), (2, 2)]


@pytest.mark.parametrize("tif", ["fok", "gtc"])
def test_all_or_none_under_a_volume_cap(tif: str) -> None:
    rules = FillRules(volume_cap_ratio=0.1, allow_partial=tif == "fok")
    _, engine = play(THIN, {0: [do("buy", quantity=10, tif=tif)]}, fills=rules)
    assert fills_of(engine) == ([] if tif == "fok" else [(4, 1, 10, 100)])


def test_a_partial_ioc_keeps_what_it_got() -> None:
    _, engine = play(THIN, {0: [do("buy", quantity=10, tif="ioc")]}, fills=FillRules(volume_cap_ratio=0.1))
    assert fills_of(engine) == [(1, 1, 4, 100)]
    assert [(int(row["state"]), float(row["filled"])) for row in engine.tape.rows("orders")] == [(13, 4.0)]


def test_a_part_of_a_position_is_rounded_to_the_lot() -> None:
    for asked, sold in ((2.6, 3.0), (0.2, 1.0), (99.0, 10.0)):
        _, engine = play([CALM] * 4, {0: [do("buy")], 1: [do("close", quantity=asked)]})
        assert fills_of(engine)[1] == (2, -1, sold, 100)


# groups and children


def test_a_partial_exit_shrinks_stop_and_target() -> None:
    script = {0: [do("buy", stop=98, target=102)], 1: [do("close", quantity=4)]}
    _, engine = play([CALM, CALM, CALM, (100, 100, 97, 98)], script)
    assert fills_of(engine) == [(1, 1, 10, 100), (2, -1, 4, 100), (4, -1, 6, 98)]


def test_a_partly_filled_stop_shrinks_each_sibling_once() -> None:
    rows = [(*CALM, 1000), (*CALM, 1000), (*CALM, 0), (98, 98, 98, 98, 40), (98, 102, 98, 102, 1000)]
    script = {0: [do("buy", stop=98, target=102)], 1: [do("sell", limit=103, quantity=4, tif="gtc")]}
    _, engine = play(rows, script, fills=FillRules(volume_cap_ratio=0.1))
    # the stop sells 4 of 10, which uses the limit exit up; 6 are left for what comes next
    assert fills_of(engine) == [(1, 1, 10, 100), (3, -1, 4, 98), (4, -1, 6, 98)]


def test_entries_in_a_group_cancel_each_other() -> None:
    pair = [{**do("buy", trigger=102), "group": 1}, {**do("sell", trigger=98), "group": 1}]
    assert outcome([(100, 103, 97, 100), CALM], pair) == [(2, 1, 10, 102)]


def test_a_child_waits_for_its_parent() -> None:
    chain = [do("buy", limit=98), {**do("buy", limit=101), "after": 0}]
    rows = [CALM, (100, 100, 98, 98), (99, 99, 99, 99)]
    assert outcome(rows, chain) == [(3, 1, 10, 98), (3, 1, 10, 99)]


def test_a_market_child_of_a_range_fill_fills_at_that_close() -> None:
    chain = [do("buy", limit=98), {**do("buy"), "after": 0}]
    assert outcome([(100, 100, 97, 99)], chain) == [(2, 1, 10, 98), (2, 1, 10, 99)]


def test_a_child_ends_with_its_parent() -> None:
    chain = [do("buy", limit=98, tif="ioc"), {**do("buy", limit=101), "after": 0}]
    _, engine = play([CALM, CALM, CALM], {0: chain})
    assert fills_of(engine) == []
    assert sorted(int(row["state"]) for row in engine.tape.rows("orders")) == [11, 13]


def test_a_reversal_exits_first_and_enters_at_the_same_open() -> None:
    _, engine = play([CALM, CALM, (101, 101, 101, 101)], {0: [do("buy")], 1: [do("go_short", quantity=7)]})
    assert fills_of(engine) == [(1, 1, 10, 100), (2, -1, 10, 101), (2, -1, 7, 101)]


def test_an_exit_takes_working_entries_along() -> None:
    script = {0: [do("buy"), do("buy", limit=98), do("buy", limit=97)], 1: [do("close")]}
    _, engine = play([CALM, CALM, CALM, (97, 97, 97, 97)], script)
    assert [side for _, side, _, _ in fills_of(engine)] == [1, -1]


# answers inside a stage


def test_a_stop_is_cut_when_an_entry_of_the_other_side_fills_before_it() -> None:
    # the sell stop at 98.5 takes 4 of 10 before the protective stop at 98 has its turn in the same pass
    script = {0: [do("sell", trigger=98.5, quantity=4), do("buy", stop=98)]}
    _, engine = play([CALM, CALM, (100, 100, 97, 97), CALM], script)
    assert fills_of(engine) == [(1, 1, 10, 100), (3, -1, 4, 98.5), (3, -1, 6, 98)]


def test_an_exit_is_cut_when_an_entry_of_the_other_side_fills_before_it() -> None:
    script = {0: [do("sell", limit=102, quantity=4), do("buy")], 1: [do("sell", limit=103, tif="gtc")]}
    _, engine = play([CALM, CALM, (100, 104, 100, 104), CALM], script)
    assert fills_of(engine) == [(1, 1, 10, 100), (3, -1, 4, 102), (3, -1, 6, 103)]


def test_protection_ends_when_an_entry_of_the_other_side_closes_the_position() -> None:
    script = {0: [do("sell", trigger=98.5, quantity=10), do("buy", stop=98, target=103)]}
    _, engine = play([CALM, CALM, (100, 104, 97, 97), CALM], script)
    assert fills_of(engine) == [(1, 1, 10, 100), (3, -1, 10, 98.5)]


@pytest.mark.parametrize("path", [PathRule.STOP_FIRST, PathRule.BEST])
def test_units_bought_in_a_range_do_not_reach_their_target_in_it(path: PathRule) -> None:
    script = {0: [do("buy", limit=98, quantity=5), do("buy", target=102)]}
    rows = [CALM, CALM, (100, 103, 97, 100), CALM, (103, 103, 103, 103)]
    _, engine = play(rows, script, fills=FillRules(path=path))
    assert fills_of(engine) == [(1, 1, 10, 100), (3, 1, 5, 98), (3, -1, 10, 102), (4, -1, 5, 103)]


def test_units_bought_in_a_range_are_stopped_in_it() -> None:
    script = {0: [do("buy", trigger=101, quantity=5), do("buy", stop=98)]}
    _, engine = play([CALM, CALM, (100, 102, 97, 100), CALM], script)
    assert fills_of(engine) == [(1, 1, 10, 100), (3, 1, 5, 101), (3, -1, 15, 98)]


def test_protection_born_at_an_open_that_jumped_it_fills_in_the_range() -> None:
    assert outcome([(95, 96, 94, 95)], do("buy", stop=98)) == [(1, 1, 10, 95), (2, -1, 10, 95)]


def test_a_commission_minimum_is_paid_once_across_a_split() -> None:
    rows = [CALM, (*CALM, 10), (200, 200, 200, 200, 1000), (200, 200, 200, 200, 1000)]
    splits = [(0, START + 2 * MINUTE_NS + 1, 0.5)]
    rules, costs = FillRules(volume_cap_ratio=0.1), Costs(commission_minimum=1.5)
    _, engine = play(rows, {0: [do("buy", quantity=11)]}, fills=rules, costs=costs, splits=splits)
    assert [int(row["fee"]) for row in engine.tape.rows("fills")] == [1_500_000, 0]


# latency


def test_an_order_in_flight_misses_the_open_and_fills_at_the_close() -> None:
    fills = outcome([(101, 102, 100, 101.5)], do("buy"), fills=FillRules(latency_ms=250.0))
    assert fills == [(2, 1, 10, 101.5)]


def test_a_limit_in_flight_waits_for_the_next_bar() -> None:
    rows = [(98, 99, 97, 99), (99, 99, 98, 98)]
    assert outcome(rows, do("buy", limit=98), fills=FillRules(latency_ms=250.0)) == [(3, 1, 10, 98)]


def test_a_cancel_in_flight_arrives_too_late_for_the_range() -> None:
    script = {0: [do("buy", quantity=1)], 1: [do("buy", limit=98)], 2: [do("close")]}
    rows = [CALM, CALM, CALM, (100, 100, 98, 99), CALM]
    for latency, count in ((0.0, 2), (250.0, 3)):
        _, engine = play(rows, script, fills=FillRules(latency_ms=latency))
        assert len(fills_of(engine)) == count


# same close


def test_same_close_fills_at_the_close_it_was_decided_on() -> None:
    rules = FillRules(timing=FillTiming.SAME_CLOSE)
    assert outcome([CALM], do("buy"), fills=rules) == [(1, 1, 10, 100)]
    _, engine = play([(99, 101, 98, 100.5), CALM], {0: [do("buy")]}, fills=rules)
    assert fills_of(engine) == [(1, 1, 10, 100.5)]


def test_same_close_protection_does_not_look_back_into_the_bar() -> None:
    rules = FillRules(timing=FillTiming.SAME_CLOSE)
    _, engine = play([(99, 101, 90, 100), CALM], {0: [do("buy", stop=95)]}, fills=rules)
    assert fills_of(engine) == [(1, 1, 10, 100)]


def test_same_close_has_the_volume_of_its_bar() -> None:
    rules = FillRules(timing=FillTiming.SAME_CLOSE, volume_cap_ratio=0.1)
    _, engine = play([(*CALM, 40), (*CALM, 20)], {0: [do("buy")]}, fills=rules)
    assert fills_of(engine) == [(1, 1, 4, 100), (1, 1, 2, 100)]


def test_same_close_is_marked_at_the_close() -> None:
    rules, costs = FillRules(timing=FillTiming.SAME_CLOSE), Costs(Slippage.FIXED, 0.25)
    _, engine = play([CALM], {0: [do("buy")]}, fills=rules, costs=costs)
    assert int(engine.tape.rows("equity")[-1]["equity"]) == 1_000_000_000_000 - 2_500_000


def test_same_close_best_path_does_not_fill_a_limit_exit_in_the_past() -> None:
    rules = FillRules(timing=FillTiming.SAME_CLOSE, path=PathRule.BEST)
    script = {0: [do("buy")], 1: [do("sell", limit=105)]}
    _, engine = play([CALM, (100, 106, 100, 100), CALM], script, fills=rules)
    assert len(fills_of(engine)) == 1


# slippage and commission


@pytest.mark.parametrize(
    ("costs", "bought", "sold"),
    [
        (Costs(Slippage.FIXED, 0.25), 100.25, 99.75),
        (Costs(Slippage.FIXED, 0.3), 100.5, 99.5),
        (Costs(Slippage.HALF_SPREAD, 1.0), 100.5, 99.5),
        # 100 * 0.5 % * (1 + 10/10000) = 0.5005, rounded away from us
        (Costs(Slippage.PROPORTIONAL, 0.5), 100.75, 99.25),
    ],
)
def test_slippage_of_market_orders(costs: Costs, bought: float, sold: float) -> None:
    assert outcome([CALM], do("buy"), costs=costs) == [(1, 1, 10, bought)]
    assert outcome([CALM], do("sell"), costs=costs) == [(1, -1, 10, sold)]


def test_proportional_slippage_grows_with_size_and_stops_at_twice() -> None:
    costs = Costs(Slippage.PROPORTIONAL, 1.0)
    assert [outcome([CALM], do("buy", quantity=q), costs=costs)[0][3] for q in (5_000.0, 10_000.0, 40_000.0)] == [
        101.5, 102.0, 102.0,
    ]  # fmt: skip


def test_stops_slip_and_limits_do_not() -> None:
    costs = Costs(Slippage.FIXED, 0.25)
    assert outcome([(100, 102, 99, 100)], do("buy", trigger=102), costs=costs) == [(2, 1, 10, 102.25)]
    assert outcome([(100, 102, 99, 100)], do("buy", limit=99), costs=costs) == [(2, 1, 10, 99)]
    assert outcome([(100, 102, 99, 100)], do("buy", trigger=102, limit=103), costs=costs) == [(2, 1, 10, 102)]


def test_a_price_never_slips_below_one_tick() -> None:
    rows = [(1, 1, 1, 1), (1, 1, 1, 1)]
    _, engine = play(rows, {0: [do("sell")]}, costs=Costs(Slippage.FIXED, 5.0))
    assert fills_of(engine) == [(1, -1, 10, 0.25)]


def test_the_commission_minimum_is_charged_once_per_order() -> None:
    costs = Costs(commission_per_unit=0.1, commission_minimum=0.7)
    _, engine = play(THIN, {0: [do("buy")]}, costs=costs, fills=FillRules(volume_cap_ratio=0.1))
    assert [int(row["fee"]) for row in engine.tape.rows("fills")] == [700_000, 0, 300_000]


def test_commission_in_percent_and_per_unit_add_up() -> None:
    costs = Costs(commission_per_unit=0.01, commission_pct=0.05)
    _, engine = play([CALM, CALM], {0: [do("buy")]}, costs=costs)
    assert [int(row["fee"]) for row in engine.tape.rows("fills")] == [100_000 + 500_000]


# settings, ticks, splits, several instruments


@pytest.mark.parametrize(
    ("kind", "rows", "expected"),
    [
        (OrderType.LIMIT, [(100, 100, 99, 99)], [(2, 1, 10, 99.5)]),
        (OrderType.STOP, [(100, 101, 99, 99)], [(2, 1, 10, 100.5)]),
        (OrderType.STOP_LIMIT, [(100, 101, 99, 99)], [(2, 1, 10, 100.5)]),
    ],
)
def test_entries_take_type_and_offset_from_the_settings(kind: OrderType, rows: list[Any], expected: list[Any]) -> None:
    assert outcome(rows, do("buy"), entry_type=kind, limit_offset_pct=-0.5) == expected


def test_entries_take_time_in_force_from_the_settings() -> None:
    rows = [(100, 100, 97, 98), (97, 97, 97, 97)]
    assert outcome(rows, do("buy", limit=98), entry_tif=TimeInForce.IOC) == []


def test_a_trailing_entry_starts_at_the_close_it_was_decided_on() -> None:
    rows = [CALM, (100, 100, 99, 99.5), (99.5, 101, 99.5, 101), CALM]
    _, engine = play(rows, {0: [do("buy")]}, entry_type=OrderType.TRAILING_STOP, trailing_stop_amount=1.0)
    assert fills_of(engine)[0] == (3, 1, 10, 100)


@pytest.mark.parametrize("price", [*(pytest.param(price) for price in (1.15, 0.57, 8.29)), 100.03, 64.51])
def test_prices_on_a_tick_of_a_cent_meet_what_touches_them(price: float) -> None:
    item = Instrument("X", tick_size=0.01, calendar="24/7", zone="UTC")
    rows = [(price, price, price, price), (price - 0.05, price, price - 0.05, price - 0.05)]
    _, engine = play([(price - 0.05,) * 4, *rows[1:]], {0: [do("sell", limit=price)]}, item=item)
    assert [float(row["price"]) for row in engine.tape.rows("fills")] == [price]


@pytest.mark.parametrize(("ratio", "left"), [(2.0, 30.0), pytest.param(0.5, 7.0)])
def test_a_split_restates_working_orders(ratio: float, left: float) -> None:
    rows = [CALM, (100, 100, 100, 100), *[(100 / ratio,) * 4] * 2, (90 / ratio,) * 4]
    splits = [(0, START + 2 * MINUTE_NS + 1, ratio)]
    _, engine = play(rows, {0: [do("buy", quantity=15, stop=95)]}, splits=splits)
    assert fills_of(engine) == [(1, 1, 15, 100), (4, -1, left, 90 / ratio)]


def test_protection_at_an_open_does_not_wait_for_bars_that_ended_meanwhile() -> None:
    slow, quick = STOCK, Instrument("Y", tick_size=0.25, calendar="24/7", zone="UTC")
    tables = [
        table("X", [CALM, (100, 101, 97, 99)], interval=5 * MINUTE_NS),
        table("Y", [CALM] * 10),
    ]
    chosen = StrategySettings(sizing=Sizing.FIXED, size_value=10.0)
    case = Case([slow, quick], tables, [{(0, START): [do("buy", stop=98)]}], [chosen], RunSettings(settings=chosen))
    engine = run_core(case)
    assert fills_of(engine) == [(5, 1, 10, 100), (10, -1, 10, 98)]
    assert differences(case, engine, run_twin(case)) == []


def test_a_position_that_grew_while_its_target_filled_stays_protected() -> None:
    rows = [(*CALM, 30), (100, 104, 95, 100, 60), (*CALM, 0), (90, 90, 90, 90, 1000)]
    script = {0: [do("buy", quantity=3), do("buy", quantity=5, limit=96)]}
    _, engine = play(rows, script, stop_loss_pct=6.0, take_profit_pct=3.0, fills=FillRules(path=PathRule.TARGET_FIRST))
    assert float(engine.tape.rows("fills")["position_after"][-1]) == 0.0


def test_every_event_kind_the_exchange_reports_is_known() -> None:
    _, engine = play([CALM, CALM, CALM], {0: [do("buy", stop=98)], 1: [do("close")]})
    assert int(engine.state.header["quarantined"][0]) == 0
    assert EventKind.CANCELLED == 11


def test_a_future_counts_its_multiplier_in_slippage() -> None:
    item = Instrument("NQ", AssetClass.FUTURE, 0.25, 1.0, 20.0, 500.0, calendar="24/7", zone="UTC")
    _, engine = play([CALM, CALM], {0: [do("buy")]}, item=item, costs=Costs(Slippage.FIXED, 0.25))
    assert [int(row["slippage"]) for row in engine.tape.rows("fills")] == [50_000_000]


def test_entries_never_take_the_rows_that_protection_needs() -> None:
    far = [do("buy", limit=50, quantity=1) for _ in range(3)]
    script = {0: [do("buy", stop=90, target=110)], **dict.fromkeys(range(1, 8), far), 8: [do("close", quantity=4)]}
    chosen = StrategySettings(sizing=Sizing.FIXED, size_value=10.0)
    bars = table("X", [CALM] * 11)
    orders = {(0, int(bars.ts[at])): actions for at, actions in script.items()}
    engine = run_core(Case([STOCK], [bars], [orders], [chosen], RunSettings(settings=chosen)))
    assert set(engine.tape.rows("refusals")["refusal"]) == {int(Refusal.ORDER_TABLE_FULL)}
    assert fills_of(engine) == [(1, 1, 10, 100), (9, -1, 4, 100)]
