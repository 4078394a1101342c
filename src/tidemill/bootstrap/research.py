"""Backtests, records of performance and kept strategies put together for one process."""

from __future__ import annotations

from dataclasses import dataclass

from tidemill.adapters.sql.database import Database
from tidemill.bootstrap.fleet import Fleet
from tidemill.ports.seams import Clock, Ids
from tidemill.services.home import Home
from tidemill.services.jobs.backtests import Backtests
from tidemill.services.jobs.pool import Pool
from tidemill.services.jobs.queue import Queue
from tidemill.services.library.custom import CustomStrategies
from tidemill.services.library.saved import SavedStrategies
from tidemill.services.logs import Log
from tidemill.services.performance.live import LiveRecords
from tidemill.services.performance.records import Performance

__all__ = ["Research", "build_research"]


@dataclass(frozen=True, slots=True)
class Research:
    """What routes about trying things out work with.

    Args:
        backtests: jobs and the pool that works them off. performance: what was earned. live_records: those of runs.
        saved, custom: strategies people keep.
    """

    backtests: Backtests
    performance: Performance
    live_records: LiveRecords
    saved: SavedStrategies
    custom: CustomStrategies


def build_research(home: Home, database: Database, clock: Clock, ids: Ids, log: Log, fleet: Fleet) -> Research:
    """Return the services of backtests and strategies of an installation; no worker is started."""
    queue = Queue(database, clock)
    pool = Pool(home, queue, ids, log)
    return Research(
        Backtests(home, database, clock, ids, fleet.strategies, queue, pool),
        Performance(database, clock),
        LiveRecords(database, fleet.runs, fleet.facts),
        SavedStrategies(database, clock, fleet.strategies),
        CustomStrategies(database, clock),
    )
