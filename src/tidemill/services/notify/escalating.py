"""What is critical does not end with a dead channel: it goes on by the next one, and at last to those in charge.

The next channel is the next of those a person named, in their order, then what else this installation has, then their
webhooks. Each is tried once per alert whatever kinds it is wanted for; the first one goes on trying meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from sqlalchemy import select

from tidemill.adapters.sql.database import Database, Row, Writing
from tidemill.adapters.sql.service_tables import DELIVERIES, WEBHOOKS
from tidemill.model.bars import SECOND_NS
from tidemill.model.people import UserScope
from tidemill.ports.channel import Channel
from tidemill.ports.seams import Clock
from tidemill.services.notify.kinds import Happening, Kind, Priority
from tidemill.services.notify.notifications import Notifications

__all__ = ["PATIENCE", "Escalation", "undelivered"]

PATIENCE = 2  # failed attempts by one channel before the next one is asked
_DAY_NS = 86_400 * SECOND_NS
_REACHED_NOBODY = "undelivered:"
_MOST = 1_000


class Escalation:
    """Sends on what a channel could not deliver.

    Args:
        database, clock: of the installation. channels: by name.
    """

    def __init__(self, database: Database, clock: Clock, channels: Mapping[str, Channel]) -> None:
        self._database, self._clock, self._channels = database, clock, channels
        self._notifications = Notifications(database, clock)

    def consider(self, row: Row) -> str:
        """Send a delivery that failed on by the next channel; return its name, empty when none was needed or is left.

        Args:
            row: of the deliveries; it may be considered as often as one likes.
        """
        if json.loads(row["body_json"]).get("priority") != Priority.CRITICAL:
            return ""
        with self._database.write() as writing:
            same = (DELIVERIES.c.user_id == row["user_id"], DELIVERIES.c.key == row["key"])
            tried = writing.rows(select(DELIVERIES).where(*same))
            if any(item["status"] == "SUCCESS" for item in tried):
                return ""
            known = {(item["channel"], item["target"]) for item in tried}
            place = next((item for item in self._places(writing, row["user_id"]) if item not in known), None)
            if place is not None:
                self._pass_on(writing, row, *place)
                return place[0]
            others = [item for item in tried if item["id"] != row["id"]]
            if all(item["status"] == "FAILED" or item["attempts"] >= PATIENCE for item in others):
                self._tell_those_in_charge(writing, row, sorted({channel for channel, _ in known}))
            return ""

    def _places(self, writing: Writing, user_id: int) -> Iterator[tuple[str, str]]:
        """Return every place somebody can be told at, best first."""
        wanted = self._notifications.wishes.of(UserScope(user_id)).channels
        named = [name for name in wanted if name in self._channels and name != "webhook"]
        for name in [*named, *sorted(set(self._channels) - {*named, "webhook"})]:
            yield name, f"user:{user_id}"
        if "webhook" in self._channels:
            hooks = select(WEBHOOKS.c.id).where(WEBHOOKS.c.user_id == user_id, WEBHOOKS.c.is_active == 1)
            for hook in writing.rows(hooks.order_by(WEBHOOKS.c.id)):
                yield "webhook", str(hook["id"])

    def _pass_on(self, writing: Writing, row: Row, channel: str, target: str) -> None:
        now = self._clock.now_ns()
        values = {name: value for name, value in row.items() if name != "id"}
        fresh = {"status": "PENDING", "error": "", "attempts": 0, "response_code": 0, "next_ns": now, "done_ns": 0}
        place = {"channel": channel, "target": target, "created_ns": now}
        writing.run(DELIVERIES.insert().values(**{**values, **fresh, **place}))

    def _tell_those_in_charge(self, writing: Writing, row: Row, channels: list[str]) -> None:
        """Say that somebody could not be told; what cannot be told to those in charge ends in health."""
        if row["key"].startswith(_REACHED_NOBODY):
            return
        body = json.loads(row["body_json"])
        text = f"{body['title']}: {body['text']} (user {row['user_id']} could not be told by {', '.join(channels)})"
        for user_id in self._notifications.in_charge(writing):
            happening = Happening(
                user_id,
                f"{_REACHED_NOBODY}{row['user_id']}:{row['key']}",
                Kind.ALERT,
                "A critical alert reached nobody",
                text,
                self._clock.now_ns(),
                Priority.CRITICAL,
                {"kind": "UNDELIVERED", "user_id": row["user_id"], "channels": channels},
                str(body.get("run_id") or ""),
            )
            self._notifications.add(writing, happening)


def undelivered(database: Database, now_ns: int) -> int:
    """Return how many critical alerts of the last day have failed by some channel and arrived by none."""
    table = DELIVERIES
    recent = (table.c.created_ns > now_ns - _DAY_NS, table.c.body_json.contains('"priority":"critical"'))
    rows = database.rows(
        select(table.c.user_id, table.c.key, table.c.status, table.c.attempts).where(*recent).limit(_MOST)
    )
    arrived = {(row["user_id"], row["key"]) for row in rows if row["status"] == "SUCCESS"}
    failed = {(row["user_id"], row["key"]) for row in rows if row["status"] == "FAILED" or row["attempts"] >= PATIENCE}
    return len(failed - arrived)
