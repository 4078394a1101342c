"""``tidemill new``: start something of your own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tidemill.cli.flags import with_flags

__all__ = ["new_strategy"]


@with_flags()
def new_strategy(
    name: Annotated[str, typer.Argument(help="Its name in lower case, for example golden_cross.")],
    *,
    folder: Annotated[Path, typer.Option(help="Where to write it; it is made if needed.")] = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write a strategy that runs as it is, its test and its page, to change into your own."""
    from tidemill.cli.show import print_files, print_json
    from tidemill.services.scaffold import new_strategy as write_strategy

    paths = write_strategy(name, folder)
    if as_json:
        print_json([str(path) for path in paths])
        return
    print_files(paths)
    typer.echo(f"Run it: tidemill backtest {paths[0]} --data YOUR.csv")
