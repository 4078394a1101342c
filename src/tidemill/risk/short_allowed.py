"""No short position where the settings do not allow one."""

from __future__ import annotations

from tidemill.authoring.rules import RuleSpec
from tidemill.kernel.access import proposal_at, slot_at, strategy_at
from tidemill.kernel.compile import kernel
from tidemill.model.enums import Refusal

__all__ = ["SPEC", "check"]

_SHORT = int(Refusal.SHORT_NOT_ALLOWED)


@kernel
def check(state: int, index: int) -> int:
    """Return 0, or the refusal of the ticket at ``index``."""
    ticket = proposal_at(state, index)
    settings = strategy_at(state, slot_at(state, ticket.slot).strategy)
    return _SHORT if ticket.side < 0 and settings.allow_short == 0 else 0


SPEC = RuleSpec(
    name="short_allowed",
    rank=20,
    refusals=(Refusal.SHORT_NOT_ALLOWED,),
    settings=("allow_short",),
    sentence="This strategy may not sell short; set allow_short to let it.",
    check=check,
)
