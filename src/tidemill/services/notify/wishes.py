"""What somebody wants to be told, by which channel, and when not: kept as one row of their settings."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from tidemill.adapters.sql.database import Database
from tidemill.adapters.sql.service_tables import USER_SETTINGS
from tidemill.model.people import UserScope
from tidemill.ports.seams import Clock
from tidemill.services.notify.kinds import Kind, Priority

__all__ = ["QuietHours", "TellWishes", "Wishes"]

_NAME = "notifications"
_SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class QuietHours:
    """When nothing leaves that can wait.

    Args:
        start, end: ``HH:MM``; an end before the start is of the next day. zone: an IANA time zone.
    """

    start: str
    end: str
    zone: str

    def end_ns(self, now_ns: int) -> int:
        """Return when the quiet ends in which an instant lies, 0 when it lies in none; both UTC nanoseconds."""
        zone = ZoneInfo(self.zone)
        local = datetime.fromtimestamp(now_ns / _SECOND_NS, zone)
        for days in (-1, 0):
            day = local.date() + timedelta(days=days)
            begin = datetime.combine(day, time.fromisoformat(self.start), zone).astimezone(UTC)
            last = day + timedelta(days=1) if self.end <= self.start else day
            end = datetime.combine(last, time.fromisoformat(self.end), zone).astimezone(UTC)
            if begin <= local < end:
                return int(end.timestamp()) * _SECOND_NS
        return 0


@dataclass(frozen=True, slots=True)
class Wishes:
    """What somebody wants.

    Args:
        silent: kinds that are not even listed. channels: kinds by channel beside the list (``mail``).
        quiet: when nothing leaves but what is critical; None: always awake.
    """

    silent: frozenset[Kind] = frozenset()
    channels: dict[str, frozenset[Kind]] = field(default_factory=dict)
    quiet: QuietHours | None = None

    def leaves_ns(self, priority: Priority, now_ns: int) -> int:
        """Return when something may leave by a channel that wakes people."""
        end_ns = self.quiet.end_ns(now_ns) if self.quiet is not None and priority is not Priority.CRITICAL else 0
        return end_ns or now_ns

    def text(self) -> str:
        """Return the wishes as they are kept."""
        return json.dumps(
            {
                "silent": sorted(self.silent),
                "channels": {name: sorted(kinds) for name, kinds in self.channels.items()},
                "quiet": asdict(self.quiet) if self.quiet is not None else None,
            }
        )


def _wishes_of(body: dict[str, Any]) -> Wishes:
    known = {str(kind) for kind in Kind}
    return Wishes(
        frozenset(Kind(item) for item in body["silent"] if item in known),
        {name: frozenset(Kind(kind) for kind in kinds if kind in known) for name, kinds in body["channels"].items()},
        QuietHours(**body["quiet"]) if body["quiet"] else None,
    )


class TellWishes:
    """Wishes of everybody; each call sees those of one.

    Args:
        database, clock: of the installation.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def of(self, scope: UserScope) -> Wishes:
        """Return what somebody wants; who never said anything wants the list and nothing else."""
        mine = USER_SETTINGS.c.user_id == scope.user_id
        row = self._database.row(select(USER_SETTINGS).where(mine, USER_SETTINGS.c.name == _NAME))
        return _wishes_of(json.loads(row["body_json"])) if row is not None else Wishes()

    def keep(self, scope: UserScope, wishes: Wishes) -> None:
        """Keep what somebody wants."""
        mine = (USER_SETTINGS.c.user_id == scope.user_id, USER_SETTINGS.c.name == _NAME)
        values = {"body_json": wishes.text(), "updated_ns": self._clock.now_ns()}
        with self._database.write() as writing:
            if not writing.run(USER_SETTINGS.update().where(*mine).values(**values)):
                writing.run(USER_SETTINGS.insert().values(user_id=scope.user_id, name=_NAME, **values))
