"""The engine host as a process of its own, as ``tidemill up`` starts it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable

from tidemill.adapters.sql.opening import open_store
from tidemill.runtime.clock import SystemClock
from tidemill.services.home import Home
from tidemill.services.hosting.host import EngineHost
from tidemill.services.hosting.stalls import STALL_S
from tidemill.services.logs import Log

__all__ = ["host_runs"]

_PARENT_S = 1.0


def host_runs(
    home: Home,
    parent: int = 0,
    *,
    has_watchdog: bool = True,
    say: Callable[[str], None],
    stall_s: float = STALL_S,
) -> None:
    """Host every run of the service until SIGTERM or SIGINT, or until the process that started this one is gone.

    Args:
        home: where data lie; its database is brought up to date first.
        parent: process id of the starter, 0: nobody's.
        has_watchdog: a watchdog is expected to beat.
        say: told READY once every run is at work again.
        stall_s: how long a strategy may keep the loop before its run is ended.

    Raises:
        StoreError, StoreMismatch: the database cannot be used.
    """
    open_store(home.url, migrate=True, verify=False).close()
    asyncio.run(_host(EngineHost(home, has_watchdog=has_watchdog, say=say, stall_s=stall_s), parent))


async def _host(host: EngineHost, parent: int) -> None:
    loop, log = asyncio.get_running_loop(), Log(process="host")

    def on_signal() -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)  # the next one ends the process, as a kill would
        log("stopping")
        host.stop()

    with contextlib.suppress(NotImplementedError):  # Windows has no handlers in the loop
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, on_signal)
    async with asyncio.TaskGroup() as group:
        orphan = group.create_task(_watch_parent(host, parent), name="parent")
        await host.serve()
        orphan.cancel()
    log("stopped")


async def _watch_parent(host: EngineHost, parent: int) -> None:
    """Stop when nobody would start this process again."""
    while not parent or os.getppid() == parent:
        await SystemClock().sleep(_PARENT_S)
    host.stop()
