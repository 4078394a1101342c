"""``tidemill new``: start something of your own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["new_strategy"]


def new_strategy(
    name: Annotated[str, typer.Argument(help="Its name: golden_cross or GoldenCross.")],
    *,
    folder: Annotated[Path, typer.Option(help="Where to write it.")] = Path(),
) -> None:
    """Write a strategy file that runs as it is, with every part explained, to change into your own."""
    raise NotImplementedError
