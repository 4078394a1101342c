"""Orders with what became of them, out of a finished core; and the pairs that two runs of one tape have in common."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from tidemill.engine.engine import Engine

__all__ = ["SentOrder", "pair_orders", "sent_orders"]


@dataclass(slots=True)
class SentOrder:
    """One order of a run.

    Args:
        number: of the core. strategy, instrument: rows. side: 1 buys, -1 sells. intent, reason, type: as in the core.
        created_ns: when it was decided. quantity: units asked for. state: where it stands.
        filled: units. value: units * price, summed. fees: micros. first_ns, last_ns: of its fills, 0 without any.
        fills: how many.
    """

    number: int
    strategy: int
    instrument: int
    side: int
    intent: int
    reason: int
    type: int
    created_ns: int
    quantity: float
    state: int
    filled: float = 0.0
    value: float = 0.0
    fees: int = 0
    first_ns: int = 0
    last_ns: int = 0
    fills: int = 0

    @property
    def price(self) -> float:
        """Return the average price of its fills, NaN without any."""
        return self.value / self.filled if self.filled > 0.0 else float("nan")

    @property
    def decision(self) -> tuple[int, ...]:
        """Return what tells the same decision of two runs: who, what, why, and when."""
        return (self.strategy, self.instrument, self.side, self.intent, self.reason, self.type, self.created_ns)


_SHARED = ("strategy", "instrument", "side", "intent", "reason", "type", "created_ns", "quantity", "state")


def sent_orders(engine: Engine) -> list[SentOrder]:
    """Return every order a core ever sent, ended or alive, by number."""
    orders = {
        int(row["order_id"]): SentOrder(int(row["order_id"]), *(row[name].item() for name in _SHARED))
        for row in engine.tape.rows("orders")
    }
    tables = engine.state.tables
    for row in tables["orders"][tables["orders"]["id"] > 0]:
        slot = tables["slots"][int(row["slot"])]
        orders[int(row["id"])] = SentOrder(
            int(row["id"]),
            int(slot["strategy"]),
            int(slot["instrument"]),
            *(row[name].item() for name in _SHARED[2:]),
        )
    for fill in engine.tape.rows("fills"):
        order = orders[int(fill["order_id"])]
        order.filled += float(fill["quantity"])
        order.value += float(fill["quantity"]) * float(fill["price"])
        order.fees += int(fill["fee"])
        order.first_ns = order.first_ns or int(fill["ts_ns"])
        order.last_ns = int(fill["ts_ns"])
        order.fills += 1
    return [orders[number] for number in sorted(orders)]


def pair_orders(
    real: Sequence[SentOrder], simulated: Sequence[SentOrder]
) -> tuple[list[tuple[SentOrder, SentOrder]], list[SentOrder], list[SentOrder]]:
    """Return pairs of orders that are the same decision, and those only the first or only the second run has.

    Orders of one decision are paired in their order.
    """
    waiting: dict[tuple[int, ...], list[SentOrder]] = defaultdict(list)
    for order in simulated:
        waiting[order.decision].append(order)
    pairs, alone = [], []
    for order in real:
        twins = waiting[order.decision]
        if twins:
            pairs.append((order, twins.pop(0)))
        else:
            alone.append(order)
    rest = sorted((order for orders in waiting.values() for order in orders), key=lambda order: order.number)
    return pairs, alone, rest
