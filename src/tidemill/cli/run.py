"""``tidemill run``: an agent at work, on paper, with a table that refreshes; it goes on where it was killed."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidemill.cli.flags import with_flags
from tidemill.cli.places import DATA_DIR, DATABASE, home_of

if TYPE_CHECKING:
    from tidemill.services.live_parts import RunRequest
    from tidemill.services.live_view import LiveView

__all__ = ["run"]

_FAST = "max"


@with_flags()
def run(
    agent: Annotated[Path, typer.Argument(help="TOML file of the agent.")],
    *,
    feed: Annotated[
        str | None,
        typer.Option(help="Instead of the file's: replay:FILE, synthetic, sample, push, stream:URL.", metavar="FEED"),
    ] = None,
    speed: Annotated[
        str, typer.Option(help="Of a replay: max, or 1 to 1000 times the market's pace.", metavar="max|N")
    ] = _FAST,
    run_id: Annotated[
        str | None, typer.Option(help="Name of the run; one that exists goes on where it stopped.", metavar="ID")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the agent's newest unfinished run.")] = False,
    data_dir: DATA_DIR = None,
    database: DATABASE = None,
    refresh: Annotated[float, typer.Option(help="Seconds between two looks.", metavar="SECONDS")] = 0.5,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON for each look.")] = False,
) -> None:
    """Run an agent until its data end or it is stopped; Ctrl-C stops it cleanly, a second one at once."""
    from tidemill.cli.agent_file import read_agent
    from tidemill.cli.progress import announce_compiling
    from tidemill.model.errors import ConfigError

    if resume and run_id:
        raise ConfigError("--resume looks for a run and --run-id names one; write one of the two.")
    if refresh < 0.0 or math.isnan(refresh):
        raise ConfigError(f"--refresh must be zero or more seconds, not {refresh:g}.")
    spec = read_agent(agent, feed)
    announce_compiling()
    from tidemill.cli.live_table import json_line
    from tidemill.services.live import run_agent
    from tidemill.services.live_parts import RunRequest

    request = RunRequest(spec, home_of(data_dir, database), run_id or "", _speed(speed), every_s=refresh)
    if as_json:
        request.watch = _line_writer(json_line)
        run_agent(request, resume=resume)
    elif not sys.stdout.isatty():
        _print(run_agent(request, resume=resume))
    else:
        _print(_on_screen(request, resume=resume), is_drawn=True)


def _on_screen(request: RunRequest, *, resume: bool) -> LiveView:
    """Run with a table that refreshes."""
    from rich.live import Live

    from tidemill.cli.live_table import picture
    from tidemill.cli.show import console
    from tidemill.services.live import run_agent

    with Live(console=console(), auto_refresh=False) as live:
        request.watch = lambda view: live.update(picture(view), refresh=True)
        return run_agent(request, resume=resume)


def _speed(text: str) -> float:
    from tidemill.cli.options import parse_number

    return math.inf if text == _FAST else parse_number(text, "--speed", "--speed 60, or max")


def _line_writer(line: Callable[[LiveView], str]) -> Callable[[LiveView], None]:
    def write(view: LiveView) -> None:
        sys.stdout.write(line(view) + "\n")
        sys.stdout.flush()

    return write


def _print(view: LiveView, *, is_drawn: bool = False) -> None:
    from tidemill.cli.live_table import picture
    from tidemill.cli.show import console

    if not is_drawn:
        console().print(picture(view))
    if view.state == "STOPPED":
        sys.stdout.write(f"Stopped; --run-id {view.run_id} goes on from here.\n")
