"""How tests wait for other processes: long where a thing has to happen, in proportion where it has to happen soon."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

__all__ = ["PATIENCE_S", "stretch", "until"]

PATIENCE_S = 90.0  # nobody waits that long on a machine that works; a crowded one may
_LOOK_S = 0.01


def until(
    look: Callable[[], Any],
    is_right: Callable[[Any], Any] = bool,
    patience_s: float = PATIENCE_S,
    what: str = "it",
) -> Any:
    """Look again and again until it is right, and return it; fails with what was seen last."""
    end = time.monotonic() + patience_s
    while not is_right(found := look()):
        assert time.monotonic() < end, f"{what}: still {found!r} after {patience_s:g} s"
        time.sleep(_LOOK_S)
    return found


def stretch() -> float:
    """Return how many times longer than on a quiet machine something takes now: those who wait for each core."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
