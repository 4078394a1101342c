"""The paper broker: the backtest's exchange behind the port of a real broker."""

from __future__ import annotations

from typing import Final

from tidemill.adapters.paper.checks import LONGEST_ID, PaperTerms
from tidemill.adapters.paper.exchange import PaperExchange
from tidemill.adapters.paper.orders import PaperOrder
from tidemill.engine.plan import EnginePlan
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
from tidemill.model.enums import OrderType, TimeInForce
from tidemill.ports.broker import ReportSink

__all__ = ["PAPER_RULES", "PaperBroker"]

PAPER_RULES: Final = BrokerRules(
    order_types=frozenset(OrderType),
    time_in_force=frozenset(TimeInForce),
    links_orders=True,
    is_instant=True,
    settle_ns=0,
    fractional=True,
    extended_hours=True,
    order_id_length=LONGEST_ID,
)


class PaperBroker(PaperExchange):
    """A simulated account that fills orders exactly as a backtest does.

    The run loop moves it: ``for phase in broker.phases(rows)`` (or ``begin`` and ``step``), and takes its reports one
    by one with ``take_report``. The answer of ``submit`` is the same ACK that waits there; it is not to be fed twice.

    Args:
        plan: of the run: instruments, calendars, account, costs, fill rules.
        terms: what the account is strict about.
        name: shown in records.
    """

    rules = PAPER_RULES

    def __init__(self, plan: EnginePlan, terms: PaperTerms | None = None, *, name: str = "paper") -> None:
        super().__init__(plan, terms)
        self.name = name

    async def open(self, sink: ReportSink) -> AccountFacts:
        """Begin; the reports wait for ``take_report`` or ``push_reports``."""
        self._sink = sink
        return await self.account()

    async def close(self) -> None:
        """Stop taking requests; orders stay as they are."""
        self._sink = None

    async def submit(self, order: OrderRequest) -> OrderReport:
        """Take one order; as ``accept``."""
        return self.accept(order)

    async def cancel(self, client_id: str, broker_id: str) -> None:  # noqa: ARG002 - the port's signature
        """Take a cancel; as ``accept_cancel``."""
        self.accept_cancel(client_id)

    async def replace(self, client_id: str, broker_id: str, quantity: float, stop_price: float) -> OrderReport:  # noqa: ARG002
        """Take a replacement; as ``accept_replace``."""
        return self.accept_replace(client_id, quantity, stop_price)

    async def find(self, client_id: str) -> BrokerOrder | None:
        """Look an order up by our id."""
        self._demand_link()
        order = self._book.by_client.get(client_id)
        return self._show(order) if order is not None else None

    async def orders(self, since_ns: int) -> Page[BrokerOrder]:
        """List open orders and those that ended since."""
        self._demand_link()
        return Page(tuple(self._show(order) for order in self._book.since(since_ns)))

    async def executions(self, since_ns: int) -> Page[Execution]:
        """List fills since."""
        self._demand_link()
        return Page(tuple(item for item in self._book.executions if item.ts_ns >= since_ns))

    async def positions(self) -> Page[BrokerPosition]:
        """List open positions, netted over strategies."""
        self._demand_link()
        return Page(self.funds.positions())

    async def account(self) -> AccountFacts:
        """Tell cash, equity and buying power at the last prices."""
        self._demand_link()
        funds, currency = self.funds, self.plan.run.currency
        return AccountFacts(
            self.terms.account_id, "paper", currency, funds.cash, funds.equity, funds.buying_power, self._now_ns
        )

    def _show(self, order: PaperOrder) -> BrokerOrder:
        """Return an order as it stands at the matcher: siblings' fills and splits have changed its terms there."""
        live = self.market.order(order.number) if order.is_open else None
        if live is None:
            return order.shown()
        order.quantity = float(live["quantity"])
        return order.shown(is_held=int(live["parent"]) > 0)
