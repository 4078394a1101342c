"""A record of somebody's run, written row by row."""

from __future__ import annotations

import json
from typing import Any

from installation import Service

from journal_rows import fill, filled, run_row
from tidemill.adapters.sql.service_tables import RUN_OWNERS
from tidemill.model.journal import (
    AlertRow,
    Batch,
    IntentRow,
    OrderRecord,
    OutboxRow,
    ProjectionRow,
    TapeRow,
    ViolationRow,
)
from tidemill.ports.store import CommandRow

__all__ = ["Record"]


class Record:
    """One run of somebody's, and what happens in it.

    Args:
        service: the installation. run_id: of the run. owner: whose it is; empty: nobody's of the service.
    """

    def __init__(self, service: Service, run_id: str, owner: str = "", state: str = "RUNNING") -> None:
        self.store, self.run_id, self._at = service.parts.database.store, run_id, 0
        self.write(runs=[run_row(run_id, state=state, ended_ns=0, account=f"paper:{run_id}")])
        if owner:
            empty = {column.name: "" if column.type.python_type is str else 0 for column in RUN_OWNERS.columns}
            user = service.users[owner].user_id
            mine = {"run_id": run_id, "user_id": user, "wanted": "RUN", "slot": -1, "face": "agent", "mode": "paper"}
            with service.parts.database.write() as writing:
                writing.run(RUN_OWNERS.insert().values({**empty, **mine}))

    def write(self, **rows: Any) -> None:
        self.store.commit(Batch(**rows))

    def next(self) -> int:
        self._at += 1
        return self._at

    def order(self, symbol: str, side: str = "BUY", *, state: str = "FILLED", why: str = "", took_ms: int = 0) -> None:
        """Write an order, and how long it took to leave."""
        at = self.next()
        name = f"{self.run_id}-{at}"
        shared: dict[str, Any] = {"client_id": name, "run_id": self.run_id, "symbol": symbol}
        order = filled(OrderRecord, **shared, side=side, state=state, text=why, created_ns=at, limit_price="")
        intent = filled(IntentRow, **shared, seq=at, created_ns=1_000_000_000)
        state = "DONE" if took_ms else "DROPPED"
        sent_ns = 1_000_000_000 + took_ms * 1_000_000 if took_ms else 0
        box = OutboxRow(f"{name}:submit", self.run_id, name, "submit", "{}", state, sent_ns=sent_ns)
        self.write(orders=[order], intents=[intent], outbox=[box])

    def refusal(self, symbol: str, refusal: str, side: str = "BUY") -> None:
        """Write a proposal the core refused."""
        at = self.next()
        values = {"symbol": symbol, "side": side, "status": "REFUSED", "refusal": refusal, "at_ns": at}
        self.write(projections=[ProjectionRow("signals", (self.run_id, at), values)])

    def refused_wish(self, symbol: str, answer: str) -> None:
        """Write what somebody asked for in vain."""
        body = json.dumps({"symbol": symbol, "side": "buy"})
        key = f"refused-{self.run_id}-{self.next()}"
        self.store.put_command(CommandRow(key, "ann", self.run_id, "order", body, key, "REFUSED", answer, self._at))

    def halted(self, by: str, kind: str = "HALT") -> None:
        """Write a halt onto the tape."""
        at = self.next()
        row = TapeRow(
            self.run_id, at, at, at, f"person:{by}", kind, "", b"", hash=f"{self.run_id}{at}", prev_hash=f"{at}"
        )
        self.write(tape=[row])

    def fill(self, symbol: str, **given: Any) -> None:
        at = self.next()
        given = {"run_id": self.run_id, "symbol": symbol, "ts_ns": at, "quantity": "1", "price": "2.5", **given}
        self.write(fills=[fill(f"{self.run_id}-{at}", **given)])

    def activity(self, kind: str, text: str, at_ns: int, symbol: str = "SPY") -> None:
        values = {"kind": kind, "strategy": "s", "symbol": symbol, "text": text, "data_json": '{"a":1}', "at_ns": at_ns}
        self.write(projections=[ProjectionRow("activity_log", (self.run_id, self.next()), values)])

    def alert(self, severity: int, kind: str, at_ns: int) -> None:
        self.write(alerts=[AlertRow(f"{self.run_id}/{self.next()}", self.run_id, severity, kind, f"{kind}!", at_ns)])

    def violation(self, severity: str, rule: str, at_ns: int) -> None:
        key = f"{self.run_id}/{self.next()}"
        self.write(violations=[ViolationRow(key, self.run_id, "run", rule, severity, f"{rule}!", at_ns)])
