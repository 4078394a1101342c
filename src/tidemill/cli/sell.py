"""``tidemill sell``: an order by hand; with ``--close`` it reduces what is open and nothing else."""

from __future__ import annotations

from typing import Annotated

import typer

from tidemill.cli.asking import BY, JSON, KEY, LIMIT, RUN, STOP, STOP_LOSS, STRATEGY, SYMBOL, TAKE_PROFIT, WAIT, order
from tidemill.cli.flags import with_flags
from tidemill.cli.places import DATA_DIR, DATABASE

__all__ = ["sell"]


@with_flags()
def sell(  # noqa: PLR0913 - one option each
    symbol: SYMBOL,
    quantity: Annotated[float, typer.Argument(help="Units, above zero.")],
    *,
    close: Annotated[
        bool, typer.Option("--close", help="Only reduce an open position; never open a short one.")
    ] = False,
    limit: LIMIT = None,
    stop: STOP = None,
    stop_loss: STOP_LOSS = None,
    take_profit: TAKE_PROFIT = None,
    run: RUN = None,
    strategy: STRATEGY = None,
    key: KEY = None,
    by: BY = None,
    wait: WAIT = True,
    data_dir: DATA_DIR = None,
    database: DATABASE = None,
    as_json: JSON = False,
) -> None:
    """Sell: a market order, or at a limit, or below a stop; with stop-loss and take-profit if you like."""
    body = {"symbol": symbol, "side": "sell", "quantity": quantity, "limit_price": limit, "stop_price": stop}
    body |= {"stop_loss": stop_loss, "take_profit": take_profit, "strategy": strategy, "closes": close or None}
    order(body, run, key, by, data_dir, database, wait=wait, as_json=as_json)
