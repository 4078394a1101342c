"""``tidemill soak``: whether an agent and its feed hold out for some minutes, and everything they said was kept."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from tidemill.cli.flags import with_flags
from tidemill.cli.places import DATA_DIR, DATABASE, home_of

__all__ = ["soak"]


@with_flags()
def soak(
    agent: Annotated[Path, typer.Argument(help="TOML file of the agent.")],
    *,
    minutes: Annotated[float, typer.Option(help="Of real time; 60 before an agent is trusted.")] = 5.0,
    feed: Annotated[
        str | None, typer.Option(help="Instead of the file's: synthetic, push, stream:URL.", metavar="FEED")
    ] = None,
    data_dir: DATA_DIR = None,
    database: DATABASE = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was seen as JSON.")] = False,
) -> None:
    """Run an agent for some minutes on paper, then check: up all the time, connected throughout, nothing lost.

    Asked for are looks once a second that all found it at work, no lost connection, ticks or bars, at least one candle,
    as many candles on the tape as were taken, and a ledger that adds up. Exit code 1: one of them is not so.
    """
    from tidemill.cli.agent_file import read_agent
    from tidemill.cli.progress import announce_compiling

    spec = read_agent(agent, feed)
    announce_compiling()
    from tidemill.cli.show import console, print_json, print_table
    from tidemill.services.live_parts import RunRequest
    from tidemill.services.soak import soak as let_soak

    seen = let_soak(RunRequest(spec, home_of(data_dir, database), speed=1.0), minutes)
    faults = seen.faults()
    if as_json:
        print_json({**asdict(seen), "faults": faults})
    else:
        print_table(["Of the soak", ""], list(asdict(seen).items()), "Soak")
        for sentence in faults or ["It was up, connected and complete."]:
            console().print(sentence, markup=False, soft_wrap=True)
    if faults:
        raise typer.Exit(1)
