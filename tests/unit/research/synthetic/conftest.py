"""One small market, made once, for all tests that only read it."""

from __future__ import annotations

import pytest

from tidemill.research.synthetic.market import SyntheticMarket, synthesise


@pytest.fixture(scope="session")
def market() -> SyntheticMarket:
    return synthesise(with_ticks=True)
