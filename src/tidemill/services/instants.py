"""How times are written for people and programs: UTC, milliseconds, ``Z`` at the end."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["iso_utc"]

_MILLISECOND_NS = 1_000_000


def iso_utc(ts_ns: int) -> str:
    """Return UTC nanoseconds as ``2024-01-31T14:30:00.000Z``."""
    seconds, rest = divmod(ts_ns // _MILLISECOND_NS, 1_000)
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat()[:19]}.{rest:03d}Z"
