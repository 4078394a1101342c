"""What the verbs that ask a run for something have in common: their options, and how an answer is told."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tidemill.cli.places import home_of
from tidemill.model.errors import GuardRefusal

if TYPE_CHECKING:
    from tidemill.services.operating import Answer

__all__ = [
    "BY",
    "JSON",
    "KEY",
    "LIMIT",
    "RUN",
    "STOP",
    "STOP_LOSS",
    "STRATEGY",
    "SYMBOL",
    "TAKE_PROFIT",
    "WAIT",
    "WAIT_S",
    "order",
    "refusals",
    "tell",
]

WAIT_S = 10.0
SYMBOL = Annotated[str, typer.Argument(help="What to trade.")]
LIMIT = Annotated[float | None, typer.Option(help="Limit price.")]
STOP = Annotated[float | None, typer.Option(help="Price that triggers the order.")]
STOP_LOSS = Annotated[float | None, typer.Option(help="Protective stop once it is filled.")]
TAKE_PROFIT = Annotated[float | None, typer.Option(help="Target once it is filled.")]
RUN = Annotated[str | None, typer.Option(help="Which run; the only one at work when left out.", metavar="ID")]
STRATEGY = Annotated[str | None, typer.Option(help="Whose position; the run's first strategy when left out.")]
KEY = Annotated[str | None, typer.Option(help="Idempotency key: asked twice with one key, it is done once.")]
BY = Annotated[str | None, typer.Option(help="Who asks; your login name when left out.", metavar="NAME")]
WAIT = Annotated[bool, typer.Option("--wait/--no-wait", help="Whether to wait for the engine's answer.")]
JSON = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@contextmanager
def refusals(*, as_json: bool) -> Iterator[None]:
    """Tell a refusal with its code, as JSON too if asked for; the exit code stays."""
    from tidemill.cli.show import print_json

    try:
        yield
    except GuardRefusal as error:
        if as_json:
            print_json({"state": "REFUSED", "code": error.code, "text": str(error)})
        raise GuardRefusal(error.code, f"{error.code}: {error}") from None


def tell(answer: Answer, *, as_json: bool) -> None:
    """Print what became of a request.

    Raises:
        GuardRefusal: the engine refused it.
    """
    from tidemill.cli.show import print_json

    if answer.state == "REFUSED":
        code, colon, text = answer.text.partition(": ")
        raise GuardRefusal(code if colon else "refused", text or answer.text)
    if as_json:
        print_json({"state": answer.state, "run": answer.run_id, "key": answer.key, "text": answer.text})
    elif answer.state == "DONE":
        sys.stdout.write(f"{answer.run_id}: {answer.text}\n")
    else:
        sys.stdout.write(f"{answer.run_id}: asked, not answered yet (key {answer.key}).\n")


def order(
    body: Mapping[str, Any],
    run: str | None,
    key: str | None,
    by: str | None,
    data_dir: str | None,
    database: str | None,
    *,
    wait: bool,
    as_json: bool,
) -> None:
    """Ask for an order and tell what became of it."""
    from tidemill.services.operating import ask_order

    with refusals(as_json=as_json):
        home = home_of(data_dir, database)
        wait_s = WAIT_S if wait else 0.0
        tell(ask_order(home, body, run_id=run, key=key or "", user=by or "", wait_s=wait_s), as_json=as_json)
