"""What every broker must be able to do: the only way orders leave and facts about an account come back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from tidemill.model.broker import (
    AccountFacts,
    BrokerOrder,
    BrokerPosition,
    BrokerRules,
    Execution,
    OrderReport,
    OrderRequest,
    Page,
)

__all__ = ["Broker", "ReportSink"]

ReportSink = Callable[[OrderReport], None]


class Broker(Protocol):
    """A broker account, or the simulated exchange in its place.

    Pushing reports is a hint that arrives fast; asking is the truth. An adapter never repeats a request that may have
    arrived, never swallows an answer it does not understand, and never invents one.
    """

    name: str
    rules: BrokerRules

    async def open(self, sink: ReportSink) -> AccountFacts:
        """Connect, begin to push reports into ``sink`` first, then tell what account this is.

        Raises:
            LinkDown, NotAuthorised: nothing was opened.
        """

    async def close(self) -> None:
        """Stop pushing and disconnect; working orders stay at the broker."""

    async def submit(self, order: OrderRequest) -> OrderReport:
        """Send one order once; the answer is its ACK (or its FILL or end, when that is what the broker answers).

        Raises:
            OrderRejected: for certain not live. LinkDown, RateLimited: for certain nothing arrived.
            AmbiguousOutcome: anything else; the caller has to ask.
        """

    async def cancel(self, client_id: str, broker_id: str) -> None:
        """Ask for an order's end; the outcome comes as a report.

        Raises:
            UnknownOrder: no such order. OrderRejected: it can no longer be cancelled. AmbiguousOutcome, TransientError.
        """

    async def replace(self, client_id: str, broker_id: str, quantity: float, stop_price: float) -> OrderReport:
        """Ask for another quantity (and trigger, unless NaN) of a working order; errors as of ``cancel``."""

    async def find(self, client_id: str) -> BrokerOrder | None:
        """Look one order up by our id; None means "not shown now", which alone proves nothing.

        Raises:
            TransientError, AmbiguousOutcome: the question was not answered.
        """

    async def orders(self, since_ns: int) -> Page[BrokerOrder]:
        """List open orders and those that ended since; raises as ``find``."""

    async def executions(self, since_ns: int) -> Page[Execution]:
        """List fills since; raises as ``find``."""

    async def positions(self) -> Page[BrokerPosition]:
        """List open positions; raises as ``find``."""

    async def account(self) -> AccountFacts:
        """Tell the account's present facts; raises as ``find``."""
