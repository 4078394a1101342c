"""``tidemill config show``: every setting of the processes, its value, and where it was said."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tidemill.cli.flags import with_flags

__all__ = ["show_config"]


@with_flags()
def show_config(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show every setting and where it was said: environment, .env, tidemill.toml, profile, default. Secrets never."""
    from tidemill.cli.show import print_json
    from tidemill.services.settings.loading import load_settings

    rows = load_settings().shown()
    if as_json:
        print_json(rows)
        return
    for row in rows:
        value = ",".join(row["value"]) if isinstance(row["value"], list) else row["value"]
        sys.stdout.write(f"{row['name']:<28} {value!s:<34} {row['origin']}\n")
