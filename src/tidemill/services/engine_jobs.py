"""Engines as jobs: which run each agent goes on with, where its files lie, and what a stack accuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tidemill.adapters.sql.opening import open_store
from tidemill.model.agent import AgentSpec
from tidemill.model.errors import ConfigError
from tidemill.runtime.clock import SystemIds
from tidemill.services.agents import spec_text
from tidemill.services.home import Home
from tidemill.services.live import pick_run

__all__ = ["EngineJob", "agent_file", "blame", "plan_engines", "stack_file"]


@dataclass(frozen=True, slots=True)
class EngineJob:
    """One engine: an agent and its run."""

    spec: AgentSpec
    run_id: str

    @property
    def account(self) -> str:
        """Return the account it trades on."""
        return self.spec.account or f"paper:{self.run_id}"


def plan_engines(home: Home, specs: Sequence[AgentSpec]) -> list[EngineJob]:
    """Choose a run for each agent: its newest unfinished one, else a new one; make the database ready.

    Raises:
        ConfigError: two agents would trade on one account. StoreError: the database cannot be used.
    """
    jobs: list[EngineJob] = []
    with open_store(home.url, migrate=True) as store:
        for spec in specs:
            try:
                run_id = pick_run(store, spec)
            except ConfigError:
                run_id = SystemIds().fresh(f"{spec.name[:50]}-")
            jobs.append(EngineJob(spec, run_id))
    accounts = [job.account for job in jobs]
    if len(set(accounts)) < len(accounts):
        raise ConfigError("Two agents would trade on one account; give each its own, or run one of them.")
    for job in jobs:
        file = agent_file(home, job.run_id)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(spec_text(job.spec), encoding="utf-8")
    return jobs


def agent_file(home: Home, run_id: str) -> Path:
    """Return where the agent of a run is written down for its engine."""
    return home.runs / run_id / "agent.json"


def stack_file(home: Home, run_id: str) -> Path:
    """Return where a hanging engine writes down what it is doing."""
    return home.runs / run_id / "stack.txt"


def blame(stack: str, spec: AgentSpec, names: Sequence[str]) -> list[str]:
    """Return the strategies a stack accuses: the one whose file is at work, or all when only the core is seen.

    Args:
        stack: as Python's fault handler writes it, innermost first; empty: the process was stopped from outside.
        spec: of the agent. names: its strategies, in the same order.
    """
    frames = [line for line in stack.splitlines() if line.strip().startswith("File ")]
    for frame in frames:
        for use, name in zip(spec.strategies, names, strict=True):
            path = use.strategy.partition(".py")[0] + ".py"
            if path.startswith("/") and f'"{path}"' in frame:
                return [name]
    return list(names) if any("/engine/engine.py" in frame for frame in frames[:3]) else []
