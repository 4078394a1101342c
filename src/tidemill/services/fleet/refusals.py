"""Why somebody's wish about agents and runs is not granted."""

from __future__ import annotations

from collections.abc import Sequence

from tidemill.model.errors import ConfigError
from tidemill.model.people import Tier

__all__ = ["LiveRefused", "NotNow", "NotThere", "OverLimit", "TierNeeded"]


class NotThere(ConfigError):
    """There is nothing of that name, or it is somebody else's: from outside the two look the same.

    Args:
        kind: of thing, in words. name: as it was asked for.
    """

    def __init__(self, kind: str, name: object) -> None:
        super().__init__(f"There is no {kind} {str(name)[:80]!r}; list what there is first.")
        self.kind = kind


class NotNow(ConfigError):
    """It stands in the way of what is at work; the sentence says what to do first."""


class LiveRefused(ConfigError):
    """Real money is refused."""

    def __init__(self) -> None:
        super().__init__(
            "This installation has no broker for real money yet, so nothing live is started; use mode PAPER."
        )


class OverLimit(ConfigError):
    """As many runs are at work as the tier allows.

    Args:
        tier: of the user. most: runs it allows. active: ids of those at work or paused.
    """

    def __init__(self, tier: Tier, most: int, active: Sequence[str]) -> None:
        many = "run" if most == 1 else "runs"
        super().__init__(
            f"The tier {tier} allows {most} active {many}, and {len(active)} are active; stop one first, or upgrade."
        )
        self.tier, self.most, self.active = tier, most, tuple(active)


class TierNeeded(ConfigError):
    """A higher tier is needed.

    Args:
        required: tiers that may. current: the user's.
    """

    def __init__(self, what: str, required: Sequence[Tier], current: Tier) -> None:
        names = " or ".join(required)
        super().__init__(f"{what} needs the tier {names}, yours is {current}; upgrade first.")
        self.required, self.current = tuple(required), current
