"""The durable record: runs, tape, intents, outbox, orders, fills, ledger, snapshots."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0001"
down_revision = None

_WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_CHAINED = sa.text("hash != ''")


def _columns(kind: TypeEngine[str] | TypeEngine[int] | TypeEngine[bytes], names: str) -> list[sa.Column[object]]:
    return [sa.Column(name, kind, nullable=False) for name in names.split()]


def _text(names: str) -> list[sa.Column[object]]:
    return _columns(sa.Text(), names)


def _whole(names: str) -> list[sa.Column[object]]:
    return _columns(_WHOLE, names)


def _table(name: str, *columns: sa.schema.SchemaItem) -> None:
    op.create_table(name, *columns, sqlite_strict=True)


def _number() -> sa.Column[int]:
    return sa.Column("number", _WHOLE, primary_key=True, autoincrement=True)


def upgrade() -> None:
    """Make the tables."""
    _table("meta", *_text("name value"), sa.PrimaryKeyConstraint("name"))
    _table(
        "runs",
        *_text("run_id agent spec spec_hash mode broker account build state message"),
        *_whole("started_ns ended_ns"),
        sa.PrimaryKeyConstraint("run_id"),
    )
    _table(
        "tape",
        _number(),
        *_text("run_id"),
        *_whole("seq wall_ns mono_ns"),
        *_text("source kind key"),
        *_columns(sa.LargeBinary(), "body"),
        *_text("market_hash prev_hash hash"),
    )
    op.create_index("tape_seq", "tape", ["run_id", "seq"])
    op.create_index(
        "tape_chain", "tape", ["run_id", "prev_hash"], unique=True, sqlite_where=_CHAINED, postgresql_where=_CHAINED
    )
    _table(
        "intents",
        *_text("client_id run_id account"),
        *_whole("seq leg number"),
        *_text("strategy symbol kind terms"),
        *_whole("created_ns expires_ns"),
        *_text("build"),
        sa.PrimaryKeyConstraint("client_id"),
    )
    op.create_index("intents_run", "intents", ["run_id", "seq", "leg"])
    _table(
        "outbox",
        _number(),
        *_text("key run_id client_id action body state"),
        *_whole("epoch attempt sent_ns"),
        *_text("text"),
        sa.CheckConstraint("state IN ('PENDING', 'SENDING', 'DONE', 'UNKNOWN', 'DROPPED')", name="outbox_known_state"),
    )
    op.create_index("outbox_key", "outbox", ["key"], unique=True)
    op.create_index("outbox_state", "outbox", ["run_id", "state"])
    _table(
        "orders",
        *_text("client_id run_id broker_id symbol side type tif intent reason quantity filled average_price"),
        *_text("limit_price stop_price state"),
        *_whole("created_ns updated_ns"),
        *_text("text strategy"),
        sa.PrimaryKeyConstraint("client_id"),
    )
    op.create_index("orders_run", "orders", ["run_id", "created_ns"])
    _table(
        "fills",
        _number(),
        *_text("broker account exec_id run_id client_id symbol side quantity price"),
        *_whole("fee_micros ts_ns seq"),
        *_text("kind strategy flags"),
    )
    op.create_index("fills_key", "fills", ["broker", "account", "exec_id"], unique=True)
    op.create_index("fills_run", "fills", ["run_id", "seq"])
    _table("ledger", _number(), *_text("ref run_id account kind asset delta"), *_whole("ts_ns"))
    op.create_index("ledger_key", "ledger", ["ref"], unique=True)
    op.create_index("ledger_account", "ledger", ["account", "run_id"])
    _table(
        "snapshots",
        *_text("run_id"),
        *_whole("seq"),
        *_text("fingerprint"),
        *_columns(sa.LargeBinary(), "blob"),
        sa.PrimaryKeyConstraint("run_id", "seq"),
    )
