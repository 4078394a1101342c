"""Brokers, the model and Telegram as the source asks for them: what there is, and honestly what there is not."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from tidemill.model.people import Role, UserScope
from tidemill.web.access import Scope, rule
from tidemill.web.errors import ApiError
from tidemill.web.parts import Parts, parts_of
from tidemill.web.wishes import STRICT

__all__ = ["broker_router", "hooks_router", "model_router"]

broker_router = APIRouter()
model_router = APIRouter()
hooks_router = APIRouter()


class BrokerOut(BaseModel):
    """How a broker stands."""

    status: str = Field(description="healthy, idle (no desk yet), disabled or unavailable.")
    message: str
    broker: str
    enabled: bool
    connected: bool
    authenticated: bool
    credentials_provided: bool
    host: str | None = None
    port: int | None = None
    client_id: int | None = None
    account: str | None = None
    orders_count: int = Field(description="Of one's own that work.")
    positions_count: int


class BrokersOut(BaseModel):
    """Every broker, and the one that is chosen."""

    status: str
    active_broker: str
    brokers: dict[str, BrokerOut]


def _paper(parts: Parts, scope: UserScope) -> BrokerOut:
    desks = parts.manual.desks
    desk, is_chosen = desks.find(scope), desks.broker == "paper"
    at_work = desk is not None and desk.run.status in {"RUNNING", "PAUSED"}
    status = "disabled" if not is_chosen else "healthy" if at_work else "idle"
    told = {
        "disabled": f"BROKER is {desks.broker}; the paper account is not used.",
        "healthy": "Your desk is at work; orders fill at pushed ticks.",
        "idle": "Your desk begins with your first order.",
    }
    return BrokerOut(
        status=status,
        message=told[status],
        broker="paper",
        enabled=is_chosen,
        connected=at_work,
        authenticated=at_work,
        credentials_provided=True,
        account=desk.run.account if desk is not None else None,
        orders_count=len(desks.working(desk.run)) if desk is not None else 0,
        positions_count=len(parts.manual.results.positions(scope)),
    )


def _ibkr(parts: Parts) -> BrokerOut:
    own = parts.loaded.settings
    is_chosen = own.broker.lower() == "ibkr"
    unavailable = "BROKER is ibkr, and there is no adapter for it yet: nothing is sent, and orders are refused."
    return BrokerOut(
        status="unavailable" if is_chosen else "disabled",
        message=unavailable if is_chosen else "Not chosen (BROKER), and there is no adapter for it yet.",
        broker="ibkr",
        enabled=is_chosen,
        connected=False,
        authenticated=False,
        credentials_provided=bool(own.ibkr_account),
        host=own.ibkr_host,
        port=own.ibkr_port,
        client_id=own.ibkr_client_id,
        account=f"...{own.ibkr_account[-3:]}" if own.ibkr_account else None,
        orders_count=0,
        positions_count=0,
    )


@broker_router.get("/health", **rule(Role.VIEWER, "self"))
def brokers(request: Request, scope: Scope) -> BrokersOut:
    """Return how every broker stands."""
    parts = parts_of(request)
    found = {"paper": _paper(parts, scope), "ibkr": _ibkr(parts)}
    chosen = found.get(parts.manual.desks.broker)
    status = chosen.status if chosen is not None else "unavailable"
    return BrokersOut(status=status, active_broker=parts.manual.desks.broker, brokers=found)


@broker_router.get("/paper/health", **rule(Role.VIEWER, "self"))
def paper(request: Request, scope: Scope) -> BrokerOut:
    """Return how one's paper account stands."""
    return _paper(parts_of(request), scope)


@broker_router.get("/ibkr/health", **rule(Role.VIEWER, "self"))
def ibkr(request: Request) -> BrokerOut:
    """Return how Interactive Brokers stands: there is no adapter yet, and nothing pretends otherwise."""
    return _ibkr(parts_of(request))


class ModelOut(BaseModel):
    """How the model stands."""

    status: Literal["no_model"] = "no_model"
    loaded: bool = False
    exists: bool = False
    path: str | None = None
    model_version: str | None = None
    threshold: float | None = None
    metrics: dict[str, Any] = Field(default_factory=dict)
    gate_enabled: bool = False
    message: str


_NO_MODEL = "No model is loaded: orders pass without a score, and the gate is off."


class ThresholdIn(BaseModel):
    """Lowest score that lets an order pass."""

    model_config = STRICT

    threshold: Annotated[float, Field(ge=0.0, le=1.0, examples=[0.55])]


def _no_model() -> ApiError:
    return ApiError(409, "no_model", f"{_NO_MODEL} There is nothing to load, promote or set a threshold for.")


@model_router.get("/status", **rule(Role.VIEWER, "nothing"))
def model_status() -> ModelOut:
    """Return that no model is loaded."""
    return ModelOut(message=_NO_MODEL)


@model_router.post("/reload", **rule(Role.ADMIN, "nothing", errors=(409,)))
def reload_model() -> ModelOut:
    """Answer 409: there is no model to load."""
    raise _no_model()


@model_router.put("/threshold", **rule(Role.ADMIN, "nothing", errors=(409,)))
def set_threshold(body: ThresholdIn) -> ModelOut:
    """Answer 409: there is no model whose threshold could be set."""
    del body
    raise _no_model()


@model_router.post("/promote", **rule(Role.ADMIN, "nothing", errors=(409,)))
def promote_model() -> ModelOut:
    """Answer 409: there is no model to promote."""
    raise _no_model()


class HookOut(BaseModel):
    """What became of a message."""

    ok: bool


@hooks_router.post("/telegram", **rule(None, "nothing", errors=(409,), per_minute=60))
def telegram() -> HookOut:
    """Answer 409: Telegram is not connected; the message is neither read nor kept."""
    raise ApiError(409, "not_enabled", "Telegram is not connected to this installation; the message was not read.")
