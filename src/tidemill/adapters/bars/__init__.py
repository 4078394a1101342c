"""Bars and ticks as they were heard live: Parquet files written in batches, read through DuckDB."""

from __future__ import annotations

from tidemill.adapters.bars.coverage import Coverage, Gap
from tidemill.adapters.bars.store import BarStore, StoreStatistics
from tidemill.adapters.bars.ticks import TICK_ROW, TickStore

__all__ = ["TICK_ROW", "BarStore", "Coverage", "Gap", "StoreStatistics", "TickStore"]
