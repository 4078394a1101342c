"""Processes on a simulated loop: they can be killed between any two steps, stopped, and let go on.

A killed process runs nothing any more: no ``finally``, no callback. What it had sent before is on its way all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import ContextVar, copy_context
from typing import Any

from tidemill.testing.simloop import SimLoop

__all__ = ["WORLD", "WorldLoop"]

WORLD = 0  # process number of everything that outlives processes
_PROCESS: ContextVar[int] = ContextVar("process", default=WORLD)


class WorldLoop(SimLoop):
    """One loop for the world and every process in it."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(seed)
        self.dead: set[int] = set()
        self.died: Callable[[int], None] = lambda _process: None
        self._frozen: dict[int, list[asyncio.Handle]] = {}
        self._tasks: dict[int, list[asyncio.Task[Any]]] = {}
        self._fuses: dict[int, int] = {}
        self._dropped: list[asyncio.Handle] = []
        self.steps = 0
        self._is_reaping = False

    def create_task(self, coro: Any, **options: Any) -> asyncio.Task[Any]:
        """Return a task of the process that asks for it."""
        task = super().create_task(coro, **options)
        context = options.get("context")
        process = _PROCESS.get() if context is None else context.get(_PROCESS, WORLD)
        if process != WORLD:
            self._tasks.setdefault(process, []).append(task)
        return task

    def spawn(self, process: int, main: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Begin a process."""
        context = copy_context()
        context.run(_PROCESS.set, process)
        return self.create_task(main, context=context)

    def light_fuse(self, process: int, steps: int) -> None:
        """Kill a process after so many more of its steps."""
        if process not in self._fuses:
            self._fuses[process] = max(steps, 1)

    def kill(self, process: int) -> None:
        """End a process where it stands: nothing of it ever runs again."""
        if process in self.dead:
            return
        self.dead.add(process)
        self._fuses.pop(process, None)
        self._dropped += self._frozen.pop(process, [])
        self.died(process)

    def freeze(self, process: int) -> None:
        """Stop a process; time and everybody else go on."""
        if process not in self.dead:
            self._frozen.setdefault(process, [])

    def thaw(self, process: int) -> None:
        """Let a stopped process go on, with everything that was due meanwhile."""
        self._ready += self._frozen.pop(process, [])

    def is_frozen(self, process: int) -> bool:
        """Tell whether a process is stopped."""
        return process in self._frozen

    def run_batch(self, batch: list[asyncio.Handle]) -> None:
        """Run what is ready together, each step only if its process may still run."""
        self.steps += len(batch)
        dead, frozen, fuses = self.dead, self._frozen, self._fuses
        for handle in batch:
            if handle._cancelled:  # noqa: SLF001 - of our own class
                continue
            if not (dead or frozen or fuses):
                handle._run()  # noqa: SLF001 - what an event loop does with a handle
                continue
            process = handle._context.get(_PROCESS, WORLD)  # type: ignore[attr-defined]  # noqa: SLF001 - whose it is
            if process == WORLD:
                handle._run()  # noqa: SLF001 - as above
            else:
                self._step(handle, process)

    def _step(self, handle: asyncio.Handle, process: int) -> None:
        if process in self.dead and not self._is_reaping:
            self._dropped.append(handle)
            return
        if process in self._frozen:
            self._frozen[process].append(handle)
            return
        handle._run()  # noqa: SLF001 - as above
        if process in self._fuses:
            self._fuses[process] -= 1
            if self._fuses[process] <= 0:
                self.kill(process)

    def reap(self) -> None:
        """Once the story is over, end for good what was left of dead processes."""
        left = [task for process in sorted(self._tasks) for task in self._tasks[process] if not task.done()]
        self._is_reaping = True
        self._frozen.clear()
        self._tasks.clear()
        for task in left:
            task.cancel()
        self._ready += self._dropped
        if left:
            self.run_until_complete(asyncio.gather(*left, return_exceptions=True))
