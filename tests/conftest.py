"""Shared fixtures: where the real market data lie; and how property tests search: the same way every time."""

from __future__ import annotations

import os
from importlib import import_module, util
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

resource = import_module("resource") if util.find_spec("resource") else None  # Unix only

ROOT = Path(__file__).resolve().parents[1]
_LONG_FIRST = ("e2e", "simulation", "integration", "parity", "web", "property", "contract")

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what takes long first: whoever works side by side then ends together, on short ones."""
    items.sort(key=lambda item: next((rank for rank, name in enumerate(_LONG_FIRST) if name in item.path.parts), 99))


def pytest_configure() -> None:
    """Allow as many open files as the system lets us: databases of many tests wait for the garbage collector."""
    if resource is not None:
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
