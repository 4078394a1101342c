"""``tidemill runs``: every run there was, newest first."""

from __future__ import annotations

from typing import Annotated

import typer

from tidemill.cli.flags import with_flags
from tidemill.cli.places import DATA_DIR, DATABASE, WATCH, home_of

__all__ = ["runs"]


@with_flags()
def runs(
    *,
    data_dir: DATA_DIR = None,
    database: DATABASE = None,
    watch: WATCH = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one line for each look.")] = False,
) -> None:
    """List all runs with their states; one whose engine died says so."""
    from tidemill.cli.live_table import runs_table, show
    from tidemill.runtime.clock import SystemClock
    from tidemill.services.home import read_store
    from tidemill.services.run_records import list_runs

    home = home_of(data_dir, database)
    with read_store(home) as store:
        show(lambda: list_runs(store, SystemClock().now_ns(), home.runs), runs_table, as_json=as_json, watch=watch)
