"""``tidemill orders``: a run's orders, newest first."""

from __future__ import annotations

from typing import Annotated

import typer

from tidemill.cli.flags import with_flags
from tidemill.cli.places import DATA_DIR, DATABASE, WATCH, home_of

__all__ = ["orders"]


@with_flags()
def orders(
    run: Annotated[str | None, typer.Argument(help="Its id; the newest run when left out.")] = None,
    *,
    open_only: Annotated[bool, typer.Option("--open", help="Only those that may still fill.")] = False,
    limit: Annotated[int, typer.Option(help="At most so many; 0: all.")] = 50,
    data_dir: DATA_DIR = None,
    database: DATABASE = None,
    watch: WATCH = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one line for each look.")] = False,
) -> None:
    """List the orders of a run with what became of each."""
    from tidemill.cli.live_table import orders_table, show
    from tidemill.services.home import read_store
    from tidemill.services.run_records import find_run, orders_of

    with read_store(home_of(data_dir, database)) as store:
        show(
            lambda: orders_of(store, find_run(store, run).run_id, limit=limit, open_only=open_only),
            orders_table,
            as_json=as_json,
            watch=watch,
        )
