"""Groups and parents kept here, for a broker that does not keep them."""

from __future__ import annotations

from tidemill.ports.seams import Clock
from tidemill.runtime.account.parts import OutsideParts
from tidemill.runtime.orders.linking import LINK_LOOK_S, Links
from tidemill.runtime.orders.live_order import LiveOrder
from tidemill.runtime.orders.sender import Sender
from tidemill.runtime.orders.translation import ENTRY_TTL_NS
from tidemill.runtime.words.words import CancelWord

__all__ = ["link_here", "watch_links"]


def link_here(parts: OutsideParts, sender: Sender) -> None:
    """Let a sender keep groups and parents of a run's orders.

    Args:
        parts: of the run. sender: whose requests wait for each other.
    """
    tables = parts.core.engine.state.tables

    def units(order: LiveOrder) -> float:
        slots = tables["slots"]
        mine = (slots["instrument"] == order.instrument) & (slots["strategy"] == order.owner)
        return float(slots["quantity"][mine].sum())

    sender.links = Links(
        parts.book,
        sender.departures,
        parts.clock,
        ttl_ns=ENTRY_TTL_NS,
        units=units,
        price=lambda instrument: float(tables["instruments"][instrument]["last"]),
        cancel=lambda order: parts.inbox.operator(CancelWord(order.request.client_id, "links")),
        hear=parts.inbox.report,
        write=sender.write,
    )
    sender.departures.holds = sender.links.holds


async def watch_links(sender: Sender, clock: Clock) -> None:
    """Look often at what waits for others: a price may have been reached, a turn may be over."""
    while True:
        await clock.sleep(LINK_LOOK_S)
        sender.wake()
