"""The stages of a bar, by number; a fill carries the one in which it happened."""

from __future__ import annotations

__all__ = ["CLOSE", "OPEN", "RANGE", "SAME_CLOSE"]

OPEN = 1
RANGE = 2
CLOSE = 3
SAME_CLOSE = 4
