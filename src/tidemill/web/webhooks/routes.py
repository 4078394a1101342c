"""Routes of webhooks."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from tidemill.model.people import Role
from tidemill.web.access import Caller, Scope, rule
from tidemill.web.parts import parts_of
from tidemill.web.webhooks.schemas import (
    DeliveriesOut,
    DeliveryOut,
    NewWebhookOut,
    WebhookChangeIn,
    WebhookIn,
    WebhookOut,
    WebhooksOut,
)

__all__ = ["router"]

router = APIRouter()
_Id = Annotated[int, Path(ge=1, lt=1 << 53)]


@router.get("", **rule(Role.VIEWER, "self"))
def list_webhooks(request: Request, scope: Scope) -> WebhooksOut:
    """Return one's webhooks."""
    return WebhooksOut(webhooks=[WebhookOut.of(row) for row in parts_of(request).telling.webhooks.list(scope)])


@router.post("", status_code=201, **rule(Role.TRADER, "self", errors=(409,), per_minute=30))
def add_webhook(request: Request, caller: Caller, body: WebhookIn) -> NewWebhookOut:
    """Add a webhook; its secret is told this once."""
    row, secret = parts_of(request).telling.webhooks.add(caller, body.url, body.events, body.description)
    return NewWebhookOut.with_secret(row, secret)


@router.get("/{webhook_id}", **rule(Role.VIEWER, "row"))
def get_webhook(request: Request, scope: Scope, webhook_id: _Id) -> WebhookOut:
    """Return one webhook."""
    return WebhookOut.of(parts_of(request).telling.webhooks.get(scope, webhook_id))


@router.patch("/{webhook_id}", **rule(Role.TRADER, "row"))
def change_webhook(request: Request, caller: Caller, webhook_id: _Id, body: WebhookChangeIn) -> WebhookOut:
    """Change what is given."""
    changed = body.model_dump(exclude_none=True)
    return WebhookOut.of(parts_of(request).telling.webhooks.change(caller, webhook_id, **changed))


@router.delete("/{webhook_id}", status_code=204, **rule(Role.TRADER, "row"))
def remove_webhook(request: Request, caller: Caller, webhook_id: _Id) -> None:
    """Remove a webhook; what waits for it is given up."""
    parts_of(request).telling.webhooks.remove(caller, webhook_id)


@router.post("/{webhook_id}/secret", **rule(Role.TRADER, "row", per_minute=30))
def renew_secret(request: Request, caller: Caller, webhook_id: _Id) -> NewWebhookOut:
    """Give a webhook another secret; the old one is worth nothing from now on."""
    row, secret = parts_of(request).telling.webhooks.renew_secret(caller, webhook_id)
    return NewWebhookOut.with_secret(row, secret)


@router.post("/{webhook_id}/test", status_code=202, **rule(Role.TRADER, "row", per_minute=10))
def test_webhook(request: Request, caller: Caller, webhook_id: _Id) -> DeliveryOut:
    """Have a test sent; what came of it stands in the log a moment later."""
    return DeliveryOut.of(parts_of(request).telling.webhooks.test(caller, webhook_id))


@router.get("/{webhook_id}/deliveries", **rule(Role.VIEWER, "row"))
def list_deliveries(
    request: Request,
    scope: Scope,
    webhook_id: _Id,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Annotated[int | None, Query(ge=1, lt=1 << 53)] = None,
) -> DeliveriesOut:
    """Return what was sent to a webhook, newest first."""
    rows = parts_of(request).telling.webhooks.deliveries(scope, webhook_id, limit, cursor)
    deliveries = [DeliveryOut.of(row) for row in rows]
    return DeliveriesOut(deliveries=deliveries, next_cursor=rows[-1]["id"] if len(rows) == limit else None)
