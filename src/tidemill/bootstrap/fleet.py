"""Agents, runs, sessions and commands put together for one process."""

from __future__ import annotations

from dataclasses import dataclass

from tidemill.adapters.sql.database import Database
from tidemill.ports.seams import Clock, Ids
from tidemill.services.commands.asking import Asking
from tidemill.services.faces.sessions import Sessions
from tidemill.services.fleet.agents import Agents
from tidemill.services.fleet.facts import Facts
from tidemill.services.fleet.runs import Runs
from tidemill.services.fleet.strategies import Strategies
from tidemill.services.home import Home

__all__ = ["Fleet", "build_fleet"]


@dataclass(frozen=True, slots=True)
class Fleet:
    """What routes about agents and runs work with.

    Args:
        agents, runs, sessions: what people own. facts: how runs fare. strategies: what names mean.
        asking: asks running runs for something.
    """

    agents: Agents
    runs: Runs
    sessions: Sessions
    facts: Facts
    strategies: Strategies
    asking: Asking


def build_fleet(home: Home, database: Database, clock: Clock, ids: Ids) -> Fleet:
    """Return the services of agents and runs of an installation."""
    agents, runs = Agents(database, clock, ids), Runs(home, database, clock, ids)
    strategies = Strategies(database)
    return Fleet(
        agents,
        runs,
        Sessions(home, database, clock, agents, runs, strategies),
        Facts(database),
        strategies,
        Asking(home, database, runs, clock, ids),
    )
