"""Where a command looks for the record: two options that every verb of live runs has."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["DATABASE", "DATA_DIR", "WATCH"]

DATA_DIR = Annotated[
    str | None,
    typer.Option("--data-dir", help="Folder of tapes and database (default $TIDEMILL_HOME, else .tidemill)."),
]
DATABASE = Annotated[
    str | None,
    typer.Option(
        "--database",
        help="Another database: postgresql://... or sqlite:///...",
        metavar="URL",
        envvar="TIDEMILL_DATABASE_URL",
        show_envvar=False,
    ),
]
WATCH = Annotated[bool, typer.Option("--watch", help="Look again every second, until Ctrl-C.")]
