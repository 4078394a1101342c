"""What a finished run looks like to a user: metrics, tables, JSON, CSV, Parquet, the HTML report."""

from __future__ import annotations

from tidemill.research.result.result import BacktestResult

__all__ = ["BacktestResult"]
