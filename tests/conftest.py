"""Shared fixtures: where the real market data lie, and a cache that tests may fill."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real market data, or skip with one clear reason."""
    folder = Path(os.environ.get("TIDEMILL_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("real market data not found (set TIDEMILL_SHARED_DATA to its folder)")
    return folder
