"""Use case: one engine as a process of its own, as ``tidemill up`` starts it."""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import os
import signal

from tidemill.model.errors import StoreError
from tidemill.services.agents import spec_of_text
from tidemill.services.engine_jobs import agent_file, stack_file
from tidemill.services.health import tell_health
from tidemill.services.home import Home
from tidemill.services.live import LiveRun, open_run
from tidemill.services.live_parts import RunRequest
from tidemill.services.logs import Log

__all__ = ["serve_engine"]

_PARENT_S = 1.0


def serve_engine(home: Home, run_id: str, speed: float, parent: int) -> None:
    """Serve a run until its feed ends or it is stopped; it stops when the process that started it is gone.

    Args:
        home: where data lie. run_id: of the run, whose agent was written down before.
        speed: of a replay. parent: process id of the starter.

    Raises:
        TidemillError: in one sentence, what is wrong.
    """
    try:
        spec = spec_of_text(agent_file(home, run_id).read_text(encoding="utf-8"))
    except OSError as error:
        raise StoreError(f"The agent of run {run_id} cannot be read ({error.strerror}).") from None
    with stack_file(home, run_id).open("w", encoding="utf-8") as stack:
        if hasattr(signal, "SIGUSR1"):  # a hanging engine is asked for its stack before it is killed
            faulthandler.register(signal.SIGUSR1, file=stack, all_threads=False)
        asyncio.run(_serve(RunRequest(spec, home, run_id, speed), parent))


async def _serve(request: RunRequest, parent: int) -> None:
    live = await open_run(request)
    log = Log(process="engine", run=request.run_id)
    if live.run.parts.watch is not None:
        live.run.parts.watch.watchdog = "watchdog"
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)  # the next one ends the process, as a kill would
        log("stopping")
        live.stop()

    try:
        with contextlib.suppress(NotImplementedError):  # Windows has no handlers in the loop
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, on_signal)
        async with asyncio.TaskGroup() as group:
            works = {"parent": _watch_parent(live, parent), "health": _tell_health(live, log)}
            tasks = [group.create_task(work, name=name) for name, work in works.items()]
            view = await live.serve()
            for task in tasks:
                task.cancel()
        log("ended", state=view.state, equity=view.equity, orders=view.orders, fills=view.fills)
    finally:
        await live.close()


async def _watch_parent(live: LiveRun, parent: int) -> None:
    """Stop when nobody would start this process again."""
    while os.getppid() == parent:
        await live.run.parts.clock.sleep(_PARENT_S)
    live.stop()


async def _tell_health(live: LiveRun, log: Log) -> None:
    """Write how the run fares into the log, once a minute."""
    watch = live.run.parts.watch
    if watch is not None:
        await tell_health(live.run, watch.sensors, live.run.parts.clock, log)
