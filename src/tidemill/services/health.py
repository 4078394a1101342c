"""A line of an engine's log every minute: how it fares, in numbers that a person can compare from day to day."""

from __future__ import annotations

from typing import Any

from tidemill.ports.seams import Clock
from tidemill.runtime.life.run import Run
from tidemill.runtime.life.terms import Phase
from tidemill.runtime.watch.heartbeat import Sensors
from tidemill.services.logs import Log

__all__ = ["EVERY_S", "health_of", "tell_health"]

EVERY_S = 60.0
_BEGINNING = (Phase.STARTING, Phase.RECONCILING)


def health_of(run: Run, sensors: Sensors) -> dict[str, Any]:
    """Return how a run fares.

    Returns:
        ``lag_s`` and ``db_s`` as last measured, ``tape`` rows, ``feed_age_s`` since what the core took last (None: it
        has taken nothing yet), ``positions`` and ``orders`` that are open, ``waiting`` items of the inbox by lane,
        ``lost`` trades there was no room for, ``set_aside`` market data that was not believed, ``memory_mb`` resident,
        ``disk_free_mb``.
    """
    health, counts = run.present.health, run.parts.inbox.counts()
    slots = run.core.engine.state.tables["slots"]
    heard_ns = run.core.now_ns
    return {
        "state": run.phase.value,
        "lag_s": round(health.loop_lag_s, 4),
        "db_s": round(health.db_latency_s, 4),
        "tape": run.journal.next_seq - 1,
        "feed_age_s": round((run.now()[0] - heard_ns) / 1e9, 3) if heard_ns > 0 else None,
        "positions": int((slots["quantity"] != 0.0).sum()),
        "orders": len(run.book.live),
        "waiting": {lane.name.lower(): count for lane, count in counts.waiting.items() if count},
        "lost": counts.overflowed,
        "set_aside": counts.quarantined,
        "memory_mb": round(sensors.memory_bytes() / 1e6, 1),
        "disk_free_mb": round(health.disk_free_bytes / 1e6),
    }


async def tell_health(run: Run, sensors: Sensors, clock: Clock, log: Log, every_s: float = EVERY_S) -> None:
    """Write the line until cancelled, the first one after so many seconds."""
    while True:
        await clock.sleep(every_s)
        if run.phase not in _BEGINNING:
            log("health", **health_of(run, sensors))
