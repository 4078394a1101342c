"""The run card: what a result was made from, so that it can be made again."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tidemill.model.bars import BarTable
from tidemill.model.fingerprint import bars_sha256

__all__ = ["config_hash", "data_hash", "package_hash", "run_card"]

_LIBRARIES = ("numpy", "numba", "llvmlite", "duckdb")


def package_hash() -> str:
    """Return a hash over every source file of the installed package."""
    root = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def data_hash(bars: Sequence[BarTable]) -> str:
    """Return one hash over all tables of a run."""
    digest = hashlib.sha256()
    for table in bars:
        own = str(table.meta.get("sha256") or bars_sha256(table))
        digest.update(f"{table.symbol}:{table.interval_ns}:{own};".encode())
    return digest.hexdigest()[:16]


def config_hash(config: Mapping[str, Any]) -> str:
    """Return a hash over every setting and parameter."""
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:16]


def run_card(bars: Sequence[BarTable], config: Mapping[str, Any], seed: int, source: str) -> dict[str, Any]:
    """Return the run card: hashes of code, strategy, data and settings, versions and the seed."""
    return {
        "code": package_hash(),
        "strategy": hashlib.sha256(source.encode()).hexdigest()[:16],
        "data": data_hash(bars),
        "config": config_hash(config),
        "seed": seed,
        "tidemill": version("tidemill"),
        "python": platform.python_version(),
        **{name: version(name) for name in _LIBRARIES},
        "sources": [
            {"symbol": table.symbol, "rows": len(table), "file": str(table.meta.get("source", "memory"))}
            for table in bars
        ],
    }
