"""``tidemill positions``: what a run holds, as its fills made it."""

from __future__ import annotations

from typing import Annotated

import typer

from tidemill.cli.flags import with_flags
from tidemill.cli.places import DATA_DIR, DATABASE, WATCH, home_of

__all__ = ["positions"]


@with_flags()
def positions(
    run: Annotated[str | None, typer.Argument(help="Its id; the newest run when left out.")] = None,
    *,
    data_dir: DATA_DIR = None,
    database: DATABASE = None,
    watch: WATCH = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one line for each look.")] = False,
) -> None:
    """List the open positions of a run."""
    from tidemill.cli.live_table import positions_table, show
    from tidemill.services.home import read_store
    from tidemill.services.run_records import find_run, held_by

    with read_store(home_of(data_dir, database)) as store:
        show(
            lambda: held_by(store, find_run(store, run).run_id),
            positions_table,
            as_json=as_json,
            watch=watch,
        )
