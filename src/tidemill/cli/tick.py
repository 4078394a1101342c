"""``tidemill tick``: one trade, pushed to a run that listens."""

from __future__ import annotations

from typing import Annotated

import typer

from tidemill.cli.asking import JSON, RUN, SYMBOL, WAIT, WAIT_S, refusals, tell
from tidemill.cli.flags import with_flags
from tidemill.cli.places import DATA_DIR, DATABASE, home_of

__all__ = ["tick"]


@with_flags()
def tick(
    symbol: SYMBOL,
    price: Annotated[float, typer.Argument(help="Price of the trade.")],
    *,
    size: Annotated[float, typer.Option(help="Units traded.")] = 1.0,
    at: Annotated[str | None, typer.Option(help="ISO time of the trade; now when left out.", metavar="TIME")] = None,
    run: RUN = None,
    wait: WAIT = True,
    data_dir: DATA_DIR = None,
    database: DATABASE = None,
    as_json: JSON = False,
) -> None:
    """Push one trade to a run with a push feed."""
    from tidemill.model.agent import parse_instant
    from tidemill.services.operating import ask_tick

    with refusals(as_json=as_json):
        home, stamp = home_of(data_dir, database), parse_instant(at, "--at") if at else 0
        answer = ask_tick(home, symbol, price, size, stamp, run_id=run, wait_s=WAIT_S if wait else 0.0)
        tell(answer, as_json=as_json)
