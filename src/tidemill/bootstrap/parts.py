"""What the door works with: services, put together once when the process starts."""

from __future__ import annotations

from dataclasses import dataclass

from tidemill.adapters.sql.database import Database
from tidemill.bootstrap.fleet import Fleet
from tidemill.bootstrap.manual import Manual
from tidemill.bootstrap.operations import Operations
from tidemill.bootstrap.research import Research
from tidemill.bootstrap.telling import Telling
from tidemill.ports.seams import Clock, Ids
from tidemill.services.access.access import Access
from tidemill.services.home import Home
from tidemill.services.logs import Log
from tidemill.services.settings.loading import Loaded

__all__ = ["Parts"]


@dataclass(slots=True)
class Parts:
    """Everything a route may use.

    Args:
        home: where data lie.
        database: the installation's, with its tables.
        clock, ids: of the machine.
        loaded: settings, and where each was said.
        access: who may come in. log: of the process.
        operations: how the installation fares.
        fleet: agents and their runs. manual: trading by hand. telling: what people are told.
        research: backtests, performance, kept strategies.
    """

    home: Home
    database: Database
    clock: Clock
    ids: Ids
    loaded: Loaded
    access: Access
    log: Log
    operations: Operations
    fleet: Fleet
    manual: Manual
    telling: Telling
    research: Research

    def close(self) -> None:
        """Let go of the database; threads that asked it let go when they end."""
        self.research.backtests.close()
        self.fleet.asking.close()
        self.database.release()
