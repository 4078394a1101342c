"""Topics of the stream, and one row of each: who it belongs to, and whether it may be dropped for a newer one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

__all__ = ["EVENTS", "FOR_ADMINS", "STATES", "Found", "Topic"]


class Topic(StrEnum):
    """What one may watch."""

    QUOTES = "quotes"
    BARS = "bars"
    POSITIONS = "positions"
    EQUITY = "equity"
    JOBS = "jobs"
    ORDERS = "orders"
    FILLS = "fills"
    SIGNALS = "signals"
    ACTIVITY = "activity"
    ALERTS = "alerts"
    HALTS = "halts"
    RUNS = "runs"
    NOTIFICATIONS = "notifications"
    AUDIT = "audit"


STATES = frozenset({Topic.QUOTES, Topic.BARS, Topic.POSITIONS, Topic.EQUITY, Topic.JOBS})  # the newest of a key counts
EVENTS = frozenset(Topic) - STATES  # each counts, in order
FOR_ADMINS = frozenset({Topic.AUDIT})


@dataclass(frozen=True, slots=True)
class Found:
    """One row that is new or changed.

    Args:
        topic: its topic. key: what it replaces a row of, within the topic.
        row: as it is sent.
        user_id: whose it is; 0: everybody's, or of the topic's audience.
        run_id: of the run it belongs to, empty: of none.
    """

    topic: Topic
    key: str
    row: dict[str, Any]
    user_id: int
    run_id: str = ""
