"""What the broker's lists show, and who is told of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tidemill.model.broker import AccountFacts, BrokerOrder, BrokerPosition, OrderReport, Page
from tidemill.runtime.orders.book import LiveOrder

__all__ = ["PollHooks", "Snapshot"]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Positions and account at one time; an incomplete list proves nothing about what it does not show."""

    positions: Page[BrokerPosition]
    account: AccountFacts


@dataclass(frozen=True, slots=True)
class PollHooks:
    """Who is told of what the lists show.

    Args:
        hear: takes reports; they come back to the core as events.
        doubt: an order that should be shown is not, or a change of it is overdue; with the request in question.
        twin: an order, and the broker's name of another incarnation of it that works, or may.
        larger: an order that is larger, or smaller, at the broker than it has to be.
        differs: whether our position in a symbol and the broker's differ.
        foreign: the open orders that are not in our record.
        positions: a complete answer.
        alert: told severity, kind and sentence.
        is_busy: whether a request about an order (client id) is on its way.
        asks: told when orders and fills are asked for; what it returns is called once the answer is whole.
        reopened: asked before a lost line is opened again: is the account still ours?
    """

    hear: Callable[[OrderReport], None]
    doubt: Callable[[LiveOrder, str, str], None]
    twin: Callable[[LiveOrder, str], None]
    larger: Callable[[LiveOrder], None]
    differs: Callable[[str], bool]
    foreign: Callable[[list[BrokerOrder]], None]
    positions: Callable[[Snapshot], None]
    alert: Callable[[int, str, str], None]
    is_busy: Callable[[str], bool]
    asks: Callable[[], Callable[[], None]]
    reopened: Callable[[], Awaitable[None]]
