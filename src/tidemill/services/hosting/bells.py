"""Where the bells of an installation hang, and the name of its engine host."""

from __future__ import annotations

from pathlib import Path

from tidemill.services.home import Home

__all__ = ["HOST", "answer_bell", "engine_bell"]

HOST = "host"  # name of the host's heartbeat


def engine_bell(home: Home) -> Path:
    """Return the bell of the engine host: a command waits, or a run is wanted otherwise."""
    return home.folder / "engine.bell"


def answer_bell(home: Home) -> Path:
    """Return the bell of the process that waits for answers: the API's."""
    return home.folder / "answers.bell"
