"""One entry at a time, and no more entries per position than the settings allow."""

from __future__ import annotations

from tidemill.authoring.rules import RuleSpec
from tidemill.kernel.access import proposal_at, slot_at, strategy_at
from tidemill.kernel.compile import kernel
from tidemill.model.enums import Refusal

__all__ = ["SPEC", "check"]

_PENDING = int(Refusal.ORDER_PENDING)
_ALREADY = int(Refusal.ALREADY_IN_POSITION)


@kernel
def check(state: int, index: int) -> int:
    """Return 0, or the refusal of the ticket at ``index``."""
    ticket = proposal_at(state, index)
    slot = slot_at(state, ticket.slot)
    settings = strategy_at(state, slot.strategy)
    if slot.entry_order >= 0 and ticket.group == 0 and ticket.parent == 0:
        return _PENDING
    if slot.quantity * ticket.side <= 0.0 or ticket.add == 1:
        return 0
    return 0 if slot.entries < settings.pyramiding else _ALREADY


SPEC = RuleSpec(
    name="pyramiding",
    rank=30,
    refusals=(
        Refusal.ORDER_PENDING,
        Refusal.ALREADY_IN_POSITION,
    ),
    settings=("pyramiding",),
    sentence="A position or an entry order is already there.",
    check=check,
)
