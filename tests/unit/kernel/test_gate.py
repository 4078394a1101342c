"""Signals only, and proposals that wait for a gate: L7 (a slow model costs one trade, never the loop)."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tidemill.model.enums import CommandKind, EventKind, Operator, Timer, Verdict
from unit.kernel.live_core import LiveCore, do

BUY = do("buy", quantity=10, stop=95, target=110)


def gated(script: dict[int, Any] | None = None, **settings: Any) -> LiveCore:
    """Return a core whose gate has been asked about the entry of bar 0."""
    core = LiveCore({0: BUY, **(script or {})}, gate=True, **settings)
    core.bar(100)
    return core


def answer(
    core: LiveCore, code: int = Verdict.APPROVE, *, number: int = 1, ratio: float = 1.0, sure: float = 80.0
) -> Any:
    """Let the gate answer."""
    return core.feed(EventKind.VERDICT, instrument=-1, order=number, code=int(code), volume=ratio, close=sure)


def test_an_accepted_entry_is_asked_about_and_sent_when_the_gate_agrees() -> None:
    core = gated()
    (asked,) = core.commands
    assert (asked["kind"], asked["order"], asked["row"]) == (CommandKind.PROPOSE, 1, 0)
    assert [asked[name] for name in ("side", "quantity", "stop_loss", "take_profit", "price")] == [1, 10, 95, 110, 100]
    assert core.count("live_orders") == 0
    (sent,) = answer(core)
    assert (sent["kind"], sent["quantity"], sent["stop_loss"], sent["at_ns"]) == (CommandKind.SUBMIT, 10, 95, core.now)
    assert core.refusals == []
    assert answer(core) == [] and core.count("unknown_verdicts") == 1  # said twice


def test_a_veto_is_written() -> None:
    core = gated()
    assert answer(core, Verdict.VETO) == []
    assert core.refusals == ["GATE_REFUSED"]
    assert answer(core) == [] and core.count("unknown_verdicts") == 1


def test_a_part_is_rounded_down_to_the_lot_and_may_be_nothing() -> None:
    core = gated()
    (sent,) = answer(core, Verdict.SCALE, ratio=0.59)
    assert sent["quantity"] == 5.0
    core = gated()
    assert answer(core, Verdict.SCALE, ratio=0.05) == []
    assert core.refusals == ["BAD_QUANTITY"]


@pytest.mark.parametrize(
    "said",
    [
        {"code": 7}, {"code": -1}, {"code": 2, "ratio": 1.01}, {"code": 2, "ratio": 0.0}, {"code": 2, "ratio": -0.5},
        {"code": 2, "ratio": math.nan}, {"sure": math.nan}, {"sure": -1.0}, {"sure": 100.5}, {"sure": math.inf},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_clear_yes_is_a_no(said: dict[str, Any]) -> None:
    core = gated()
    assert answer(core, **said) == []
    assert core.refusals == ["GATE_REFUSED"]


@pytest.mark.parametrize(("seconds", "refusals"), [(5.0, []), (5.001, ["STALE_VERDICT"])])
def test_l7_an_answer_after_its_time_is_void(seconds: float, refusals: list[str]) -> None:
    core = gated(gate_ttl_s=5.0)
    core.later(seconds)
    assert (len(answer(core)), core.refusals) == (1 - len(refusals), refusals)


def test_l7_a_gate_that_never_answers_is_written_when_the_timer_says_so() -> None:
    core = gated(gate_ttl_s=5.0)
    core.feed(EventKind.TIMER, instrument=-1, code=int(Timer.LAPSE))
    assert core.refusals == []
    core.later(6)
    core.feed(EventKind.TIMER, instrument=-1, code=int(Timer.LAPSE))
    core.feed(EventKind.TIMER, instrument=-1, code=int(Timer.LAPSE))
    assert core.refusals == ["STALE_VERDICT"]


def test_a_newer_bars_proposal_takes_the_place_of_the_older() -> None:
    core = gated({1: do("buy", quantity=3)}, gate_ttl_s=300.0)
    core.bar(101)
    assert (core.refusals, core.commands[0]["order"], core.commands[0]["quantity"]) == (["STALE_VERDICT"], 2, 3)
    assert answer(core, number=1) == [] and core.count("unknown_verdicts") == 1
    assert answer(core, number=2)[0]["quantity"] == 3.0


def test_of_one_step_one_entry_is_asked_about() -> None:
    core = LiveCore(
        {0: [do("buy", quantity=1, limit=99), {**do("buy", quantity=2, trigger=101), "group": 1}]}, gate=True
    )
    core.bar(100)
    assert [c["quantity"] for c in core.commands] == [1.0] and core.refusals == ["ORDER_PENDING"]
    (sent,) = answer(core)
    assert (sent["limit_price"], sent["group"]) == (99.0, 0)


def test_rules_and_shape_are_asked_again_at_the_verdicts_time() -> None:
    core = gated()
    core.operator(Operator.HALT)
    assert answer(core) == [] and core.refusals == ["HALTED"]
    core = gated()
    core.feed(EventKind.TRADE, close=94.0)  # below the stop by now
    assert answer(core) == [] and core.refusals == ["BAD_STOP"]
    core = gated(window="00:00-00:02", gate_ttl_s=300.0)
    core.later(59)
    assert len(answer(core)) == 1
    core = gated(window="00:00-00:02", gate_ttl_s=300.0)
    core.later(60)
    assert answer(core) == [] and core.refusals == ["OUTSIDE_WINDOW"]


def test_the_event_of_the_verdict_is_left_as_it_came() -> None:
    core = gated()
    core.later(1)
    answer(core)
    assert (int(core.engine.event["ts_ns"][0]), int(core.engine.event["interval_ns"][0])) == (core.now, 0)


def test_a_reversal_is_asked_about_as_one_and_exits_are_never_held() -> None:
    core = gated({1: do("go_short", quantity=4), 2: do("close")}, gate_ttl_s=300.0)
    core.fill(answer(core)[0]["order"], 10, 100)
    core.bar(100)
    assert [c["kind"] for c in core.commands] == [CommandKind.PROPOSE]
    leave, enter = answer(core, number=2)
    assert (leave["quantity"], enter["quantity"], enter["parent"]) == (10.0, 4.0, leave["order"])
    core = gated({1: do("close")})
    core.fill(answer(core)[0]["order"], 10, 100)
    assert core.bar(100)[0]["kind"] == CommandKind.SUBMIT


def test_a_split_voids_what_pends() -> None:
    core = gated(gate_ttl_s=300.0)
    core.feed(EventKind.SPLIT, close=2.0)
    assert core.refusals == ["STALE_VERDICT"] and answer(core) == []


def test_a_persons_order_meets_no_gate() -> None:
    for settings in ({"gate": True}, {"auto_execute": False}):
        core = LiveCore(**settings)
        core.bar(100)
        (sent,) = core.feed(EventKind.INTENT, order=0, code=1, extra=1, volume=5.0)
        assert (sent["kind"], sent["quantity"]) == (CommandKind.SUBMIT, 5.0)


@pytest.mark.parametrize("number", [0, -1, 99])
def test_an_answer_nobody_asked_for_is_counted(number: int) -> None:
    core = LiveCore({0: BUY}, gate=number != 99)
    core.bar(100)
    assert answer(core, number=number) == []
    assert core.count("unknown_verdicts") == 1 and core.refusals == []


# signals only


def test_signals_only_tells_and_writes_each_would_be_order_and_sends_none() -> None:
    core = LiveCore({0: BUY, 1: BUY, 2: do("sell", quantity=1e9)}, auto_execute=False, gate=True)
    (told,) = core.bar(100)
    assert (told["kind"], told["row"], told["quantity"], told["stop_loss"]) == (CommandKind.NOTIFY, 0, 10, 95)
    assert core.refusals == ["SIGNAL_ONLY"]
    core.bar(100)
    assert core.refusals == ["SIGNAL_ONLY"] * 2
    assert core.bar(100) == [] and core.refusals[2] == "BUYING_POWER"  # rules come first
    assert core.count("live_orders") == 0


def test_signals_only_tells_exits_too_and_keeps_protection() -> None:
    core = LiveCore({1: do("close"), 2: do("close")}, auto_execute=False, stop_loss_pct=5.0)
    core.bar(100)
    entry = core.feed(EventKind.INTENT, order=0, code=1, extra=1, volume=5.0)[0]["order"]
    core.fill(entry, 5, 100)
    assert core.said == [("SUBMIT", "STOP_LOSS", 5.0)]
    (told,) = core.bar(100)
    assert (told["kind"], told["side"], told["intent"]) == (CommandKind.NOTIFY, -1, 2)
    core.adjust(-5, 101)
    core.bar(100)
    assert core.refusals == ["SIGNAL_ONLY"]
