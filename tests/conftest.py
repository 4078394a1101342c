"""Shared fixtures: where the real market data lie; and how property tests search: the same way every time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]

# The first example compiles kernels, so no deadline and no complaint about a slow start.
settings.register_profile(
    "house", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("campaign", settings.get_profile("house"), derandomize=False, max_examples=5_000)
settings.load_profile(os.environ.get("TIDEMILL_SEARCH", "house"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real market data, or skip with one clear reason."""
    folder = Path(os.environ.get("TIDEMILL_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("real market data not found (set TIDEMILL_SHARED_DATA to its folder)")
    return folder
