"""``tidemill why``: one bar of a recorded run explained, from what the strategy saw to what became of its orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tidemill.cli.flags import with_flags
from tidemill.cli.places import DATA_DIR, DATABASE, home_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tidemill.research.flight.why import Proposal
    from tidemill.services.why import Told, WhyReport
    from tidemill.services.why_day import DayReport

__all__ = ["why"]


@with_flags()
def why(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="The run.")],
    symbol: Annotated[str, typer.Argument(help="Of the bar.")],
    time: Annotated[str, typer.Argument(help="ISO time inside the bar (UTC unless it says so), or a day: 2024-01-03.")],
    *,
    interval: Annotated[str | None, typer.Option(help="Size of the bar; the shortest when left out.")] = None,
    data_dir: DATA_DIR = None,
    database: DATABASE = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Explain one bar: fields, conditions, proposal, size, every rule's verdict, the guard's, and the order's fate.

    Rules are asked one by one, so those after a refusal are answered too. A day instead of a time lists what was
    decided in it.
    """
    from tidemill.cli.progress import announce_compiling

    announce_compiling()
    from tidemill.cli.show import print_json
    from tidemill.model.agent import parse_instant
    from tidemill.model.intervals import parse_interval
    from tidemill.services.home import read_store
    from tidemill.services.recorded import blueprint_of, read_recorded
    from tidemill.services.run_records import find_run
    from tidemill.services.why import explain
    from tidemill.services.why_day import decisions_of_day, parse_day

    day = parse_day(time)
    at_ns = 0 if day is not None else parse_instant(time, "The time")
    home = home_of(data_dir, database)
    with read_store(home) as store:
        recorded = read_recorded(store, home.runs, find_run(store, run_id).run_id)
    size = parse_interval(interval) if interval else 0
    blueprint = blueprint_of(recorded)
    if day is not None:
        listed = decisions_of_day(recorded, blueprint, symbol, day)
        print_json(listed.document()) if as_json else _print_day(listed)
        return
    report = explain(recorded, blueprint, symbol, at_ns, size)
    if as_json:
        print_json(report.document())
    else:
        _print(report)


def _print_day(report: DayReport) -> None:
    from tidemill.cli.show import console, print_table
    from tidemill.research.flight.words import instant_text

    if not report.decisions:
        console().print(f"Nothing was decided on {report.symbol} on {report.day}.", markup=False)
        return
    rows = [
        (instant_text(one.at_ns), one.strategy, one.what, one.words, f"{one.quantity:g}", one.outcome)
        for one in report.decisions
    ]
    heads = ["Decided", "strategy", "", "what", "units", "what became of it"]
    print_table(heads, rows, f"{report.symbol} on {report.day}")


def _print(report: WhyReport) -> None:
    from tidemill.cli.show import console
    from tidemill.research.flight.words import instant_text

    screen = console()
    screen.print(
        f"{report.symbol} {report.interval} bar {instant_text(report.start_ns)} (tape row {report.seq}): "
        f"{_numbers(report.bar)}",
        style="bold",
        markup=False,
        soft_wrap=True,
    )
    if report.is_halted:
        screen.print("Entries were stopped.", markup=False)
    for word in report.words:
        screen.print(f"Ordered since the bar before: {word}", markup=False, soft_wrap=True)
    for told in report.strategies:
        _print_strategy(told)


def _print_strategy(told: Told) -> None:
    from tidemill.cli.show import console, print_table

    screen = console()
    screen.print(f"\n{told.strategy}, holding {told.held:g}", style="bold", markup=False)
    if not told.is_called:
        screen.print("  It decides on other bars and did not look at this one.", markup=False)
        return
    if told.seen:
        rows = [(item.name, item.kind, _text(item.before), _text(item.after)) for item in told.seen]
        print_table(["What it saw", "kind", "before", "after"], rows)
    if told.conditions:
        met = [(item.text, "yes" if item.is_true else "no", _numbers(item.numbers)) for item in told.conditions]
        print_table(["Condition", "met", "numbers"], met)
    if not told.proposals:
        screen.print("It proposed nothing.", markup=False)
    for proposal in told.proposals:
        _print_proposal(proposal)
    for fate in told.fates:
        text = (
            f"{fate.action} {fate.words} ({fate.intent}, {fate.client_id}): guard {fate.guard}; request {fate.request}"
        )
        price = f" at {fate.average_price}" if fate.average_price else ""
        became = f"; order {fate.state}, filled {fate.filled}{price}" if fate.state else ""
        screen.print(f"{text}{became}. {fate.text}".rstrip(), markup=False, soft_wrap=True)


def _print_proposal(proposal: Proposal) -> None:
    from tidemill.cli.show import console, print_table

    screen = console()
    words = f"{proposal.side} {proposal.intent} {proposal.type}, {proposal.reason}"
    screen.print(f"It proposed {words}: {proposal.quantity:g} units.", markup=False, soft_wrap=True)
    if proposal.sizing:
        screen.print(f"Size: {_numbers(proposal.sizing)}", markup=False, soft_wrap=True)
    if proposal.checks:
        rows = [(check.name, check.verdict, _numbers(check.numbers), check.sentence) for check in proposal.checks]
        print_table(["Check", "verdict", "numbers", ""], rows)
    ending = proposal.refusal or (f"It became order {proposal.order}." if proposal.order else "")
    if ending:
        screen.print(ending, markup=False, soft_wrap=True)


def _numbers(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_text(value)}" for name, value in values.items())


def _text(value: Any) -> str:
    if value is None:
        return "—"
    return f"{value:,.6g}" if isinstance(value, float) else str(value)
