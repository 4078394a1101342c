"""``tidemill halt``, ``flatten``, ``resume``: the kill switch and its release; engine and database may be dead."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from tidemill.cli.asking import BY, JSON, refusals
from tidemill.cli.flags import with_flags
from tidemill.cli.places import DATA_DIR, DATABASE, home_of

if TYPE_CHECKING:
    from tidemill.runtime.guard.halts import Rung
    from tidemill.services.home import Home

__all__ = ["flatten", "halt", "resume"]

_SCOPE = Annotated[
    str,
    typer.Option(help="system, account:ID, run:ID, strategy:RUN/NAME or symbol:RUN/SYMBOL.", metavar="SCOPE"),
]
_REASON = Annotated[str, typer.Option(help="Why, for the record.")]


def _home(data_dir: str | None, database: str | None) -> Home:
    """Return where to halt; a setting that cannot be used does not stand in the way, and is told."""
    from tidemill.model.errors import ConfigError
    from tidemill.services.home import find_home

    if database is not None:
        return find_home(data_dir, database)
    try:
        return home_of(data_dir, None)
    except ConfigError as error:
        home = find_home(data_dir)
        typer.echo(f"{error} Halting in {home.folder} all the same; --database names another place.", err=True)
        return home


def _halt(
    scope: str, rung: Rung, reason: str, by: str | None, data_dir: str | None, database: str | None, *, as_json: bool
) -> None:
    from tidemill.cli.show import print_json
    from tidemill.services import halting

    with refusals(as_json=as_json):
        done = halting.halt(_home(data_dir, database), scope, rung, reason, by=by or "")
    if as_json:
        print_json(
            {
                "state": "HALTED",
                "scope": done.halt.scope,
                "rung": done.halt.rung.name,
                "by": done.halt.by,
                "reason": done.halt.reason,
                "is_new": done.is_new,
                "in_database": done.in_table,
                "carried_out": list(done.heeded),
                "waiting": list(done.waiting),
            }
        )
        return
    lines = [f"Halted ({done.halt.rung.name.lower()}): {done.halt.sentence}."]
    if not done.is_new:
        lines[0] = f"Was halted already ({done.halt.rung.name.lower()}): {done.halt.sentence}."
    lines += [f"{run} has carried it out." for run in done.heeded]
    lines += [f"{run} has not answered yet; nothing new leaves it all the same." for run in done.waiting]
    if not done.in_table:
        lines.append("The database did not take it; the halt file holds without it.")
    sys.stdout.write("\n".join(lines) + "\n")


@with_flags()
def halt(
    *,
    scope: _SCOPE = "system",
    cancel: Annotated[bool, typer.Option("--cancel", help="Cancel working entries too.")] = False,
    flat: Annotated[bool, typer.Option("--flatten", help="Close positions too.")] = False,
    reason: _REASON = "by hand",
    by: BY = None,
    data_dir: DATA_DIR = None,
    database: DATABASE = None,
    as_json: JSON = False,
) -> None:
    """Stop new entries now, and keep them stopped until a person resumes."""
    from tidemill.runtime.guard.halts import Rung

    rung = Rung.FLATTEN if flat else Rung.CANCEL if cancel else Rung.PAUSE
    _halt(scope, rung, reason, by, data_dir, database, as_json=as_json)


@with_flags()
def flatten(
    *,
    scope: _SCOPE = "system",
    reason: _REASON = "by hand",
    by: BY = None,
    data_dir: DATA_DIR = None,
    database: DATABASE = None,
    as_json: JSON = False,
) -> None:
    """Stop new entries, cancel working ones and close every position."""
    from tidemill.runtime.guard.halts import Rung

    _halt(scope, Rung.FLATTEN, reason, by, data_dir, database, as_json=as_json)


@with_flags()
def resume(
    *,
    by: Annotated[str, typer.Option(help="Your name: a halt is lifted by a person.", metavar="NAME")],
    scope: _SCOPE = "system",
    data_dir: DATA_DIR = None,
    database: DATABASE = None,
    as_json: JSON = False,
) -> None:
    """Lift a halt in your name; other halts stay."""
    from tidemill.cli.show import print_json
    from tidemill.services import halting

    with refusals(as_json=as_json):
        left = halting.resume(home_of(data_dir, database), scope, by)
    if as_json:
        print_json({"state": "CLEAR", "scope": scope, "by": by, "still_halted": [item.scope for item in left]})
        return
    sys.stdout.write(f"{scope} trades again, by {by}.\n")
    for item in left:
        sys.stdout.write(f"Still halted: {item.sentence}.\n")
