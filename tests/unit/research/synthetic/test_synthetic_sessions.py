"""Schedules of the synthetic market."""

from __future__ import annotations

import numpy as np
import pytest

from tidemill.model.bars import HOUR_NS, MINUTE_NS
from tidemill.model.errors import ConfigError
from tidemill.research.synthetic.sessions import SessionSchedule, plan_sessions, weekday_schedule


def test_weekdays_without_holidays_open_at_half_past_nine_new_york() -> None:
    schedule = weekday_schedule("2024-01-12", 3, ["2024-01-15"])
    assert schedule.day.astype(str).tolist() == ["2024-01-12", "2024-01-16", "2024-01-17"]
    assert schedule.open_ns[0] == np.datetime64("2024-01-12T14:30", "ns").astype(np.int64)
    assert set((schedule.close_ns - schedule.open_ns).tolist()) == {390 * MINUTE_NS}


def test_clock_change_moves_utc_not_new_york() -> None:
    schedule = weekday_schedule("2024-03-08", 2)
    assert schedule.open_ns[1] - schedule.open_ns[0] == 71 * HOUR_NS


def test_futures_run_from_the_evening_before_with_one_hour_of_pause() -> None:
    planned = plan_sessions("2024-01-08", 2, (), None)
    futures = planned.hours["CME"]
    assert futures.open_ns[0] == np.datetime64("2024-01-07T23:00", "ns").astype(np.int64)
    assert futures.open_ns[1] - futures.close_ns[0] == HOUR_NS


def test_futures_close_a_quarter_of_an_hour_after_an_early_close() -> None:
    plain = weekday_schedule("2024-07-02", 2)
    early = SessionSchedule(plain.day, plain.open_ns, plain.close_ns - np.array([0, 180 * MINUTE_NS]))
    futures = plan_sessions("2024-07-02", 2, (), early).hours["CME"]
    assert (futures.close_ns - early.close_ns).tolist() == [60 * MINUTE_NS, 15 * MINUTE_NS]


def test_two_schedules_use_common_days_only() -> None:
    stocks, other = weekday_schedule("2024-01-02", 5, ["2024-01-04"]), weekday_schedule("2024-01-02", 5)
    starts = other.open_ns - 15 * HOUR_NS - 30 * MINUTE_NS
    futures = SessionSchedule(other.day, starts, starts + 23 * HOUR_NS)
    planned = plan_sessions("2024-01-02", 3, (), {"XNYS": stocks, "CME": futures})
    assert planned.day.astype(str).tolist() == ["2024-01-02", "2024-01-03", "2024-01-05"]


def test_bad_requests_say_what_to_do() -> None:
    plain = weekday_schedule("2024-01-02", 2)
    with pytest.raises(ConfigError, match="hand in more"):
        plan_sessions("2024-01-02", 3, (), plain)
    with pytest.raises(ConfigError, match="at least one session"):
        plan_sessions("2024-01-02", 0, (), None)
    with pytest.raises(ConfigError, match="between 18:00"):
        plan_sessions("2024-01-02", 2, (), SessionSchedule(plain.day, plain.open_ns, plain.close_ns + 2 * HOUR_NS))
    with pytest.raises(ConfigError, match="opening before its close"):
        SessionSchedule(plain.day, plain.close_ns, plain.open_ns)
    with pytest.raises(ConfigError, match="YYYY-MM-DD"):
        weekday_schedule("January", 2)
