"""How sure a signal is travels with it: through gate and reversal to the order, and no gate can make it surer."""

from __future__ import annotations

import pytest

from tidemill.model.enums import CommandKind, EventKind, Intent, Side, Verdict
from unit.kernel.live_core import LiveCore, do


def test_a_signal_that_states_none_becomes_an_order_that_states_none() -> None:
    core = LiveCore({0: do("buy", quantity=10)})
    (sent,) = core.bar(100)
    assert sent["confidence"] == 0.0


@pytest.mark.parametrize("verb", ["buy", "sell", "go_long", "go_short"])
def test_every_word_that_opens_may_state_it(verb: str) -> None:
    core = LiveCore({0: do(verb, quantity=10, confidence=82.5)})
    (sent,) = core.bar(100)
    assert (sent["kind"], sent["confidence"]) == (CommandKind.SUBMIT, 82.5)


def test_it_is_not_left_over_for_the_next_signal() -> None:
    core = LiveCore({0: do("buy", quantity=10, limit=90, confidence=82.5), 1: do("buy", quantity=1, limit=90, add=1)})
    core.bar(100)
    core.feed(EventKind.REJECT, order=core.commands[0]["order"])
    (sent,) = core.bar(100)
    assert sent["confidence"] == 0.0


def test_the_exit_of_a_reversal_states_none_and_the_entry_does() -> None:
    core = LiveCore({0: do("buy", quantity=10, confidence=90.0), 1: do("go_short", quantity=10, confidence=77.0)})
    (entry,) = core.bar(100)
    core.feed(EventKind.ACK, order=entry["order"])
    core.feed(EventKind.FILL, order=entry["order"], close=100.0, volume=10.0)
    sent = [item for item in core.bar(100) if item["kind"] == CommandKind.SUBMIT]
    assert [(item["intent"], item["confidence"]) for item in sent] == [(Intent.EXIT, 0.0), (Intent.ENTRY, 77.0)]


@pytest.mark.parametrize(
    ("stated", "sure", "left"),
    [(80.0, 60.0, 60.0), (80.0, 95.0, 80.0), (80.0, 0.0, 80.0), (0.0, 95.0, 0.0)],
    ids=["lowered", "never raised", "none said", "never stated for it"],
)
def test_a_gate_can_lower_it_only(stated: float, sure: float, left: float) -> None:
    core = LiveCore({0: do("buy", quantity=10, confidence=stated)}, gate=True)
    (asked,) = core.bar(100)
    assert (asked["kind"], asked["confidence"]) == (CommandKind.PROPOSE, stated)
    (sent,) = core.feed(EventKind.VERDICT, instrument=-1, order=1, code=int(Verdict.APPROVE), close=sure)
    assert sent["confidence"] == left


def test_a_signal_that_is_only_told_tells_it() -> None:
    core = LiveCore({0: do("buy", quantity=10, confidence=64.0)}, auto_execute=False)
    (told,) = core.bar(100)
    assert (told["kind"], told["confidence"]) == (CommandKind.NOTIFY, 64.0)


def test_an_intent_from_outside_may_state_it() -> None:
    core = LiveCore()
    core.bar(100)
    wish = {"code": int(Side.BUY), "extra": int(Intent.ENTRY), "volume": 5.0, "order": 0}
    (sent,) = core.feed(EventKind.INTENT, close=88.0, **wish)
    assert sent["confidence"] == 88.0
