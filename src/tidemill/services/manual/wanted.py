"""What somebody wants traded by hand, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Placed", "Wanted"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """An order somebody wants.

    Args:
        side: buy or sell. effect: open, close, or net (what is held decides).
        entry: trade when this price is touched or crossed, from wherever the market stands.
        limit_price, trigger_price: of limit and stop orders. stop_loss, take_profit: bracket of the position.
        time_in_force: gtc, day, ioc, fok.
        entered_ns: when the trade was entered, as they say; 0: now. features, notes, source: written down with it.
        exit_price, exited_ns, outcome: of a trade of the past that is over.
        confidence: 0 to 100, of a signal.
    """

    symbol: str
    side: str
    quantity: float
    effect: str = "net"
    entry: float | None = None
    limit_price: float | None = None
    trigger_price: float | None = None
    stop_loss: float | None = None
    take_profit: float | None = None
    time_in_force: str = "gtc"
    mode: str = "paper"
    account: str = ""
    expected_mode: str = ""
    entered_ns: int = 0
    features: Mapping[str, Any] = field(default_factory=dict)
    notes: str = ""
    source: str = "api"
    exit_price: float | None = None
    exited_ns: int = 0
    outcome: str = ""
    confidence: float | None = None

    @property
    def price(self) -> float | None:
        """Return at what it asks to trade, None of a market order."""
        return self.entry or self.limit_price or self.trigger_price


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of an order.

    Args:
        order_id: of the order, or of the note of a trade of the past. state: as the record has it; RECORDED of such a
            note; PENDING while no engine has answered. message: of the engine. run_id: empty of a note.
    """

    order_id: str
    state: str
    message: str
    run_id: str
    is_backfill: bool = False
