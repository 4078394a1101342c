"""Orders of people: placed, listed, cancelled; fills; everything closed."""

# ruff: noqa: FAST003 - the name in the path is taken by the dependency `FoundOrder`

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from fastapi.responses import JSONResponse

from tidemill.kernel.transitions import is_final
from tidemill.model.agent import parse_instant
from tidemill.model.enums import OrderState
from tidemill.model.errors import ConfigError
from tidemill.model.people import Role
from tidemill.services.access.audit import record
from tidemill.services.manual.trade_logs import source_of
from tidemill.services.manual.wanted import Wanted
from tidemill.web.access import Caller, Scope, rule
from tidemill.web.errors import ApiError
from tidemill.web.hop import OneHop
from tidemill.web.parts import Parts, parts_of
from tidemill.web.trading.once import Key, answer_once, told
from tidemill.web.trading.order_answers import (
    STATUSES,
    FillOut,
    FillsOut,
    FlattenOut,
    OrderOut,
    OrdersOut,
    StatusOut,
)
from tidemill.web.trading.order_schemas import FlattenIn, OrderIn

__all__ = ["Agent", "fills_router", "flatten_router", "router"]

router = APIRouter(route_class=OneHop)
fills_router = APIRouter(route_class=OneHop)
flatten_router = APIRouter(route_class=OneHop)

_Limit = Annotated[int, Query(ge=1, le=1_000)]
_Offset = Annotated[int, Query(ge=0, le=1_000_000)]
_Symbol = Annotated[str | None, Query(min_length=1, max_length=24)]
_Run = Annotated[str | None, Query(min_length=1, max_length=100)]
_Status = Literal["PENDING", "SUBMITTED", "PARTIALLY_FILLED", "FILLED", "CANCELLED", "REJECTED", "EXPIRED"]
Agent = Annotated[str | None, Header(alias="User-Agent", max_length=2_000)]
_Found = tuple[Mapping[Any, Any] | None, Mapping[Any, Any] | None]
_OFTEN = 6_000


def _find(request: Request, scope: Scope, order_id: Annotated[str, Path(min_length=1, max_length=160)]) -> _Found:
    """Return an order and what was noted with it; a trade of the past is a note alone."""
    manual = parts_of(request).manual
    log = manual.logs.of_order(scope, order_id)
    if log is not None and not log["run_id"]:
        return None, log
    return manual.pages.get(scope, order_id)[0], log


FoundOrder = Annotated[_Found, Depends(_find)]


def _instant(text: str | None, field: str) -> int:
    """Return a time as UTC nanoseconds, 0 for none; what cannot be read is a 400."""
    if text is None:
        return 0
    try:
        found = parse_instant(text.strip(), field)
    except (ConfigError, OverflowError) as error:
        raise ApiError(400, "bad_timestamp", str(error), field=f"body.{field}") from None
    if not (0 < found < 1 << 63):
        raise ApiError(400, "bad_timestamp", f"{field} lies before 1970 or after 2262.", field=f"body.{field}")
    return found


def _seen(parts: Parts, scope: Scope, order_id: str) -> OrderOut:
    row, run = parts.manual.pages.get(scope, order_id)
    return OrderOut.of(row, run.account, parts.manual.logs.of_order(scope, order_id))


def _place(parts: Parts, caller: Caller, wanted: Wanted, key: str) -> tuple[OrderOut, bool]:
    """Return an order as it stands once it is placed, and whether that answer is one to keep."""
    placed = parts.manual.orders.place(caller, wanted, key)
    record(parts.database, caller, "order.place", placed.order_id or wanted.symbol, {"state": placed.state})
    if placed.run_id and placed.order_id:
        return _seen(parts, caller.scope, placed.order_id), True
    if placed.is_backfill and (log := parts.manual.logs.of_order(caller.scope, placed.order_id)) is not None:
        return OrderOut.of_the_past(log), True
    desk = parts.manual.desks.find(caller.scope)
    account = desk.run.account if desk is not None else ""
    return OrderOut.of_unanswered(placed, wanted, account, parts.clock.now_ns()), False


@router.post(
    "", status_code=201, response_model=OrderOut, **rule(Role.TRADER, "self", errors=(400, 409, 423), per_minute=_OFTEN)
)
def place_order(
    request: Request, caller: Caller, body: OrderIn, key: Key = None, user_agent: Agent = None
) -> JSONResponse:
    """Send an order to one's desk, which begins with the first one; the same Idempotency-Key sends it once."""
    parts = parts_of(request)
    entered, exited = _instant(body.entered_at, "entered_at"), _instant(body.exited_at, "exited_at")
    wanted = body.wanted(entered, exited, source_of(user_agent or ""))
    return answer_once(
        parts.manual.once,
        caller.scope,
        "POST /v1/orders",
        key,
        body,
        lambda: _place(parts, caller, wanted, key or ""),
    )


@router.get("", **rule(Role.VIEWER, "self", errors=(404,)))
def list_orders(
    request: Request,
    scope: Scope,
    *,
    status: _Status | None = None,
    symbol: _Symbol = None,
    run_id: _Run = None,
    cursor: Annotated[str | None, Query(min_length=1, max_length=160)] = None,
    limit: _Limit = 100,
) -> OrdersOut:
    """Return orders of all of one's runs, newest first; ``cursor`` is the ``next_cursor`` of the page before."""
    parts = parts_of(request)
    rows = parts.manual.pages.page(
        scope,
        limit=limit,
        before=cursor or "",
        states=[state for state, word in STATUSES.items() if word == status],
        symbol=(symbol or "").upper(),
        run_id=run_id or "",
    )
    accounts = {name: parts.fleet.runs.get(scope, name).account for name in {row["run_id"] for row in rows}}
    return OrdersOut(
        orders=[OrderOut.of(row, accounts[row["run_id"]]) for row in rows],
        next_cursor=rows[-1]["client_id"] if len(rows) == limit else None,
    )


@router.get("/{order_id}", **rule(Role.VIEWER, "row"))
def get_order(request: Request, scope: Scope, found: FoundOrder) -> OrderOut:
    """Return one order, or a trade of the past that was written down."""
    row, log = found
    if row is not None:
        return OrderOut.of(row, parts_of(request).fleet.runs.get(scope, row["run_id"]).account, log)
    assert log is not None  # noqa: S101 - one of the two is found, or the answer was 404
    return OrderOut.of_the_past(log)


@router.get("/{order_id}/status", **rule(Role.VIEWER, "row"))
def get_status(found: FoundOrder) -> StatusOut:
    """Return where an order stands."""
    return StatusOut.of(*found)


@router.delete("/{order_id}", **rule(Role.TRADER, "row", errors=(409,), per_minute=_OFTEN))
def cancel_order(request: Request, caller: Caller, found: FoundOrder) -> OrderOut:
    """Cancel an order; a halt does not stand in the way."""
    parts, (row, _) = parts_of(request), found
    if row is None:
        raise ApiError(409, "not_working", "A trade of the past was only written down; there is nothing to cancel.")
    if is_final(OrderState[row["state"]]):
        raise ApiError(409, "not_working", f"The order is {STATUSES[row['state']]}; there is nothing to cancel.")
    answer = parts.manual.orders.cancel(caller, row["client_id"])
    record(parts.database, caller, "order.cancel", row["client_id"], {"state": answer.state})
    return _seen(parts, caller.scope, row["client_id"])


@fills_router.get("", **rule(Role.VIEWER, "self", errors=(404,)))
def list_fills(
    request: Request,
    scope: Scope,
    *,
    symbol: _Symbol = None,
    run_id: _Run = None,
    limit: _Limit = 100,
    offset: _Offset = 0,
) -> FillsOut:
    """Return fills of all of one's runs, newest first."""
    pages = parts_of(request).manual.pages
    rows = pages.fills(scope, limit=limit, offset=offset, symbol=(symbol or "").upper(), run_id=run_id or "")
    return FillsOut(fills=[FillOut.of(row) for row in rows])


@flatten_router.post("", **rule(Role.TRADER, "self", errors=(409,)))
def flatten(request: Request, caller: Caller, body: FlattenIn | None = None) -> FlattenOut:
    """Cancel working entries and close positions of one's desk at market; a halt does not stand in the way."""
    parts, said = parts_of(request), body or FlattenIn()
    with told():
        cancelled, closing, answers = parts.manual.orders.flatten(caller, (said.symbol or "").upper())
    record(parts.database, caller, "desk.flatten", said.symbol or "all", {"reason": said.reason})
    messages = [answer.text or answer.state for answer in answers]
    if said.symbol and not (cancelled or closing):
        name = ascii(said.symbol.upper()).strip("'")  # a look-alike shows what it is made of
        messages.append(f"Nothing of {name} is held or works on your desk; nothing was closed.")
    return FlattenOut(cancelled=cancelled, closing=closing, messages=messages)
