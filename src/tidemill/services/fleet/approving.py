"""Use case: entries that wait at the gate for a person: listed, and found by their id."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from tidemill.adapters.sql.database import Database, Row
from tidemill.adapters.sql.tables import COMMANDS, TAPE
from tidemill.model.agent import LISTENING, AgentSpec
from tidemill.ports.seams import Clock
from tidemill.services.fleet.facts import Facts
from tidemill.services.fleet.refusals import not_now
from tidemill.services.fleet.runs import OwnedRun

__all__ = ["Approving", "Waiting"]

_MOST = 1_000  # proposals of one run that are looked at, newest first


@dataclass(frozen=True, slots=True)
class Waiting:
    """A proposal that waits: its number in its run, what it would do, and until when it may be answered, UTC."""

    run_id: str
    proposal: int
    symbol: str
    side: str
    quantity: float
    price: float
    stop_loss: float
    take_profit: float
    confidence: float
    at_ns: int
    until_ns: int

    @property
    def id(self) -> str:
        """Return its id."""
        return f"{self.run_id}-p{self.proposal}"


class Approving:
    """Proposals of runs whose strategies ask a gate.

    Args:
        database, clock: of the installation. facts: how runs fare.
    """

    def __init__(self, database: Database, clock: Clock, facts: Facts) -> None:
        self._database, self._clock, self._facts = database, clock, facts

    def waiting(self, run: OwnedRun, spec: AgentSpec) -> Sequence[Waiting]:
        """Return what waits for a person, newest first; a newer proposal of a symbol may have voided an older one."""
        if not (run.is_active and spec.run.settings.gate):
            return []
        rows = self._database.rows(
            select(TAPE.c.key, TAPE.c.body)
            .where(TAPE.c.run_id == run.run_id, TAPE.c.kind == "proposal")
            .order_by(TAPE.c.seq.desc())
            .limit(_MOST)
        )
        answered, now = self._answered(run), self._now(run, spec)
        found = [_waiting(run, row, round(spec.run.settings.gate_ttl_s * 1e9)) for row in rows]
        return [item for item in found if item.proposal not in answered and item.until_ns >= now]

    def find(self, run: OwnedRun | None, spec: AgentSpec, name: str) -> Waiting:
        """Return the proposal of an id that waits. Raises Refused: none of that id does."""
        found = self.waiting(run, spec) if run is not None else []
        item = next((item for item in found if item.id == name), None)
        if item is None:
            raise not_now(f"No recommendation {name[:80]} waits for approval; it is answered, void or too old.")
        return item

    def _answered(self, run: OwnedRun) -> frozenset[int]:
        rows = self._database.rows(
            select(COMMANDS.c.body).where(
                COMMANDS.c.run_id == run.run_id, COMMANDS.c.kind == "verdict", COMMANDS.c.state != "NEW"
            )
        )
        return frozenset(int(json.loads(row["body"]).get("proposal") or 0) for row in rows)

    def _now(self, run: OwnedRun, spec: AgentSpec) -> int:
        """Return the time on the clock of a run's market."""
        if spec.feed.kind in LISTENING:
            return self._clock.now_ns()
        return int(self._facts.view(run).get("market_ns") or 0)


def _waiting(run: OwnedRun, row: Row, ttl_ns: int) -> Waiting:
    body = json.loads(row["body"])
    return Waiting(
        run.run_id,
        int(body["proposal"]),
        body["symbol"],
        body["side"],
        body["quantity"],
        body["price"],
        body["stop_loss"],
        body["take_profit"],
        body["confidence"],
        body["at_ns"],
        body["at_ns"] + ttl_ns,
    )
