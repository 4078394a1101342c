"""``tidemill ledger``: prove that the record of runs adds up, and make read tables anew from the tape."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from tidemill.cli.flags import with_flags
from tidemill.cli.places import DATA_DIR, DATABASE, home_of

__all__ = ["rebuild", "verify"]


@with_flags()
def verify(
    run_id: Annotated[str | None, typer.Argument(metavar="RUN", help="The run; the newest when left out.")] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Every run there is.")] = False,
    data_dir: DATA_DIR = None,
    database: DATABASE = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was proven as JSON.")] = False,
) -> None:
    """Prove both tapes' hash chains and their link, cash and positions as the replay of fills, and the read tables.

    The first thing that does not add up is named, and the exit code is 24.
    """
    from tidemill.cli.progress import announce_compiling

    announce_compiling()
    from tidemill.cli.show import print_json, print_table
    from tidemill.services.home import read_store
    from tidemill.services.ledger import verify_run
    from tidemill.services.recorded import blueprint_of
    from tidemill.services.run_records import find_run

    home = home_of(data_dir, database)
    with read_store(home) as store:
        names = [row.run_id for row in store.runs()] if every else [find_run(store, run_id).run_id]
        checks = [verify_run(store, home.runs, name, blueprint_of) for name in names]
    if as_json:
        print_json([asdict(check) for check in checks])
        return
    heads = ["Run", "state", "tape rows", "notes", "fills", "ledger entries", "read rows"]
    rows = [(c.run_id, c.state, c.tape_rows, c.notes, c.fills, c.entries, c.read_rows) for c in checks]
    print_table(heads, rows, "The record adds up")


@with_flags()
def rebuild(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="The run; no engine may work on it.")],
    *,
    data_dir: DATA_DIR = None,
    database: DATABASE = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Empty a run's read tables and write them anew from its tape."""
    from tidemill.cli.progress import announce_compiling

    announce_compiling()
    from tidemill.cli.show import print_json
    from tidemill.services.home import change_store, read_store
    from tidemill.services.ledger import rebuild_tables
    from tidemill.services.recorded import blueprint_of, read_recorded

    home = home_of(data_dir, database)
    with read_store(home) as store:
        recorded = read_recorded(store, home.runs, run_id)
    blueprint = blueprint_of(recorded)
    with change_store(home) as store:
        rows = rebuild_tables(store, recorded, blueprint)
    if as_json:
        print_json({"run_id": run_id, "rows": rows, "tape_rows": len(recorded.tape)})
        return
    typer.echo(f"{rows:,} rows of the read tables of {run_id} were written anew from {len(recorded.tape):,} tape rows.")
