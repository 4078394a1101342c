"""A person's word on the protection of one position: moved by replacing, exchanged without a gap, kept afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from tidemill.model.enums import CommandKind, EventKind, Operator, OrderType, Reason
from unit.kernel.live_core import LiveCore, do


def protect(core: LiveCore, units: float = 1.0, **terms: float) -> list[dict[str, Any]]:
    """Speak the word: stop, target, amount, pct."""
    names = {"stop": "low", "target": "high", "amount": "bid", "pct": "ask"}
    row = {names[name]: value for name, value in terms.items()}
    return core.feed(EventKind.OPERATOR, code=int(Operator.PROTECT), volume=units, **row)


def held(**settings: Any) -> LiveCore:
    core = LiveCore({0: do("buy", quantity=10)}, **settings)
    core.long()
    return core


def test_a_stop_that_moves_is_replaced() -> None:
    core = held(stop_loss_pct=5.0)
    told = protect(core, stop=97.5)
    assert [(item["kind"], item["stop_price"], item["quantity"]) for item in told] == [(CommandKind.REPLACE, 97.5, 10)]
    core.feed(EventKind.REPLACED, order=told[0]["order"])
    assert protect(core, stop=97.5) == []  # said twice


def test_a_target_is_sent_before_the_old_one_goes() -> None:
    core = held(take_profit_pct=5.0)
    old = core.numbers(Reason.TAKE_PROFIT)[0]
    new, gone = protect(core, target=103.0)
    assert (new["kind"], new["limit_price"], new["group"]) == (CommandKind.SUBMIT, 103.0, 1)
    assert (gone["kind"], gone["order"]) == (CommandKind.CANCEL, old)
    assert core.feed(EventKind.CANCELLED, order=old) == []


@pytest.mark.parametrize("distance", [{"amount": 2.5}, {"pct": 2.0}])
def test_a_stop_begins_to_trail_and_keeps_its_floor(distance: dict[str, float]) -> None:
    core = held(stop_loss_pct=5.0)
    old = core.numbers(Reason.STOP_LOSS)[0]
    new, gone = protect(core, **distance)
    assert (new["type"], new["stop_price"], new["trail_amount"], new["trail_pct"]) == (
        OrderType.TRAILING_STOP,
        95.0,
        distance.get("amount", 0.0),
        distance.get("pct", 0.0),
    )
    assert (gone["kind"], gone["order"]) == (CommandKind.CANCEL, old)
    core.acknowledge()
    assert core.feed(EventKind.CANCELLED, order=old) == []
    assert protect(core, **distance) == []


def test_a_bare_position_gets_what_is_asked_for() -> None:
    core = held()
    assert [item["type"] for item in protect(core, stop=90.0, target=120.0)] == [OrderType.STOP, OrderType.LIMIT]


def test_what_a_person_set_outlives_later_fills_and_ends_with_the_position() -> None:
    core = LiveCore({0: do("buy", quantity=10), 3: do("buy", quantity=10)}, stop_loss_pct=5.0)
    core.bar(100)
    entry = core.commands[0]["order"]
    core.feed(EventKind.ACK, order=entry)
    core.fill(entry, 4, 100)
    core.acknowledge()
    protect(core, stop=98.0)
    core.feed(EventKind.REPLACED, order=core.numbers(Reason.STOP_LOSS)[0])
    told = core.fill(entry, 6, 100)
    assert [(item["quantity"], item["stop_price"]) for item in told] == [(10.0, 98.0)]
    stop = core.numbers(Reason.STOP_LOSS)[0]
    core.feed(EventKind.REPLACED, order=stop)
    core.fill(stop, 10, 98)
    assert core.position == 0.0
    core.bar(100)
    core.bar(100)
    core.bar(100)
    core.fill(core.commands[0]["order"], 10, 100)
    assert float(core.slot["stop_price"]) == 95.0


def test_a_word_for_a_position_that_is_gone_or_turned_changes_nothing() -> None:
    core = held(stop_loss_pct=5.0)
    assert protect(core, units=-1.0, stop=105.0) == []
    stop = core.numbers(Reason.STOP_LOSS)[0]
    core.fill(stop, 10, 95)
    before = core.engine.fingerprint()
    assert protect(core, stop=97.0) == []
    assert float(core.slot["stop_price"]) != 97.0 and before


def test_a_word_for_no_position_of_ours_is_set_aside() -> None:
    core = held(stop_loss_pct=5.0)
    core.feed(EventKind.OPERATOR, code=int(Operator.PROTECT), volume=1.0, low=99.0, order=7)
    assert core.count("quarantined") == 1 and float(core.slot["stop_price"]) == 95.0
