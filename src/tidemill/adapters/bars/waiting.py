"""Rows that wait in memory until a flush writes them, which may run on another thread; none is lost when it fails."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["Waiting"]

Key = TypeVar("Key")


class Waiting(Generic[Key]):
    """Rows by the series they belong to, in the order in which they came."""

    def __init__(self) -> None:
        self._rows: dict[Key, list[NDArray[Any]]] = {}
        self._lock = threading.Lock()

    def keep(self, key: Key, rows: NDArray[Any]) -> None:
        """Let rows wait behind those of the same series."""
        with self._lock:
            self._rows.setdefault(key, []).append(rows)

    def flush(self, write: Callable[[Key, NDArray[Any]], None], then: Callable[[Key], None] = lambda _key: None) -> int:
        """Write everything, series by series; return the rows written.

        Args:
            write: writes a series; if it raises, its rows and those not yet written go on waiting, before newer ones.
            then: tidies a series up once its rows are written; if it raises, they are not written again.
        """
        with self._lock:
            taken, self._rows = self._rows, {}
        written = 0
        try:
            while taken:
                key = next(iter(taken))
                rows = np.concatenate(taken[key])
                write(key, rows)
                written += len(rows)
                del taken[key]
                then(key)
        finally:
            with self._lock:
                for key, parts in taken.items():
                    self._rows[key] = parts + self._rows.get(key, [])
        return written
