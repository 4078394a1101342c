"""Questions to the durable record; each is one query on the store's own connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar

from sqlalchemy import Table

from tidemill.adapters.sql import leases
from tidemill.adapters.sql.read_tables import READ_TABLES, key_of
from tidemill.adapters.sql.session import Session
from tidemill.adapters.sql.statements import select_sql
from tidemill.adapters.sql.tables import (
    ALERTS,
    COMMANDS,
    FILLS,
    GUARD,
    HEARTBEATS,
    INTENTS,
    JOURNAL,
    LEDGER,
    ORDERS,
    OUTBOX,
    RECON_RUNS,
    RUNS,
    SNAPSHOTS,
    TAPE,
    VIOLATIONS,
)
from tidemill.model.bookkeeping import sum_text
from tidemill.model.errors import InvariantBroken
from tidemill.model.journal import (
    AlertRow,
    FillEntry,
    GuardRow,
    IntentRow,
    LedgerRow,
    OrderRecord,
    OutboxRow,
    ReconRow,
    RunRow,
    SnapshotRow,
    TapeRow,
    ViolationRow,
)
from tidemill.ports.store import CommandRow, Lease

__all__ = ["StoreReads", "names_of", "read_table"]

Row = TypeVar("Row")
_UNANSWERED = ("NEW", "TAKEN")
_KEYS = 256  # of one question


_ROWS: list[type[Any]] = [CommandRow, *(row for _, row in JOURNAL.values())]
_NAMES: dict[type[Any], tuple[str, ...]] = {row: tuple(item.name for item in fields(row)) for row in _ROWS}


def names_of(row: type[Any]) -> tuple[str, ...]:
    """Return the columns of a row type, in the order of its fields."""
    return _NAMES[row]


class StoreReads:
    """The reading half of ``SqlStore``.

    Args:
        session: the store's connection.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def _rows(
        self, table: Table, row: type[Row], where: Mapping[str, Any], order: Sequence[str], limit: int = 0
    ) -> list[Row]:
        sql = select_sql(
            self._session.database, table, names_of(row), where=tuple(where), order=tuple(order), limit=limit
        )
        return [row(*values) for values in self._session.read(sql, tuple(where.values()))]

    def run(self, run_id: str) -> RunRow | None:
        """Return one run."""
        return next(iter(self._rows(RUNS, RunRow, {"run_id": run_id}, ["run_id"])), None)

    def runs(self) -> list[RunRow]:
        """Return all runs, newest first."""
        return self._rows(RUNS, RunRow, {}, ["-started_ns", "-run_id"])

    def tape(self, run_id: str, after_seq: int = 0) -> list[TapeRow]:
        """Return a run's tape rows in order of writing."""
        where = {"run_id": run_id} if after_seq <= 0 else {"run_id": run_id, "seq>": after_seq}
        return self._rows(TAPE, TapeRow, where, ["number"])

    def last_tape(self, run_id: str) -> TapeRow | None:
        """Return the newest tape row, whose hash the next one carries on."""
        return next(iter(self._rows(TAPE, TapeRow, {"run_id": run_id}, ["-seq", "-number"], 1)), None)

    def intents(self, run_id: str) -> list[IntentRow]:
        """Return a run's intents by seq and leg."""
        return self._rows(INTENTS, IntentRow, {"run_id": run_id}, ["seq", "leg", "client_id"])

    def outbox(self, run_id: str, states: Sequence[str] = ()) -> list[OutboxRow]:
        """Return requests in order of writing, of the given states or all."""
        names = names_of(OutboxRow)
        where = ("run_id", f"state*{len(states)}") if states else ("run_id",)
        sql = select_sql(self._session.database, OUTBOX, names, where=where, order=("number",))
        return [OutboxRow(*values) for values in self._session.read(sql, (run_id, *states))]

    def orders(self, run_id: str) -> list[OrderRecord]:
        """Return a run's orders by time."""
        return self._rows(ORDERS, OrderRecord, {"run_id": run_id}, ["created_ns", "client_id"])

    def fills(self, run_id: str) -> list[FillEntry]:
        """Return a run's fills by seq."""
        return self._rows(FILLS, FillEntry, {"run_id": run_id}, ["seq", "number"])

    def ledger(self, account: str, run_id: str = "") -> list[LedgerRow]:
        """Return an account's ledger in order of writing; of one run if given."""
        where = {"account": account, "run_id": run_id} if run_id else {"account": account}
        return self._rows(LEDGER, LedgerRow, where, ["number"])

    def balances(self, account: str, run_id: str = "") -> Mapping[str, str]:
        """Return the ledger's sums by asset as decimal text; of one run if given."""
        where = ("account", "run_id") if run_id else ("account",)
        sql = select_sql(self._session.database, LEDGER, ("asset", "delta"), where=where, order=("asset", "number"))
        deltas: dict[str, list[str]] = {}
        for asset, delta in self._session.read(sql, (account, run_id)[: len(where)]):
            deltas.setdefault(asset, []).append(delta)
        return {asset: sum_text(items) for asset, items in deltas.items()}

    def guard(self) -> list[GuardRow]:
        """Return every scope's halt state."""
        return self._rows(GUARD, GuardRow, {}, ["scope"])

    def violations(self, run_id: str = "", *, unresolved: bool = False) -> list[ViolationRow]:
        """Return limits that were hit, oldest first; of one run if given, only what nobody resolved if asked."""
        where: dict[str, Any] = {"run_id": run_id} if run_id else {}
        where |= {"resolved_ns": 0} if unresolved else {}
        return self._rows(VIOLATIONS, ViolationRow, where, ["at_ns", "key"])

    def alerts(self, *, undelivered: bool = False) -> list[AlertRow]:
        """Return alerts, oldest first; only those no channel took yet if asked."""
        return self._rows(ALERTS, AlertRow, {"delivered_ns": 0} if undelivered else {}, ["at_ns", "key"])

    def recon_runs(self, account: str) -> list[ReconRow]:
        """Return an account's comparisons with its broker, oldest first."""
        return self._rows(RECON_RUNS, ReconRow, {"account": account}, ["started_ns", "key"])

    def last_snapshot(self, run_id: str) -> SnapshotRow | None:
        """Return the newest snapshot."""
        return next(iter(self._rows(SNAPSHOTS, SnapshotRow, {"run_id": run_id}, ["-seq"], 1)), None)

    def lease(self, account: str) -> Lease | None:
        """Return an account's lease as it stands, None when nobody ever had it."""
        return leases.find(self._session, account)

    def epoch(self, account: str) -> int:
        """Return the newest epoch of an account's lease, 0 when nobody ever had it.

        An epoch lower than one the broker has seen in our order ids means that an older backup was restored.
        """
        return leases.epoch_of(self._session, account)

    def command(self, key: str) -> CommandRow | None:
        """Return one command."""
        return next(iter(self._rows(COMMANDS, CommandRow, {"key": key}, ["number"])), None)

    def commands(self, keys: Sequence[str]) -> list[CommandRow]:
        """Return commands by their keys, as they stand; those nobody stored are left out."""
        found = []
        for at in range(0, len(keys), _KEYS):
            chunk = [*keys[at : at + _KEYS]]
            chunk += chunk[-1:] * ((1 << (len(chunk) - 1).bit_length()) - len(chunk))  # few texts, however many keys
            names = names_of(CommandRow)
            sql = select_sql(self._session.database, COMMANDS, names, where=(f"key*{len(chunk)}",), order=("number",))
            found += [CommandRow(*row) for row in self._session.read(sql, tuple(chunk))]
        return found

    def new_commands(self, run_id: str = "") -> list[CommandRow]:
        """Return commands nobody has answered yet, oldest first: NEW ones and those somebody took."""
        where: tuple[str, ...] = (f"state*{len(_UNANSWERED)}", "run_id") if run_id else (f"state*{len(_UNANSWERED)}",)
        sql = select_sql(self._session.database, COMMANDS, names_of(CommandRow), where=where, order=("number",))
        values = (*_UNANSWERED, run_id) if run_id else _UNANSWERED
        return [CommandRow(*row) for row in self._session.read(sql, values)]

    def heartbeats(self) -> Mapping[str, tuple[int, str]]:
        """Return the last heartbeat of each process: time and words."""
        sql = select_sql(self._session.database, HEARTBEATS, ("name", "at_ns", "body"), order=("name",))
        return {name: (at_ns, body) for name, at_ns, body in self._session.read(sql)}

    def projection(self, table: str, where: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Return rows of a read table, by key order.

        Args:
            table: one of ``READ_TABLES``.
            where: columns and the values they have to equal.

        Raises:
            InvariantBroken: there is no such table or column.
        """
        found, asked = read_table(table), dict(where or {})
        names = tuple(column.name for column in found.columns)
        if not asked.keys() <= set(names):
            raise InvariantBroken(f"The read table {table} has no column {min(asked.keys() - set(names))}.")
        sql = select_sql(self._session.database, found, names, where=tuple(asked), order=key_of(found))
        return [dict(zip(names, row, strict=True)) for row in self._session.read(sql, tuple(asked.values()))]


def read_table(name: str) -> Table:
    """Return a read table by name; raises InvariantBroken when there is none."""
    if name not in READ_TABLES:
        raise InvariantBroken(f"There is no read table {name!r}; there are {', '.join(sorted(READ_TABLES))}.")
    return READ_TABLES[name]
