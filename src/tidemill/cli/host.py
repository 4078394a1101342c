"""``tidemill host``: the engine process of the service, as ``tidemill up`` starts it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tidemill.cli.flags import with_flags
from tidemill.cli.places import DATA_DIR, DATABASE

__all__ = ["host"]


@with_flags()
def host(
    *,
    parent: Annotated[int, typer.Option(help="Process id of the starter; 0: nobody's.")] = 0,
    watched: Annotated[bool, typer.Option("--watched/--unwatched", help="Whether a watchdog is at work.")] = False,
    data_dir: DATA_DIR = None,
    database: DATABASE = None,
) -> None:
    """Host every run of the service, as `tidemill up` starts it; prints READY when all are at work."""
    from tidemill.services.home import find_home
    from tidemill.services.hosting.process import host_runs

    host_runs(find_home(data_dir, database), parent, has_watchdog=watched, say=_say)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
