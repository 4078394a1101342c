"""``tidemill doctor``: is everything there that a run needs?"""

from __future__ import annotations

from typing import Annotated

import typer

from tidemill.cli.flags import with_flags

__all__ = ["doctor"]


@with_flags()
def doctor(
    *,
    compile_all: Annotated[
        bool, typer.Option("--compile", help="Compile everything now and show the seconds.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Look at Python, packages, compiled code, plug-ins, calendars and folders; exit with 1 if something is amiss."""
    import time
    from dataclasses import asdict

    began = time.perf_counter()
    from tidemill.cli.show import print_json, print_table
    from tidemill.services.installation import Check, compile_everything, examine_installation

    checks = examine_installation()
    if compile_all:
        checks += compile_everything()
        checks.append(Check("compiled", "in all", f"{time.perf_counter() - began:.2f} s"))
    amiss = [check for check in checks if not check.is_good]
    if as_json:
        print_json({"is_good": not amiss, "checks": [asdict(check) for check in checks]})
    else:
        rows = [("" if check.is_good else "!", check.topic, check.name, check.finding) for check in checks]
        print_table(["", "topic", "what", "found"], rows)
        things = "thing is" if len(amiss) == 1 else "things are"
        typer.echo("All is well." if not amiss else f"{len(amiss)} {things} amiss (marked with !).")
    if amiss:
        raise typer.Exit(1)
