"""No entry the account cannot pay for: equity times leverage, less what is open or reserved.

Margined instruments need their margin instead of their value.
"""

from __future__ import annotations

from tidemill.authoring.rules import RuleSpec
from tidemill.kernel.access import account_of, proposal_at, slot_at, strategy_at
from tidemill.kernel.compile import kernel
from tidemill.kernel.sizing import buying_power, unit_cost
from tidemill.model.enums import Refusal

__all__ = ["SPEC", "check"]

_POWER = int(Refusal.BUYING_POWER)
_ROUNDING = 1e-6


@kernel
def check(state: int, index: int) -> int:
    """Return 0, or the refusal of the ticket at ``index``."""
    ticket = proposal_at(state, index)
    slot = slot_at(state, ticket.slot)
    settings = strategy_at(state, slot.strategy)
    need = ticket.quantity * unit_cost(state, slot.instrument, settings, ticket.price)
    power = buying_power(account_of(state, settings.account))
    if slot.quantity * ticket.side < 0.0:
        power += slot.blocked / 1_000_000.0
    return 0 if need <= power + _ROUNDING else _POWER


SPEC = RuleSpec(
    name="buying_power",
    rank=100,
    refusals=(Refusal.BUYING_POWER,),
    settings=(),
    sentence="The account cannot pay for this order.",
    check=check,
)
