"""The compiled core and its slow decimal twin agree on every fill, every mark and every ended order."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from naive.chance import random_case
from naive.scenario import differences, has_room, run_core, run_twin

SEEDS = st.integers(0, 2**32 - 1)
LENGTHS = st.integers(2, 30)
EXAMPLES = int(os.environ.get("TIDEMILL_EXAMPLES", "20000"))
QUICK = {"derandomize": True, "deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}


def _check(seed: int, length: int, *, plain: bool) -> None:
    case = random_case(seed, length, plain=plain)
    engine = run_core(case)
    assume(has_room(engine))
    assert differences(case, engine, run_twin(case)) == []


@settings(max_examples=1200, **QUICK)
@given(seed=SEEDS, length=LENGTHS)
def test_core_and_twin_agree_in_plain_markets(seed: int, length: int) -> None:
    _check(seed, length, plain=True)


@settings(max_examples=2000, **QUICK)
@given(seed=SEEDS, length=LENGTHS)
def test_core_and_twin_agree(seed: int, length: int) -> None:
    _check(seed, length, plain=False)


@pytest.mark.campaign
@settings(max_examples=EXAMPLES, **QUICK)
@given(seed=SEEDS, length=st.integers(2, 80))
def test_core_and_twin_agree_on_a_long_search(seed: int, length: int) -> None:
    _check(seed, length, plain=False)
