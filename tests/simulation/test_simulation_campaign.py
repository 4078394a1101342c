"""Two thousand simulated days, by `make test-sim`: all sound, and every fault of the catalogue met in every stretch."""

from __future__ import annotations

import os

import pytest

from simulation.days import EVERY, fired, live, told

pytestmark = pytest.mark.campaign

FIRST = int(os.environ.get("SIM_FIRST", "10000"))
DAYS = int(os.environ.get("SIM_DAYS", "2000"))
PARTS = 4


@pytest.mark.parametrize("part", range(PARTS))
def test_many_days_are_sound_and_meet_every_fault(part: int) -> None:
    length = DAYS // PARTS
    outcomes = live(range(FIRST + part * length, FIRST + (part + 1) * length))
    assert told(outcomes) == []
    assert sorted(EVERY - set(fired(outcomes))) == []
