"""What reduces a position further waits until it is known what others have filled, and never for ever."""

from __future__ import annotations

from dataclasses import dataclass, field

from tidemill.model.broker import OrderReport, OrderRequest
from tidemill.model.enums import EventKind, Intent, OrderState, OrderType, Side, TimeInForce
from tidemill.model.journal import OutboxRow
from tidemill.runtime.orders.book import LiveOrder, OrderBook
from tidemill.runtime.orders.outgoing import Outgoing
from tidemill.runtime.orders.present import Health
from tidemill.runtime.orders.soundings import Soundings
from tidemill.testing.seams import ManualClock


@dataclass
class Desk:
    """Soundings over a book, a clock that is moved by hand, and what was told."""

    book: OrderBook = field(default_factory=OrderBook)
    clock: ManualClock = field(default_factory=ManualClock)
    health: Health = field(default_factory=Health)
    alerts: list[str] = field(default_factory=list)
    is_behind: bool = False

    def __post_init__(self) -> None:
        self.health.order_stream_ready = True
        self.soundings = Soundings(
            self.book,
            self.clock,
            self.health,
            look=self._look,
            is_behind=lambda: self.is_behind,
            wake=lambda: None,
            alert=lambda _severity, kind, _text: self.alerts.append(kind),
        )

    async def _look(self) -> bool:
        return True

    def order(
        self, name: str, intent: Intent, kind: OrderType, seq: int, *, at_broker: bool, parent: str = ""
    ) -> LiveOrder:
        side = Side.BUY if intent is Intent.ENTRY else Side.SELL
        request = OrderRequest(
            name, "AAA", side, kind, TimeInForce.GTC, 10.0, intent=intent, parent=parent, number=len(self.book.live) + 1
        )
        order = LiveOrder(request, 0, 0, "s", seq, quantity=10.0, state=OrderState.SENDING)
        if at_broker:
            order.state, order.broker_id, order.sent_ns = OrderState.WORKING, f"X{name}", 1
        self.book.add(order)
        return order

    def stop(self, name: str = "stop", seq: int = 1, *, at_broker: bool = True) -> LiveOrder:
        return self.order(name, Intent.PROTECT, OrderType.STOP, seq, at_broker=at_broker)

    def exit(self, name: str = "exit", seq: int = 2) -> LiveOrder:
        return self.order(name, Intent.EXIT, OrderType.MARKET, seq, at_broker=False)


def leaving(order: LiveOrder, action: str = "submit", quantity: float = 0.0) -> Outgoing:
    name = order.request.client_id
    return Outgoing(action, order, OutboxRow(f"{name}/{action}", "R", name, action, "", "PENDING"), quantity)


def test_an_exit_on_top_of_a_working_stop_waits_for_an_answer_asked_for_after_it() -> None:
    desk = Desk()
    desk.stop()
    item = leaving(desk.exit())
    assert desk.soundings.holds(item)
    is_told = desk.soundings.asks()
    assert desk.soundings.holds(item)
    is_told()
    desk.is_behind = True  # what was told has not reached the core yet
    assert desk.soundings.holds(item)
    desk.is_behind = False
    assert not desk.soundings.holds(item)
    assert desk.alerts == []


def test_an_answer_of_a_minute_ago_is_too_old() -> None:
    desk = Desk()
    desk.stop()
    desk.soundings.asks()()
    desk.clock.advance(60.0)
    assert desk.soundings.holds(leaving(desk.exit()))


def test_a_stop_that_ended_unfilled_is_asked_about_before_the_next_one_leaves() -> None:
    desk = Desk()
    first = desk.stop()
    desk.soundings.asks()()
    desk.book.apply(OrderReport(EventKind.CANCELLED, "stop", first.broker_id))
    item = leaving(desk.stop("again", 2, at_broker=False))
    assert desk.soundings.holds(item)
    desk.soundings.asks()()
    assert not desk.soundings.holds(item)


def test_the_first_stop_its_target_and_entries_leave_at_once() -> None:
    desk = Desk()
    stop = desk.stop(at_broker=False)
    assert not desk.soundings.holds(leaving(stop))
    target = desk.order("target", Intent.PROTECT, OrderType.LIMIT, 1, at_broker=False)
    stop.sent_ns = 1
    assert not desk.soundings.holds(leaving(target))
    assert not desk.soundings.holds(leaving(desk.order("entry", Intent.ENTRY, OrderType.MARKET, 9, at_broker=False)))


def test_a_change_waits_only_if_it_makes_an_order_larger() -> None:
    desk = Desk()
    stop = desk.stop()
    desk.order("target", Intent.PROTECT, OrderType.LIMIT, 5, at_broker=True)
    assert not desk.soundings.holds(leaving(stop, "replace", 10.0))
    assert desk.soundings.holds(leaving(stop, "replace", 20.0))
    assert not desk.soundings.holds(leaving(stop, "cancel"))


def test_without_answers_a_stop_leaves_after_a_second_and_an_exit_after_five() -> None:
    for wait_s, kind in ((1.0, OrderType.STOP), (5.0, OrderType.MARKET)):
        desk = Desk()
        desk.stop()
        item = leaving(desk.order("late", Intent.PROTECT, kind, 2, at_broker=False))
        assert desk.soundings.holds(item)
        desk.clock.advance(wait_s - 0.1)
        assert desk.soundings.holds(item)
        desk.clock.advance(0.1)
        assert not desk.soundings.holds(item)
        assert desk.alerts == ["UNCONFIRMED"]


def test_an_exit_waits_two_seconds_for_a_stop_that_is_on_its_way_and_a_stop_one_for_an_exit() -> None:
    for wait_s, first, kind in ((2.0, OrderType.STOP, OrderType.MARKET), (1.0, OrderType.MARKET, OrderType.STOP)):
        desk = Desk()
        rival = desk.order("first", Intent.PROTECT, first, 1, at_broker=False)
        rival.sent_ns = desk.clock.now_ns()
        desk.clock.advance(0.5)
        item = leaving(desk.order("late", Intent.PROTECT, kind, 2, at_broker=False))
        assert desk.soundings.holds(item)
        desk.clock.advance(wait_s - 0.6)
        assert desk.soundings.holds(item)
        desk.clock.advance(0.1)
        assert desk.soundings.holds(item)  # what it has filled meanwhile is asked for
        desk.soundings.asks()()
        assert not desk.soundings.holds(item)
        assert not desk.soundings.is_holding
        assert desk.alerts == []


def test_it_leaves_as_soon_as_the_broker_has_what_was_on_its_way_and_tells_what_has_filled() -> None:
    desk = Desk()
    rival = desk.stop(at_broker=False)
    rival.sent_ns = desk.clock.now_ns()
    item = leaving(desk.exit())
    assert desk.soundings.holds(item)
    desk.soundings.asks()()
    desk.clock.advance(0.1)
    assert desk.soundings.holds(item)
    desk.book.apply(OrderReport(EventKind.ACK, "stop", "X1"))
    assert desk.soundings.holds(item)  # it may have filled as it arrived
    desk.soundings.asks()()
    assert not desk.soundings.holds(item)
    assert desk.alerts == []


def test_time_in_which_the_line_is_down_does_not_count() -> None:
    desk = Desk()
    desk.stop()
    item = leaving(desk.exit())
    desk.health.order_stream_ready = False
    assert desk.soundings.holds(item)
    desk.clock.advance(60.0)
    assert desk.soundings.holds(item)
    desk.health.order_stream_ready = True
    desk.clock.advance(4.0)
    assert desk.soundings.holds(item)


def test_a_child_waits_until_the_broker_has_shown_its_parent() -> None:
    desk = Desk()
    parent = desk.exit()
    child = leaving(desk.order("child", Intent.ENTRY, OrderType.MARKET, 2, at_broker=False, parent="exit"))
    assert desk.soundings.holds(child)
    parent.broker_id = "X1"
    assert not desk.soundings.holds(child)
