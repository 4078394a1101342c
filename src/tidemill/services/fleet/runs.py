"""Use cases of runs: started within the tier's limit, paused, let go on, stopped; the engine host carries it out."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, select, update
from sqlalchemy import insert as insert_into

from tidemill.adapters.sql.asked import Question
from tidemill.adapters.sql.database import Database, Writing
from tidemill.adapters.sql.service_tables import AGENT_VERSIONS, AGENTS, RUN_OWNERS
from tidemill.model.agent import AgentSpec
from tidemill.model.errors import AlreadyThere
from tidemill.model.people import ACTIVE_RUNS, Principal, UserScope
from tidemill.ports.seams import Clock, Ids
from tidemill.runtime.doorbell import ring
from tidemill.runtime.guard.heartbeat import beat_file, read_beat
from tidemill.services.access.audit import record_refusal
from tidemill.services.agents import spec_hash, spec_of_text
from tidemill.services.fleet.agents import Agent
from tidemill.services.fleet.refusals import OverLimit, not_now, not_there
from tidemill.services.home import Home
from tidemill.services.hosting.bells import HOST, engine_bell
from tidemill.services.hosting.builds import Handshake

__all__ = ["ACTIVE", "ENDED", "OwnedRun", "Runs"]

ACTIVE = ("STARTING", "RUNNING", "PAUSED")
ENDED = ("STOPPED", "COMPLETED", "ERROR")
_NO_SLOT = -1
_DESK_SLOT = 1_000  # of a manual desk: one for each person, beside the places of the tier
_TRIES = 20  # races for a slot; each is lost to somebody who got one
_LOOK_S = 0.02
_ALIVE_NS = 5_000_000_000  # a host beats every second
_OWN = RUN_OWNERS.c.user_id == bindparam("user_id")
_ONE = Question(select(RUN_OWNERS).where(RUN_OWNERS.c.run_id == bindparam("run_id"), _OWN))
_NEWEST = Question(
    select(RUN_OWNERS)
    .join_from(AGENTS, RUN_OWNERS, RUN_OWNERS.c.run_id == AGENTS.c.run_id)
    .where(AGENTS.c.user_id == bindparam("user_id"), AGENTS.c.face == bindparam("face"), AGENTS.c.deleted_ns == 0, _OWN)
)


@dataclass(frozen=True, slots=True)
class OwnedRun:
    """A run and whose it is.

    Args:
        run_id, user_id, agent_id, version: which run of which version of which agent.
        face, mode: as of the agent.
        wanted: RUN, PAUSE or STOP, as its owner asks. status: STARTING, RUNNING, PAUSED, STOPPED, COMPLETED or
            ERROR, as the engine host says. message: why it failed.
        slot: place it takes of its owner's tier, -1: none.
        started_ns, ended_ns, updated_ns: UTC, 0: not yet.
    """

    run_id: str
    user_id: int
    agent_id: str
    version: int
    face: str
    mode: str
    wanted: str
    status: str
    message: str
    slot: int
    started_ns: int
    ended_ns: int
    updated_ns: int

    @property
    def is_active(self) -> bool:
        """Tell whether it takes a place: of its owner's tier, or the one of a manual desk."""
        return self.slot >= 0

    @property
    def account(self) -> str:
        """Return the paper account it trades on: one of its own."""
        return f"paper:{self.run_id}"


def _run_of(row: Mapping[Any, Any]) -> OwnedRun:
    return OwnedRun(
        row["run_id"],
        row["user_id"],
        row["agent_id"],
        row["agent_version"],
        row["face"],
        row["mode"],
        row["wanted"],
        row["status"],
        row["message"],
        row["slot"],
        row["started_ns"],
        row["ended_ns"],
        row["updated_ns"],
    )


class Runs:
    """Runs of everybody; each call sees those of one.

    Args:
        home, database, clock, ids: of the installation.
    """

    def __init__(self, home: Home, database: Database, clock: Clock, ids: Ids) -> None:
        self._home, self._database, self._clock, self._ids = home, database, clock, ids
        self._bell = engine_bell(home)

    def get(self, scope: UserScope, run_id: str) -> OwnedRun:
        """Return one run.

        Raises:
            Refused: nobody has it, or somebody else.
        """
        found = self._database.ask(_ONE, run_id=run_id, user_id=scope.user_id)
        if not found:
            raise not_there("run", run_id)
        return _run_of(found[0])

    def newest(self, scope: UserScope, face: str) -> dict[str, OwnedRun]:
        """Return the newest run of each of somebody's agents of a face, by its name."""
        return {row["run_id"]: _run_of(row) for row in self._database.ask(_NEWEST, user_id=scope.user_id, face=face)}

    def list(
        self,
        scope: UserScope,
        *,
        face: str = "",
        agent_id: str = "",
        only_active: bool = False,
        limit: int = 1000,
        offset: int = 0,
    ) -> Sequence[OwnedRun]:
        """Return somebody's runs, newest first; of a face, of an agent, only those that take a place, if asked."""
        statement = select(RUN_OWNERS).where(RUN_OWNERS.c.user_id == scope.user_id)
        if face:
            statement = statement.where(RUN_OWNERS.c.face == face)
        if agent_id:
            statement = statement.where(RUN_OWNERS.c.agent_id == agent_id)
        if only_active:
            statement = statement.where(RUN_OWNERS.c.slot >= 0)
        order = (RUN_OWNERS.c.started_ns.desc(), RUN_OWNERS.c.run_id.desc())
        return [_run_of(row) for row in self._database.rows(statement.order_by(*order).limit(limit).offset(offset))]

    def spec(self, scope: UserScope, run: OwnedRun) -> AgentSpec:
        """Return what a run trades and how, as it began. Raises StoreError."""
        return self._specs(scope, RUN_OWNERS.c.run_id == run.run_id)[0][1]

    def listening(self, scope: UserScope) -> dict[str, frozenset[str]]:
        """Return somebody's runs at work that take pushed ticks, and the symbols each trades."""
        found = self._specs(scope, RUN_OWNERS.c.slot >= 0)
        return {run_id: frozenset(spec.symbols) for run_id, spec in found if spec.feed.kind == "push"}

    def _specs(self, scope: UserScope, *where: ColumnElement[bool]) -> Sequence[tuple[str, AgentSpec]]:
        statement = select(RUN_OWNERS.c.run_id, AGENT_VERSIONS.c.spec_json).join(
            AGENT_VERSIONS,
            and_(
                AGENT_VERSIONS.c.agent_id == RUN_OWNERS.c.agent_id,
                AGENT_VERSIONS.c.version == RUN_OWNERS.c.agent_version,
            ),
        )
        rows = self._database.rows(
            statement.where(RUN_OWNERS.c.user_id == scope.user_id, *where).order_by(RUN_OWNERS.c.started_ns)
        )
        return [(row["run_id"], spec_of_text(row["spec_json"])) for row in rows]

    def start(self, principal: Principal, agent: Agent, *, anew: bool = False) -> OwnedRun:
        """Let an agent begin, or go on with the run it stopped, if a place of the tier is free.

        Args:
            principal: whose agent it is.
            agent: what to run.
            anew: begin a new run even if the last one could go on.

        Raises:
            OverLimit: every place is taken. Refused: it is at work already, or the engine is of another build.
            StoreError: it was not started.
        """
        Handshake(self._home, self._clock).check("start")
        for _ in range(_TRIES):
            try:
                run_id = self._begin(principal, agent, anew=anew)
            except AlreadyThere:
                continue  # somebody took the same place at the same moment: look again which are free
            except OverLimit as error:
                record_refusal(self._database, principal, error.code, str(error))
                raise
            ring(self._bell)
            return self.get(principal.scope, run_id)
        raise not_now("Too many runs begin at once; try again.")

    def _begin(self, principal: Principal, agent: Agent, *, anew: bool) -> str:
        most, now = ACTIVE_RUNS[principal.tier], self._clock.now_ns()
        with self._database.write() as writing:
            active = writing.rows(
                select(RUN_OWNERS.c.run_id, RUN_OWNERS.c.slot, RUN_OWNERS.c.agent_id)
                .where(RUN_OWNERS.c.user_id == principal.user_id, RUN_OWNERS.c.slot >= 0)
                .order_by(RUN_OWNERS.c.slot)
            )
            if any(row["agent_id"] == agent.id for row in active):
                raise not_now(f"{agent.name} is at work already; stop it first, or let it go on if it is paused.")
            taken = {row["slot"] for row in active}
            places: Sequence[int] = [_DESK_SLOT] if agent.face == "manual" else range(most)
            slot = next((place for place in places if place not in taken), None)
            counted = [row["run_id"] for row in active if row["slot"] != _DESK_SLOT]
            if slot is None or (slot != _DESK_SLOT and len(counted) >= most):
                raise OverLimit(principal.tier, most, counted)
            run_id = "" if anew else self._resumable(writing, agent)
            if run_id:
                writing.run(
                    update(RUN_OWNERS)
                    .where(RUN_OWNERS.c.run_id == run_id)
                    .values(wanted="RUN", status="STARTING", message="", slot=slot, ended_ns=0, updated_ns=now)
                )
            else:
                run_id = self._ids.fresh(f"{agent.spec.name[:40]}-")
                writing.run(insert_into(RUN_OWNERS).values(self._row(run_id, principal, agent, slot, now)))
                writing.run(
                    update(AGENT_VERSIONS)
                    .where(
                        AGENT_VERSIONS.c.agent_id == agent.id,
                        AGENT_VERSIONS.c.version == agent.version,
                        AGENT_VERSIONS.c.used_ns == 0,
                    )
                    .values(used_ns=now)
                )
            writing.run(
                update(AGENTS).where(AGENTS.c.id == agent.id).values(run_id=run_id, is_active=1, updated_ns=now)
            )
        return run_id

    def _row(self, run_id: str, principal: Principal, agent: Agent, slot: int, now: int) -> dict[str, object]:
        return {
            "run_id": run_id,
            "agent_id": agent.id,
            "face": agent.face,
            "mode": agent.spec.mode,
            "wanted": "RUN",
            "status": "STARTING",
            "message": "",
            "user_id": principal.user_id,
            "agent_version": agent.version,
            "slot": slot,
            "started_ns": now,
            "ended_ns": 0,
            "updated_ns": now,
        }

    def _resumable(self, writing: Writing, agent: Agent) -> str:
        """Return the agent's last run if it was stopped, or failed, with the specification the agent still has."""
        row = writing.row(
            select(RUN_OWNERS.c.run_id, RUN_OWNERS.c.status, AGENT_VERSIONS.c.hash)
            .join(
                AGENT_VERSIONS,
                and_(
                    AGENT_VERSIONS.c.agent_id == RUN_OWNERS.c.agent_id,
                    AGENT_VERSIONS.c.version == RUN_OWNERS.c.agent_version,
                ),
            )
            .where(RUN_OWNERS.c.agent_id == agent.id)
            .order_by(RUN_OWNERS.c.started_ns.desc())
            .limit(1)
        )
        if row is None or row["status"] == "COMPLETED" or row["hash"] != spec_hash(agent.spec):
            return ""
        return str(row["run_id"])

    def pause(self, scope: UserScope, run_id: str) -> OwnedRun:
        """Let a run go on looking without new entries; exits and protection stay at work.

        Raises:
            Refused: there is no such run; it is over.
        """
        return self._want(scope, run_id, "PAUSE")

    def resume(self, scope: UserScope, run_id: str) -> OwnedRun:
        """Let a paused run trade again; errors as of ``pause``, and for an engine of another build."""
        Handshake(self._home, self._clock).check("go_on")
        return self._want(scope, run_id, "RUN")

    def stop(self, scope: UserScope, run_id: str, *, wait_s: float = 5.0) -> OwnedRun:
        """End a run and wait a while until it has; one that is over stays as it is. Raises Refused."""
        run = self.get(scope, run_id)
        if not run.is_active:
            return run
        self._want(scope, run_id, "STOP")
        return self.wait(scope, run_id, ENDED, wait_s)

    def wait(self, scope: UserScope, run_id: str, states: Sequence[str], wait_s: float) -> OwnedRun:
        """Return a run as soon as it is in one of these states, or as it stands when the time is over.

        Without a living engine host nothing will change, so nothing is waited for.
        """
        until = time.monotonic() + (wait_s if self._is_hosted() else 0.0)
        while (run := self.get(scope, run_id)).status not in states and time.monotonic() < until:
            time.sleep(_LOOK_S)
        return run

    def _is_hosted(self) -> bool:
        beat = read_beat(beat_file(self._home.halts, HOST))
        return beat is not None and self._clock.now_ns() - beat.now_ns < _ALIVE_NS

    def _want(self, scope: UserScope, run_id: str, wanted: str) -> OwnedRun:
        run = self.get(scope, run_id)
        if not run.is_active:
            raise not_now(f"The run {run_id} is {run.status}; start its agent again first.")
        now = self._clock.now_ns()
        with self._database.write() as writing:
            changed = writing.run(
                update(RUN_OWNERS)
                .where(RUN_OWNERS.c.run_id == run_id, RUN_OWNERS.c.slot >= 0, RUN_OWNERS.c.wanted != "STOP")
                .values(wanted=wanted, updated_ns=now)
            )
            if wanted == "STOP" and changed:
                writing.run(update(AGENTS).where(AGENTS.c.id == run.agent_id).values(is_active=0, updated_ns=now))
        if not changed and wanted != "STOP":
            raise not_now(f"The run {run_id} is being stopped; start its agent again once it has.")
        ring(self._bell)
        return self.get(scope, run_id)
