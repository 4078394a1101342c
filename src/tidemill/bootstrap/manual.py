"""The manual desk put together for one process."""

from __future__ import annotations

from dataclasses import dataclass

from tidemill.adapters.sql.database import Database
from tidemill.bootstrap.fleet import Fleet
from tidemill.ports.seams import Clock, Ids
from tidemill.services.home import Home
from tidemill.services.manual.desk import Desks
from tidemill.services.manual.order_pages import OrderPages
from tidemill.services.manual.orders import Orders
from tidemill.services.manual.results import Results
from tidemill.services.manual.signals import Signals
from tidemill.services.manual.stopping import Stopping
from tidemill.services.manual.trade_logs import TradeLogs
from tidemill.services.once import Once
from tidemill.services.settings.loading import Loaded

__all__ = ["Manual", "build_manual"]


@dataclass(frozen=True, slots=True)
class Manual:
    """What routes about trading by hand work with.

    Args:
        desks: whose run it is. orders, signals: what is asked of it. pages: orders found again.
        logs, results: how it fared.
        stopping: halts. once: answers by idempotency key.
    """

    desks: Desks
    orders: Orders
    pages: OrderPages
    signals: Signals
    logs: TradeLogs
    results: Results
    stopping: Stopping
    once: Once


def build_manual(home: Home, database: Database, clock: Clock, ids: Ids, loaded: Loaded, fleet: Fleet) -> Manual:
    """Return the services of manual trading of an installation."""
    desks = Desks(database, clock, loaded, fleet.agents, fleet.runs, fleet.facts, fleet.asking)
    pages = OrderPages(database, fleet.runs)
    stopping, logs = Stopping(home, database, fleet.runs, desks), TradeLogs(database, clock)
    orders = Orders(
        clock,
        ids,
        desks=desks,
        pages=pages,
        facts=fleet.facts,
        asking=fleet.asking,
        logs=logs,
        stopping=stopping,
    )
    signals = Signals(database, clock, ids, orders)
    results, once = Results(clock, desks, fleet.facts), Once(database, clock)
    return Manual(desks, orders, pages, signals, logs, results, stopping, once)
