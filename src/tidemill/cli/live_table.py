"""How runs look on a terminal: one picture that refreshes, and the tables under it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from tidemill.cli.show import console

if TYPE_CHECKING:
    from rich.console import RenderableType

    from tidemill.model.journal import OrderRecord
    from tidemill.services.live_view import LiveView
    from tidemill.services.run_records import HeldLine, RunLine, RunStatus

__all__ = [
    "clock_text",
    "json_line",
    "orders_table",
    "picture",
    "positions_table",
    "runs_table",
    "show",
    "status_picture",
]

_SHOWN = 8
_STYLES = {"RUNNING": "green", "COMPLETED": "green", "PAUSED": "yellow", "STOPPED": "yellow"}


def clock_text(ts_ns: int) -> str:
    """Return UTC nanoseconds as people read them, a dash for none."""
    return f"{datetime.fromtimestamp(ts_ns // 1_000_000_000, UTC):%Y-%m-%d %H:%M:%S}" if ts_ns else "-"


def _table(headings: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> Table:
    """Return rows under headings; numbers stand right."""
    made = list(rows)
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for number, heading in enumerate(headings):
        is_number = bool(made) and all(isinstance(row[number], int | float) for row in made)
        table.add_column(heading, justify="right" if is_number else "left", overflow="fold")
    for row in made:
        table.add_row(*(Text(f"{cell:,}" if isinstance(cell, int | float) else str(cell)) for cell in row))
    return table


def _facts(rows: Mapping[str, str]) -> Table:
    table = Table(show_header=False, box=None, pad_edge=False)
    for label, text in rows.items():
        table.add_row(Text(label), Text(text))
    return table


def _counts(title: str, counts: Mapping[str, int]) -> list[RenderableType]:
    """Return sentences with how often each was said, most often first."""
    lines = [Text(f"  {count:,} x {sentence}") for sentence, count in list(counts.items())[:_SHOWN]]
    return [Text(title, style="bold"), *lines] if lines else []


def picture(view: LiveView) -> Group:
    """Return a run as its own process sees it."""
    head = Text(f"{view.agent} ({view.mode}, {view.feed})  run {view.run_id}  ", style="bold")
    head.append(view.state, style=_STYLES.get(view.state, "bold red"))
    total = f" of {view.bars_total:,}" if view.bars_total else ""
    facts = {
        "Market time": f"{clock_text(view.market_ns)} UTC",
        "Bars": f"{view.bars:,}{total}",
        "Events": f"{view.events:,} ({view.events_per_s:,.0f}/s)",
        "Equity": f"{view.equity:,.2f}",
        "Cash": f"{view.cash:,.2f}",
        "Orders": f"{view.orders:,} ({view.fills:,} fills, {view.trips:,} round trips)",
    }
    parts: list[RenderableType] = [head, _facts(facts)]
    if view.message:
        parts.append(Text(view.message, style="red"))
    if view.positions:
        rows = [
            (line.symbol, line.strategy, line.quantity, line.average_price, line.last_price, round(line.unrealised, 2))
            for line in view.positions
        ]
        parts.append(_table(("position", "strategy", "units", "entry", "last", "unrealised"), rows))
    if view.last_orders:
        rows_of_orders = [
            (
                clock_text(line.created_ns),
                line.symbol,
                line.side,
                line.type,
                line.quantity,
                line.filled,
                "-" if line.price is None else f"{line.price:,.4f}",
                line.state,
                line.reason,
            )
            for line in view.last_orders[:_SHOWN]
        ]
        names = ("decided (UTC)", "symbol", "side", "type", "units", "filled", "price", "state", "reason")
        parts.append(_table(names, rows_of_orders))
    parts += _counts("Refused", view.refused)
    parts += [Text(f"Alert: {text}", style="red") for text in view.alerts[-_SHOWN:]]
    return Group(*parts)


def _mode(line: RunLine) -> str:
    return f"{line.mode}, SIMULATED" if line.is_simulated else line.mode


def runs_table(lines: Sequence[RunLine]) -> Table:
    """Return all runs, newest first."""
    headings = ("run", "agent", "mode", "state", "began (UTC)", "ended (UTC)", "message")
    rows = [
        (
            line.run_id,
            line.agent,
            _mode(line),
            line.state,
            clock_text(line.started_ns),
            clock_text(line.ended_ns),
            line.message,
        )
        for line in lines
    ]
    return _table(headings, rows)


def positions_table(lines: Sequence[HeldLine]) -> Table:
    """Return open positions."""
    rows = [
        (
            line.symbol,
            line.strategy,
            line.quantity,
            line.average_price,
            line.market_price or "-",
            "-" if line.unrealised is None else f"{line.unrealised:,.2f}",
            clock_text(line.opened_ns),
            line.fills,
        )
        for line in lines
    ]
    return _table(("symbol", "strategy", "units", "entry", "last", "unrealised", "opened (UTC)", "fills"), rows)


def orders_table(rows: Sequence[OrderRecord]) -> Table:
    """Return orders, newest first."""
    headings = ("decided (UTC)", "symbol", "side", "type", "units", "filled", "price", "state", "reason", "id", "text")
    lines = [
        (
            clock_text(row.created_ns),
            row.symbol,
            row.side,
            row.type,
            row.quantity,
            row.filled,
            row.average_price or "-",
            row.state,
            row.reason,
            row.client_id,
            row.text,
        )
        for row in rows
    ]
    return _table(headings, lines)


def status_picture(status: RunStatus) -> Group:
    """Return a run as the record shows it."""
    line, beat = status.line, status.beat
    head = Text(f"{line.agent} ({_mode(line)})  run {line.run_id}  ", style="bold")
    head.append(line.state, style=_STYLES.get(line.state, "bold red"))
    facts = {"Began": f"{clock_text(line.started_ns)} UTC", "Last heard": f"{clock_text(line.heard_ns)} UTC"}
    if line.ended_ns:
        facts["Ended"] = f"{clock_text(line.ended_ns)} UTC"
    if beat:
        total = f" of {beat['bars_total']:,}" if beat["bars_total"] else ""
        facts["Market time"] = f"{clock_text(beat['market_ns'])} UTC"
        facts["Bars"] = f"{beat['bars']:,}{total}"
        facts["Events"] = f"{beat['events']:,} ({beat['events_per_s']:,.0f}/s)"
        facts["Equity"] = f"{beat['equity']:,.2f}"
    facts["Ledger"] = ", ".join(f"{asset} {amount}" for asset, amount in status.balances.items())
    counts = ", ".join(f"{state} {count:,}" for state, count in status.orders.items())
    facts["Orders"] = f"{counts or 'none'} ({status.fills:,} fills)"
    parts: list[RenderableType] = [head, _facts(facts)]
    parts += [Text(text, style="red") for text in (line.message, *status.halts) if text]
    if status.positions:
        parts.append(positions_table(status.positions))
    if status.last_orders:
        parts.append(orders_table(status.last_orders))
    parts += _counts("Refused", {**status.refused, **beat.get("refused", {})})
    return Group(*parts)


def json_line(value: Any) -> str:
    """Return dataclasses, lists and plain values as one line of JSON."""
    return json.dumps(value, default=asdict, allow_nan=False)


def show(
    read: Callable[[], Any],
    draw: Callable[[Any], RenderableType],
    *,
    as_json: bool,
    watch: bool,
    every_s: float = 1.0,
) -> None:
    """Show something once, or again and again until Ctrl-C.

    Args:
        read: returns what is to be shown. draw: makes a picture of it.
        as_json: print it as JSON, one line for each look.
        watch: go on looking, every so many seconds.
    """
    if not watch:
        value = read()
        if as_json:
            sys.stdout.write(json_line(value) + "\n")
        else:
            console().print(draw(value))
        return
    try:
        if as_json:
            _repeat(lambda: sys.stdout.write(json_line(read()) + "\n"), every_s)
        _watch(read, draw, every_s)
    except KeyboardInterrupt:
        return


def _watch(read: Callable[[], Any], draw: Callable[[Any], RenderableType], every_s: float) -> None:
    from rich.live import Live

    with Live(draw(read()), console=console(), auto_refresh=False) as live:
        _repeat(lambda: live.update(draw(read()), refresh=True), every_s)


def _repeat(work: Callable[[], object], every_s: float) -> None:
    while True:
        work()
        sys.stdout.flush()
        time.sleep(every_s)
