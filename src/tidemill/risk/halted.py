"""No entry while trading is halted by an operator."""

from __future__ import annotations

from tidemill.authoring.rules import RuleSpec
from tidemill.kernel.access import head
from tidemill.kernel.compile import kernel
from tidemill.model.enums import Refusal

__all__ = ["SPEC", "check"]

_HALTED = int(Refusal.HALTED)


@kernel
def check(state: int, index: int) -> int:
    """Return 0, or the refusal of the ticket at ``index``."""
    return _HALTED if head(state).halted != 0 else 0


SPEC = RuleSpec(
    name="halted",
    rank=10,
    refusals=(Refusal.HALTED,),
    settings=(),
    sentence="Trading is halted; resume it first.",
    check=check,
)
