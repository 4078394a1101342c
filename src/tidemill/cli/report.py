"""``tidemill report``: read a result file again, or make its HTML page from the same data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tidemill.cli.flags import with_flags

if TYPE_CHECKING:
    from tidemill.research.result import BacktestResult

__all__ = ["report"]

_TRADES = 20


@with_flags()
def report(
    result: Annotated[Path, typer.Argument(help="JSON file of a backtest.")],
    *,
    html: Annotated[Path | None, typer.Option(help="Write the HTML report, by running the same again.")] = None,
    data: Annotated[list[str] | None, typer.Option(help="Where the data are now; repeatable.")] = None,
    trades: Annotated[int, typer.Option(help="How many of the last trades to list.")] = _TRADES,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show a saved result, or make its HTML report.

    The result file holds no bars. With --html the recorded run is made again; data and settings must have the
    hashes that the file records, or nothing is written.
    """
    from tidemill.cli.show import print_files, print_json
    from tidemill.research.result.files import check_writable

    if html is not None:
        check_writable(html, "--html")
    document = _read(result)
    if html is not None:
        _run_again(document, data).report(html)
    if as_json:
        names = ("schema", "strategies", "symbols", "metrics", "verdict", "assumptions", "warnings", "trips")
        print_json({name: document.get(name) for name in names})
    else:
        _show(document, trades)
        print_files([html] if html is not None else [])


def _read(path: Path) -> dict[str, Any]:
    """Return a result document, or say why the file is none."""
    from tidemill.model.errors import ConfigError
    from tidemill.research.result.files import SCHEMA

    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"There is no file {path}; make one with `tidemill backtest ... --json {path}`.") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} is no JSON file ({error}); name the file that --json wrote.") from error
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA:
        raise ConfigError(
            f"{path} is no result of this version ({SCHEMA} is needed, it says {schema!r}); run it again."
        )
    return dict(document)


def _run_again(document: dict[str, Any], data: list[str] | None) -> BacktestResult:
    """Repeat a recorded run, and refuse it unless data and settings are the recorded ones."""
    from tidemill.cli.config import values_of
    from tidemill.cli.request import request_of
    from tidemill.model.errors import ConfigError, DataError
    from tidemill.research.result import BacktestResult
    from tidemill.services.backtests import run_request

    if not document.get("inputs"):
        raise ConfigError("This result was not made by `tidemill backtest`, so it cannot be run again; make it anew.")
    values = values_of(document["inputs"])
    if data:
        values["data"] = data
    request = request_of({**values, "count": False}, command=document["command"])
    made = run_request(request)
    card = made.record.card
    for name, what in (("data", "The data"), ("config", "The settings"), ("strategy", "The strategy's source")):
        if card[name] != document["card"][name]:
            raise DataError(
                f"{what} of this run are not those of the file ({card[name]} against {document['card'][name]}); "
                "nothing was written. Name the same files with --data, or run the backtest again."
            )
    metrics = {**document["metrics"], "notes": document["notes"]}
    return BacktestResult(
        made.record,
        metrics,
        command=document["command"],
        created_at=document["created_at"],
        inputs=document["inputs"],
        draw=made.draw,
    )


def _show(document: dict[str, Any], most: int) -> None:
    from tidemill.cli.show import list_lines, print_headline, print_table
    from tidemill.research.result.result import headline_of

    title = f"{', '.join(document['strategies'])} on {', '.join(document['symbols'])}, {document['created_at']}"
    print_headline(title, dict(headline_of(document["metrics"])))
    typer.echo(document["verdict"])
    list_lines("Warnings", document["warnings"])
    list_lines("Assumptions", document["assumptions"])
    trips = document["trips"]
    shown = trips[-most:] if most > 0 else []
    if shown:
        rows = [
            (
                trip["symbol"],
                trip["side"],
                f"{trip['quantity']:g}",
                _clock(trip["entry_time"]),
                f"{trip['entry_price']:,.4f}",
                _clock(trip["exit_time"]),
                f"{trip['exit_price']:,.4f}",
                f"{trip['pnl']:+,.2f}",
                trip["exit_reason"],
            )
            for trip in shown
        ]
        title = f"Trades (the last {len(shown)} of {len(trips)})" if len(shown) < len(trips) else "Trades"
        print_table(
            ["symbol", "side", "units", "in (UTC)", "price", "out (UTC)", "price", "result", "why"], rows, title
        )


def _clock(stamp: str) -> str:
    """Return an ISO stamp as a table shows it: to the second, without letters."""
    return stamp[:19].replace("T", " ")
