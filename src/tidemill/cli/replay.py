"""``tidemill replay``: what would have become of a recorded run under other settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidemill.cli.flags import with_flags
from tidemill.cli.places import DATA_DIR, DATABASE, home_of

if TYPE_CHECKING:
    from tidemill.services.replays import WhatIf

__all__ = ["replay"]


@with_flags()
def replay(
    run_id: Annotated[str | None, typer.Argument(metavar="RUN", help="The run; the newest when left out.")] = None,
    *,
    change: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Setting or parameter: stop_loss=2; repeatable."),
    ] = None,
    latency: Annotated[str | None, typer.Option(help="From decision to exchange: 200ms, 1s.")] = None,
    without: Annotated[list[str] | None, typer.Option(help="Name of a risk rule to leave out; repeatable.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write the HTML report of the new result here.")] = None,
    data_dir: DATA_DIR = None,
    database: DATABASE = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print both results as JSON.")] = False,
) -> None:
    """Run the market a run saw again under other settings, and show both results side by side.

    People's orders and halts stay where they were. The run and its record are not touched.
    """
    from tidemill.cli.progress import announce_compiling

    announce_compiling()
    from tidemill.cli.backtest import command_line
    from tidemill.cli.options import parse_latency, parse_pairs
    from tidemill.cli.show import print_files, print_json
    from tidemill.research.flight.words import instant_text
    from tidemill.research.result.files import check_writable
    from tidemill.runtime.clock import SystemClock
    from tidemill.services.home import read_store
    from tidemill.services.recorded import blueprint_of, read_recorded
    from tidemill.services.replays import what_if
    from tidemill.services.run_records import find_run

    if report is not None:
        check_writable(report, "--report")
    changes = parse_pairs(change or [], "set", "stop_loss=2")
    if latency is not None:
        changes["latency_ms"] = str(parse_latency(latency))
    home = home_of(data_dir, database)
    with read_store(home) as store:
        recorded = read_recorded(store, home.runs, find_run(store, run_id).run_id)
    found = what_if(
        recorded,
        blueprint_of(recorded),
        changes,
        without=without or [],
        command=command_line(),
        created_at=instant_text(SystemClock().now_ns() // 10**9 * 10**9),
    )
    if report is not None:
        found.after.report(report)
    if as_json:
        print_json({"run_id": recorded.row.run_id, **found.document()})
    else:
        _print(found, recorded.row.run_id)
        print_files([report] if report is not None else [])


def _print(found: WhatIf, run_id: str) -> None:
    """Print both results side by side."""
    from tidemill.cli.show import console, print_table

    rows = []
    for (label, before), (_, after) in zip(found.before.headline(), found.after.headline(), strict=True):
        rows.append((label, before, after))
    changes = ", ".join(f"{name}={value}" for name, value in found.changes.items()) or "nothing changed"
    screen = console()
    screen.print(f"What if: {changes}", style="bold", markup=False, soft_wrap=True)
    print_table(["", f"run {run_id}", "replay"], rows)
    screen.print(
        f"Orders: {found.orders_before:,} in the run, {found.orders_after:,} in the replay, {found.shared:,} the same.",
        markup=False,
        soft_wrap=True,
    )
    if found.first_difference:
        screen.print(f"First difference: {found.first_difference}", markup=False, soft_wrap=True)
