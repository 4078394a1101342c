"""Who may send and who said stop: leases, halts, violations, alerts, comparisons, commands, heartbeats."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0002"
down_revision = "0001"

_WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text(names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names.split()]


def _whole(names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, _WHOLE, nullable=False) for name in names.split()]


def _table(name: str, *columns: sa.schema.SchemaItem) -> None:
    op.create_table(name, *columns, sqlite_strict=True)


def upgrade() -> None:
    """Make the tables."""
    _table(
        "leases",
        *_text("account"),
        *_whole("epoch"),
        *_text("owner"),
        *_whole("expires_ns"),
        sa.PrimaryKeyConstraint("account"),
    )
    _table(
        "guard",
        *_text("scope state reason by"),
        *_whole("at_ns"),
        sa.PrimaryKeyConstraint("scope"),
        sa.CheckConstraint("state IN ('HALTED', 'CLEAR')", name="guard_known_state"),
    )
    _table(
        "violations",
        *_text("key run_id scope rule severity text"),
        *_whole("at_ns resolved_ns"),
        *_text("resolved_by"),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("violations_run", "violations", ["run_id", "at_ns"])
    _table(
        "alerts",
        *_text("key run_id"),
        *_whole("severity"),
        *_text("kind text"),
        *_whole("at_ns delivered_ns"),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("alerts_undelivered", "alerts", ["delivered_ns", "at_ns"])
    _table(
        "recon_runs",
        *_text("key run_id account"),
        *_whole("epoch started_ns ended_ns"),
        *_text("outcome report"),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("recon_runs_account", "recon_runs", ["account", "started_ns"])
    _table(
        "commands",
        sa.Column("number", _WHOLE, primary_key=True, autoincrement=True),
        *_text("key user run_id kind body body_hash state answer"),
        *_whole("at_ns"),
    )
    op.create_index("commands_key", "commands", ["key"], unique=True)
    op.create_index("commands_state", "commands", ["state", "run_id"])
    _table("heartbeats", *_text("name"), *_whole("at_ns"), *_text("body"), sa.PrimaryKeyConstraint("name"))
