"""Exchange time for people: how far an instant's local clock is from UTC, and what a zone is called on an axis."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from tidemill.model.bars import DAY_NS, SECOND_NS
from tidemill.model.errors import ConfigError

__all__ = [
    "local_date",
    "local_text",
    "offset_changes",
    "trading_day",
    "zone_label",
    "zone_of",
]

_LABELS = {
    "America/New_York": "ET",
    "America/Chicago": "CT",
    "America/Denver": "MT",
    "America/Los_Angeles": "PT",
    "UTC": "UTC",
    "Etc/UTC": "UTC",
}
_QUARTER_HOUR_S = 900  # every zone in use changes its clock on a quarter hour of UTC


def zone_of(name: str) -> ZoneInfo:
    """Return the zone of that IANA name.

    Raises:
        ConfigError: there is no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ConfigError(
            f"There is no time zone named {name!r}; use an IANA name such as America/New_York."
        ) from error


def zone_label(name: str) -> str:
    """Return the short name of a zone for axes and column heads: ET, CT, UTC, else the zone's own name."""
    return _LABELS.get(name, name)


def offset_changes(ts_ns: NDArray[np.int64], name: str) -> list[list[int]]:
    """Return ``[from second, offset in seconds]`` rows: the local clock at every stamp, one row per change."""
    zone = zone_of(name)
    quarters = np.unique(ts_ns // (SECOND_NS * _QUARTER_HOUR_S)) * _QUARTER_HOUR_S
    changes: list[list[int]] = []
    for second in quarters.tolist():
        shift = datetime.fromtimestamp(second, UTC).astimezone(zone).utcoffset()
        offset = int(shift.total_seconds()) if shift is not None else 0
        if not changes or changes[-1][1] != offset:
            changes.append([second, offset])
    return changes


def local_text(ts_ns: int, name: str) -> str:
    """Return an instant as ``2024-03-05 09:31`` on the zone's clock."""
    return datetime.fromtimestamp(int(ts_ns) / SECOND_NS, UTC).astimezone(zone_of(name)).strftime("%Y-%m-%d %H:%M")


def local_date(ts_ns: int, name: str) -> str:
    """Return an instant's date on the zone's clock."""
    return local_text(ts_ns, name)[:10]


def trading_day(ts_ns: int, name: str, roll_minutes: int) -> str:
    """Return the trading day an instant belongs to, where a new one begins ``roll_minutes`` after local midnight."""
    zone = zone_of(name)
    shift = datetime.fromtimestamp(int(ts_ns) / SECOND_NS, UTC).astimezone(zone).utcoffset()
    offset_ns = int(shift.total_seconds()) * SECOND_NS if shift is not None else 0
    day = (int(ts_ns) + offset_ns - roll_minutes * 60 * SECOND_NS) // DAY_NS
    return str(np.datetime64(day, "D"))
