"""An agent: everything that decides how a run trades, as plain checked values that can be stored and compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tidemill.model.agent_parts import (
    FEEDS,
    FILLS_ON,
    LISTENING,
    FeedSpec,
    PaperSpec,
    Schedule,
    StrategyUse,
    check_name,
    parse_instant,
)
from tidemill.model.errors import ConfigError, StoreMismatch, UnknownName
from tidemill.model.settings import RunSettings

__all__ = [
    "AGENT_SCHEMA",
    "FEEDS",
    "FILLS_ON",
    "LIMIT_FACES",
    "LISTENING",
    "MODES",
    "AgentSpec",
    "FeedSpec",
    "PaperSpec",
    "Schedule",
    "StrategyUse",
    "check_name",
    "check_schema",
    "parse_instant",
]

AGENT_SCHEMA = 1
MODES = ("paper", "live")
LIMIT_FACES = ("account", "agent", "strategy", "session", "guardrail", "rules")


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """One version of an agent; a run belongs to exactly one.

    Args:
        name: of the agent.
        symbols: what it trades; empty: whatever the data hold.
        interval: bar size; empty: found from the data.
        strategies: who decides; several share the account.
        run: account, settings for all strategies, costs, fill rules, seed.
        instrument: fields of every instrument that differ from what its symbol suggests.
        mode: ``paper`` or ``live``.
        broker: where orders go.
        account: the broker's account id; empty: one of the run's own, on paper.
        feed, schedule, paper: as above.
        limits: what the guard allows, by face: ``account``, ``agent``, ``strategy``, ``session``, ``guardrail``;
            under ``rules`` an owner's own, by name.
        tolerances: what the machinery may do before entries stop.
        auto_execute: off: signals are recorded and nothing is ordered.
        form: how strategies run.
        schema: version of this description.

    Raises:
        ConfigError: a part is missing or cannot be used. StoreMismatch: it was written for another version.
    """

    name: str
    strategies: tuple[StrategyUse, ...]
    symbols: tuple[str, ...] = ()
    interval: str = ""
    run: RunSettings = field(default_factory=RunSettings)
    instrument: Mapping[str, Any] = field(default_factory=dict)
    mode: str = "paper"
    broker: str = "paper"
    account: str = ""
    feed: FeedSpec = field(default_factory=lambda: FeedSpec("sample"))
    schedule: Schedule = field(default_factory=Schedule)
    paper: PaperSpec = field(default_factory=PaperSpec)
    limits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tolerances: Mapping[str, float] = field(default_factory=dict)
    auto_execute: bool = True
    form: str = "auto"
    schema: int = AGENT_SCHEMA

    def __post_init__(self) -> None:
        check_schema(self.schema)
        changes: dict[str, Any] = {} if self.auto_execute else {"auto_execute": False}
        if self.schedule.check_interval_s:
            changes["check_interval_s"] = self.schedule.check_interval_s
        if changes:
            object.__setattr__(self, "run", replace(self.run, settings=replace(self.run.settings, **changes)))
            uses = [replace(use, settings=use.settings and replace(use.settings, **changes)) for use in self.strategies]
            object.__setattr__(self, "strategies", tuple(uses))
        check_name(self.name, "The agent's name")
        if not self.strategies:
            raise ConfigError("Name a strategy; `tidemill strategies` lists them.")
        if self.mode not in MODES:
            raise UnknownName("mode", str(self.mode), MODES)
        if self.mode == "live" and self.broker == "paper":
            raise ConfigError('The paper broker trades no money; write mode = "paper", or name a real broker.')
        for face in self.limits:
            if face not in LIMIT_FACES:
                raise UnknownName("kind of limits", str(face), LIMIT_FACES)
        if self.feed.kind in LISTENING and not (self.symbols and self.interval):
            raise ConfigError(
                f"A {self.feed.kind} feed cannot tell what is traded; write symbols and interval in [data]."
            )
        if self.feed.kind == "synthetic" and self.feed.files:
            raise ConfigError(f"A {self.feed.kind} feed reads no files; leave files out of [data].")

    @property
    def fills_on_trades(self) -> bool:
        """Whether orders of a simulated account meet trades as they come."""
        return (self.paper.fill_on or ("trades" if self.feed.kind in LISTENING else "bars")) == "trades"


def check_schema(schema: object) -> None:
    """Refuse the description of another version.

    Raises:
        ConfigError: it is no version. StoreMismatch: another one.
    """
    if not isinstance(schema, int) or isinstance(schema, bool):
        raise ConfigError(f"schema must be a whole number, not {schema!r}; write schema = {AGENT_SCHEMA}.")
    if schema != AGENT_SCHEMA:
        raise StoreMismatch(
            f"The agent is written for schema {schema}, this Tidemill reads schema {AGENT_SCHEMA}; "
            "use the version it was written for, or write it anew."
        )
