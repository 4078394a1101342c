"""Run every indicator over one seeded market and print its output bytes; run as a script or imported."""

from __future__ import annotations

import sys

import numpy as np

from tidemill.kernel.compile import JIT
from tidemill.kernel.indicators.batch import run_batch
from tidemill.kernel.indicators.catalog import INDICATORS

VARIANTS: dict[str, list[dict[str, float]]] = {
    "rsi": [{}, {"smoothing": 1}],
    "atr": [{}, {"smoothing": 1}],
    "bollinger": [{}, {"ma_type": 1, "window": 3}],
    "donchian": [{}, {"previous": 1}],
    "rolling_std": [{}, {"ddof": 1, "window": 5}],
    "volume_ratio": [{}, {"previous": 1}],
}


def market(size: int = 160) -> dict[str, np.ndarray]:
    """Return seeded bars with ties and a still stretch."""
    rng = np.random.default_rng(20240229)
    moves = np.round(rng.normal(0.0, 0.4, size), 2)
    moves[60:95] = 0.0
    close = 101.37 + np.cumsum(moves)
    volume = rng.integers(0, 9_000, size).astype(np.float64)
    volume[60:90] = 0.0
    return {
        "close": close,
        "high": close + np.round(rng.random(size), 2),
        "low": close - np.round(rng.random(size), 2),
        "volume": volume,
        "session": np.arange(size) // 39 - 1,
        "fast": close,
        "slow": np.roll(close, 1),
    }


def output_bytes() -> dict[str, str]:
    """Return indicator and parameters to the bytes of all outputs, hexadecimal."""
    columns = market()
    return {
        f"{spec.name}{params}": np.concatenate(
            list(run_batch(spec, *(columns[name] for name in spec.inputs), params=params).values())
        )
        .tobytes()
        .hex()
        for spec in INDICATORS.values()
        for params in VARIANTS.get(spec.name, [{}])
    }


if __name__ == "__main__":
    sys.stdout.write(f"JIT {JIT}\n")
    for key, value in output_bytes().items():
        sys.stdout.write(f"{key}\t{value}\n")
