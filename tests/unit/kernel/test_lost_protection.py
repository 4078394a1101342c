"""When the broker ends what protects a position: B22, B24, B27, B34, and a bounded FLATTEN (promises 10 and 21)."""

from __future__ import annotations

import pytest

from tidemill.model.enums import EventKind, Operator, OrderState, Reason
from unit.kernel.live_core import LiveCore, do

DAY_S = 86_400.0


def held(script: dict[int, dict] | None = None, **settings: float) -> LiveCore:
    """Return a core that is long ten at 100, with stop 95 and target 110."""
    core = LiveCore({0: do("buy", quantity=10), **(script or {})}, stop_loss_pct=5.0, take_profit_pct=10.0, **settings)
    core.long()
    return core


def lose(core: LiveCore, kind: EventKind, reason: Reason = Reason.STOP_LOSS) -> list[tuple[str, str, float]]:
    """Let the broker end the newest order of a reason; return what the core says."""
    number = core.numbers(reason)[-1]
    if kind is EventKind.ABSENT:
        core.feed(EventKind.UNKNOWN, order=number)
    core.feed(kind, order=number)
    return core.said


def fresh(core: LiveCore) -> None:
    """Take the newest stop back to the state of one that is on its way."""
    row = core.engine.state.tables["orders"]
    row["state"][row["id"] == core.numbers(Reason.STOP_LOSS)[-1]] = int(OrderState.SENDING)


STOP, CLOSE = ("SUBMIT", "STOP_LOSS", 10.0), ("SUBMIT", "UNPROTECTED", 10.0)


@pytest.mark.parametrize("kind", [EventKind.REJECT, EventKind.ABSENT])
def test_b24_a_stop_that_is_refused_twice_closes_the_position(kind: EventKind) -> None:
    core = held()
    fresh(core)
    assert lose(core, kind) == [STOP]
    assert lose(core, kind) == [CLOSE]
    assert core.count("unprotected") == 1
    exit_order = core.numbers(Reason.UNPROTECTED)[0]
    core.feed(EventKind.ACK, order=exit_order)
    assert core.commands == []
    core.fill(exit_order, 10, 94)
    assert core.position == 0.0 and [kind for kind, *_ in core.said] == ["CANCEL"]


def test_b24_a_broker_that_takes_nothing_gets_no_endless_stream_of_orders() -> None:
    core = held()
    for _ in range(20):
        orders = core.engine.state.tables["orders"]
        for number in orders["id"][(orders["id"] > 0) & (orders["intent"] > 1)].tolist():
            core.feed(EventKind.REJECT, order=number)
    stops, exits, targets = (core.numbers(r) for r in (Reason.STOP_LOSS, Reason.UNPROTECTED, Reason.TAKE_PROFIT))
    assert (len(stops), len(exits), len(targets)) == (2, 1, 2)
    assert core.count("unprotected") == 2 and core.position == 10.0


def test_b24_losses_in_a_row_are_those_without_a_fill_between_and_within_a_day() -> None:
    core = held({1: do("buy", quantity=5, add=1)})
    fresh(core)
    assert lose(core, EventKind.REJECT) == [STOP]
    core.bar(100)
    core.fill(core.numbers(Reason.SIGNAL)[-1], 5, 100)
    fresh(core)
    assert lose(core, EventKind.REJECT) == [("SUBMIT", "STOP_LOSS", 15.0)]
    core.later(DAY_S + 1)
    assert lose(core, EventKind.REJECT) == [("SUBMIT", "STOP_LOSS", 15.0)]
    assert lose(core, EventKind.REJECT) == [("SUBMIT", "UNPROTECTED", 15.0)]


def test_b24_a_limit_exit_on_its_way_is_cancelled_before_the_market_exit() -> None:
    core = held({1: do("close")})
    core.engine.state.tables["proposals"]["type"][0] = 1
    core.feed(EventKind.INTENT, order=0, code=-1, extra=2, bid=105.0)
    limit = core.commands[0]["order"]
    core.feed(EventKind.ACK, order=limit)
    fresh(core)
    lose(core, EventKind.REJECT)
    assert lose(core, EventKind.REJECT) == [("CANCEL", "MANUAL", 10.0)]
    core.fill(limit, 4, 105)
    assert core.position == 6.0
    core.feed(EventKind.CANCELLED, order=limit)
    assert ("SUBMIT", "UNPROTECTED", 6.0) in core.said


def test_b34_a_stop_cancelled_by_hand_comes_back_once_and_is_then_left_off() -> None:
    core = held()
    assert lose(core, EventKind.CANCELLED) == [STOP]
    core.acknowledge()
    assert lose(core, EventKind.CANCELLED) == []
    assert (core.position, core.count("unprotected")) == (10.0, 1)
    core.feed(EventKind.CANCELLED, order=core.numbers(Reason.TAKE_PROFIT)[-1])
    assert core.said == [("SUBMIT", "TAKE_PROFIT", 10.0)]  # the stop stays off
    assert core.operator(Operator.RESUME) and core.said == [STOP]
    assert core.operator(Operator.RESUME) == []


def test_b34_a_target_cancelled_by_hand_comes_back_once() -> None:
    core = held()
    again = [("SUBMIT", "TAKE_PROFIT", 10.0)]
    assert lose(core, EventKind.CANCELLED, Reason.TAKE_PROFIT) == again
    core.acknowledge()
    assert lose(core, EventKind.CANCELLED, Reason.TAKE_PROFIT) == []
    assert core.count("unprotected") == 1
    assert int(core.slot["stop_order"]) >= 0


def test_b27_after_a_split_the_adjusted_protection_comes_back() -> None:
    core = held()
    lose(core, EventKind.CANCELLED)
    core.acknowledge()
    core.feed(EventKind.SPLIT, close=2.0)
    assert lose(core, EventKind.CANCELLED) == [("SUBMIT", "STOP_LOSS", 20.0)]
    assert core.commands[0]["stop_price"] == 47.5


def test_b26_a_stop_that_expires_is_placed_again_every_time() -> None:
    core = held()
    for _ in range(4):
        assert lose(core, EventKind.EXPIRED) == [STOP]
    assert core.count("unprotected") == 0


@pytest.mark.parametrize("kind", [EventKind.REJECT, EventKind.ABSENT, EventKind.CANCELLED, EventKind.EXPIRED])
def test_an_exit_that_fails_leaves_the_position_protected_and_is_not_repeated(kind: EventKind) -> None:
    core = held({1: do("close"), 2: do("close")})
    core.bar(100)
    assert lose(core, kind, Reason.SIGNAL) == []
    assert int(core.slot["stop_order"]) >= 0 and int(core.slot["exit_order"]) < 0
    core.bar(100)
    assert core.said == [("SUBMIT", "SIGNAL", 10.0)]


def test_b22_protection_that_was_never_taken_is_placed_while_an_exit_works() -> None:
    core = held({1: do("close", quantity=4)})
    fresh(core)
    core.bar(100)
    assert lose(core, EventKind.REJECT) == [STOP]


def test_a_refused_replacement_makes_way_for_an_order_of_the_right_size() -> None:
    core = held({1: do("buy", quantity=5, add=1)})
    core.bar(100)
    core.fill(core.numbers(Reason.SIGNAL)[-1], 5, 100)
    assert core.said[0] == ("REPLACE", "STOP_LOSS", 15.0)
    old = core.numbers(Reason.STOP_LOSS)[0]
    core.feed(EventKind.CANCEL_REFUSED, order=old)
    assert core.said == [("CANCEL", "STOP_LOSS", 10.0), ("SUBMIT", "STOP_LOSS", 15.0)]
    core.feed(EventKind.CANCELLED, order=old)
    assert core.commands == [] and core.count("unprotected") == 0


# FLATTEN


def test_flatten_cancels_entries_closes_at_market_and_is_idempotent() -> None:
    core = held({1: do("buy", quantity=5, limit=90, add=1)})
    core.bar(100)
    core.acknowledge()
    core.operator(Operator.FLATTEN)
    assert core.said == [("CANCEL", "SIGNAL", 5.0), ("SUBMIT", "MANUAL", 10.0)]
    assert core.operator(Operator.FLATTEN) == []
    core.fill(core.numbers(Reason.MANUAL)[0], 10, 99)
    assert core.position == 0.0
    assert core.operator(Operator.FLATTEN) == []
    assert core.count("halted") == 1


def test_flatten_waits_for_the_end_of_a_limit_exit_so_that_exits_never_flip() -> None:
    core = held()
    core.feed(EventKind.INTENT, order=0, code=-1, extra=2, bid=105.0)
    limit = core.commands[0]["order"]
    core.feed(EventKind.ACK, order=limit)
    assert core.operator(Operator.FLATTEN) and core.said == [("CANCEL", "MANUAL", 10.0)]
    assert core.operator(Operator.FLATTEN) == []
    core.fill(limit, 3, 105)
    assert [kind for kind, *_ in core.said] == ["REPLACE", "REPLACE"] or core.said == []
    core.feed(EventKind.CANCELLED, order=limit)
    assert ("SUBMIT", "MANUAL", 7.0) in core.said


def test_flatten_whose_limit_exit_fills_sends_no_market_exit() -> None:
    core = held()
    core.feed(EventKind.INTENT, order=0, code=-1, extra=2, bid=105.0)
    limit = core.commands[0]["order"]
    core.operator(Operator.FLATTEN)
    core.fill(limit, 10, 105)
    assert core.position == 0.0
    core.feed(EventKind.CANCEL_REFUSED, order=limit)
    assert len(core.numbers(Reason.MANUAL)) == 1  # the limit exit itself


def test_flatten_closes_what_still_fills_until_resumed() -> None:
    core = LiveCore({0: do("buy", quantity=10), 1: do("buy", quantity=10)}, stop_loss_pct=5.0)
    core.bar(100)
    number = core.commands[0]["order"]
    core.feed(EventKind.ACK, order=number)
    core.operator(Operator.FLATTEN)
    core.fill(number, 4, 100)  # it crossed the cancel
    assert core.said == [("SUBMIT", "MANUAL", 4.0), ("SUBMIT", "STOP_LOSS", 4.0)]
    core.fill(core.numbers(Reason.MANUAL)[0], 4, 99)
    core.feed(EventKind.CANCELLED, order=number)
    core.adjust(6, 100, code=number)
    assert ("SUBMIT", "MANUAL", 6.0) in core.said
    core.fill(core.numbers(Reason.MANUAL)[1], 6, 99)
    core.operator(Operator.RESUME)
    core.bar(100)
    core.fill(core.commands[0]["order"], 10, 100)
    assert core.said == [("SUBMIT", "STOP_LOSS", 10.0)]


def test_b33_a_trade_by_hand_after_flatten_is_protected_not_closed() -> None:
    core = held()
    core.operator(Operator.FLATTEN)
    core.fill(core.numbers(Reason.MANUAL)[0], 10, 99)
    core.adjust(3, 100)
    assert core.said == [("SUBMIT", "STOP_LOSS", 3.0), ("SUBMIT", "TAKE_PROFIT", 3.0)]


def test_promise_21_flatten_is_bounded_whatever_the_broker_does() -> None:
    core = held()
    core.operator(Operator.FLATTEN)
    for _ in range(20):  # each market exit is cancelled from outside
        core.feed(EventKind.CANCELLED, order=core.numbers(Reason.MANUAL)[-1])
    assert len(core.numbers(Reason.MANUAL)) == 3
    core.operator(Operator.FLATTEN)
    core.feed(EventKind.REJECT, order=core.numbers(Reason.MANUAL)[-1])
    assert core.commands == []  # a rejected one is not repeated: the runtime looks at the position first
    assert len(core.numbers(Reason.MANUAL)) == 4 and int(core.slot["stop_order"]) >= 0


def test_flatten_of_an_entry_whose_fate_is_unknown_ends_when_it_is_proven_absent() -> None:
    core = LiveCore({0: do("buy", quantity=10)})
    number = core.bar(100)[0]["order"]
    core.operator(Operator.FLATTEN)
    core.feed(EventKind.UNKNOWN, order=number)
    assert core.count("live_orders") == 1
    core.feed(EventKind.ABSENT, order=number)
    assert (core.count("live_orders"), core.count("quarantined")) == (0, 0)
