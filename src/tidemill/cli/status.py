"""``tidemill status``: how one run stands, whether its engine lives or not."""

from __future__ import annotations

from typing import Annotated

import typer

from tidemill.cli.flags import with_flags
from tidemill.cli.places import DATA_DIR, DATABASE, WATCH, home_of

__all__ = ["status"]


@with_flags()
def status(
    run: Annotated[str | None, typer.Argument(help="Its id; the newest run when left out.")] = None,
    *,
    data_dir: DATA_DIR = None,
    database: DATABASE = None,
    watch: WATCH = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one line for each look.")] = False,
) -> None:
    """Show a run: state, bars, money, positions, last orders, refusals, halts."""
    from tidemill.cli.live_table import show, status_picture
    from tidemill.runtime.clock import SystemClock
    from tidemill.services.home import read_store
    from tidemill.services.run_records import find_run, status_of

    home = home_of(data_dir, database)
    with read_store(home) as store:
        show(
            lambda: status_of(store, find_run(store, run), SystemClock().now_ns(), folder=home.runs),
            status_picture,
            as_json=as_json,
            watch=watch,
        )
