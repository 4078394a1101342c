"""No entry after a strategy has lost its daily limit; a profit never trips it.

The loss is realised plus unrealised, commissions included.
"""

from __future__ import annotations

from tidemill.authoring.rules import RuleSpec
from tidemill.kernel.access import account_of, proposal_at, slot_at, strategy_at
from tidemill.kernel.compile import kernel
from tidemill.model.enums import Refusal

__all__ = ["SPEC", "check"]

_LOSS = int(Refusal.DAILY_LOSS)


@kernel
def check(state: int, index: int) -> int:
    """Return 0, or the refusal of the ticket at ``index``."""
    ticket = proposal_at(state, index)
    settings = strategy_at(state, slot_at(state, ticket.slot).strategy)
    lost = settings.day_start_result - settings.cash - settings.market
    if lost <= 0:
        return 0
    if settings.daily_loss_amount > 0 and not (lost < settings.daily_loss_amount):
        return _LOSS
    if settings.daily_loss_pct > 0.0:
        base = account_of(state, settings.account).day_start_equity
        if not (lost < base * settings.daily_loss_pct / 100.0):
            return _LOSS
    return 0


SPEC = RuleSpec(
    name="daily_loss",
    rank=60,
    refusals=(Refusal.DAILY_LOSS,),
    settings=("daily_loss_pct", "daily_loss_amount"),
    sentence="The daily loss limit is reached; entries resume on the next trading day.",
    check=check,
)
