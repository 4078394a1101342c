"""Writes the report of a finished run: one HTML file, opened by double-click, readable offline for years."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidemill.model.errors import OutputError
from tidemill.model.runrecord import RunRecord
from tidemill.research.report.drawing import Drawing
from tidemill.research.report.page import compose
from tidemill.research.report.view import ReportTables, view_of

__all__ = ["ReportInfo", "render_report", "write_report"]


@dataclass(frozen=True, slots=True)
class ReportInfo:
    """What was written.

    Args:
        path: the file.
        size_bytes: of the file.
        title: the page's title line.
    """

    path: Path
    size_bytes: int
    title: str


def render_report(
    record: RunRecord,
    metrics: dict[str, Any],
    *,
    created_at: str,
    command: str = "",
    extra: ReportTables | None = None,
    drawing: Drawing | None = None,
) -> str:
    """Return the report of a run as one self-contained HTML page; the same input gives the same text.

    Args:
        record: the finished run.
        metrics: flat figures; ``definitions`` and ``notes`` may hold texts by the same keys, ``verdict`` a sentence.
        created_at: when it was made, as it shall be printed.
        command: the command that repeats the run.
        extra: tables; made from the run when not given.
        drawing: indicators and shaded stretches of the chart; none when not given.

    Raises:
        DataError: bars hold a price that is not a number.
        ConfigError: an instrument names a time zone that does not exist.
    """
    return compose(view_of(record, metrics, extra, created_at, command), drawing)


def write_report(
    record: RunRecord,
    metrics: dict[str, Any],
    path: Path,
    *,
    created_at: str,
    command: str = "",
    extra: ReportTables | None = None,
    drawing: Drawing | None = None,
) -> ReportInfo:
    """Write the report of a run to a file; see ``render_report`` for the arguments.

    Raises:
        OutputError: the file cannot be written.
    """
    view = view_of(record, metrics, extra, created_at, command)
    data = compose(view, drawing).encode("utf-8")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise OutputError(
            f"The report could not be written to {path}: {error.strerror}; choose another --report."
        ) from error
    return ReportInfo(path, len(data), view.title)
