"""Wall clocks and UTC: offsets of a time zone, local times to UTC and back, and the trading day of an instant.

Everything is vectorised over int64 nanoseconds; the rules come from the IANA database through ``zoneinfo``.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import numpy as np
from numpy.typing import NDArray

from tidemill.model.bars import DAY_NS, MINUTE_NS, SECOND_NS
from tidemill.model.errors import ConfigError

__all__ = ["LocalTimes", "find_zone", "from_local", "to_local", "trading_day", "zone_offsets"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# No zone of the IANA database changes its clock twice within a week.
_PROBE_S = 7 * 86_400


@dataclass(frozen=True, slots=True)
class LocalTimes:
    """Wall-clock stamps turned into UTC.

    Args:
        ts_ns: int64[n], UTC nanoseconds.
        ambiguous: number of stamps inside an hour that the clock showed twice.
        missing: number of stamps inside an hour that the clock skipped; they are moved forward by the jump.
    """

    ts_ns: NDArray[np.int64]
    ambiguous: int
    missing: int


def find_zone(zone: str) -> ZoneInfo:
    """Return a time zone by its IANA name.

    Raises:
        ConfigError: no zone has that name; the nearest names are offered.
    """
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        by_tail = {name.rsplit("/", 1)[-1].lower(): name for name in available_timezones()}
        by_tail |= {name.lower(): name for name in available_timezones()}
        near = difflib.get_close_matches(zone.lower().replace(" ", "_"), by_tail, n=3, cutoff=0.5)
        names = ", ".join(dict.fromkeys(by_tail[key] for key in near))
        hint = f"did you mean {names}?" if near else "write an IANA name such as America/New_York or UTC."
        raise ConfigError(f"There is no time zone named {zone!r}; {hint}") from None


def _offset_s(info: ZoneInfo, at_s: int) -> int:
    """Return the UTC offset in seconds at an instant given in epoch seconds."""
    offset = (_EPOCH + timedelta(seconds=at_s)).astimezone(info).utcoffset()
    return 0 if offset is None else round(offset.total_seconds())


@lru_cache(maxsize=64)
def _year_offsets(zone: str, first_year: int, last_year: int) -> tuple[tuple[int, int], ...]:
    """Return (epoch second, offset second) for the start and every clock change of whole years."""
    info = find_zone(zone)
    at = round((datetime(first_year, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds())
    end = round((datetime(last_year + 1, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds())
    rows = [(at, _offset_s(info, at))]
    while at < end:
        after = at + _PROBE_S
        offset = _offset_s(info, after)
        if offset != rows[-1][1]:
            low, high = at, after
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if _offset_s(info, middle) == rows[-1][1] else (low, middle)
            rows.append((high, offset))
        at = after
    return tuple(rows)


def zone_offsets(zone: str, start_ns: int, end_ns: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return when a zone's clock changes and what it then shows.

    Args:
        zone: IANA name.
        start_ns, end_ns: UTC nanoseconds; the first row covers ``start_ns``, further rows lie in (start, end].

    Returns:
        ``ts_ns`` int64[k], increasing, and ``offset_ns`` int64[k] to add to UTC from that instant on.

    Raises:
        ConfigError: the zone is unknown.
    """
    if zone == "UTC":
        return np.array([start_ns], np.int64), np.zeros(1, np.int64)
    years = [(_EPOCH + timedelta(seconds=ns // SECOND_NS)).year for ns in (start_ns, max(start_ns, end_ns))]
    table = np.array(_year_offsets(zone, years[0], years[1]), np.int64) * SECOND_NS
    first = max(int(np.searchsorted(table[:, 0], start_ns, side="right")) - 1, 0)
    last = int(np.searchsorted(table[:, 0], end_ns, side="right"))
    ts_ns = table[first : max(last, first + 1), 0].copy()
    ts_ns[0] = start_ns
    return ts_ns, table[first : max(last, first + 1), 1].copy()


def to_local(ts_ns: NDArray[np.int64], zone: str) -> NDArray[np.int64]:
    """Return what the wall clock shows at UTC instants, as nanoseconds since 1970-01-01 00:00 of that clock."""
    if not len(ts_ns) or zone == "UTC":
        return ts_ns.copy()
    changes, offsets = zone_offsets(zone, int(ts_ns.min()), int(ts_ns.max()))
    if len(changes) == 1:
        return ts_ns + int(offsets[0])
    local: NDArray[np.int64] = ts_ns + offsets[np.searchsorted(changes, ts_ns, side="right") - 1]
    return local


def from_local(local_ns: NDArray[np.int64], zone: str) -> LocalTimes:
    """Turn wall-clock stamps into UTC, counting those a clock change makes doubtful.

    A stamp in an hour that the clock shows twice is taken as the first showing, unless the stamps run backward
    inside that hour: rows after the step back are the second showing. A stamp in a skipped hour is moved forward.

    Args:
        local_ns: int64[n], nanoseconds since 1970-01-01 00:00 on the wall clock, in the order of the source.
        zone: IANA name of the clock.

    Raises:
        ConfigError: the zone is unknown.
    """
    if not len(local_ns) or zone == "UTC":
        find_zone(zone)
        return LocalTimes(local_ns.copy(), 0, 0)
    changes, offsets = zone_offsets(zone, int(local_ns.min()) - 2 * DAY_NS, int(local_ns.max()) + 2 * DAY_NS)
    # From here on a wall clock surely runs on the offset after change k.
    settled = changes[1:] + np.maximum(offsets[1:], offsets[:-1])
    ts_ns = local_ns - offsets[np.searchsorted(settled, local_ns, side="right")]
    ambiguous = missing = 0
    for change, before, after in zip(changes[1:], offsets[:-1], offsets[1:], strict=True):
        low, high = change + min(before, after), change + max(before, after)
        inside = np.flatnonzero((local_ns >= low) & (local_ns < high))
        if after > before:
            missing += len(inside)
        elif len(inside):
            ambiguous += len(inside)
            steps_back = np.flatnonzero(np.diff(local_ns[inside]) <= 0)
            if len(steps_back):
                ts_ns[inside[steps_back[0] + 1 :]] += before - after
    return LocalTimes(ts_ns, ambiguous, missing)


def trading_day(ts_ns: NDArray[np.int64], zone: str, roll_minutes: int) -> NDArray[np.int64]:
    """Return the trading day of each instant as days since 1970-01-01.

    Args:
        ts_ns: int64[n], UTC nanoseconds.
        zone: IANA zone of the exchange.
        roll_minutes: minutes after local midnight at which a new trading day begins; negative is the evening
            before. With -420 (CME) Sunday 18:00 New York belongs to Monday.
    """
    local = to_local(ts_ns, zone)
    return np.floor_divide(local - roll_minutes * MINUTE_NS, DAY_NS)
