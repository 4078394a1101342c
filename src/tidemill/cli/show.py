"""Results on the terminal: one look, the words a trader needs, and where the files are."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from tidemill.research.metrics import verdict
from tidemill.research.parity import Parity
from tidemill.research.result import BacktestResult

if TYPE_CHECKING:
    from tidemill.services.live_demo import PaperDemo

__all__ = [
    "console",
    "list_lines",
    "print_files",
    "print_headline",
    "print_json",
    "print_paper",
    "print_parity",
    "print_result",
    "print_table",
]

_WIDE = 160


def console() -> Console:
    """Return a console for standard output, with room enough when it is no terminal."""
    width = None if sys.stdout.isatty() else _WIDE
    return Console(width=width, highlight=False)


def print_json(document: Any) -> None:
    """Print a document as JSON on standard output."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2) + "\n")


def print_table(headings: Sequence[str], rows: Sequence[Sequence[Any]], title: str = "") -> None:
    """Print rows under headings; columns of numbers stand right."""
    from rich.text import Text

    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for number, heading in enumerate(headings):
        is_number = bool(rows) and all(isinstance(row[number], int | float) for row in rows)
        table.add_column(heading, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(f"{cell:,}" if isinstance(cell, int | float) else str(cell)) for cell in row))
    console().print(table)


def list_lines(title: str, lines: Sequence[str]) -> None:
    """Print sentences under a heading, or nothing when there are none."""
    if lines:
        screen = console()
        screen.print(title, style="bold", markup=False)
        for line in lines:
            screen.print(f"  {line}", markup=False, soft_wrap=True)


def print_result(result: BacktestResult, *, verbose: bool = False) -> None:
    """Print the figures, the verdict and what a reader must know about a run."""
    record = result.record
    stamp = " (SIMULATED PRICES)" if any(table.meta.get("simulated") for table in record.bars) else ""
    symbols = ", ".join(item.symbol for item in record.instruments)
    print_headline(f"{', '.join(record.strategies)} on {symbols}{stamp}", dict(result.headline()))
    screen = console()
    screen.print(verdict(result.metrics), markup=False, soft_wrap=True)
    list_lines("Warnings", [*record.warnings, *_slow_forms(result)])
    if verbose:
        list_lines("Assumptions", record.assumptions)
    else:
        look_ahead = next((text for text in record.assumptions if "look-ahead" in text.lower()), "")
        screen.print(
            f"{len(record.assumptions)} assumptions (--verbose lists them). {look_ahead}", markup=False, soft_wrap=True
        )


def _slow_forms(result: BacktestResult) -> list[str]:
    """Say which strategies ran as ordinary Python because they, or the user, asked for it."""
    record = result.record
    told = " ".join(record.warnings)
    return [
        f"{name} ran as ordinary Python, which is slower: its class says compiled = False, or --form asked for it."
        for name, form in zip(record.strategies, record.config["form"], strict=True)
        if form != "compiled" and f"{name} does not compile" not in told
    ]


def print_headline(title: str, figures: Mapping[str, str]) -> None:
    """Print a title and the headline figures."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    for label, text in figures.items():
        table.add_row(label, text)
    screen = console()
    screen.print(title, style="bold", markup=False)
    screen.print(table)


def print_files(paths: Sequence[Any]) -> None:
    """Say what was written."""
    screen = console()
    for path in paths:
        screen.print(f"Written: {path}", markup=False, soft_wrap=True)


def print_parity(parity: Parity, bars: int) -> None:
    """Say whether the loop and the live face agree, or what differs first."""
    screen = console()
    if parity.is_whole:
        screen.print(
            f"Parity: 100 % ({bars:,} bars through the loop and one by one: {parity.events:,} tape rows and "
            f"{parity.state_bytes:,} bytes of state are the same)",
            style="bold",
            markup=False,
            soft_wrap=True,
        )
        return
    sentence = f"Parity: {parity.percent:.4f} %; first difference: {parity.first_difference}"
    screen.print(sentence, style="bold", markup=False, soft_wrap=True)


def print_paper(paper: PaperDemo) -> None:
    """Say what became of a paper run that was killed half way, and what the audit of its record found."""
    screen = console()
    decisions, ledger = paper.decisions, paper.ledger
    screen.print("The same prices on paper, through tape, guard, outbox and database", style="bold")
    for line in (
        f"Killed with SIGKILL after {paper.killed_at:,} of {paper.bars:,} bars; {paper.kept_fills:,} fills on disk.",
        f"Started again: {paper.state}, {paper.fills:,} fills, final equity {paper.equity:,.2f}.",
        f"Ledger: {ledger.entries:,} entries are the replay of {ledger.fills:,} fills, to the last digit.",
        f"Read tables: {ledger.read_rows:,} rows are what the tape tells.",
    ):
        screen.print(line, markup=False, soft_wrap=True)
    sentence = f"Decision parity: {decisions.percent:.4g} % ({decisions.decisions:,} decisions, made again by a fresh"
    sentence += f" core from {decisions.events:,} tape rows)"
    screen.print(sentence, style="bold", markup=False, soft_wrap=True)
    if decisions.first_difference:
        screen.print(f"First difference: {decisions.first_difference}", markup=False, soft_wrap=True)
    screen.print(f"Its record: tidemill orders --data-dir {paper.folder}", markup=False, soft_wrap=True)
