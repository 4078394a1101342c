"""What people are told about: kinds, how urgent each is, and one thing that happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

__all__ = ["USUAL_PRIORITY", "Happening", "Kind", "Priority"]


class Kind(StrEnum):
    """What can happen; webhooks name these as events."""

    BOT_STARTED = "bot.started"
    BOT_FINISHED = "bot.finished"
    BOT_ERROR = "bot.error"
    TRADE_EXECUTED = "trade.executed"
    ALERT = "alert"
    HALT = "halt"
    RESUMED = "resumed"
    JOB_FINISHED = "job.finished"
    JOB_FAILED = "job.failed"
    TIER_CHANGED = "tier.changed"
    TIER_REFUSED = "tier.refused"
    TEST = "test"


class Priority(StrEnum):
    """How urgent something is, from least to most."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    CRITICAL = "critical"


USUAL_PRIORITY = {
    Kind.BOT_STARTED: Priority.NORMAL,
    Kind.BOT_FINISHED: Priority.NORMAL,
    Kind.BOT_ERROR: Priority.HIGH,
    Kind.TRADE_EXECUTED: Priority.LOW,
    Kind.ALERT: Priority.NORMAL,
    Kind.HALT: Priority.CRITICAL,
    Kind.RESUMED: Priority.NORMAL,
    Kind.JOB_FINISHED: Priority.LOW,
    Kind.JOB_FAILED: Priority.NORMAL,
    Kind.TIER_CHANGED: Priority.NORMAL,
    Kind.TIER_REFUSED: Priority.LOW,
    Kind.TEST: Priority.LOW,
}


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened to somebody.

    Args:
        user_id: to whom. key: names it once and for all, so that nobody is told twice.
        title, text: one line, and a few. data: for programs. at_ns: when, UTC. priority: how urgent.
        run_id: of the run it is about. link: page of the interface that shows it.
    """

    user_id: int
    key: str
    kind: Kind
    title: str
    text: str
    at_ns: int
    priority: Priority
    data: Mapping[str, Any] = field(default_factory=dict)
    run_id: str = ""
    link: str = ""
