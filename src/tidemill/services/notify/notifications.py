"""Use cases of the list of what somebody was told: read, mark as read; written by the follower only."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select

from tidemill.adapters.sql.database import Database, Row, Writing
from tidemill.adapters.sql.service_tables import DELIVERIES, NOTIFICATIONS, USERS, WEBHOOKS
from tidemill.model.people import Role, UserScope
from tidemill.ports.seams import Clock
from tidemill.services.notify.kinds import Happening
from tidemill.services.notify.wishes import TellWishes
from tidemill.services.refusals import Kind as Why
from tidemill.services.refusals import Refused

__all__ = ["Notifications", "body_of"]

_SECOND_NS = 1_000_000_000
_IN_CHARGE = (Role.OWNER.value, Role.ADMIN.value)


def body_of(happening: Happening) -> str:
    """Return what a webhook is sent: ids, times and plain values, the same at every attempt."""
    body = {
        "id": happening.key,
        "event": happening.kind,
        "created_at_ms": happening.at_ns // 1_000_000,
        "run_id": happening.run_id or None,
        "title": happening.title,
        "text": happening.text,
        "data": dict(happening.data),
        "priority": str(happening.priority),
    }
    return json.dumps(body, separators=(",", ":"), sort_keys=True)


class Notifications:
    """What people were told.

    Args:
        database, clock: of the installation.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self.wishes = TellWishes(database, clock)

    def page(
        self, scope: UserScope, limit: int, before: int | None = None, *, only_unread: bool = False
    ) -> Sequence[Row]:
        """Return somebody's notifications, newest first; only those with a smaller number, only unread, if asked."""
        query = select(NOTIFICATIONS).where(NOTIFICATIONS.c.user_id == scope.user_id)
        if before is not None:
            query = query.where(NOTIFICATIONS.c.id < before)
        if only_unread:
            query = query.where(NOTIFICATIONS.c.read_ns == 0)
        return self._database.rows(query.order_by(NOTIFICATIONS.c.id.desc()).limit(limit))

    def count_unread(self, scope: UserScope) -> int:
        """Return how many somebody has not read."""
        mine = (NOTIFICATIONS.c.user_id == scope.user_id, NOTIFICATIONS.c.read_ns == 0)
        row = self._database.row(select(func.count().label("count")).select_from(NOTIFICATIONS).where(*mine))
        return int(row["count"]) if row is not None else 0

    def mark(self, scope: UserScope, number: int, *, is_read: bool) -> Row:
        """Mark one as read, or as unread.

        Raises:
            Refused: nobody has it, or somebody else.
        """
        one = (NOTIFICATIONS.c.user_id == scope.user_id, NOTIFICATIONS.c.id == number)
        with self._database.write() as writing:
            writing.run(NOTIFICATIONS.update().where(*one).values(read_ns=self._clock.now_ns() if is_read else 0))
            row = writing.row(select(NOTIFICATIONS).where(*one))
        if row is None:
            raise Refused(Why.NOT_FOUND, "no_such_notification", "There is no such notification; list them.")
        return row

    def mark_all(self, scope: UserScope, up_to: int | None = None) -> int:
        """Mark everything as read, up to a number if given; return how many that were."""
        mine = [NOTIFICATIONS.c.user_id == scope.user_id, NOTIFICATIONS.c.read_ns == 0]
        mine += [NOTIFICATIONS.c.id <= up_to] if up_to is not None else []
        with self._database.write() as writing:
            return writing.run(NOTIFICATIONS.update().where(*mine).values(read_ns=self._clock.now_ns()))

    def add(self, writing: Writing, happening: Happening) -> bool:
        """Tell somebody something, once: in the list, and by the channels and webhooks they want it by.

        Returns:
            False when they were told before.
        """
        mine = (NOTIFICATIONS.c.user_id == happening.user_id, NOTIFICATIONS.c.key == happening.key)
        if writing.row(select(NOTIFICATIONS.c.id).where(*mine)) is not None:
            return False
        now, wishes = self._clock.now_ns(), self.wishes.of(UserScope(happening.user_id))
        if happening.kind not in wishes.silent:
            writing.run(NOTIFICATIONS.insert().values(**_row(happening, now)))
        for channel, kinds in wishes.channels.items():
            if happening.kind in kinds:
                due = wishes.leaves_ns(happening.priority, now)
                self._deliver(writing, happening, channel, f"user:{happening.user_id}", due)
        hooks = select(WEBHOOKS).where(WEBHOOKS.c.user_id == happening.user_id, WEBHOOKS.c.is_active == 1)
        for hook in writing.rows(hooks):
            if str(happening.kind) in hook["events"].split(","):
                self._deliver(writing, happening, "webhook", str(hook["id"]), now)
        return True

    def _deliver(self, writing: Writing, happening: Happening, channel: str, target: str, due_ns: int) -> int:
        same = (DELIVERIES.c.channel == channel, DELIVERIES.c.target == target, DELIVERIES.c.key == happening.key)
        known = writing.row(select(DELIVERIES.c.id).where(*same))
        if known is not None:
            return int(known["id"])
        row: dict[str, Any] = {
            "user_id": happening.user_id,
            "channel": channel,
            "target": target,
            "event": str(happening.kind),
            "key": happening.key,
            "body_json": body_of(happening),
            "status": "PENDING",
            "error": "",
            "attempts": 0,
            "response_code": 0,
            "next_ns": due_ns,
            "created_ns": self._clock.now_ns(),
            "done_ns": 0,
        }
        return writing.insert(DELIVERIES.insert().values(**row))

    def deliver(self, writing: Writing, happening: Happening, hook_id: int) -> int:
        """Send something to one webhook whatever it listens to; return the number of the delivery."""
        return self._deliver(writing, happening, "webhook", str(hook_id), self._clock.now_ns())

    def everybody(self, writing: Writing, at_ns: int) -> list[int]:
        """Return the numbers of all people who may come in, and were there at an instant."""
        there = (USERS.c.is_active == 1, USERS.c.created_ns <= at_ns)
        return [int(row["id"]) for row in writing.rows(select(USERS.c.id).where(*there))]

    def in_charge(self, writing: Writing) -> list[int]:
        """Return the numbers of owner and admins, who answer for what belongs to nobody else."""
        there = (USERS.c.is_active == 1, USERS.c.roles.in_(_IN_CHARGE))
        return [int(row["id"]) for row in writing.rows(select(USERS.c.id).where(*there).order_by(USERS.c.id))]


def _row(happening: Happening, now_ns: int) -> dict[str, Any]:
    return {
        "user_id": happening.user_id,
        "key": happening.key,
        "kind": str(happening.kind),
        "priority": str(happening.priority),
        "title": happening.title[:200],
        "text": happening.text[:2_000],
        "link": happening.link,
        "data_json": json.dumps(dict(happening.data), sort_keys=True),
        "run_id": happening.run_id,
        "created_ns": now_ns,
        "read_ns": 0,
    }
