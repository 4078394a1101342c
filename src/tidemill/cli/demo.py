"""``tidemill demo``: a first backtest without a file; with real days also the parity proof and a paper run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tidemill.cli.flags import with_flags

__all__ = ["demo"]

_REPORT = Path("build/report.html")
_PAPER = Path("build/paper-run")


@with_flags()
def demo(
    *,
    real: Annotated[
        bool,
        typer.Option("--real", help="Real daily prices of Apple: backtest, parity, and a paper run that is killed."),
    ] = False,
    report: Annotated[Path | None, typer.Option(help=f"Write the HTML report here ({_REPORT} with --real).")] = None,
    symbol: Annotated[
        list[str] | None, typer.Option(help="Simulated symbols: SIMA, SIMB, SIMC, ...; repeatable.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the simulated market.")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Run a backtest that needs no file, on a simulated market or on real prices."""
    from tidemill.cli.progress import announce_compiling

    announce_compiling()
    from tidemill.research.result.files import check_writable

    target = report or (_REPORT if real else None)
    if target is not None:
        check_writable(target, "--report")
    if real:
        _real(target, as_json=as_json)
    else:
        _simulated(symbol, seed, target, as_json=as_json)


def _simulated(symbols: list[str] | None, seed: int, target: Path | None, *, as_json: bool) -> None:
    from tidemill.cli.backtest import command_line
    from tidemill.cli.progress import WorkBar
    from tidemill.cli.show import print_files, print_json, print_result
    from tidemill.services.demo import DEMO_SYMBOLS, simulated_demo

    with WorkBar("Backtest", shown=not as_json) as bar:
        result = simulated_demo(symbols or DEMO_SYMBOLS, seed=seed, command=command_line(), progress=bar)
    if target is not None:
        result.report(target)
    if as_json:
        print_json({**result.document(), "parity": None})
    else:
        print_result(result)
        print_files([target] if target is not None else [])


def _real(target: Path | None, *, as_json: bool) -> None:
    """Backtest, feed one by one, and trade on paper in a process that is killed half way and started again."""
    from dataclasses import asdict

    from tidemill.cli.backtest import command_line
    from tidemill.cli.show import print_files, print_json, print_paper, print_parity, print_result
    from tidemill.services.demo import real_demo
    from tidemill.services.live_demo import begun_demo, paper_demo

    with begun_demo(_PAPER) as process:
        run = real_demo(command=command_line())
        result, parity = run.result, run.parity
        if target is not None:
            result.report(target)
        if not as_json:
            print_result(result)
            print_parity(parity, run.bars)
            print_files([target])
        paper = paper_demo(_PAPER, process)
    if as_json:
        found = {"percent": parity.percent, "first_difference": parity.first_difference}
        plain = {**asdict(paper), "folder": str(paper.folder)}
        print_json({**result.document(), "parity": found, "paper": plain})
    else:
        print_paper(paper)
    if not parity.is_whole or paper.decisions.first_difference:
        raise typer.Exit(1)
