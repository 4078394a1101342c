"""``tidemill demo``: a first backtest without a file, on simulated minutes or on real days with the parity proof."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tidemill.cli.flags import with_flags

__all__ = ["demo"]

_REPORT = Path("build/report.html")


@with_flags()
def demo(
    *,
    real: Annotated[
        bool, typer.Option("--real", help="Real daily prices of Apple, through the loop and one by one.")
    ] = False,
    report: Annotated[Path | None, typer.Option(help=f"Write the HTML report here ({_REPORT} with --real).")] = None,
    symbol: Annotated[
        list[str] | None, typer.Option(help="Simulated symbols: SIMA, SIMB, SIMC, ...; repeatable.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the simulated market.")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Run a backtest that needs no file, on a simulated market or on real prices."""
    from tidemill.cli.backtest import command_line
    from tidemill.cli.progress import WorkBar, announce_compiling

    announce_compiling()
    from tidemill.cli.show import print_files, print_json, print_parity, print_result
    from tidemill.research.result.files import check_writable
    from tidemill.services.demo import DEMO_SYMBOLS, real_demo, simulated_demo

    target = report or (_REPORT if real else None)
    if target is not None:
        check_writable(target, "--report")
    parity = None
    if real:
        run = real_demo(command=command_line())
        result, parity = run.result, run.parity
    else:
        with WorkBar("Backtest", shown=not as_json) as bar:
            result = simulated_demo(symbol or DEMO_SYMBOLS, seed=seed, command=command_line(), progress=bar)
    if target is not None:
        result.report(target)
    if as_json:
        found = {"percent": parity.percent, "first_difference": parity.first_difference} if parity else None
        print_json({**result.document(), "parity": found})
    else:
        print_result(result)
        if parity is not None:
            print_parity(parity, run.bars)
        print_files([target] if target is not None else [])
    if parity is not None and not parity.is_whole:
        raise typer.Exit(1)
