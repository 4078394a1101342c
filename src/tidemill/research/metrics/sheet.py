"""A page of figures: values where they are defined, a sentence where they are not."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["Sheet"]


class Sheet:
    """Collects metrics as JSON-ready values; what is undefined becomes None and says why."""

    __slots__ = ("notes", "values")

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.notes: dict[str, str] = {}

    def put(self, key: str, value: float | str | None, why: str = "") -> None:
        """Store one figure; ``why`` is kept when the value is None, NaN or infinite."""
        if value is None or (not isinstance(value, str) and not math.isfinite(value)):
            self.values[key] = None
            self.notes[key] = why or "not defined for this run"
        elif isinstance(value, (str, int)):
            self.values[key] = value
        else:
            self.values[key] = float(value)

    def note(self, key: str, text: str) -> None:
        """Attach a caution to a figure, keeping an earlier one."""
        earlier = self.notes.get(key)
        self.notes[key] = f"{earlier}; {text}" if earlier else text

    def number(self, key: str) -> float:
        """Return a stored figure, NaN where it is undefined."""
        value = self.values.get(key)
        return math.nan if value is None else float(value)
