"""The durable record in SQLite or PostgreSQL."""

from __future__ import annotations

from tidemill.adapters.sql.opening import open_store
from tidemill.adapters.sql.store import SqlStore

__all__ = ["SqlStore", "open_store"]
