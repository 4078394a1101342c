from __future__ import annotations

import pytest

from live_market import CLOSE, OPEN, PlainHours
from tidemill.model.bars import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS
from tidemill.runtime.market.hours import Hours
from tidemill.runtime.market.staleness import Freshness


def fresh(count: int = 1, **settings: int) -> Freshness:
    return Freshness([Hours(PlainHours())] * count, **settings)


def test_data_grow_stale_by_their_stamp_and_by_their_arrival() -> None:
    noon = OPEN + 2 * HOUR_NS
    feed = fresh(3)
    feed.heard(0, noon, noon)
    feed.heard(1, noon - 5 * MINUTE_NS, noon)  # arrives, but old
    feed.heard(2, noon, noon - 5 * MINUTE_NS)  # stamped well, but nothing has arrived for long
    assert feed.stale(noon) == [1, 2]
    assert feed.stale(noon + MINUTE_NS) == [1, 2]
    assert feed.stale(noon + MINUTE_NS + 1) == [0, 1, 2]


def test_a_delayed_feed_is_fresh_by_its_own_measure() -> None:
    noon = OPEN + 2 * HOUR_NS
    feed = fresh(delay_ns=15 * MINUTE_NS)
    feed.heard(0, noon - 15 * MINUTE_NS, noon)
    assert feed.is_fresh(0, noon + 30 * SECOND_NS)
    assert not feed.is_fresh(0, noon + 61 * SECOND_NS)


@pytest.mark.parametrize("now_ns", [CLOSE, CLOSE + HOUR_NS, OPEN + DAY_NS - 1])
def test_nothing_is_stale_while_the_market_is_closed(now_ns: int) -> None:
    feed = fresh()
    feed.heard(0, CLOSE - 5 * MINUTE_NS, CLOSE - 5 * MINUTE_NS)
    assert feed.is_fresh(0, now_ns)
    assert not feed.age(0, now_ns).is_open


def test_the_night_does_not_count() -> None:
    feed = fresh()
    feed.heard(0, CLOSE - 1, CLOSE - 1)
    assert feed.is_fresh(0, OPEN + DAY_NS)
    assert feed.is_fresh(0, OPEN + DAY_NS + MINUTE_NS)
    assert not feed.is_fresh(0, OPEN + DAY_NS + MINUTE_NS + 1)


def test_a_delayed_feed_may_open_later() -> None:
    feed = fresh(delay_ns=15 * MINUTE_NS)
    assert feed.is_fresh(0, OPEN + 16 * MINUTE_NS)
    assert not feed.is_fresh(0, OPEN + 16 * MINUTE_NS + 1)


def test_a_symbol_never_heard_of_grows_stale_from_when_listening_began() -> None:
    noon = OPEN + 2 * HOUR_NS
    feed = fresh(began_ns=noon)
    assert feed.is_fresh(0, noon + MINUTE_NS)
    assert not feed.is_fresh(0, noon + MINUTE_NS + 1)


def test_a_clock_that_jumps_makes_data_doubtful_either_way() -> None:
    noon = OPEN + 2 * HOUR_NS
    feed = fresh()
    feed.heard(0, noon, noon)
    assert not feed.is_fresh(0, noon + HOUR_NS)
    assert not feed.is_fresh(0, noon - HOUR_NS)
    assert feed.is_fresh(0, noon)


def test_a_late_print_does_not_make_data_older() -> None:
    noon = OPEN + 2 * HOUR_NS
    feed = fresh()
    feed.heard(0, noon, noon)
    feed.heard(0, noon - 3 * MINUTE_NS, noon + SECOND_NS)
    assert feed.age(0, noon + SECOND_NS).by_stamp_ns == SECOND_NS


def test_limits_may_differ_per_instrument() -> None:
    noon = OPEN + 2 * HOUR_NS
    feed = fresh(2, max_age_ns=[10 * SECOND_NS, HOUR_NS])  # type: ignore[arg-type]
    for row in (0, 1):
        feed.heard(row, noon, noon)
    assert feed.stale(noon + MINUTE_NS) == [0]


def test_hours_know_a_stretch_and_the_time_between() -> None:
    hours = Hours(PlainHours())
    assert hours.stretch(OPEN) == (OPEN, CLOSE)
    assert hours.stretch(OPEN - 1) == (0, 0)
    assert hours.stretch(CLOSE) == (0, 0)
    assert hours.stretch(OPEN + 800 * DAY_NS) == (OPEN + 800 * DAY_NS, CLOSE + 800 * DAY_NS)
    assert hours.stretch(OPEN + 1) == (OPEN, CLOSE)
    assert Hours(PlainHours(), extended=True).stretch(OPEN - 1) == (OPEN - 5 * HOUR_NS - 30 * MINUTE_NS, OPEN)
