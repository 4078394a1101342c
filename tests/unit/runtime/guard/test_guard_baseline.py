"""Losses are counted from the account's own trading day, through every restart, midnight and clock change."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from tidemill.model.errors import TapeBroken
from tidemill.model.zones import trading_day
from tidemill.runtime.guard.baseline import Baseline, DayClock, deposit, must_be_saved, observe, roll

USD = 1_000_000
MINUTE = 60_000_000_000
START = 100_000 * USD


def ns(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).timestamp()) * 1_000_000_000


def follow(path, clock: DayClock, row: Baseline | None = None) -> list[Baseline]:
    """Return the row after each step of (instant, equity)."""
    rows = []
    for now_ns, equity in path:
        row = observe(roll(row, "account:A1", clock.day(now_ns), equity), equity)
        rows.append(row)
    return rows


def trips(path, rows: list[Baseline], limit: int) -> list[int]:
    """Return the instants at which the day's loss has reached the limit."""
    return [at for (at, equity), row in zip(path, rows, strict=True) if row.day_loss_micros(equity) >= limit]


def losing_day(start: str, zone: str, minutes: int) -> list[tuple[int, int]]:
    chance = random.Random(7)
    equity, path, first = START, [], ns(start, zone)
    for minute in range(minutes):
        equity -= int(chance.uniform(-1.0, 2.2) * USD)
        path.append((first + minute * MINUTE, equity))
    return path


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Stockholm", "Asia/Tokyo", "UTC"])
def test_a_restart_at_every_minute_of_a_losing_day_has_the_same_trip_point_promise_15(zone: str) -> None:
    path = losing_day("2025-06-25T09:30", "America/New_York", 390)  # over midnight in Tokyo
    steady = follow(path, DayClock(zone))
    expected = trips(path, steady, 50 * USD)
    assert 10 < len(expected) < 380
    for minute in range(1, 390):
        back = Baseline.from_body(steady[minute - 1].as_body())
        again = follow(path[minute:], DayClock(zone), back)
        assert trips(path, steady[:minute] + again, 50 * USD) == expected


def test_a_restart_within_the_day_needs_only_the_row_saved_when_it_began_promise_15() -> None:
    path = losing_day("2025-06-25T09:30", "America/New_York", 390)
    clock = DayClock("America/New_York")
    first = roll(None, "account:A1", clock.day(path[0][0]), START)
    for now_ns, equity in path:
        row = roll(Baseline.from_body(first.as_body()), "account:A1", clock.day(now_ns), equity)
        assert row.day_loss_micros(equity) == START - equity


def test_midnight_elsewhere_is_no_new_day_t5_t7_trap_8() -> None:
    """New York's evening of the 25th is already the 26th in UTC, Stockholm and Tokyo."""
    clock = DayClock("America/New_York")
    row = roll(None, "a", clock.day(ns("2025-06-25T15:00", "America/New_York")), START)
    late = roll(row, "a", clock.day(ns("2025-06-26T03:59:59")), START - 400 * USD)
    assert late == row and late.day_loss_micros(START - 400 * USD) == 400 * USD
    after = roll(observe(late, START - 400 * USD), "a", clock.day(ns("2025-06-26T04:00:00")), START - 410 * USD)
    assert after.day == row.day + 1
    assert after.day_loss_micros(START - 410 * USD) == 10 * USD  # what falls over night counts for the new day


def test_the_futures_day_begins_at_17_new_york_the_evening_before() -> None:
    clock = DayClock("America/New_York", -420)
    sunday, monday = ns("2025-06-22T18:00", "America/New_York"), ns("2025-06-23T12:00", "America/New_York")
    assert clock.day(sunday) == clock.day(monday) == 20_262  # Monday 2025-06-23
    assert clock.day(ns("2025-06-23T17:00", "America/New_York")) == 20_263


@pytest.mark.parametrize(
    ("zone", "minutes"),
    [
        ("America/New_York", 0),
        ("America/New_York", -420),
        ("Europe/London", 90),
        ("Australia/Lord_Howe", 0),
        ("UTC", 0),
    ],
)
def test_the_day_clock_agrees_with_the_calendar_at_every_clock_change_t2(zone: str, minutes: int) -> None:
    clock, chance = DayClock(zone, minutes), random.Random(3)
    stamps = [ns("2025-01-01T00:00") + hour * 3_600_000_000_000 for hour in range(0, 8_760, 3)]
    stamps += [
        ns(f"2025-{day}T00:00") + half * 1_800_000_000_000
        for day in ("03-09", "03-30", "11-02", "10-26", "04-06")
        for half in range(96)
    ]
    chance.shuffle(stamps)
    expected = trading_day(np.array(stamps, np.int64), zone, minutes).tolist()
    assert [clock.day(now_ns) for now_ns in stamps] == expected


def test_a_clock_set_back_never_gives_the_loss_back_t1() -> None:
    row = observe(roll(None, "a", 100, START), START - 300 * USD)
    assert roll(row, "a", 99, START - 300 * USD) is row
    assert roll(row, "a", 100, START - 300 * USD) is row


def test_deposits_hide_no_loss_and_withdrawals_make_none_promise_15() -> None:
    row = roll(None, "a", 100, START)
    paid = deposit(row, 1_000 * USD)
    assert paid.day_loss_micros(START - 600 * USD + 1_000 * USD) == 600 * USD
    drawn = deposit(row, -1_000 * USD)
    assert drawn.day_loss_micros(START - 1_000 * USD) == 0
    assert drawn.week_loss_micros(START - 1_000 * USD) == 0
    assert drawn.drawdown_pct(START - 1_000 * USD) == 0.0
    assert must_be_saved(row, paid)


def test_a_deposit_counts_for_its_own_day_only() -> None:
    row = deposit(roll(None, "a", 100, START), 500 * USD)
    later = roll(observe(row, START + 500 * USD), "a", 101, START + 500 * USD)
    assert later.day_deposits_micros == 0
    assert later.day_loss_micros(START + 400 * USD) == 100 * USD


def test_a_week_runs_from_monday_to_sunday() -> None:
    thursday = 20_265  # 2025-06-26
    row = roll(None, "a", thursday, START)
    sunday = roll(observe(row, START - 100 * USD), "a", thursday + 3, START - 100 * USD)
    assert sunday.week_loss_micros(START - 150 * USD) == 150 * USD
    monday = roll(observe(sunday, START - 150 * USD), "a", thursday + 4, START - 150 * USD)
    assert monday.week == sunday.week + 1
    assert monday.week_loss_micros(START - 160 * USD) == 10 * USD


def test_the_peak_follows_equity_and_drawdown_falls_from_it() -> None:
    row = observe(roll(None, "a", 100, START), START * 2)
    assert row.drawdown_pct(START) == 50.0
    assert observe(row, START).peak_micros == START * 2
    assert must_be_saved(roll(None, "a", 100, START), row)
    assert not must_be_saved(row, observe(row, START))
    assert np.isnan(roll(None, "a", 100, 0).drawdown_pct(0))


@pytest.mark.parametrize("body", [b"", b"[]", b'{"scope": "a"}', b"\xff"])
def test_a_row_that_cannot_be_read_is_no_fresh_start(body: bytes) -> None:
    with pytest.raises(TapeBroken):
        Baseline.from_body(body)
