"""The self-contained HTML report of a run."""

from __future__ import annotations

from tidemill.research.report.build import ReportInfo, render_report, write_report
from tidemill.research.report.view import ReportTables

__all__ = ["ReportInfo", "ReportTables", "render_report", "write_report"]
