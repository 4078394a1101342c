"""Overfitting of searches, on constructed searches with known answers."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from tidemill.model.errors import DataError
from tidemill.research.metrics import cscv, pbo, walk_forward_efficiency


def slow_pbo(returns, blocks):
    """Return the share of splits whose in-sample winner is at or below the out-of-sample median, one by one."""
    cuts = np.array_split(np.arange(len(returns) // blocks * blocks), blocks)
    bad = total = 0
    for chosen in combinations(range(blocks), blocks // 2):
        inside = np.concatenate([cuts[i] for i in chosen])
        outside = np.concatenate([cuts[i] for i in range(blocks) if i not in chosen])
        ratio = [returns[rows].mean(axis=0) / returns[rows].std(axis=0, ddof=1) for rows in (inside, outside)]
        winner = ratio[1][np.argmax(ratio[0])]
        rank = (ratio[1] < winner).sum() + ((ratio[1] == winner).sum() + 1) / 2
        bad += rank / (returns.shape[1] + 1) <= 0.5
        total += 1
    return bad / total


def test_equals_the_slow_definition():
    returns = np.random.default_rng(5).normal(0.0002, 0.01, (203, 7))
    for blocks in (2, 6, 8):
        assert pbo(returns, blocks) == pytest.approx(slow_pbo(returns, blocks), abs=1e-12)


def test_a_true_winner_is_not_overfit():
    returns = np.random.default_rng(6).normal(0, 0.01, (480, 20))
    returns[:, 3] += 0.02
    result = cscv(returns)
    assert result.pbo == 0.0 and result.splits == 12_870 and result.loss_share == 0.0
    assert result.mean_rank == pytest.approx(20 / 21)


def test_pure_noise_is_a_coin_toss():
    values = [pbo(np.random.default_rng(seed).normal(0, 0.01, (320, 30)), 10) for seed in range(12)]
    assert 0.35 < float(np.mean(values)) < 0.65


def test_winners_by_construction_lose_outside():
    # Each trial earns in one block only: whoever wins inside has nothing outside.
    returns = np.random.default_rng(7).normal(-0.001, 0.001, (80, 8))
    for block in range(8):
        returns[block * 10 : block * 10 + 10, block] += 0.05
    assert pbo(returns, 8) == 1.0


def test_equal_trials_share_the_middle_rank():
    column = np.random.default_rng(8).normal(0, 0.01, (160, 1))
    assert cscv(np.repeat(column, 5, axis=1), 8).mean_rank == pytest.approx(0.5)


def test_a_trial_that_never_traded_counts_as_zero():
    returns = np.random.default_rng(3).normal(-0.01, 0.002, (160, 4))
    returns[:, 2] = 0.0
    assert pbo(returns, 8) == 0.0


@pytest.mark.parametrize(
    ("shape", "blocks", "message"),
    [((100, 1), 16, "two trials"), ((100, 3), 7, "even number"), ((20, 3), 16, "needs at least 32 days")],
)
def test_impossible_searches_are_refused(shape, blocks, message):
    with pytest.raises(DataError, match=message):
        pbo(np.ones(shape), blocks)


def test_a_hole_is_refused():
    returns = np.ones((64, 2))
    returns[3, 1] = np.nan
    with pytest.raises(DataError, match="not a number"):
        pbo(returns)


def test_walk_forward_efficiency():
    inside, outside = [np.array([0.02, 0.0]), np.array([0.01, 0.01])], [np.array([0.005]), np.array([0.005])]
    assert walk_forward_efficiency(inside, outside) == pytest.approx(0.5)
    assert walk_forward_efficiency([np.array([-0.01])], outside) is None
    assert walk_forward_efficiency(inside, []) is None
