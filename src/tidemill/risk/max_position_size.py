"""No position larger than its share of equity."""

from __future__ import annotations

from tidemill.authoring.rules import RuleSpec
from tidemill.kernel.access import account_of, instrument_at, proposal_at, slot_at, strategy_at
from tidemill.kernel.compile import kernel
from tidemill.kernel.money import rate_of
from tidemill.model.enums import Refusal

__all__ = ["SPEC", "check"]

_MAX = int(Refusal.MAX_POSITION_SIZE)
_ROUNDING = 1.0 + 1e-9


@kernel
def check(state: int, index: int) -> int:
    """Return 0, or the refusal of the ticket at ``index``."""
    ticket = proposal_at(state, index)
    slot = slot_at(state, ticket.slot)
    settings = strategy_at(state, slot.strategy)
    if settings.max_position_pct <= 0.0:
        return 0
    held = abs(slot.quantity) if slot.quantity * ticket.side > 0.0 else 0.0
    multiplier = instrument_at(state, slot.instrument).multiplier
    value = (held + ticket.quantity) * ticket.price * multiplier * rate_of(state, slot.instrument)
    account = account_of(state, settings.account)
    cap = (account.cash + account.market) / 1_000_000.0 * settings.max_position_pct / 100.0
    return 0 if value <= cap * _ROUNDING else _MAX


SPEC = RuleSpec(
    name="max_position_size",
    rank=90,
    refusals=(Refusal.MAX_POSITION_SIZE,),
    settings=("max_position_pct",),
    sentence="The position would be larger than its share of equity.",
    check=check,
)
