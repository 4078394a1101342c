"""No to a proposal: counted, and written with its reason."""

from __future__ import annotations

from typing import Any

from tidemill.kernel.access import instrument_at, slot_at, strategy_at
from tidemill.kernel.compile import kernel
from tidemill.kernel.tape import write_refusal

__all__ = ["refuse"]


@kernel
def refuse(state: int, tape: int, ticket: Any, code: int) -> None:
    """Refuse a ticket: count it for its strategy and write it with its ``Refusal``."""
    slot = slot_at(state, ticket.slot)
    strategy_at(state, slot.strategy).refused += 1
    last = instrument_at(state, slot.instrument).last
    write_refusal(state, tape, slot, ticket.side, code, ticket.quantity, last)
