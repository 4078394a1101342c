"""The exponential and the draws that are the same on every machine."""

from __future__ import annotations

import numpy as np
import pytest

from tidemill.research.synthetic.stable import exponential_draws, mixing_draws, normal_draws, stable_exp


def test_exponential_agrees_with_numpy_to_the_last_bits() -> None:
    x = np.linspace(-30.0, 30.0, 100_001)
    assert np.abs(stable_exp(x) / np.exp(x) - 1.0).max() < 5e-16
    assert float(stable_exp(0.0)) == 1.0


def test_draws_lie_on_a_grid_coarser_than_any_library_difference() -> None:
    rng = np.random.default_rng(1)
    for draws in (normal_draws(rng, 1000), exponential_draws(rng, (10, 100))):
        scaled = draws * 2.0**32
        assert np.array_equal(scaled, np.rint(scaled))


def test_normal_and_exponential_draws_have_their_moments() -> None:
    rng = np.random.default_rng(2)
    normal, waits = normal_draws(rng, 200_000), exponential_draws(rng, 200_000)
    assert abs(normal.mean()) < 0.01 and abs(normal.std() - 1.0) < 0.01
    assert abs(waits.mean() - 1.0) < 0.01 and waits.min() >= 0.0


@pytest.mark.parametrize("freedom", [5.0, 8.0])
def test_mixing_has_mean_one_and_fattens_tails(freedom: float) -> None:
    rng = np.random.default_rng(3)
    mixing = mixing_draws(rng, 400_000, freedom)
    assert abs(mixing.mean() - 1.0) < 0.06
    assert mixing.max() <= 6.0
    noise = np.sqrt(mixing) * normal_draws(rng, len(mixing))
    assert (noise**4).mean() / (noise**2).mean() ** 2 > 3.5
