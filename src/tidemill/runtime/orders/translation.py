"""From a command of the core to a request for the broker, and from a broker's report to an event of the core."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.model.broker import NONE, OrderReport, OrderRequest
from tidemill.model.enums import EventKind, Intent, OrderType, Reason, Side, TimeInForce
from tidemill.model.journal import FillEntry
from tidemill.model.records import EVENT
from tidemill.runtime.core import Command
from tidemill.runtime.orders.book import LiveOrder, OrderBook

__all__ = [
    "ADJUST",
    "ENTRY_TTL_NS",
    "adjust_event",
    "adjustment_row",
    "read_terms",
    "report_event",
    "report_of",
    "report_of_fill",
    "request_of",
    "terms_of",
    "whole_quantity",
]

ADJUST = int(EventKind.ADJUST)

# An entry that has not left by then is stale: the price it was decided on is gone (promise 4).
ENTRY_TTL_NS = 5_000_000_000
_HAS_LIMIT = (OrderType.LIMIT, OrderType.STOP_LIMIT)
# a trailing stop may carry one as the floor it never falls below
_MAY_HAVE_STOP = (OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP)


def request_of(command: Command, client_id: str, symbol: str, book: OrderBook, ttl_ns: int) -> OrderRequest:
    """Return the order a SUBMIT command asks for, in a broker's words."""
    kind = OrderType(command.type)
    intent = Intent(command.intent)
    parent = book.by_number.get(command.parent)
    return OrderRequest(
        client_id=client_id,
        symbol=symbol,
        side=Side(command.side),
        type=kind,
        tif=TimeInForce(command.tif),
        quantity=command.quantity,
        limit_price=command.limit_price if kind in _HAS_LIMIT else NONE,
        stop_price=command.stop_price if kind in _MAY_HAVE_STOP and command.stop_price > 0.0 else NONE,
        trail_amount=command.trail_amount,
        trail_pct=command.trail_pct,
        intent=intent,
        reason=Reason(command.reason),
        group=str(command.group) if command.group else "",
        parent=parent.request.client_id if parent is not None else "",
        number=command.order,
        created_ns=command.at_ns,
        expires_ns=command.at_ns + ttl_ns if intent is Intent.ENTRY else 0,
        confidence=command.confidence,
    )


def terms_of(request: OrderRequest) -> str:
    """Return an order as JSON: exact, sorted, the same for the same order."""
    values: dict[str, Any] = {}
    for name in OrderRequest.__slots__:
        value = getattr(request, name)
        values[name] = None if isinstance(value, float) and math.isnan(value) else value
    return json.dumps(values, sort_keys=True, separators=(",", ":"))


def read_terms(text: str) -> OrderRequest:
    """Return the order a JSON text tells."""
    values = json.loads(text)
    for name, kind in (
        ("side", Side),
        ("type", OrderType),
        ("tif", TimeInForce),
        ("intent", Intent),
        ("reason", Reason),
    ):
        values[name] = kind(values[name])
    for name in ("limit_price", "stop_price"):
        values[name] = NONE if values[name] is None else float(values[name])
    return OrderRequest(**values)


def report_event(report: OrderReport, order: LiveOrder, now_ns: int) -> NDArray[Any]:
    """Return a broker's report as the one row the core takes."""
    row = np.zeros(1, EVENT)
    row["kind"] = int(report.kind)
    row["instrument"] = order.instrument
    row["ts_ns"] = report.ts_ns
    row["now_ns"] = now_ns
    row["order"] = order.request.number
    row["row"] = order.row
    if report.kind is EventKind.FILL:
        row["close"] = report.price
        row["volume"] = report.quantity
        row["money"] = report.fee_micros
        row["extra"] = report.slippage_micros
        row["code"] = report.phase
    elif report.kind is EventKind.REPLACED:
        row["volume"] = report.quantity
    return row


def whole_quantity(report: OrderReport, order: LiveOrder) -> OrderReport:
    """Return a replacement's report with our order's quantity: the broker counts without what others have filled.

    A quantity that was not asked for last is an older report; it changes nothing, and the lists show what it is.
    """
    if report.kind is not EventKind.REPLACED or not report.quantity > 0.0:
        return report
    is_asked = math.isclose(report.quantity, order.asked, abs_tol=1e-9)
    return replace(report, quantity=order.wanted[0] if is_asked else order.quantity)


def adjustment_row(instrument: int, strategy: int, units: float, price: float, now_ns: int) -> NDArray[Any]:
    """Return the ADJUST event of signed units that no order of ours has brought."""
    row = np.zeros(1, EVENT)
    row["kind"], row["instrument"], row["row"] = ADJUST, instrument, -1
    row["ts_ns"] = row["now_ns"] = now_ns
    row["order"] = strategy
    row["close"], row["volume"] = price, units
    return row


def adjust_event(report: OrderReport, order: LiveOrder, now_ns: int) -> NDArray[Any]:
    """Return a fill that the core's order can no longer take (it has ended, or the fill is taken back) as ADJUST."""
    sign = int(order.request.side) * (-1 if report.fill_kind == "bust" else 1)
    row = adjustment_row(order.instrument, order.owner, sign * report.quantity, report.price, now_ns)
    row["ts_ns"] = report.ts_ns
    row["code"] = order.request.number
    row["money"] = -report.fee_micros if report.fill_kind == "bust" else report.fee_micros
    return row


def report_of(row: Any, order: LiveOrder, broker_id: str) -> OrderReport:
    """Return the report that a recorded event was made of, as far as it moved anything (no fills)."""
    return OrderReport(
        EventKind(int(row["kind"])),
        order.request.client_id,
        broker_id,
        ts_ns=int(row["ts_ns"]),
        quantity=float(row["volume"]),
    )


def report_of_fill(fill: FillEntry, broker_id: str, slippage_micros: int = 0, phase: int = 0) -> OrderReport:
    """Return the report a booked fill was made of."""
    return OrderReport(
        EventKind.FILL,
        fill.client_id,
        broker_id,
        ts_ns=fill.ts_ns,
        exec_id=fill.exec_id,
        quantity=float(fill.quantity),
        price=float(fill.price),
        fee_micros=fill.fee_micros,
        slippage_micros=slippage_micros,
        phase=phase,
        fill_kind=fill.kind,
    )
