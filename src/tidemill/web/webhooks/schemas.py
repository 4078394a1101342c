"""Webhooks and their deliveries as they are told and given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tidemill.services.notify.kinds import Kind
from tidemill.web.times import iso_utc

__all__ = ["DeliveriesOut", "DeliveryOut", "NewWebhookOut", "WebhookChangeIn", "WebhookIn", "WebhookOut", "WebhooksOut"]

_STRICT = ConfigDict(extra="forbid")
Url = Annotated[str, Field(min_length=1, max_length=2_000, examples=["https://example.com/hooks/tidemill"])]
Events = Annotated[list[Kind], Field(min_length=1, max_length=len(Kind))]
Description = Annotated[str, Field(max_length=200)]


class WebhookIn(BaseModel):
    """A webhook to be added."""

    model_config = _STRICT

    url: Url = Field(description="https, port 443 or 8443, of the public internet.")
    events: Events
    description: Description = ""


class WebhookChangeIn(BaseModel):
    """What is to be different about a webhook."""

    model_config = _STRICT

    url: Url | None = None
    events: Events | None = None
    description: Description | None = None
    is_active: bool | None = None


class WebhookOut(BaseModel):
    """A webhook; its secret is not told again."""

    id: int
    url: str
    events: list[Kind]
    description: str
    is_active: bool
    failures: int = Field(description="Deliveries given up since the last one that arrived.")
    created_at: str
    updated_at: str

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> WebhookOut:
        """Return a webhook as it is told."""
        return cls(**_shown(row))


class NewWebhookOut(WebhookOut):
    """A webhook with its secret, which is told this once."""

    secret: str = Field(description="Key of the HMAC-SHA256 over `timestamp.body`.")

    @classmethod
    def with_secret(cls, row: Mapping[Any, Any], secret: str) -> NewWebhookOut:
        """Return a webhook and its secret."""
        return cls(**_shown(row), secret=secret)


def _shown(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        **{name: row[name] for name in ("id", "url", "description", "failures")},
        "events": row["events"].split(","),
        "is_active": bool(row["is_active"]),
        "created_at": iso_utc(row["created_ns"]),
        "updated_at": iso_utc(row["updated_ns"]),
    }


class WebhooksOut(BaseModel):
    """Webhooks, oldest first."""

    webhooks: list[WebhookOut]


class DeliveryOut(BaseModel):
    """One delivery: what was sent, how often it was tried, what came of it."""

    id: int
    event: Kind
    status: Literal["PENDING", "SUCCESS", "FAILED"]
    attempts: int
    response_code: int | None
    error: str
    created_at: str
    next_attempt_at: str | None
    done_at: str | None
    body: str

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> DeliveryOut:
        """Return a delivery as it is told."""
        is_pending = row["status"] == "PENDING"
        return cls(
            **{name: row[name] for name in ("id", "event", "status", "attempts", "error")},
            response_code=row["response_code"] or None,
            created_at=iso_utc(row["created_ns"]),
            next_attempt_at=iso_utc(row["next_ns"]) if is_pending else None,
            done_at=iso_utc(row["done_ns"]) if row["done_ns"] else None,
            body=row["body_json"],
        )


class DeliveriesOut(BaseModel):
    """One page of deliveries, newest first."""

    deliveries: list[DeliveryOut]
    next_cursor: int | None = Field(description="Value of `cursor` for the next page; null on the last.")
