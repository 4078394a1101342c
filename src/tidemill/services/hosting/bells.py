"""Where the bells of an installation hang, and the names its own processes go by."""

from __future__ import annotations

from pathlib import Path

from tidemill.services.home import Home

__all__ = ["API", "HOST", "address_file", "answer_bell", "engine_bell"]

HOST = "host"  # name of the host's heartbeat
API = "api"  # name of the API's


def engine_bell(home: Home) -> Path:
    """Return the bell of the engine host: a command waits, or a run is wanted otherwise."""
    return home.folder / "engine.bell"


def answer_bell(home: Home) -> Path:
    """Return the bell of the process that waits for answers: the API's."""
    return home.folder / "answers.bell"


def address_file(home: Home) -> Path:
    """Return where the API writes down under which address it can be reached."""
    return home.folder / "api.url"
