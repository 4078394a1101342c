"""Was the best setting skill or the luckiest of many? Cross-validated overfitting and walk-forward efficiency."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, islice

import numpy as np
from numpy.typing import NDArray

from tidemill.model.errors import DataError

__all__ = ["Overfitting", "cscv", "pbo", "walk_forward_efficiency"]

_CHUNK = 1024  # splits per matrix product, so that thousands of trials stay within memory
_TIE = 1e-12  # relative: two equal columns may differ in the last bits of their sums


@dataclass(frozen=True, slots=True)
class Overfitting:
    """Outcome of combinatorially symmetric cross-validation.

    Args:
        pbo: share of splits in which the in-sample winner ranks at or below the out-of-sample median.
        splits: number of splits tried.
        logits: float64[splits], log odds of the winner's relative rank out of sample.
        mean_rank: mean relative rank out of sample, 0-1; 0.5 means that choosing was worth nothing.
        loss_share: share of splits in which the winner lost money out of sample.
    """

    pbo: float
    splits: int
    logits: NDArray[np.float64]
    mean_rank: float
    loss_share: float


def cscv(returns: NDArray[np.float64], blocks: int = 16) -> Overfitting:
    """Return how often the best trial in one half of the days is no better than the median in the other half.

    Days are cut into ``blocks`` equal blocks (a remainder at the end is left out); every choice of half the blocks
    is once the sample in which the winner is picked. Trials are ranked by Sharpe ratio, one that does not vary
    counts as 0. Source: Bailey, Borwein, Lopez de Prado & Zhu, The Probability of Backtest Overfitting (2017).

    Args:
        returns: float64[days, trials], daily returns of every trial of a search.
        blocks: even number of blocks, at least 2; 16 gives 12,870 splits.

    Raises:
        DataError: fewer than two trials, too few days, an odd number of blocks or a value that is not a number.
    """
    _check(returns, blocks)
    sums, squares, days, centre = _block_moments(returns, blocks)
    total, total_squares = sums.sum(axis=0), squares.sum(axis=0)
    half = days * blocks // 2
    picks = combinations(range(blocks), blocks // 2)
    ranks, lost = [], 0
    scale = np.abs(returns).max(axis=0)
    while chunk := list(islice(picks, _CHUNK)):
        mask = np.zeros((len(chunk), blocks))
        mask[np.arange(len(chunk))[:, None], np.array(chunk)] = 1.0
        inside, inside_squares = mask @ sums, mask @ squares
        chosen = _ratios(inside, inside_squares, half, centre, scale)
        other = _ratios(total - inside, total_squares - inside_squares, half, centre, scale)
        result = np.take_along_axis(other, _winners(chosen), axis=1)
        ranks.append(_ranks(result, other))
        lost += int((result < 0).sum())
    relative = np.concatenate(ranks) / (returns.shape[1] + 1.0)
    logits = np.log(relative / (1.0 - relative))
    return Overfitting(
        float((relative <= 0.5).mean()),
        len(relative),
        logits,
        float(relative.mean()),
        lost / len(relative),
    )


def _check(returns: NDArray[np.float64], blocks: int) -> None:
    if blocks < 2 or blocks % 2:
        raise DataError(f"Cross-validation needs an even number of blocks, at least 2; not {blocks}.")
    if returns.ndim != 2 or returns.shape[1] < 2:
        raise DataError("Overfitting needs the daily returns of at least two trials, one column each.")
    if len(returns) < 2 * blocks:
        raise DataError(f"Overfitting over {blocks} blocks needs at least {2 * blocks} days, not {len(returns)}.")
    if not np.isfinite(returns).all():
        raise DataError("A trial has a return that is not a number; leave that trial out.")


def _block_moments(
    returns: NDArray[np.float64], blocks: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], int, NDArray[np.float64]]:
    days = len(returns) // blocks
    used = returns[: days * blocks]
    centre: NDArray[np.float64] = used.mean(axis=0)
    cut = (used - centre).reshape(blocks, days, -1)
    return cut.sum(axis=1), (cut**2).sum(axis=1), days, centre


def _ratios(
    sums: NDArray[np.float64],
    squares: NDArray[np.float64],
    n: int,
    centre: NDArray[np.float64],
    scale: NDArray[np.float64],
) -> NDArray[np.float64]:
    mean = sums / n
    variance = (squares / n - mean**2) * n / (n - 1)
    flat = variance <= np.maximum(1e-12 * squares / n, (1e-14 * scale) ** 2)
    ratios: NDArray[np.float64] = (mean + centre) / np.sqrt(np.where(flat, 1.0, variance))
    ratios[flat] = 0.0
    return ratios


def _winners(chosen: NDArray[np.float64]) -> NDArray[np.intp]:
    """Column of each row's best trial, the first of equals; intp[rows, 1]."""
    best = chosen.max(axis=1, keepdims=True)
    first: NDArray[np.intp] = np.argmax(chosen >= best - _TIE * np.abs(best), axis=1)
    return first[:, None]


def _ranks(result: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rank of each row's ``result`` among ``other``: 1 is worst, equals share their average rank."""
    slack = _TIE * np.maximum(np.abs(result), 1e-3)
    below = (other < result - slack).sum(axis=1)
    equal = (np.abs(other - result) <= slack).sum(axis=1)
    ranks: NDArray[np.float64] = below + (equal + 1.0) / 2.0
    return ranks


def pbo(returns: NDArray[np.float64], blocks: int = 16) -> float:
    """Return the probability of backtest overfitting (0-1) of a search; see :func:`cscv` for arguments and errors."""
    return cscv(returns, blocks).pbo


def walk_forward_efficiency(
    in_sample: Sequence[NDArray[np.float64]],
    out_of_sample: Sequence[NDArray[np.float64]],
) -> float | None:
    """Return out-of-sample over in-sample return per year of a walk-forward; None when in-sample earned nothing.

    Both are the mean daily return over all folds times the periods of a year, which cancel.
    Source: Pardo, The Evaluation and Optimization of Trading Strategies (2008).

    Args:
        in_sample: daily returns of each training window.
        out_of_sample: daily returns of each test window.
    """
    inside, outside = _mean(in_sample), _mean(out_of_sample)
    return outside / inside if inside > 0 and math.isfinite(outside) else None


def _mean(parts: Sequence[NDArray[np.float64]]) -> float:
    joined = np.concatenate(parts) if len(parts) else np.zeros(0)
    return float(joined.mean()) if len(joined) else math.nan
