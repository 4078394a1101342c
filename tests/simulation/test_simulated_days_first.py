"""A hundred simulated days in the suite: every promise holds after every event, and every day heals."""

from __future__ import annotations

import pytest

from simulation.days import EVERY, fired, live, told
from tidemill.testing.simulation import Outcome


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    return live(range(100))


def test_every_promise_holds_and_every_day_heals(outcomes: list[Outcome]) -> None:
    assert told(outcomes) == []


def test_faults_and_deaths_really_happened(outcomes: list[Outcome]) -> None:
    happened = fired(outcomes)
    assert sorted(EVERY - set(happened)) == []
    assert sum(outcome.processes for outcome in outcomes) > 2 * len(outcomes)


def test_days_are_full_of_orders_fills_and_checks(outcomes: list[Outcome]) -> None:
    assert sum(outcome.fills for outcome in outcomes) > 20 * len(outcomes)
    assert sum(outcome.checks for outcome in outcomes) > 1_000 * len(outcomes)
