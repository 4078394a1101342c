"""A signal that is not sure enough opens nothing; one that does not say how sure it is counts as not sure.

What a person asks for is no signal, and passes unless a confidence comes with it.
"""

from __future__ import annotations

from tidemill.authoring.rules import RuleSpec
from tidemill.kernel.access import proposal_at, slot_at, strategy_at
from tidemill.kernel.compile import kernel
from tidemill.model.enums import Reason, Refusal

__all__ = ["SPEC", "check"]

_LOW = int(Refusal.LOW_CONFIDENCE)
_MANUAL = int(Reason.MANUAL)
_MOST = 100.0


@kernel
def check(state: int, index: int) -> int:
    """Return 0, or the refusal of the ticket at ``index``."""
    ticket = proposal_at(state, index)
    least = strategy_at(state, slot_at(state, ticket.slot).strategy).min_confidence
    if least == 0.0 or (ticket.reason == _MANUAL and ticket.confidence == 0.0):
        return 0
    return 0 if ticket.confidence >= least and ticket.confidence <= _MOST else _LOW


SPEC = RuleSpec(
    name="confidence",
    rank=25,
    refusals=(Refusal.LOW_CONFIDENCE,),
    settings=("min_confidence",),
    sentence="The signal is not sure enough, or does not say how sure it is.",
    check=check,
)
