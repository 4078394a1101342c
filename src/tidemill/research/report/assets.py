"""The files that travel inside the page: scripts, style sheet, chart library, page parts."""

from __future__ import annotations

from importlib.resources import files

__all__ = ["read_asset"]


def read_asset(name: str) -> str:
    """Return the text of a file of the ``static`` folder."""
    return files("tidemill.research.report").joinpath("static", name).read_text(encoding="utf-8")
