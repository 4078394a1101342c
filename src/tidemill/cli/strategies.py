"""``tidemill strategies``: what is installed, and what each one lets you set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tidemill.cli.flags import with_flags

if TYPE_CHECKING:
    from tidemill.authoring.strategy import StrategySpec

__all__ = ["describe_strategy", "strategies"]


def describe_strategy(spec: StrategySpec) -> dict[str, Any]:
    """Return a strategy's name, sentence and parameters as plain values."""
    return {
        "name": spec.name,
        "title": spec.title,
        "params": [
            {
                "name": key,
                "default": item.options[int(item.default)] if item.options else item.default,
                "low": item.low if item.is_number and not item.options else None,
                "high": item.high if item.is_number and not item.options else None,
                "options": list(item.options),
                "unit": item.unit,
                "doc": item.doc,
            }
            for key, item in spec.params.items()
        ],
        "indicators": {key: item.spec.name for key, item in spec.indicators.items()},
    }


@with_flags()
def strategies(
    name: Annotated[str | None, typer.Argument(help="Name of a strategy, or file.py[:Class].")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the strategies, or show one with its parameters, bounds and units."""
    from tidemill.authoring.registry import installed_strategies, load_strategy
    from tidemill.authoring.strategy import spec_of
    from tidemill.cli.show import print_json, print_table

    if name is None:
        specs = [spec_of(item) for item in installed_strategies().values()]
        if as_json:
            print_json([describe_strategy(spec) for spec in specs])
        else:
            print_table(["strategy", "what it does"], [(spec.name, spec.title) for spec in specs])
        return
    found = describe_strategy(load_strategy(name))
    if as_json:
        print_json(found)
        return
    typer.echo(f"{found['name']}: {found['title']}")
    if not found["params"]:
        typer.echo("It has no parameters.")
        return
    rows = [(item["name"], str(item["default"]), _bounds(item), item["unit"], item["doc"]) for item in found["params"]]
    print_table(["parameter", "default", "bounds", "unit", "meaning"], rows)


def _bounds(item: dict[str, Any]) -> str:
    if item["low"] is None:
        return ", ".join(item["options"]) or "a condition tree"
    return f"{item['low']:g} to {item['high']:g}"
