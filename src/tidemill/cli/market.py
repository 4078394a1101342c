"""``tidemill market``: which sessions run now, when they change, and why a market is closed."""

from __future__ import annotations

from typing import Annotated

import typer

from tidemill.cli.flags import with_flags

__all__ = ["market"]


@with_flags()
def market(
    symbols: Annotated[list[str] | None, typer.Argument(help="Symbols; every calendar when none is named.")] = None,
    *,
    at: Annotated[str | None, typer.Option(help="ISO time instead of now; without a zone it is UTC.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say whether markets are open, when that changes, and whether one may trade now."""
    from tidemill.cli.show import print_json, print_table
    from tidemill.runtime.clock import SystemClock
    from tidemill.services.market import markets, parse_time

    now_ns = parse_time(at) if at else SystemClock().now_ns()
    views = [view.as_plain() for view in markets(symbols or [], now_ns)]
    if as_json:
        print_json(views)
        return
    headings = ["symbol", "calendar", "session", "next open", "next close", "trading day", "intraday", "swing", "what"]
    names = ("symbol", "calendar", "session", "next_open", "next_close", "trading_day")
    rows = [
        (
            *(view[name] for name in names),
            "yes" if view["may_trade_intraday"] else "no",
            "yes" if view["may_trade_swing"] else "no",
            view["text"],
        )
        for view in views
    ]
    print_table(headings, rows, f"Markets at {views[0]['now']}")
