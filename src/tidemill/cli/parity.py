"""``tidemill parity``: whether a recorded run decides again what it decided, and what its money made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tidemill.cli.flags import with_flags
from tidemill.cli.places import DATA_DIR, DATABASE, home_of

if TYPE_CHECKING:
    from tidemill.services.parity import ParityReport

__all__ = ["parity"]


@with_flags()
def parity(
    run_id: Annotated[str | None, typer.Argument(metavar="RUN", help="The run; the newest when left out.")] = None,
    *,
    data_dir: DATA_DIR = None,
    database: DATABASE = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Feed a run's tape to a fresh core and compare every decision; then compare fills and money with the backtester.

    The hash chain is verified first. Exit code 1: a decision came out otherwise.
    """
    from tidemill.cli.progress import announce_compiling

    announce_compiling()
    from tidemill.cli.show import print_json
    from tidemill.services.home import read_store
    from tidemill.services.parity import parity_of
    from tidemill.services.recorded import blueprint_of, read_recorded
    from tidemill.services.run_records import find_run

    home = home_of(data_dir, database)
    with read_store(home) as store:
        recorded = read_recorded(store, home.runs, find_run(store, run_id).run_id)
    report = parity_of(recorded, blueprint_of(recorded))
    if as_json:
        print_json(report.document())
    else:
        _print(report)
    if not report.decisions.is_whole:
        raise typer.Exit(1)


def _print(report: ParityReport) -> None:
    """Print the three parts of a report."""
    from tidemill.cli.show import console, list_lines, print_headline, print_table
    from tidemill.research.flight.gap import CAUSES
    from tidemill.research.flight.words import money_text

    screen = console()
    decisions, fills, gap = report.decisions, report.fills, report.gap
    screen.print(
        f"Decision parity: {decisions.percent:.4g} % ({decisions.decisions:,} decisions: {decisions.orders:,} orders, "
        f"{decisions.changes:,} changes; {report.events:,} tape rows fed again)",
        style="bold",
        markup=False,
        soft_wrap=True,
    )
    if decisions.first_difference:
        screen.print(f"First difference: {decisions.first_difference}", markup=False, soft_wrap=True)
    if fills is not None:
        figures = {
            "Orders with the same fills": f"{fills.same:,} of {fills.orders:,}",
            "Filled on one side only": f"{fills.only_real:,} in the run, {fills.only_simulated:,} in the backtest",
            "Prices worse by": f"{fills.worse_bps:.2f} bps",
            "Fills later by": f"{fills.delay_ms:,.0f} ms",
            "Units missing": f"{fills.missing_units_pct:.2f} %",
        }
        print_headline(f"Fill parity: {fills.percent:.4g} %", figures)
    if gap is not None:
        rows = [[name, money_text(gap.parts[name]), text] for name, text in CAUSES.items()]
        rows.append(["all", money_text(gap.gap_micros), "run less backtest"])
        title = f"The run earned {money_text(gap.run_micros)}, its backtest {money_text(gap.backtest_micros)}"
        print_table(["Cause", "Money", "What it is"], rows, title)
    list_lines("Notes", report.notes)
