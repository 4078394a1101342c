"""``tidemill conditions``: check a condition tree, read it in plain English, try it on prices."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tidemill.cli.flags import with_flags
from tidemill.model.errors import ConfigError

__all__ = ["read_tree", "try_tree", "validate_tree"]

Tree = Annotated[Path, typer.Argument(help="JSON file with buy_conditions and sell_conditions.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@with_flags()
def validate_tree(file: Tree, *, as_json: AsJson = False) -> None:
    """Say everything that is wrong with a condition tree, or odd about it, each at its exact place."""
    from tidemill.cli.show import print_json
    from tidemill.services.conditions import check_conditions, document_of

    found = check_conditions(document_of(file))
    if as_json:
        print_json(found)
    else:
        for level in ("errors", "warnings"):
            for item in found[level]:
                typer.echo(f"{level.removesuffix('s')}: {item['path'] or file}: {item['message']} {item['hint']}")
        if found["valid"]:
            typer.echo(found["reading"])
            typer.echo(f"It can be used; every condition has an answer after {found['needed_bars']} bars.")
    if not found["valid"]:
        raise typer.Exit(ConfigError.exit_code)


@with_flags()
def read_tree(file: Tree, *, as_json: AsJson = False) -> None:
    """Read a condition tree in plain English."""
    from tidemill.cli.show import print_json
    from tidemill.services.conditions import document_of, read_conditions_aloud

    text = read_conditions_aloud(document_of(file))
    if as_json:
        print_json({"reading": text})
    else:
        typer.echo(text)


@with_flags()
def try_tree(
    file: Tree,
    *,
    prices: Annotated[str | None, typer.Option(help="Data file, or JSON list; price_data of FILE otherwise.")] = None,
    symbol: Annotated[str | None, typer.Option(help="Which symbol of the data file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Try a condition tree on prices, with the kernel that trades, and say what it would do after the last bar."""
    from tidemill.cli.show import print_json
    from tidemill.services.conditions import document_of, prices_of_file, try_conditions

    found = try_conditions(document_of(file), prices_of_file(prices, symbol) if prices is not None else None)
    if as_json:
        print_json(found)
        return
    _show(found)


def _show(found: dict[str, Any]) -> None:
    from tidemill.cli.show import print_table

    times = {word: found["signals"].count(word) for word in ("BUY", "SELL")}
    typer.echo(
        f"{found['signal'] or 'No signal'} after the last of {found['bars']} bars; "
        f"BUY was true on {times['BUY']}, SELL on {times['SELL']}."
    )
    if found["bars"] < found["needed_bars"]:
        typer.echo(f"Not every condition has an answer before {found['needed_bars']} bars.")
    rows = []
    for item in found["conditions"]:
        told = "unknown" if item["met"] is None else "yes" if item["met"] else "no"
        numbers = ", ".join(f"{key} {'—' if n is None else f'{n:,.6g}'}" for key, n in item["numbers"].items())
        rows.append((item["side"], item["text"], told, numbers))
    print_table(["side", "condition", "met", "numbers"], rows)
