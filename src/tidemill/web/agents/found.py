"""The agent a path names, with the run it has or had last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Request

from tidemill.services.fleet.agents import Agent
from tidemill.services.fleet.runs import OwnedRun
from tidemill.web.access import Scope
from tidemill.web.near import near
from tidemill.web.parts import Parts, parts_of

__all__ = ["FACE", "Found", "FoundAgent", "accounts_of", "newest_run"]

FACE = "agent"


def newest_run(parts: Parts, scope: Scope, agent: Agent) -> OwnedRun | None:
    """Return the run an agent has, or had last."""
    return parts.fleet.runs.get(scope, agent.run_id) if agent.run_id else None


@dataclass(frozen=True, slots=True)
class Found:
    """An agent of the caller's, and its newest run."""

    agent: Agent
    run: OwnedRun | None

    @property
    def runs(self) -> list[OwnedRun]:
        """Return the newest run, if there is one."""
        return [self.run] if self.run is not None else []


def accounts_of(found: Found) -> list[str]:
    """Return the names of the account an agent trades on, or will: of its run, if it goes on with it, and its label."""
    agent, run = found.agent, found.run
    goes_on = run is not None and (run.is_active or run.version == agent.version)
    return [*([run.account] if run is not None and goes_on else []), str(agent.face_values["account_id"])]


@near
def _find(request: Request, scope: Scope, agent_id: Annotated[str, Path(min_length=1, max_length=64)]) -> Found:
    parts = parts_of(request)
    agent = parts.fleet.agents.get(scope, FACE, agent_id)
    return Found(agent, newest_run(parts, scope, agent))


FoundAgent = Annotated[Found, Depends(_find)]
