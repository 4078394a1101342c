"""What the tests of simulated days share: what a stretch of days showed, and which faults it must have met."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tidemill.testing.exchange import FAULTS
from tidemill.testing.simulation import OWN_FAULTS, Outcome, simulate

__all__ = ["EVERY", "fired", "live", "told"]

EVERY = frozenset({*FAULTS, *OWN_FAULTS})


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
