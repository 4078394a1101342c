"""Where the bells of an installation hang."""

from __future__ import annotations

from pathlib import Path

from tidemill.services.home import Home

__all__ = ["answer_bell", "engine_bell"]


def engine_bell(home: Home) -> Path:
    """Return the bell of the engine host: a command waits, or a run is wanted otherwise."""
    return home.folder / "engine.bell"


def answer_bell(home: Home) -> Path:
    """Return the bell of the process that waits for answers: the API's."""
    return home.folder / "answers.bell"
