"""No more positions opened per trading day than the settings allow.

One trade is one opened position; entries on their way count.
"""

from __future__ import annotations

from tidemill.authoring.rules import RuleSpec
from tidemill.kernel.access import proposal_at, slot_at, strategy_at
from tidemill.kernel.compile import kernel
from tidemill.model.enums import Refusal

__all__ = ["SPEC", "check"]

_MAX = int(Refusal.MAX_TRADES)


@kernel
def check(state: int, index: int) -> int:
    """Return 0, or the refusal of the ticket at ``index``."""
    ticket = proposal_at(state, index)
    slot = slot_at(state, ticket.slot)
    settings = strategy_at(state, slot.strategy)
    if settings.max_trades_per_day == 0 or slot.quantity * ticket.side > 0.0:
        return 0
    return 0 if settings.opened_today + settings.pending_entries < settings.max_trades_per_day else _MAX


SPEC = RuleSpec(
    name="max_trades",
    rank=70,
    refusals=(Refusal.MAX_TRADES,),
    settings=("max_trades_per_day",),
    sentence="The number of trades for this day is used up.",
    check=check,
)
