"""Routes of notifications."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from tidemill.model.people import Role
from tidemill.web.access import Scope, rule
from tidemill.web.errors import ApiError
from tidemill.web.notifications.schemas import (
    MarkAllIn,
    MarkedOut,
    NotificationOut,
    NotificationsOut,
    ReadIn,
    WishesBody,
)
from tidemill.web.parts import parts_of

__all__ = ["router"]

router = APIRouter()
_Id = Annotated[int, Path(ge=1, lt=1 << 53)]
_SELF = rule(Role.VIEWER, "self")


@router.get("", **_SELF)
def list_notifications(
    request: Request,
    scope: Scope,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Annotated[int | None, Query(ge=1, lt=1 << 53)] = None,
    unread: Annotated[bool, Query(description="Only what was not read.")] = False,  # noqa: FBT002 - by its name
) -> NotificationsOut:
    """Return what one was told, newest first."""
    told = parts_of(request).telling.notifications
    rows = told.page(scope, limit, cursor, only_unread=unread)
    return NotificationsOut(
        notifications=[NotificationOut.of(row) for row in rows],
        unread=told.count_unread(scope),
        next_cursor=rows[-1]["id"] if len(rows) == limit else None,
    )


@router.get("/preferences", **_SELF)
def get_preferences(request: Request, scope: Scope) -> WishesBody:
    """Return what one wants to be told, and how."""
    return WishesBody.of(parts_of(request).telling.notifications.wishes.of(scope))


@router.put("/preferences", **_SELF)
def put_preferences(request: Request, scope: Scope, body: WishesBody) -> WishesBody:
    """Say what one wants to be told, and how."""
    telling = parts_of(request).telling
    if unknown := sorted(set(body.channels) - set(telling.channels)):
        there = ", ".join(telling.channels) or "none"
        sentence = f"This installation has no channel {unknown[0]}; there are: {there}."
        raise ApiError(422, "unknown_channel", sentence, field="body.channels")
    telling.notifications.wishes.keep(scope, body.wishes())
    return body


@router.post("/read-all", **_SELF)
def mark_all(request: Request, scope: Scope, body: MarkAllIn | None = None) -> MarkedOut:
    """Mark everything as read."""
    up_to = body.up_to if body is not None else None
    return MarkedOut(marked=parts_of(request).telling.notifications.mark_all(scope, up_to))


@router.post("/{notification_id}/read", **rule(Role.VIEWER, "row"))
def mark_one(request: Request, scope: Scope, notification_id: _Id, body: ReadIn | None = None) -> NotificationOut:
    """Mark one as read, or as unread."""
    is_read = body.read if body is not None else True
    return NotificationOut.of(parts_of(request).telling.notifications.mark(scope, notification_id, is_read=is_read))
