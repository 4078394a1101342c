"""When a silent engine is acted upon, and which of its orders then: pure functions of what can be seen.

Silence is measured by the watcher's own monotonic clock since a heartbeat last changed: neither a jump of the wall
clock nor the watcher's own sleep is anybody's silence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from tidemill.model.bars import SECOND_NS
from tidemill.model.broker import BrokerOrder
from tidemill.model.enums import Intent, OrderState

__all__ = ["ENDED", "Sight", "Step", "Watch", "WatchSettings", "decide", "orders_to_cancel"]

ENDED = (OrderState.FILLED, OrderState.CANCELED, OrderState.REJECTED, OrderState.EXPIRED)


class Step(IntEnum):
    """What the watchdog does next."""

    ALERT = 1
    CANCEL_ENTRIES = 2
    FLATTEN = 3


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """When the watchdog acts, seconds of silence; ``flattens`` is off unless the owner chose it.

    Args:
        alert_s, cancel_s, flatten_s: silence. repeat_s: acts are repeated after so long while it lasts.
        lapse_s: a longer gap between two looks is its own sleep, never the engine's silence.
        store_rest_s: a database that failed is left alone for so long. lease_ttl_s: of the lease it takes to flatten.
        attempts: times it tries to flatten before it only calls.
    """

    alert_s: float = 10.0
    cancel_s: float = 30.0
    flatten_s: float = 120.0
    flattens: bool = False
    tick_s: float = 1.0
    repeat_s: float = 10.0
    lapse_s: float = 15.0
    store_rest_s: float = 30.0
    lease_ttl_s: float = 60.0
    attempts: int = 3


@dataclass(frozen=True, slots=True)
class Sight:
    """What can be seen of the engine: a text that changes with every heartbeat; empty: nothing can be seen."""

    beat: str
    is_stopped: bool = False


@dataclass(frozen=True, slots=True)
class Watch:
    """What the watchdog remembers from look to look; stamps are its own monotonic clock."""

    looked_ns: int
    changed_ns: int
    beat: str = ""
    was_alive: bool = False
    was_alerted: bool = False
    acted_ns: int = 0
    flattened: int = 0


def decide(watch: Watch, sight: Sight, now_ns: int, settings: WatchSettings) -> tuple[Watch, tuple[Step, ...]]:
    """Return what to remember and what to do after one more look. Pure: the same looks lead to the same acts.

    It never flattens blind, nor an engine that it has not seen alive itself.
    """
    lapsed = now_ns - watch.looked_ns > settings.lapse_s * SECOND_NS
    watch = replace(watch, looked_ns=now_ns)
    if sight.beat and sight.beat != watch.beat:
        was_alive = watch.was_alive or bool(watch.beat)
        return Watch(now_ns, now_ns, sight.beat, was_alive), ()
    if lapsed or sight.is_stopped:
        return replace(watch, changed_ns=now_ns), ()
    silence_s = (now_ns - watch.changed_ns) / SECOND_NS
    steps: list[Step] = []
    if silence_s >= settings.alert_s and not watch.was_alerted:
        watch = replace(watch, was_alerted=True)
        steps.append(Step.ALERT)
    is_due = watch.acted_ns == 0 or now_ns - watch.acted_ns >= settings.repeat_s * SECOND_NS
    if silence_s >= settings.cancel_s and is_due:
        watch = replace(watch, acted_ns=now_ns)
        steps.append(Step.CANCEL_ENTRIES)
        may_flatten = settings.flattens and watch.was_alive and bool(sight.beat)
        if may_flatten and silence_s >= settings.flatten_s and watch.flattened < settings.attempts:
            watch = replace(watch, flattened=watch.flattened + 1)
            steps.append(Step.FLATTEN)
    return watch, tuple(steps)


def orders_to_cancel(
    orders: Sequence[BrokerOrder],
    positions: Mapping[str, float] | None,
    intents: Mapping[str, str],
) -> list[BrokerOrder]:
    """Return the working orders that could add risk; stops and targets of a position stay.

    Args:
        orders: as the broker shows them. positions: signed units by symbol; None: not completely known.
        intents: what our record says of a client id; an order it does not know is judged by the position alone, and
            left alone when that is not known.
    """
    chosen = []
    for order in orders:
        if order.state in ENDED:
            continue
        intent = intents.get(order.client_id, "").upper()
        if intent:
            is_entry = intent == Intent.ENTRY.name
        else:
            is_entry = positions is not None and positions.get(order.symbol, 0.0) * order.side >= 0.0
        if is_entry:
            chosen.append(order)
    return chosen
