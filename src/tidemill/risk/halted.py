"""No entry while trading is halted or paused, the outside cannot be reached, or past bars are fed to learn from."""

from __future__ import annotations

from tidemill.authoring.rules import RuleSpec
from tidemill.kernel.access import head
from tidemill.kernel.compile import kernel
from tidemill.model.enums import Refusal

__all__ = ["SPEC", "check"]

_HALTED = int(Refusal.HALTED)
_PAUSED = int(Refusal.PAUSED)
_LINK_DOWN = int(Refusal.LINK_DOWN)
_WARMING_UP = int(Refusal.WARMING_UP)


@kernel
def check(state: int, index: int) -> int:
    """Return 0, or the refusal of the ticket at ``index``."""
    top = head(state)
    if top.halted != 0:
        return _HALTED
    if top.paused != 0:
        return _PAUSED
    if top.link_down != 0:
        return _LINK_DOWN
    return _WARMING_UP if top.muted != 0 else 0


SPEC = RuleSpec(
    name="halted",
    rank=10,
    refusals=(Refusal.HALTED, Refusal.PAUSED, Refusal.LINK_DOWN, Refusal.WARMING_UP),
    settings=(),
    sentence="Trading is halted, paused, cut off or warming up; resume it first.",
    check=check,
)
