"""What is known for one person who watches: newest values by key, and the last events with their numbers."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tidemill.services.stream.topics import STATES, Found, Topic

__all__ = ["Book", "Event", "frame", "rows_of"]

_KEPT = 2_048  # events somebody may come back for


def frame(kind: str, **values: Any) -> str:
    """Return one message as it is sent."""
    return json.dumps({"type": kind, **values}, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Event:
    """One row that happened, with its number among those of its owner."""

    seq: int
    topic: Topic
    run_id: str
    row: dict[str, Any]


@dataclass
class Book:
    """One person's.

    Args:
        seq: number of the last event; never goes back while the process lives.
    """

    seq: int = 0
    newest: dict[tuple[Topic, str], Found] = field(default_factory=dict)
    changed: dict[tuple[Topic, str], Found] = field(default_factory=dict)
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=_KEPT))
    fresh: list[Event] = field(default_factory=list)

    def take(self, found: Found) -> None:
        """Take a row: a value replaces the one of its key, an event gets the next number."""
        if found.topic in STATES:
            self._keep((found.topic, found.key), found)
            return
        self.seq += 1
        event = Event(self.seq, found.topic, found.run_id, found.row)
        self.events.append(event)
        self.fresh.append(event)

    def _keep(self, key: tuple[Topic, str], found: Found) -> None:
        """Keep a value; a position that is flat is told once more and not kept."""
        if found.topic is Topic.POSITIONS and found.row["quantity"] == "0":
            if self.newest.pop(key, None) is not None:
                self.changed[key] = found
            return
        self.newest[key] = self.changed[key] = found

    def merge(self, topic: Topic, key: str, row: dict[str, Any], user_id: int, run_id: str) -> None:
        """Take some fields of a value, the others stay; which positions there are is for the database to say."""
        known = self.newest.get((topic, key))
        if known is not None or topic is not Topic.POSITIONS:
            self.take(Found(topic, key, {**(known.row if known is not None else {}), **row}, user_id, run_id))

    def since(self, seq: int) -> list[Event] | None:
        """Return the events after a number; None: some of them are not kept any more, or the number is not ours."""
        if seq == self.seq:
            return []
        if seq > self.seq or not self.events or self.events[0].seq > seq + 1:
            return None
        return [event for event in self.events if event.seq > seq]

    def end_run(self, run_id: str) -> None:
        """Forget the values of a run that is over."""
        for key in [key for key, found in self.newest.items() if found.run_id == run_id]:
            del self.newest[key]

    def turned(self) -> tuple[list[Found], list[Event]]:
        """Return what changed and happened since the last call."""
        changed, fresh = list(self.changed.values()), self.fresh
        self.changed, self.fresh = {}, []
        return changed, fresh


def rows_of(found: Iterable[Found]) -> dict[str, list[dict[str, Any]]]:
    """Return rows by topic."""
    told: dict[str, list[dict[str, Any]]] = {}
    for item in found:
        told.setdefault(str(item.topic), []).append(item.row)
    return told
