"""Entries outside the regular session only where the settings allow extended hours."""

from __future__ import annotations

from tidemill.authoring.rules import RuleSpec
from tidemill.kernel.access import head, instrument_at, proposal_at, slot_at, strategy_at
from tidemill.kernel.clock import session_of
from tidemill.kernel.compile import kernel
from tidemill.model.enums import Refusal

__all__ = ["SPEC", "check"]

_OUTSIDE = int(Refusal.OUTSIDE_SESSION)
_DAY_NS = 86_400_000_000_000
_REGULAR = 2


@kernel
def check(state: int, index: int) -> int:
    """Return 0, or the refusal of the ticket at ``index``."""
    ticket = proposal_at(state, index)
    slot = slot_at(state, ticket.slot)
    if strategy_at(state, slot.strategy).extended_hours == 1:
        return 0
    top = head(state)
    if top.event.interval_ns >= _DAY_NS:
        return 0
    session = session_of(state, instrument_at(state, slot.instrument).calendar, top.now_ns)
    return 0 if session == _REGULAR else _OUTSIDE


SPEC = RuleSpec(
    name="extended_hours",
    rank=50,
    refusals=(Refusal.OUTSIDE_SESSION,),
    settings=("extended_hours",),
    sentence="The regular session is closed and extended hours are off.",
    check=check,
)
