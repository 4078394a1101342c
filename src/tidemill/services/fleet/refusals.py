"""Why somebody's wish about agents and runs is not granted."""

from __future__ import annotations

from collections.abc import Sequence

from tidemill.model.people import Tier
from tidemill.services.refusals import Kind, Refused

__all__ = ["OverLimit", "live_refused", "not_now", "not_there", "tier_needed"]


def not_there(kind: str, name: object) -> Refused:
    """Return that there is nothing of that name, or it is somebody else's: from outside the two look the same.

    Args:
        kind: of thing, in words. name: as it was asked for.
    """
    sentence = f"There is no {kind} {str(name)[:80]!r}; list what there is first."
    return Refused(Kind.NOT_FOUND, "not_found", sentence)


def not_now(sentence: str) -> Refused:
    """Return that something at work stands in the way; the sentence says what to do first."""
    return Refused(Kind.CONFLICT, "not_now", sentence)


def live_refused() -> Refused:
    """Return that nothing is traded with real money."""
    sentence = "This installation has no broker for real money yet, so nothing live is started; use mode PAPER."
    return Refused(Kind.INVALID, "live_refused", sentence)


class OverLimit(Refused):
    """As many runs are at work as the tier allows.

    Args:
        tier: of the user. most: runs it allows. active: ids of those at work or paused.
    """

    def __init__(self, tier: Tier, most: int, active: Sequence[str]) -> None:
        many = "run" if most == 1 else "runs"
        sentence = (
            f"The tier {tier} allows {most} active {many}, and {len(active)} are active; stop one first, or upgrade."
        )
        details = {"tier": str(tier), "current": len(active), "maximum": most, "active": list(active)}
        super().__init__(Kind.CONFLICT, "over_limit", sentence, details=details)
        self.tier, self.most, self.active = tier, most, tuple(active)


def tier_needed(what: str, required: Sequence[Tier], current: Tier) -> Refused:
    """Return that a higher tier is needed.

    Args:
        required: tiers that may. current: the user's.
    """
    sentence = f"{what} needs the tier {' or '.join(required)}, yours is {current}; upgrade first."
    details = {"required": [str(item) for item in required], "current": str(current)}
    return Refused(Kind.NOT_ALLOWED, "tier_needed", sentence, details=details)
