"""The paper broker's own list of orders and executions: what it answers when it is asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tidemill.kernel.transitions import FINAL_STATES
from tidemill.model.broker import NONE, BrokerOrder, Execution, OrderReport, OrderRequest
from tidemill.model.enums import EventKind, OrderState

__all__ = ["PaperOrder", "PaperOrders"]

_ENDS = {
    EventKind.REJECT: OrderState.REJECTED,
    EventKind.CANCELLED: OrderState.CANCELED,
    EventKind.EXPIRED: OrderState.EXPIRED,
}


@dataclass(slots=True)
class PaperOrder:
    """One order, with the terms it has now.

    Args:
        number: of the order at the matcher; rises with time.
        instrument: row.
    """

    request: OrderRequest
    number: int
    instrument: int
    quantity: float
    limit_price: float
    stop_price: float
    state: OrderState = OrderState.WORKING
    filled: float = 0.0
    value: float = 0.0  # units * price
    fills: int = 0
    updated_ns: int = 0

    @property
    def broker_id(self) -> str:
        """Return the broker's id."""
        return f"P{self.number}"

    @property
    def is_open(self) -> bool:
        """Tell whether it may still fill."""
        return self.state not in FINAL_STATES

    def shown(self, *, is_held: bool = False) -> BrokerOrder:
        """Return the order as the broker shows it."""
        request = self.request
        return BrokerOrder(
            client_id=request.client_id,
            broker_id=self.broker_id,
            symbol=request.symbol,
            side=request.side,
            type=request.type,
            tif=request.tif,
            quantity=self.quantity,
            filled=self.filled,
            average_price=self.value / self.filled if self.filled else NONE,
            state=OrderState.HELD if is_held else self.state,
            limit_price=self.limit_price,
            stop_price=self.stop_price,
            created_ns=request.created_ns,
            updated_ns=self.updated_ns,
        )


@dataclass(slots=True)
class PaperOrders:
    """All orders of the account, by our id and by the matcher's number; ended ones are kept."""

    by_client: dict[str, PaperOrder] = field(default_factory=dict)
    by_number: dict[int, PaperOrder] = field(default_factory=dict)
    executions: list[Execution] = field(default_factory=list)
    newest: int = 0

    def add(self, order: PaperOrder) -> None:
        """Take in an accepted order."""
        self.by_client[order.request.client_id] = order
        self.by_number[order.number] = order
        self.newest = max(self.newest, order.number)

    def next_number(self, wanted: int) -> int:
        """Return the number an order takes: the wanted one if it is later than all before."""
        return wanted if wanted > self.newest else self.newest + 1

    def apply(self, order: PaperOrder, report: OrderReport) -> None:
        """Bring an order up to what the matcher reported."""
        order.updated_ns = max(order.updated_ns, report.ts_ns)
        if report.kind is EventKind.FILL:
            order.fills += 1
            order.filled += report.quantity
            order.value += report.quantity * report.price
            order.state = OrderState.PARTIAL
            self.executions.append(
                Execution(
                    exec_id=report.exec_id,
                    client_id=report.client_id,
                    broker_id=report.broker_id,
                    symbol=order.request.symbol,
                    side=order.request.side,
                    quantity=report.quantity,
                    price=report.price,
                    fee_micros=report.fee_micros,
                    ts_ns=report.ts_ns,
                )
            )
        elif report.kind in _ENDS:
            order.state = _ENDS[report.kind]

    def since(self, since_ns: int) -> Iterable[PaperOrder]:
        """Return open orders and those that moved since, in order of arrival."""
        return (order for order in self.by_client.values() if order.is_open or order.updated_ns >= since_ns)
