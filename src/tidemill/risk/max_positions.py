"""No more open positions than the settings allow; entries on their way count."""

from __future__ import annotations

from tidemill.authoring.rules import RuleSpec
from tidemill.kernel.access import proposal_at, slot_at, strategy_at
from tidemill.kernel.compile import kernel
from tidemill.model.enums import Refusal

__all__ = ["SPEC", "check"]

_MAX = int(Refusal.MAX_OPEN_POSITIONS)


@kernel
def check(state: int, index: int) -> int:
    """Return 0, or the refusal of the ticket at ``index``."""
    ticket = proposal_at(state, index)
    slot = slot_at(state, ticket.slot)
    settings = strategy_at(state, slot.strategy)
    if settings.max_open_positions == 0 or slot.quantity != 0.0:
        return 0
    return 0 if settings.open_positions + settings.pending_entries < settings.max_open_positions else _MAX


SPEC = RuleSpec(
    name="max_positions",
    rank=80,
    refusals=(Refusal.MAX_OPEN_POSITIONS,),
    settings=("max_open_positions",),
    sentence="The number of open positions is used up.",
    check=check,
)
