"""First use on a machine: the core's two halves are compiled side by side and kept on disk.

``python -m tidemill.kernel.warm`` does it ahead of time; importing the engine does it when nothing is there yet.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

from numba.core import config

from tidemill.kernel.compile import JIT, cache_root, sources_digest

__all__ = ["HALVES", "WARMING", "ensure_compiled", "is_compiled", "mark_compiled"]

HALVES = ("tidemill.kernel.advance", "tidemill.kernel.replay")
WARMING = "TIDEMILL_WARMING"


def _marker() -> Path:
    return cache_root() / f"native-{sources_digest()}" / "complete"


def is_compiled() -> bool:
    """Tell whether this version's core is on disk."""
    return _marker().exists()


def mark_compiled() -> None:
    """Leave word that this version's core is complete on disk."""
    marker = _marker()
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.write_text(f"{config.CPU_NAME or 'host'}\n", encoding="ascii")


def ensure_compiled() -> None:
    """Compile the core unless it is there: one half in a second process, the other here.

    A failed second process costs only time: its half is then compiled where it is first imported.
    """
    if not JIT or is_compiled() or os.environ.get(WARMING) or "NUMBA_CACHE_DIR" in os.environ:
        return
    command = [sys.executable, "-c", f"import {HALVES[1]}"]
    environment = {**os.environ, WARMING: "1"}
    other = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)  # noqa: S603 - our own interpreter
    try:
        importlib.import_module(HALVES[0])
    finally:
        status = other.wait()
    if status == 0:
        mark_compiled()


if __name__ == "__main__":
    ensure_compiled()
    for half in HALVES:
        importlib.import_module(half)
