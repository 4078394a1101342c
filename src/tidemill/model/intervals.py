"""Bar sizes as people write them: ``1min``, ``1m``, ``5Min``, ``1h``, ``daily``."""

from __future__ import annotations

import re

from tidemill.model.bars import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS
from tidemill.model.errors import ConfigError

__all__ = ["WEEK_NS", "format_interval", "parse_interval"]

WEEK_NS = 7 * DAY_NS

_UNITS: dict[str, int] = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), SECOND_NS),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes", "minutely", "t"), MINUTE_NS),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours", "hourly"), HOUR_NS),
    **dict.fromkeys(("d", "day", "days", "daily"), DAY_NS),
    **dict.fromkeys(("w", "wk", "week", "weeks", "weekly"), WEEK_NS),
}
_SHAPE = re.compile(r"^\s*(\d{0,6})\s*[-_]?\s*([A-Za-z]+)\s*$")


def parse_interval(text: str) -> int:
    """Return a bar size in nanoseconds from any usual spelling.

    Args:
        text: a count and a unit (``5min``, ``1m``, ``15 minutes``, ``1D``, ``daily``); no count means one.
            A lone capital ``M`` is refused, because it means month elsewhere.

    Raises:
        ConfigError: the text is no bar size.
    """
    match = _SHAPE.match(text)
    count, unit = (match[1] or "1", match[2]) if match else ("0", "")
    if unit == "M":
        raise ConfigError(f"{text!r} could mean minutes or months; write {count}min for minutes (months are not bars).")
    size = _UNITS.get(unit.lower(), 0) * int(count)
    if size <= 0:
        raise ConfigError(f"{text!r} is no bar size; write for example 30s, 1min, 5min, 1h, 1d or 1w.")
    return size


def format_interval(interval_ns: int) -> str:
    """Return the shortest usual spelling of a bar size: ``1min``, ``4h``, ``1d``."""
    for size, unit in ((WEEK_NS, "w"), (DAY_NS, "d"), (HOUR_NS, "h"), (MINUTE_NS, "min"), (SECOND_NS, "s")):
        if interval_ns >= size and interval_ns % size == 0:
            return f"{interval_ns // size}{unit}"
    return f"{interval_ns / SECOND_NS:g}s"
