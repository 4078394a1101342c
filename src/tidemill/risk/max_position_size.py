"""No position larger than its share of equity."""

from __future__ import annotations

from tidemill.authoring.rules import RuleSpec
from tidemill.kernel.access import proposal_at, slot_at
from tidemill.kernel.compile import kernel
from tidemill.kernel.sizing import position_cap
from tidemill.model.enums import Refusal

__all__ = ["SPEC", "check"]

_MAX = int(Refusal.MAX_POSITION_SIZE)
_ROUNDING = 1.0 + 1e-9


@kernel
def check(state: int, index: int) -> int:
    """Return 0, or the refusal of the ticket at ``index``."""
    ticket = proposal_at(state, index)
    slot = slot_at(state, ticket.slot)
    held = abs(slot.quantity) if slot.quantity * ticket.side > 0.0 else 0.0
    cap = position_cap(state, ticket.slot, ticket.price)
    return 0 if held + ticket.quantity <= cap * _ROUNDING else _MAX


SPEC = RuleSpec(
    name="max_position_size",
    rank=90,
    refusals=(Refusal.MAX_POSITION_SIZE,),
    settings=("max_position_pct",),
    sentence="The position would be larger than its share of equity.",
    check=check,
)
