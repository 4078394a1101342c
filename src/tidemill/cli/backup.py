"""``tidemill backup`` and ``tidemill restore``: everything that must not be lost, saved and put back."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from tidemill.cli.flags import with_flags
from tidemill.cli.places import DATA_DIR, DATABASE, home_of

__all__ = ["backup", "restore"]


@with_flags()
def backup(
    file: Annotated[Path, typer.Argument(help="The file to make; the tapes go beside it, .runs added to its name.")],
    *,
    data_dir: DATA_DIR = None,
    database: DATABASE = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Save the database and the tapes of all runs, also while an engine works, and prove the copies good."""
    from tidemill.cli.show import print_json
    from tidemill.services.backups import make_backup

    made = make_backup(home_of(data_dir, database), file)
    if as_json:
        print_json({name: str(v) if isinstance(v, Path) else v for name, v in asdict(made).items()})
        return
    typer.echo(f"Saved: {made.file} (BLAKE2b {made.checksum[:16]}...) and {made.tapes}")
    typer.echo(f"{made.runs:,} runs, {made.rows:,} tape rows, all hash chains whole.")


@with_flags()
def restore(
    file: Annotated[Path, typer.Argument(help="A backup's file; its tapes lie beside it.")],
    *,
    data_dir: DATA_DIR = None,
    database: DATABASE = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Put a proven backup in the place of what is there; what was there is kept beside it.

    Stop every engine first. Orders may have been sent since the backup: the next start compares with the broker.
    """
    from tidemill.cli.show import print_json
    from tidemill.services.backups import restore_backup

    done = restore_backup(home_of(data_dir, database), file)
    if as_json:
        print_json({name: str(v) if isinstance(v, Path) else v for name, v in asdict(done).items()})
        return
    typer.echo(f"Restored: {done.runs:,} runs, {done.rows:,} tape rows.")
    for former in (done.former_database, done.former_tapes):
        if former is not None:
            typer.echo(f"What was there before: {former}")
