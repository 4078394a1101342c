"""The order book: every pair of state and report is defined, and no sequence of reports breaks a promise."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tidemill.kernel.transitions import FINAL_STATES, LEGAL, is_final
from tidemill.model.broker import OrderReport, OrderRequest
from tidemill.model.enums import EventKind, OrderState, OrderType, Side, TimeInForce
from tidemill.runtime.orders.book import BUST, LiveOrder, OrderBook

KINDS = (
    EventKind.ACK,
    EventKind.FILL,
    EventKind.REJECT,
    EventKind.CANCELLED,
    EventKind.EXPIRED,
    EventKind.REPLACED,
    EventKind.CANCEL_REFUSED,
    EventKind.UNKNOWN,
    EventKind.ABSENT,
)
STATES = [state for state in OrderState if state is not OrderState.NONE]
_OPEN = (OrderState.HELD, OrderState.WORKING, OrderState.PARTIAL)
_ASKED = (OrderState.CANCEL_PENDING, OrderState.REPLACE_PENDING)
SIGNS_OF_LIFE = {EventKind.ACK, EventKind.REPLACED, EventKind.CANCEL_REFUSED}
# pairs that change nothing and are not worth a word: late, repeated, or overtaken by our own request
CALM = {
    *itertools.product((*_ASKED, OrderState.WORKING, OrderState.PARTIAL), [EventKind.ACK]),
    *itertools.product(_OPEN, [EventKind.REPLACED, EventKind.CANCEL_REFUSED]),
    (OrderState.CANCEL_PENDING, EventKind.REPLACED),
    *itertools.product([state for state in STATES if state not in FINAL_STATES], [EventKind.UNKNOWN]),
}
_executions = itertools.count(1)


def new_order(state: OrderState = OrderState.SENDING, filled: float = 0.0) -> tuple[OrderBook, LiveOrder]:
    request = OrderRequest("TM1", "AAA", Side.BUY, OrderType.MARKET, TimeInForce.DAY, 10.0, number=1)
    order = LiveOrder(request, 0, 0, "s", quantity=10.0, state=state, filled=filled, is_ended=is_final(state))
    book = OrderBook()
    book.add(order)
    if is_final(state):
        book.live.pop("TM1")
    return book, order


def report(kind: EventKind, quantity: float = 4.0, exec_id: str = "", fill_kind: str = "real") -> OrderReport:
    name = exec_id or f"E{next(_executions)}" if kind is EventKind.FILL else ""
    price = 100.0 if kind is EventKind.FILL else float("nan")
    return OrderReport(kind, "TM1", "X1", 7, name, quantity, price, fill_kind=fill_kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("state", STATES)
def test_every_pair_moves_stays_or_is_told(state: OrderState, kind: EventKind) -> None:
    book, order = new_order(state)
    applied = book.apply(report(kind))
    assert applied.order is order
    told = {"QUARANTINED", "LATE_FILL", "BACK_FROM_ABSENT", "OVERFILL"} & {*applied.flags}
    if kind is EventKind.FILL:
        assert order.filled == 4.0  # fills beat states: always booked
        assert applied.is_new
        assert bool(told) == (state in FINAL_STATES - {OrderState.FILLED})
        assert applied.is_late == (state in FINAL_STATES)
    elif order.state is not state:
        assert order.state in LEGAL[state]
        assert not told
    elif state not in FINAL_STATES:
        assert bool(told) == ((state, kind) not in CALM)
    else:
        assert told == ({"BACK_FROM_ABSENT"} if state is OrderState.ABSENT and kind in SIGNS_OF_LIFE else set())
    if state in FINAL_STATES and kind is not EventKind.FILL:
        assert order.state is state  # nothing but a fill or proof of life leaves an end
    assert ("TM1" in book.live) == (not is_final(order.state))
    assert not order.is_ended or state in FINAL_STATES or is_final(order.state)


@pytest.mark.parametrize("kind", [EventKind.ACK, EventKind.REPLACED, EventKind.CANCEL_REFUSED])
def test_a_sign_of_life_after_absent_is_told_and_may_be_adopted(kind: EventKind) -> None:
    book, order = new_order(OrderState.ABSENT)
    assert book.apply(report(kind)).flags == ("BACK_FROM_ABSENT",)
    book.adopt(order)
    assert order.is_working
    assert order.is_ended  # the core has let go of it: what it fills is booked as an adjustment
    applied = book.apply(report(EventKind.FILL, 10.0))
    assert applied.is_late
    assert order.state is OrderState.FILLED
    assert book.live == {}


def test_a_repeated_execution_is_booked_once_even_after_the_end() -> None:
    book, order = new_order(OrderState.WORKING)
    book.apply(report(EventKind.FILL, 10.0, "E"))
    for _ in range(5):
        assert not book.apply(report(EventKind.FILL, 10.0, "E")).is_new
    assert (order.filled, order.state) == (10.0, OrderState.FILLED)


def test_a_bust_takes_back_and_a_synthetic_fill_gives_way() -> None:
    book, order = new_order(OrderState.WORKING)
    book.apply(report(EventKind.FILL, 10.0, "syn:X1:10", "synthetic"))
    assert list(order.synthetic) == ["syn:X1:10"]
    applied = book.apply(report(EventKind.FILL, 10.0, "syn:X1:10" + BUST, "bust"))
    assert (applied.is_late, applied.flags, order.synthetic, order.filled) == (True, (), {}, 0.0)
    assert order.taken_back == 0.0
    assert book.apply(report(EventKind.FILL, 10.0, "E1")).is_late
    assert book.apply(report(EventKind.FILL, 10.0, "E1" + BUST, "bust")).flags == ("BUST",)
    assert (order.filled, order.taken_back, order.state) == (0.0, 10.0, OrderState.FILLED)


def test_a_report_of_nobody_is_told_once_as_foreign() -> None:
    book, _ = new_order()
    stranger = OrderReport(EventKind.FILL, "", "X9", 7, "E9", 1.0, 100.0)
    assert book.apply(stranger).flags == ("EXTERNAL",)
    assert not book.apply(stranger).is_new


def test_a_replacement_brings_another_broker_id_and_both_are_known() -> None:
    book, order = new_order(OrderState.WORKING)
    book.apply(OrderReport(EventKind.ACK, "TM1", "X1"))
    order.state = OrderState.REPLACE_PENDING
    book.apply(OrderReport(EventKind.REPLACED, "TM1", "X2", quantity=6.0))
    assert (order.broker_id, order.quantity) == ("X2", 6.0)
    assert book.find("", "X1") is order
    assert book.find("", "X2") is order


class BookMachine(RuleBasedStateMachine):
    """Any reports in any order, repeated at will; what must hold is asked after each."""

    def __init__(self) -> None:
        super().__init__()
        self.book, self.order = new_order()
        self.fills: dict[str, float] = {}
        self.was_final = False

    @rule(kind=st.sampled_from([kind for kind in KINDS if kind is not EventKind.FILL]))
    def hear(self, kind: EventKind) -> None:
        before = self.order.state
        applied = self.book.apply(report(kind))
        if "BACK_FROM_ABSENT" in applied.flags:
            self.book.adopt(self.order)
        assert is_final(before) <= (is_final(self.order.state) or before is OrderState.ABSENT)

    @rule(number=st.integers(1, 8), quantity=st.sampled_from([1.0, 2.5, 4.0]))
    def fill(self, number: int, quantity: float) -> None:
        name = f"F{number}"
        is_new = self.book.apply(report(EventKind.FILL, quantity, name)).is_new
        assert is_new == (name not in self.fills)
        self.fills.setdefault(name, quantity)

    @precondition(lambda self: self.fills)
    @rule(data=st.data())
    def bust(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.fills)))
        if (
            self.fills[name] > 0.0
            and self.book.apply(report(EventKind.FILL, self.fills[name], name + BUST, "bust")).is_new
        ):
            self.fills[name] = 0.0

    @rule(state=st.sampled_from([OrderState.CANCEL_PENDING, OrderState.REPLACE_PENDING]))
    def ask(self, state: OrderState) -> None:
        if self.order.is_open and not self.order.is_ended:
            self.order.state = state

    @invariant()
    def holds(self) -> None:
        order = self.order
        assert order.filled == pytest.approx(sum(self.fills.values()))
        assert ("TM1" in self.book.live) == order.is_open
        assert order.is_ended or not is_final(order.state)
        assert self.was_final <= order.is_ended  # the core never takes an order back
        self.was_final = order.is_ended


TestBookMachine = BookMachine.TestCase
