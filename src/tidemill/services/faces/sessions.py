"""The trading session: one strategy, settings, a mode and an end; every session is one run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import delete, insert, select, update

from tidemill.adapters.sql.database import Database
from tidemill.adapters.sql.service_tables import SESSION_SETTINGS
from tidemill.model.agent import Schedule, parse_instant
from tidemill.model.errors import ConfigError
from tidemill.model.people import Principal, UserScope
from tidemill.model.settings import RunSettings
from tidemill.ports.seams import Clock
from tidemill.services.faces.session_settings import SessionSettings, merged_settings
from tidemill.services.fleet.agents import Agent, Agents
from tidemill.services.fleet.feeds import feed_of
from tidemill.services.fleet.making import Wish, check_mode, made_of
from tidemill.services.fleet.refusals import not_there
from tidemill.services.fleet.runs import OwnedRun, Runs
from tidemill.services.fleet.strategies import Strategies
from tidemill.services.home import Home
from tidemill.services.refusals import Refused

__all__ = ["FACE", "Session", "SessionWish", "Sessions"]

FACE = "session"


@dataclass(frozen=True, slots=True)
class SessionWish:
    """What somebody says of a session.

    Args:
        mode: PAPER or LIVE. cash: it begins with. symbols: what it trades.
        strategy: name, or empty with custom_id: number of one's own conditions. parameters: of the strategy.
        settings: those that differ from the defaults. end: ISO time, empty for none.
        feed, interval: where prices come from, and size of pushed bars.
    """

    mode: str
    cash: float
    symbols: Sequence[str]
    strategy: str = ""
    custom_id: int = 0
    parameters: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    end: str = ""
    feed: str | Mapping[str, Any] | None = None
    interval: str = "1min"


@dataclass(frozen=True, slots=True)
class Session:
    """A session: the agent that says what it is, its one run, and its settings."""

    agent: Agent
    run: OwnedRun
    settings: SessionSettings

    @property
    def began_with(self) -> SessionSettings:
        """Return the settings it began with."""
        return merged_settings(SessionSettings(), self.agent.face_values["settings"])


class Sessions:
    """Sessions of everybody; each call sees those of one.

    Args:
        home, database, clock: of the installation. agents, runs, strategies: what a session is made of.
    """

    def __init__(
        self, home: Home, database: Database, clock: Clock, agents: Agents, runs: Runs, strategies: Strategies
    ) -> None:
        self._home, self._database, self._clock = home, database, clock
        self._agents, self._runs, self._strategies = agents, runs, strategies

    def start(self, principal: Principal, wish: SessionWish) -> Session:
        """Make a session and its settings, and let it begin.

        Raises:
            OverLimit: every place of the tier is taken. Refused: it is for real money, or needs a higher tier.
            ConfigError, UnknownName: something does not fit; nothing was made.
        """
        check_mode(wish.mode)
        settings = merged_settings(SessionSettings(), wish.settings)
        if bool(wish.strategy) == bool(wish.custom_id):
            raise ConfigError("Name a strategy or a customStrategyId, one of the two.")
        if wish.end and parse_instant(wish.end, "scheduledEndTime") <= self._clock.now_ns():
            raise ConfigError(f"scheduledEndTime {wish.end[:40]} is over already.")
        chosen = (
            self._strategies.custom(principal, wish.custom_id)
            if wish.custom_id
            else self._strategies.by_name(wish.strategy, wish.parameters)
        )
        made = made_of(
            Wish(
                f"session {chosen.title}",
                [chosen.request],
                wish.symbols,
                wish.interval,
                feed_of(self._home, wish.feed),
                RunSettings(
                    cash=wish.cash, settings=settings.strategy(), costs=settings.costs(), fills=settings.fills()
                ),
                {FACE: {name: item for name, item in asdict(settings.limits()).items() if item is not None}},
                schedule=Schedule(end=wish.end),
                mode=wish.mode,
            )
        )
        values = {**asdict(wish), "title": chosen.title}
        agent = self._agents.create(principal.scope, FACE, chosen.title, made, values, is_active=True)
        self._write_settings(agent, settings, is_new=True)
        try:
            run = self._runs.start(principal, agent)
        except Refused:
            self._forget(agent)
            raise
        return Session(agent, run, settings)

    def _forget(self, agent: Agent) -> None:
        """Take back a session that could not begin."""
        self._agents.delete(agent)
        with self._database.write() as writing:
            writing.run(delete(SESSION_SETTINGS).where(SESSION_SETTINGS.c.agent_id == agent.id))

    def get(self, scope: UserScope, number: int) -> Session:
        """Return one session. Raises Refused: nobody has it, or somebody else."""
        return self._of(scope, self._agents.get(scope, FACE, number))

    def list(self, scope: UserScope, *, limit: int = 1000, offset: int = 0) -> Sequence[Session]:
        """Return somebody's sessions, newest first."""
        runs = {run.agent_id: run for run in reversed(self._runs.list(scope, face=FACE, limit=100_000))}
        agents = [agent for agent in reversed(self._agents.list(scope, FACE, limit=100_000)) if agent.id in runs]
        return [
            Session(agent, runs[agent.id], self.settings(scope, agent)) for agent in agents[offset : offset + limit]
        ]

    def _of(self, scope: UserScope, agent: Agent) -> Session:
        run = next(iter(self._runs.list(scope, agent_id=agent.id, limit=1)), None)
        if run is None:
            raise not_there(FACE, agent.number)
        return Session(agent, run, self.settings(scope, agent))

    def settings(self, scope: UserScope, agent: Agent) -> SessionSettings:
        """Return a session's settings as they are written down."""
        row = self._database.row(
            select(SESSION_SETTINGS).where(
                SESSION_SETTINGS.c.agent_id == agent.id, SESSION_SETTINGS.c.user_id == scope.user_id
            )
        )
        if row is None:
            return SessionSettings()
        return merged_settings(SessionSettings(), json.loads(row["body_json"]))

    def change_settings(self, session: Session, changes: Mapping[str, Any], *, anew: bool = False) -> SessionSettings:
        """Write settings down: over the old ones, or over the defaults; its guard may take limits while it is at work.

        Raises:
            UnknownName: there is no such setting. ConfigError: a value cannot be used; nothing is changed.
        """
        settings = merged_settings(SessionSettings() if anew else session.settings, changes)
        self._write_settings(session.agent, settings, is_new=False)
        return settings

    def _write_settings(self, agent: Agent, settings: SessionSettings, *, is_new: bool) -> None:
        now, body = self._clock.now_ns(), json.dumps(settings.values(), sort_keys=True)
        with self._database.write() as writing:
            if is_new:
                writing.run(
                    insert(SESSION_SETTINGS).values(
                        agent_id=agent.id, user_id=agent.user_id, body_json=body, created_ns=now, updated_ns=now
                    )
                )
            else:
                mine = update(SESSION_SETTINGS).where(
                    SESSION_SETTINGS.c.agent_id == agent.id, SESSION_SETTINGS.c.user_id == agent.user_id
                )
                writing.run(mine.values(body_json=body, updated_ns=now))

    def active(self, scope: UserScope) -> Session | None:
        """Return somebody's newest session at work or paused, None when there is none."""
        run = next(iter(self._runs.list(scope, face=FACE, only_active=True, limit=1)), None)
        return self._of(scope, self._agents.get(scope, FACE, run.agent_id)) if run is not None else None
