"""What the tests of simulated days share: what a stretch of days showed, and which faults it must have met."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tidemill.testing.exchange import FAULTS
from tidemill.testing.simulation import OWN_FAULTS, Outcome, simulate

__all__ = ["EVERY", "RARE", "fired", "live", "told"]

EVERY = frozenset({*FAULTS, *OWN_FAULTS})
# So seldom possible that a hundred days may pass without them; the campaign meets them all.
RARE = frozenset({"B6", "B11", "B12", "B13", "B18", "B22", "B26", "B32", "B38", "B42", "N10", "N23", "T5"})


def live(seeds: Iterable[int]) -> list[Outcome]:
    """Live through days."""
    return [simulate(seed) for seed in seeds]


def told(outcomes: Iterable[Outcome]) -> list[str]:
    """Return what was not sound, each with the line that shows it again."""
    return [str(outcome) for outcome in outcomes if not outcome.is_sound]


def fired(outcomes: Iterable[Outcome]) -> Counter[str]:
    """Return how often each fault has happened."""
    total: Counter[str] = Counter()
    for outcome in outcomes:
        total += outcome.fired
    return total
