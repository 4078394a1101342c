"""How the host opens one run: what takes long happens in a thread, so that the loop of all the others goes on."""

from __future__ import annotations

import asyncio

from tidemill.adapters.sql.opening import open_store
from tidemill.adapters.sql.store import SqlStore
from tidemill.model.agent import check_name
from tidemill.runtime.guard.chain import RULES
from tidemill.runtime.guard.halts import Halts
from tidemill.runtime.guard.send_guard import SendGuard
from tidemill.runtime.life.run import Run
from tidemill.runtime.life.terms import RunParts, RunTerms
from tidemill.runtime.record.writer import ThreadWriter, Writer
from tidemill.runtime.watch.heartbeat import MachineSensors, beat_file
from tidemill.runtime.watch.terms import Supervision
from tidemill.services.agents import check_armed, limits_of, tolerances_of
from tidemill.services.desks import write_desk
from tidemill.services.live import LiveRun
from tidemill.services.live_market import LiveMarket, market_of
from tidemill.services.live_parts import RunRequest, parts_of, terms_of

__all__ = ["open_hosted"]

_WATCHDOG = "watchdog"


async def open_hosted(request: RunRequest, *, has_watchdog: bool) -> LiveRun:
    """Choose every part of a run whose commands the host hands over; nothing is sent and nothing is served yet.

    Args:
        request: with the id of the run.
        has_watchdog: a watchdog is expected to beat.

    Raises:
        TidemillError: in one sentence, what is wrong and what to do.
    """
    spec, run_id = request.spec, check_name(request.run_id, "The run's id")
    check_armed(spec, request.arming)
    writer: Writer = ThreadWriter(f"run {run_id}")
    account = spec.account or f"paper:{run_id}"
    store = await writer.run(lambda: open_store(request.home.url, lock=account, verify=False))
    try:
        known = await writer.run(lambda: store.run(run_id))
        began_ns = known.started_ns if known is not None else request.clock.now_ns()
        market, terms, parts = await asyncio.to_thread(_built, request, began_ns, store, writer)
        if parts.watch is not None and has_watchdog:
            parts.watch.watchdog = _WATCHDOG
        return LiveRun(request, Run(terms, parts), market, store, writer)
    except BaseException:
        await writer.run(store.close)
        writer.close()
        raise


def _built(
    request: RunRequest, began_ns: int, store: SqlStore, writer: Writer
) -> tuple[LiveMarket, RunTerms, RunParts]:
    """Read the market, bind the core, put the parts together: seconds where a strategy has to be compiled."""
    spec = request.spec
    market = market_of(spec, request.clock, began_ns, request.speed)
    terms = terms_of(request, request.run_id, market)
    write_desk(request.home, terms)
    limits, halts = limits_of(spec), Halts(request.home.halts)
    guard = SendGuard(RULES, limits, halts, tolerances=tolerances_of(spec))
    parts = parts_of(request, terms, market, store, writer, guard, list(limits.values()))
    beats, sensors = beat_file(request.home.halts, request.run_id), MachineSensors(request.home.folder)
    parts.watch, parts.polls = Supervision(halts, beats, sensors), False
    return market, terms, parts
