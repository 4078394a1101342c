"""Notifications and wishes as they are told and given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator

from tidemill.services.notify.kinds import Kind, Priority
from tidemill.services.notify.wishes import QuietHours, Wishes
from tidemill.web.times import iso_utc

__all__ = ["MarkAllIn", "MarkedOut", "NotificationOut", "NotificationsOut", "QuietIn", "ReadIn", "WishesBody"]

_STRICT = ConfigDict(extra="forbid")
_TIME = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
Kinds = Annotated[list[Kind], Field(max_length=len(Kind))]


class NotificationOut(BaseModel):
    """One thing somebody was told."""

    id: int
    kind: Kind
    priority: Priority
    title: str
    text: str
    link: str
    run_id: str | None
    data: dict[str, Any]
    created_at: str
    read_at: str | None

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> NotificationOut:
        """Return a notification as it is told."""
        return cls(
            **{name: row[name] for name in ("id", "kind", "priority", "title", "text", "link")},
            run_id=row["run_id"] or None,
            data=json.loads(row["data_json"]),
            created_at=iso_utc(row["created_ns"]),
            read_at=iso_utc(row["read_ns"]) if row["read_ns"] else None,
        )


class NotificationsOut(BaseModel):
    """One page, newest first."""

    notifications: list[NotificationOut]
    unread: int
    next_cursor: int | None = Field(description="Value of `cursor` for the next page; null on the last.")


class ReadIn(BaseModel):
    """Whether it was read."""

    model_config = _STRICT

    read: bool = True


class MarkAllIn(BaseModel):
    """What to mark as read."""

    model_config = _STRICT

    up_to: int | None = Field(default=None, ge=1, lt=1 << 53, description="Highest id; left out: all.")


class MarkedOut(BaseModel):
    """How many were marked."""

    marked: int


class QuietIn(BaseModel):
    """When nothing leaves but what is critical."""

    model_config = _STRICT

    start: str = Field(pattern=_TIME, examples=["22:00"])
    end: str = Field(pattern=_TIME, examples=["07:00"], description="Before `start`: of the next day.")
    zone: str = Field(min_length=1, max_length=64, examples=["America/New_York"])

    @field_validator("zone")
    @classmethod
    def _is_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("that time zone does not exist; write America/New_York, for example") from None
        return value


class WishesBody(BaseModel):
    """What somebody wants to be told."""

    model_config = _STRICT

    silent: Kinds = Field(default_factory=list, description="Kinds that are not even listed.")
    channels: dict[Annotated[str, Field(max_length=32)], Kinds] = Field(
        default_factory=dict, max_length=16, description="Kinds that leave by a channel beside the list, by its name."
    )
    quiet_hours: QuietIn | None = None

    def wishes(self) -> Wishes:
        """Return them as the service takes them."""
        quiet = self.quiet_hours
        return Wishes(
            frozenset(self.silent),
            {name: frozenset(kinds) for name, kinds in self.channels.items()},
            QuietHours(quiet.start, quiet.end, quiet.zone) if quiet is not None else None,
        )

    @classmethod
    def of(cls, wishes: Wishes) -> WishesBody:
        """Return them as they are told."""
        quiet = wishes.quiet
        return cls(
            silent=sorted(wishes.silent),
            channels={name: sorted(kinds) for name, kinds in wishes.channels.items()},
            quiet_hours=QuietIn(start=quiet.start, end=quiet.end, zone=quiet.zone) if quiet is not None else None,
        )
