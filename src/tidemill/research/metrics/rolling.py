"""Ratios over a moving window of days, for the charts."""

from __future__ import annotations

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from tidemill.model.errors import ConfigError
from tidemill.model.runrecord import RunRecord
from tidemill.research.metrics.track import benchmark_track, track_of

__all__ = ["rolling_beta", "rolling_sharpe", "rolling_volatility"]


def _windows(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    if window < 2:
        raise ConfigError(f"A rolling window needs at least 2 days, not {window}.")
    return sliding_window_view(values, window) if len(values) >= window else np.zeros((0, window))


def _aligned(values: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Put the window results at the window's last day, NaN before."""
    out = np.full(length, math.nan)
    if len(values):
        out[length - len(values) :] = values
    return out


def _spreads(windows: NDArray[np.float64]) -> NDArray[np.float64]:
    deviation: NDArray[np.float64] = np.std(windows, axis=1, ddof=1)
    flat = np.ptp(windows, axis=1) <= 4.0 * np.finfo(np.float64).eps * np.abs(windows).max(axis=1, initial=0.0)
    deviation[flat] = 0.0
    return deviation


def rolling_sharpe(record: RunRecord, window: int = 126, rf: float = 0.0) -> NDArray[np.float64]:
    """Return the Sharpe ratio per year of the last ``window`` days, float64[len(days)], NaN where undefined.

    Raises:
        ConfigError: the window is shorter than two days.
    """
    track = track_of(record, rf)
    windows = _windows(track.excess, window)
    deviation = _spreads(windows)
    deviation[deviation == 0] = math.nan
    return _aligned(windows.mean(axis=1) / deviation * math.sqrt(track.periods_per_year), track.n)


def rolling_volatility(record: RunRecord, window: int = 126) -> NDArray[np.float64]:
    """Return the volatility per year (ratio) of the last ``window`` days, float64[len(days)], NaN before.

    Raises:
        ConfigError: the window is shorter than two days.
    """
    track = track_of(record)
    return _aligned(
        _spreads(_windows(track.returns, window)) * math.sqrt(track.periods_per_year),
        track.n,
    )


def rolling_beta(record: RunRecord, window: int = 126, rf: float = 0.0) -> NDArray[np.float64]:
    """Return the beta against the benchmark over the last ``window`` days, NaN where undefined or without one.

    Raises:
        ConfigError: the window is shorter than two days.
    """
    track, market = track_of(record, rf), benchmark_track(record, rf)
    if market is None or track.n < 2:
        _windows(np.zeros(0), window)
        return np.full(track.n, math.nan)
    own, other = (
        _windows(track.returns[1:], window),
        _windows(market.returns[: track.n - 1], window),
    )
    own, other = (
        own - own.mean(axis=1, keepdims=True),
        other - other.mean(axis=1, keepdims=True),
    )
    variance = np.sum(other**2, axis=1)
    variance[variance == 0] = math.nan
    return _aligned(np.sum(own * other, axis=1) / variance, track.n)
