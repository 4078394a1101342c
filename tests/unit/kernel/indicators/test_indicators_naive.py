"""Each fast indicator against its slow definition, over random series that try to break it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from naive.indicators import NAIVE
from tidemill.kernel.indicators.batch import run_batch
from tidemill.kernel.indicators.catalog import INDICATORS

# Outputs that cancel to near 0 are compared on the scale of what they are made of, not of themselves.
_PRICE_SCALED = {"macd", "bollinger", "keltner"}
_ABSOLUTE = {"rsi": 1e-8, "adx": 1e-8, "stochastic": 1e-8, "zscore": 1e-12, "roc": 1e-12}


@st.composite
def markets(draw: Any) -> dict[str, np.ndarray]:
    """Bars with ties, still stretches, jumps, empty volume and prices from dust to billions."""
    scale = draw(st.sampled_from([1e-7, 0.01, 1.0, 37.5, 1e5, 1e9]))
    still = st.lists(st.just(0.0), min_size=1, max_size=25)
    ticks = st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=25)
    jumps = st.lists(st.floats(-30.0, 30.0), min_size=1, max_size=15)
    parts = draw(st.lists(st.one_of(still, ticks, jumps), min_size=1, max_size=6))
    moves = np.array([move for part in parts for move in part])
    close = scale * np.maximum(300.0 + 0.1 * np.cumsum(moves), 1.0)
    size = len(close)
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    wick = scale * draw(st.sampled_from([0.0, 0.1, 3.0]))
    volume = 10.0 ** rng.uniform(-3.0, 10.0, size)
    volume[rng.random(size) < draw(st.sampled_from([0.0, 0.3, 1.0]))] = 0.0
    return {
        "close": close,
        "high": close + wick * rng.integers(0, 4, size),
        "low": np.maximum(close - wick * rng.integers(0, 4, size), 0.01 * close),
        "volume": volume,
        "session": np.arange(size) // draw(st.integers(1, 40)),
        "fast": close,
        "slow": np.roll(close, draw(st.integers(0, 3))),
    }


def _params(name: str) -> st.SearchStrategy[dict[str, float]]:
    choices: dict[str, st.SearchStrategy[float]] = {"multiplier": st.sampled_from([0.5, 2.0, 3.25])}
    return st.fixed_dictionaries(
        {
            key: st.integers(1, 16) if key.endswith("window") else choices.get(key, st.integers(0, 1))
            for key in INDICATORS[name].params
        }
    )


@pytest.mark.parametrize("name", sorted(INDICATORS))
def test_indicator_equals_its_definition(name: str) -> None:
    spec = INDICATORS[name]

    @settings(max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(market=markets(), params=_params(name))
    def compare(market: dict[str, np.ndarray], params: dict[str, float]) -> None:
        columns = [market[key] for key in spec.inputs]
        fast = run_batch(spec, *columns, params=params)
        slow = NAIVE[name](*[column.tolist() for column in columns], **params)
        scale = 1e-12 * market["close"].max() if name in _PRICE_SCALED else 0.0
        for output in spec.outputs:
            np.testing.assert_allclose(
                fast[output], slow[output], rtol=1e-9, atol=_ABSOLUTE.get(name, scale), err_msg=f"{output} {params}"
            )

    compare()


def test_every_indicator_has_a_definition() -> None:
    assert set(NAIVE) == set(INDICATORS)
