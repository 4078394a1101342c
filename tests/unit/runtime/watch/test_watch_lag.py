"""The lag meter remembers the worst of the last seconds and forgets it then."""

from __future__ import annotations

from tidemill.runtime.watch.lag import LagMeter
from tidemill.testing.seams import SimClock

MS = 1_000_000


def meter() -> LagMeter:
    return LagMeter(SimClock(0), tick_s=0.05, window_s=5.0)


def test_waking_in_time_is_no_lag() -> None:
    lag = meter()
    for at in range(0, 1000, 50):
        lag.note(at * MS, (at + 50) * MS)
    assert lag.lag_s == 0.0
    assert not lag.is_degraded


def test_the_worst_of_the_window_counts_and_passes() -> None:
    lag = meter()
    lag.note(0, 2_350 * MS)
    lag.note(2_350 * MS, 2_450 * MS)
    assert round(lag.lag_s, 9) == 2.3
    assert lag.is_degraded
    lag.note(7_300 * MS, 7_360 * MS)
    assert round(lag.lag_s, 9) == 0.05  # the pause is over five seconds ago; the tick after it is not
    lag.note(13_000 * MS, 13_050 * MS)
    assert lag.lag_s == 0.0


def test_a_clock_that_stands_still_is_no_lag() -> None:
    lag = meter()
    lag.note(10, 10)
    assert lag.lag_s == 0.0
