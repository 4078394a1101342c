"""Exchange clocks through clock changes, and trading days that begin the evening before."""

from __future__ import annotations

import numpy as np
import pytest

from tidemill.model.bars import HOUR_NS, SECOND_NS
from tidemill.model.errors import ConfigError
from tidemill.research.report.zone import local_text, offset_changes, trading_day, zone_label

SPRING = 1_710_054_000  # 2024-03-10 07:00 UTC: New York goes from UTC-5 to UTC-4


def test_one_row_per_clock_change() -> None:
    ts = np.array([SPRING - 3_600, SPRING - 1, SPRING, SPRING + 3_600], np.int64) * SECOND_NS
    changes = offset_changes(ts, "America/New_York")
    assert [offset for _, offset in changes] == [-18_000, -14_400]
    assert changes[1][0] == SPRING


def test_no_stamps_no_changes() -> None:
    assert offset_changes(np.zeros(0, np.int64), "UTC") == []


def test_local_text_is_exchange_time() -> None:
    assert local_text((SPRING - 60) * SECOND_NS, "America/New_York") == "2024-03-10 01:59"
    assert local_text(SPRING * SECOND_NS, "America/New_York") == "2024-03-10 03:00"


def test_a_futures_evening_belongs_to_the_next_day() -> None:
    sunday_evening = 1_710_111_600 * SECOND_NS  # 2024-03-10 23:00 UTC = 19:00 in New York
    assert trading_day(sunday_evening, "America/New_York", -420) == "2024-03-11"
    assert trading_day(sunday_evening - 3 * HOUR_NS, "America/New_York", 0) == "2024-03-10"


def test_labels_and_unknown_zones() -> None:
    assert zone_label("America/New_York") == "ET" and zone_label("Europe/Berlin") == "Europe/Berlin"
    with pytest.raises(ConfigError, match="Mars/Base"):
        offset_changes(np.array([0], np.int64), "Mars/Base")
