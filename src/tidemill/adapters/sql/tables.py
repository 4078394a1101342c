"""The tables of the durable record: one for each row type of ``model/journal.py``, column by column the same.

Text, whole numbers and bytes only: money is micros, quantities and prices are decimal text. On SQLite the tables are
STRICT, so a value of the wrong type is refused instead of being stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    literal_column,
)
from sqlalchemy.dialects.sqlite import REAL as SQLITE_REAL
from sqlalchemy.types import TypeEngine

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

__all__ = [
    "ALERTS",
    "COMMANDS",
    "FILLS",
    "GUARD",
    "HEARTBEATS",
    "INTENTS",
    "JOURNAL",
    "LEASES",
    "LEDGER",
    "META",
    "METADATA",
    "ORDERS",
    "OUTBOX",
    "RECON_RUNS",
    "RUNS",
    "SNAPSHOTS",
    "TAPE",
    "VIOLATIONS",
    "sql_type",
    "table_of",
]

METADATA = MetaData()

_TYPES: dict[str, TypeEngine[Any]] = {
    "str": Text(),
    "int": BigInteger().with_variant(Integer(), "sqlite"),
    "float": Double().with_variant(SQLITE_REAL(), "sqlite"),
    "bytes": LargeBinary(),
}


def sql_type(name: str) -> TypeEngine[Any]:
    """Return the column type of a Python type, the same range in every database."""
    return _TYPES[name]


def _number() -> Column[Any]:
    """Order of writing: rows of one instant keep their order."""
    return Column("number", sql_type("int"), primary_key=True, autoincrement=True)


def table_of(row: type[Any], name: str, key: Sequence[str], *extra: Any, numbered: bool = False) -> Table:
    """Return the table of a row type.

    Args:
        row: dataclass whose fields are ``str``, ``int`` or ``bytes``.
        key: columns that may stand once; unique beside the number of a numbered table, else the primary key.
        extra: indexes and checks.
        numbered: whether order of writing counts.
    """
    own: Iterable[Column[Any]] = (
        Column(item.name, sql_type(str(item.type)), primary_key=not numbered and item.name in key, nullable=False)
        for item in fields(row)
    )
    unique = [Index(f"{name}_key", *key, unique=True)] if numbered and key else []
    first = [_number()] if numbered else []
    return Table(name, METADATA, *first, *own, *unique, *extra, sqlite_strict=True)


RUNS = table_of(RunRow, "runs", ["run_id"])
TAPE = table_of(TapeRow, "tape", [], Index("tape_seq", "run_id", "seq"), numbered=True)
# Two rows cannot carry on the same row: a second writer, or the same event written twice, is refused.
_CHAINED = TAPE.c.hash != literal_column("''")
Index(
    "tape_chain",
    TAPE.c.run_id,
    TAPE.c.prev_hash,
    unique=True,
    sqlite_where=_CHAINED,
    postgresql_where=_CHAINED,
)
INTENTS = table_of(IntentRow, "intents", ["client_id"], Index("intents_run", "run_id", "seq", "leg"))
OUTBOX = table_of(
    OutboxRow,
    "outbox",
    ["key"],
    Index("outbox_state", "run_id", "state"),
    CheckConstraint("state IN ('PENDING', 'SENDING', 'DONE', 'UNKNOWN', 'DROPPED')", name="outbox_known_state"),
    numbered=True,
)
ORDERS = table_of(OrderRecord, "orders", ["client_id"], Index("orders_run", "run_id", "created_ns"))
FILLS = table_of(
    FillEntry,
    "fills",
    ["broker", "account", "exec_id"],
    Index("fills_run", "run_id", "seq"),
    Index("fills_time", "run_id", "ts_ns", "number"),
    numbered=True,
)
LEDGER = table_of(LedgerRow, "ledger", ["ref"], Index("ledger_account", "account", "run_id"), numbered=True)
SNAPSHOTS = table_of(SnapshotRow, "snapshots", ["run_id", "seq"])
GUARD = table_of(
    GuardRow, "guard", ["scope"], CheckConstraint("state IN ('HALTED', 'CLEAR')", name="guard_known_state")
)
VIOLATIONS = table_of(ViolationRow, "violations", ["key"], Index("violations_run", "run_id", "at_ns"))
ALERTS = table_of(AlertRow, "alerts", ["key"], Index("alerts_undelivered", "delivered_ns", "at_ns"))
RECON_RUNS = table_of(ReconRow, "recon_runs", ["key"], Index("recon_runs_account", "account", "started_ns"))
COMMANDS = table_of(CommandRow, "commands", ["key"], Index("commands_state", "state", "run_id"), numbered=True)
LEASES = table_of(Lease, "leases", ["account"])
HEARTBEATS = Table(
    "heartbeats",
    METADATA,
    Column("name", sql_type("str"), primary_key=True),
    Column("at_ns", sql_type("int"), nullable=False),
    Column("body", sql_type("str"), nullable=False),
    sqlite_strict=True,
)
META = Table(
    "meta",
    METADATA,
    Column("name", sql_type("str"), primary_key=True),
    Column("value", sql_type("str"), nullable=False),
    sqlite_strict=True,
)

# What one batch writes, in order: a run before what belongs to it.
JOURNAL: dict[str, tuple[Table, type[Any]]] = {
    "runs": (RUNS, RunRow),
    "tape": (TAPE, TapeRow),
    "intents": (INTENTS, IntentRow),
    "outbox": (OUTBOX, OutboxRow),
    "orders": (ORDERS, OrderRecord),
    "fills": (FILLS, FillEntry),
    "ledger": (LEDGER, LedgerRow),
    "guard": (GUARD, GuardRow),
    "violations": (VIOLATIONS, ViolationRow),
    "alerts": (ALERTS, AlertRow),
    "recon": (RECON_RUNS, ReconRow),
    "snapshots": (SNAPSHOTS, SnapshotRow),
}
