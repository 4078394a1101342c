"""``tidemill cancel``: one order, or every working entry of a run."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tidemill.cli.asking import BY, JSON, RUN, WAIT, WAIT_S, refusals, tell
from tidemill.cli.flags import with_flags
from tidemill.cli.places import DATA_DIR, DATABASE, home_of
from tidemill.model.errors import ConfigError

__all__ = ["cancel"]


@with_flags()
def cancel(
    order: Annotated[str | None, typer.Argument(help="Id of the order, as `tidemill orders` lists it.")] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Every working entry; exits and protection stay.")] = False,
    run: RUN = None,
    by: BY = None,
    wait: WAIT = True,
    data_dir: DATA_DIR = None,
    database: DATABASE = None,
    as_json: JSON = False,
) -> None:
    """Cancel an order, or every working entry of a run."""
    from tidemill.services.operating import ask_cancel

    if (order is None) != every:
        raise ConfigError("Name one order, or write --all for every working entry; not both.")
    with refusals(as_json=as_json):
        home = home_of(data_dir, database)
        answers = ask_cancel(home, order, run_id=run, user=by or "", wait_s=WAIT_S if wait else 0.0)
        for answer in answers:
            tell(answer, as_json=as_json)
        if not answers and not as_json:
            sys.stdout.write("No entry is working.\n")
