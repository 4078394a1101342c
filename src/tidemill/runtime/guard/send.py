"""The only place where an order goes to a broker: what it takes is an approval, not an order."""

from __future__ import annotations

from dataclasses import replace

from tidemill.model.broker import OrderReport
from tidemill.ports.broker import Broker
from tidemill.ports.seams import Clock
from tidemill.runtime.guard.send_guard import Approved

__all__ = ["submit_approved", "submit_replacement"]


async def submit_approved(broker: Broker, approved: Approved, clock: Clock) -> OrderReport:
    """Send an approved order once; a broker that links no orders is told of no links.

    Raises:
        GuardRefusal: the approval no longer holds; nothing left. Else as ``Broker.submit``.
    """
    order = approved.spend(clock.monotonic_ns())
    if (order.group or order.parent) and not broker.rules.links_orders:
        order = replace(order, group="", parent="")
    return await broker.submit(order)


async def submit_replacement(
    broker: Broker, approved: Approved, broker_id: str, clock: Clock, elsewhere: float = 0.0
) -> OrderReport:
    """Ask for a working order's new, approved quantity and trigger.

    Args:
        elsewhere: units of the quantity that another order at the broker has filled; this one is for the rest.

    Raises:
        GuardRefusal: the approval no longer holds; nothing left. Else as ``Broker.replace``.
    """
    order = approved.spend(clock.monotonic_ns())
    return await broker.replace(order.client_id, broker_id, order.quantity - elsewhere, order.stop_price)
