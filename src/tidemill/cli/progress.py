"""A progress bar with the time left, on a terminal and only for work that takes a while."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["WorkBar", "announce_compiling"]

_PATIENCE_S = 0.5


def announce_compiling() -> None:
    """Say on a terminal that the first run after a change of version takes longer, before it does."""
    from tidemill.kernel.compile import JIT, cache_root, sources_digest

    is_warm = not JIT or "NUMBA_CACHE_DIR" in os.environ or (cache_root() / f"native-{sources_digest()}").is_dir()
    if not is_warm and sys.stderr.isatty():
        sys.stderr.write("Compiling the engine, once for this version; it takes about half a minute.\n")


class WorkBar:
    """A callable that takes (done, total); the bar appears after half a second and leaves nothing behind.

    Args:
        title: what is being done.
        shown: off for quiet runs.
    """

    def __init__(self, title: str, *, shown: bool = True) -> None:
        self.title = title
        self.is_shown = shown and sys.stderr.isatty()
        self.began = time.monotonic()
        self.bar: Progress | None = None
        self.task: TaskID | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.stop()

    def __call__(self, done: int, total: int) -> None:  # noqa: D102 - told by the class
        if not self.is_shown or time.monotonic() - self.began < _PATIENCE_S:
            return
        if self.bar is None:
            self._start(total)
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, completed=done)

    def _start(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self.task = self.bar.add_task(self.title, total=total)
        self.bar.start()
