"""Where a command looks for the record: two options of every verb of live runs, and the service's settings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tidemill.services.home import Home

__all__ = ["DATABASE", "DATA_DIR", "WATCH", "home_of"]

_VARIABLES = (
    "TIDEMILL_DATABASE_URL",
    "DATABASE_URL",
    "TIDEMILL_DATABASE_PATH",
    "DATABASE_PATH",
    "DB_PATH",
    "TIDEMILL_CONFIG",
)
_FILES = (".env", "tidemill.toml")

DATA_DIR = Annotated[
    str | None,
    typer.Option("--data-dir", help="Folder of tapes and database (default $TIDEMILL_HOME, else .tidemill)."),
]
DATABASE = Annotated[
    str | None,
    typer.Option(
        "--database",
        help="Another database than the settings name: postgresql://... or sqlite:///...",
        metavar="URL",
        envvar="TIDEMILL_DATABASE_URL",
        show_envvar=False,
    ),
]
WATCH = Annotated[bool, typer.Option("--watch", help="Look again every second, until Ctrl-C.")]


def home_of(data_dir: str | None, database: str | None) -> Home:
    """Return where data lie: as the options say, else as the settings do that the service of this folder goes by.

    Raises:
        ConfigError: a setting, or the address, cannot be used.
    """
    from tidemill.services.home import find_home

    said = [os.environ.get(name) or os.environ.get(f"{name}_FILE") for name in _VARIABLES]
    if database is None and (any(said) or any(Path(name).is_file() for name in _FILES)):
        from tidemill.services.settings.loading import load_settings

        database = load_settings().settings.database
    return find_home(data_dir, database)
