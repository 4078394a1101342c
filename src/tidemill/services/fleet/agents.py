"""Use cases of agents: made, listed, changed, deleted; every change is a new version, and a run keeps its own."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, func, select, update
from sqlalchemy import insert as insert_into

from tidemill.adapters.sql.asked import Question
from tidemill.adapters.sql.database import Database, Writing
from tidemill.adapters.sql.service_tables import AGENT_VERSIONS, AGENTS
from tidemill.model.agent import AgentSpec
from tidemill.model.people import UserScope
from tidemill.ports.seams import Clock, Ids
from tidemill.services.agents import spec_hash, spec_of_text, spec_text
from tidemill.services.fleet.making import Made
from tidemill.services.fleet.refusals import not_there

__all__ = ["FACES", "Agent", "Agents", "agent_of"]

FACES = ("agent", "live_strategy", "session", "manual")
_SPEED = "speed"
_A = AGENTS.c
_OWN = select(AGENTS).where(_A.user_id == bindparam("user_id"), _A.face == bindparam("face"), _A.deleted_ns == 0)
_BY_NUMBER = Question(_OWN.where(_A.number == bindparam("key")))
_BY_ID = Question(_OWN.where(_A.id == bindparam("key")))
_ALL = Question(_OWN.order_by(_A.number).limit(bindparam("most")).offset(bindparam("offset")))


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent as its owner sees it.

    Args:
        number: counts up over all agents; the id of faces whose ids are numbers.
        id: name of the others. user_id: whose it is. face: which of the four words it goes by.
        name: as its owner calls it. version: newest.
        spec: of that version, for the core. face_values: what only the face knows, as it was written.
        is_active: whether its owner wants it at work. run_id: its newest run, empty before the first.
        speed: of its feed. created_ns, updated_ns: UTC.
    """

    number: int
    id: str
    user_id: int
    face: str
    name: str
    version: int
    spec: AgentSpec
    face_values: Mapping[str, Any]
    is_active: bool
    run_id: str
    speed: float
    created_ns: int
    updated_ns: int


@lru_cache(maxsize=512)
def _spec(text: str) -> AgentSpec:
    """Return a specification of its text; nobody changes one, and reading it costs a millisecond."""
    return spec_of_text(text)


def agent_of(row: Mapping[Any, Any]) -> Agent:
    """Return an agent of its row."""
    values = json.loads(row["face_json"] or "{}")
    return Agent(
        row["number"],
        row["id"],
        row["user_id"],
        row["face"],
        row["name"],
        row["version"],
        _spec(row["spec_json"]),
        values.get("face", {}),
        bool(row["is_active"]),
        row["run_id"],
        float(values.get(_SPEED) or math.inf),
        row["created_ns"],
        row["updated_ns"],
    )


def _face_json(face_values: Mapping[str, Any], speed: float) -> str:
    values = {"face": face_values, _SPEED: None if math.isinf(speed) else speed}
    return json.dumps(values, sort_keys=True, separators=(",", ":"))


class Agents:
    """Agents of everybody; each call sees those of one.

    Args:
        database, clock, ids: of the installation.
    """

    def __init__(self, database: Database, clock: Clock, ids: Ids) -> None:
        self._database, self._clock, self._ids = database, clock, ids

    def create(
        self, scope: UserScope, face: str, name: str, made: Made, face_values: Mapping[str, Any], *, is_active: bool
    ) -> Agent:
        """Store a new agent with its first version. Raises StoreError."""
        now = self._clock.now_ns()
        values = {
            "id": self._ids.fresh("agent-"),
            "user_id": scope.user_id,
            "face": face,
            "name": name,
            "status": "",
            "spec_json": spec_text(made.spec),
            "face_json": _face_json(face_values, made.speed),
            "run_id": "",
            "message": "",
            "version": 1,
            "is_active": int(is_active),
            "created_ns": now,
            "updated_ns": now,
            "deleted_ns": 0,
        }
        with self._database.write() as writing:
            writing.insert(insert_into(AGENTS).values(values))
            _add_version(writing, str(values["id"]), 1, made.spec, now)
        return self.get(scope, face, str(values["id"]))

    def get(self, scope: UserScope, face: str, agent_id: str | int) -> Agent:
        """Return one agent, by id or number.

        Raises:
            Refused: nobody has it, or somebody else.
        """
        if isinstance(agent_id, int) and not (0 < agent_id < 2**63):
            raise not_there(face.replace("_", " "), agent_id)
        question = _BY_NUMBER if isinstance(agent_id, int) else _BY_ID
        found = self._database.ask(question, key=agent_id, user_id=scope.user_id, face=face)
        if not found:
            raise not_there(face.replace("_", " "), agent_id)
        return agent_of(found[0])

    def list(self, scope: UserScope, face: str, *, limit: int = 1000, offset: int = 0) -> Sequence[Agent]:
        """Return somebody's agents of a face, oldest first."""
        found = self._database.ask(_ALL, user_id=scope.user_id, face=face, most=limit, offset=offset)
        return [agent_of(row) for row in found]

    def change(
        self, agent: Agent, *, name: str | None = None, made: Made | None = None, face_values: Mapping[str, Any]
    ) -> Agent:
        """Write an agent anew: another specification is another version; runs keep the one they began with."""
        now, spec = self._clock.now_ns(), made.spec if made is not None else agent.spec
        speed = made.speed if made is not None else agent.speed
        with self._database.write() as writing:
            version = agent.version
            if spec_hash(spec) != spec_hash(agent.spec):
                newest = writing.row(
                    select(func.max(AGENT_VERSIONS.c.version).label("newest")).where(
                        AGENT_VERSIONS.c.agent_id == agent.id
                    )
                )
                version = int(newest["newest"] or 0) + 1 if newest is not None else 1
                _add_version(writing, agent.id, version, spec, now)
            writing.run(
                update(AGENTS)
                .where(AGENTS.c.id == agent.id, AGENTS.c.user_id == agent.user_id)
                .values(
                    name=name or agent.name,
                    version=version,
                    spec_json=spec_text(spec),
                    face_json=_face_json(face_values, speed),
                    updated_ns=now,
                )
            )
        return self.get(UserScope(agent.user_id), agent.face, agent.id)

    def set_active(self, agent: Agent, *, is_active: bool) -> None:
        """Note whether an agent's owner wants it at work."""
        with self._database.write() as writing:
            writing.run(
                update(AGENTS)
                .where(AGENTS.c.id == agent.id, AGENTS.c.user_id == agent.user_id)
                .values(is_active=int(is_active), updated_ns=self._clock.now_ns())
            )

    def delete(self, agent: Agent) -> None:
        """Take an agent out of every list; its runs and their record stay."""
        with self._database.write() as writing:
            writing.run(
                update(AGENTS)
                .where(AGENTS.c.id == agent.id, AGENTS.c.user_id == agent.user_id)
                .values(is_active=0, deleted_ns=self._clock.now_ns())
            )


def _add_version(writing: Writing, agent_id: str, version: int, spec: AgentSpec, now: int) -> None:
    writing.run(
        insert_into(AGENT_VERSIONS).values(
            agent_id=agent_id,
            version=version,
            spec_json=spec_text(spec),
            hash=spec_hash(spec),
            created_ns=now,
            used_ns=0,
        )
    )
