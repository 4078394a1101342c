"""What the broker's list of our orders shows, and our record does not: confirmed by a second look, then mended."""

from __future__ import annotations

from dataclasses import dataclass, field

from tidemill.model.broker import BrokerOrder, OrderReport, OrderRequest
from tidemill.model.enums import EventKind, Intent, OrderState, OrderType, Side, TimeInForce
from tidemill.runtime.account.comparing import Comparer
from tidemill.runtime.account.hooks import PollHooks
from tidemill.runtime.orders.book import LiveOrder, OrderBook
from tidemill.testing.seams import ManualClock


@dataclass
class Table:
    """A stop of 40 that works, a comparer over it, and what was asked for."""

    asked: list[str] = field(default_factory=list)
    is_busy: bool = False
    differs: bool = False

    def __post_init__(self) -> None:
        self.book, self.clock = OrderBook(), ManualClock()
        request = OrderRequest(
            "stop", "AAA", Side.SELL, OrderType.STOP, TimeInForce.GTC, 40.0, stop_price=90.0, intent=Intent.PROTECT
        )
        self.order = LiveOrder(request, 0, 0, "s", quantity=40.0, state=OrderState.WORKING, broker_id="X1", sent_ns=1)
        self.book.add(self.order)
        hooks = PollHooks(
            hear=lambda report: self.asked.append(report.kind.name),
            doubt=lambda _order, action, _text: self.asked.append(action),
            twin=lambda _order, name: self.asked.append(f"end {name}"),
            larger=lambda order: self.asked.append(f"fit {order.quantity:g}"),
            differs=lambda _symbol: self.differs,
            foreign=lambda _orders: None,
            positions=lambda _snapshot: None,
            alert=lambda *_: None,
            is_busy=lambda _name: self.is_busy,
            asks=lambda: lambda: None,
            reopened=_nothing,
        )
        self.comparer = Comparer(self.book, self.clock, hooks, 0)

    def look(self, quantity: float = 40.0, state: OrderState = OrderState.WORKING) -> list[str]:
        request = self.order.request
        shown = BrokerOrder(
            "stop", "X1", "AAA", request.side, request.type, request.tif, quantity, 0.0, float("nan"), state
        )
        self.comparer.compare(self.order, [shown], [])
        return self.asked


async def _nothing() -> None:
    return None


def test_an_order_that_ended_here_and_works_there_is_ended_once_a_second_look_shows_it() -> None:
    table = Table()
    table.book.apply(OrderReport(EventKind.CANCELLED, "stop", "X1"))
    assert table.look() == []
    assert table.comparer.is_wondering
    table.clock.advance(1.0)
    assert table.look() == []  # a list may be a little old
    table.clock.advance(1.0)
    assert table.look() == ["end X1"]


def test_a_list_that_was_only_late_changes_nothing() -> None:
    table = Table()
    table.book.apply(OrderReport(EventKind.CANCELLED, "stop", "X1"))
    table.look()
    table.clock.advance(5.0)
    assert table.look(state=OrderState.CANCELED) == []
    assert not table.comparer.is_wondering


def test_an_order_larger_than_what_is_left_for_it_is_fitted() -> None:
    table = Table()
    table.order.quantity = 39.0  # one of its group has filled a unit
    assert table.look() == []
    table.clock.advance(2.0)
    assert table.look() == ["fit 39"]


def test_an_order_about_which_a_request_is_under_way_is_left_alone() -> None:
    table = Table(is_busy=True)
    table.order.quantity = 39.0
    table.look()
    table.clock.advance(10.0)
    assert table.look() == []
    assert not table.comparer.is_wondering


def test_the_end_of_another_incarnation_does_not_end_the_one_we_know() -> None:
    table = Table()
    table.book.apply(OrderReport(EventKind.CANCELLED, "stop", "X2"))
    assert table.order.state is OrderState.WORKING
    table.book.apply(OrderReport(EventKind.CANCELLED, "stop", "X1"))
    assert table.order.state is OrderState.CANCELED


def test_what_no_list_shows_any_more_needs_no_second_look() -> None:
    table = Table()
    table.order.quantity = 39.0
    table.look()
    assert table.comparer.is_wondering
    table.book.apply(OrderReport(EventKind.CANCELLED, "stop", "X1"))
    table.comparer.miss({})  # a broker that shows open orders only
    assert not table.comparer.is_wondering
    table.look()
    assert table.comparer.is_wondering  # it works there, and has ended here
    table.comparer.miss({})
    assert not table.comparer.is_wondering


def test_an_order_that_somebody_made_smaller_grows_back_after_ten_seconds() -> None:
    table = Table()
    assert table.look(30.0) == []
    table.clock.advance(9.9)
    assert table.look(30.0) == []
    table.clock.advance(0.1)
    assert table.look(30.0) == ["fit 40"]


def test_nothing_grows_while_the_positions_differ() -> None:
    table = Table(differs=True)
    table.look(30.0)
    table.clock.advance(60.0)
    assert table.look(30.0) == []


def test_what_is_withheld_or_filled_by_another_order_is_not_missing() -> None:
    table = Table()
    table.order.withheld = 4.0
    table.order.incarnations.add("X0", 6.0)
    assert table.look(30.0) == []
    assert not table.comparer.is_wondering
    assert table.look(31.0) == ["fit 40"]  # known beyond doubt: what others have filled is no matter of time


def test_an_order_that_was_replaced_and_is_not_proven_over_is_ended_after_a_while() -> None:
    table = Table()
    table.book.apply(OrderReport(EventKind.REPLACED, "stop", "X2", ts_ns=table.clock.now_ns(), quantity=40.0))
    assert table.comparer.is_wondering
    table.comparer.wonder()
    assert table.asked == []
    table.clock.advance(5.0)
    table.comparer.wonder()
    assert table.asked == ["end X1"]
    table.book.is_over(table.order, "X1")
    table.comparer.wonder()
    assert table.asked == ["end X1"]
    assert not table.comparer.is_wondering
