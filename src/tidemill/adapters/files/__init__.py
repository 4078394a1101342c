"""Bars and corporate actions from the user's own files, and back to Parquet."""

from __future__ import annotations

from tidemill.adapters.files.actions import read_corporate_actions
from tidemill.adapters.files.finish import CheckedBars
from tidemill.adapters.files.lean import read_lean
from tidemill.adapters.files.read import read_bars, read_checked, select_days, symbol_of_file
from tidemill.adapters.files.rows import symbols_in
from tidemill.adapters.files.write import write_parquet, write_quarantine

__all__ = [
    "CheckedBars",
    "read_bars",
    "read_checked",
    "read_corporate_actions",
    "read_lean",
    "select_days",
    "symbol_of_file",
    "symbols_in",
    "write_parquet",
    "write_quarantine",
]
