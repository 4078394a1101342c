"""``tidemill data``: look at market data, convert them, make simulated ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tidemill.cli.flags import flags_of, with_flags

if TYPE_CHECKING:
    from tidemill.research.validation import QualityReport
    from tidemill.services.reading import ReadRequest

__all__ = ["import_files", "inspect_files", "synthesise"]

_READING = flags_of(names=("symbol", "interval", "map", "zone", "sort"))
_IMPORTING = flags_of(names=("symbol", "interval", "map", "zone", "sort", "start", "end", "quarantine"))
_FINDINGS = 3

Files = Annotated[list[str], typer.Argument(help="CSV or Parquet files, or folders of them.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _request(files: list[str], given: dict[str, Any]) -> ReadRequest:
    from tidemill.cli.config import merged
    from tidemill.services.reading import ReadRequest

    values = merged({}, given)
    return ReadRequest(
        files,
        values.get("symbol", ()),
        values.get("interval"),
        values.get("map"),
        values.get("zone"),
        values.get("start"),
        values.get("end"),
        values.get("sort", False),
    )


@with_flags(_READING)
def inspect_files(
    files: Files,
    *,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if anything was found.")] = False,
    as_json: AsJson = False,
    **given: Any,
) -> None:
    """Report what is wrong or remarkable in data files, one report per symbol."""
    from tidemill.cli.show import print_json
    from tidemill.services.inspection import inspect_inputs

    reports = inspect_inputs(_request(files, {**given, "sort": given["sort"] is not False}))
    if as_json:
        print_json([_plain(report) for report in reports])
    else:
        for report in reports:
            _show(report)
    if strict and not all(report.is_clean for report in reports):
        raise typer.Exit(1)


def _plain(report: QualityReport) -> dict[str, Any]:
    """Return a report as JSON values with UTC times."""
    from dataclasses import asdict

    document = asdict(report)
    document["first"], document["last"] = _stamp(document.pop("first_ns")), _stamp(document.pop("last_ns"))
    document["quarantined"] = {reason.name: count for reason, count in report.quarantined.items()}
    for name in ("gaps", "stale", "splits"):
        document[name] = [{**item, "time": _stamp(item.pop("ts_ns"))} for item in document[name]]
    for item in document["splits"]:
        item["day"] = item["day"].isoformat()
    return {**document, "is_clean": report.is_clean}


def _stamp(ts_ns: int | None) -> str | None:
    from datetime import UTC, datetime

    return None if ts_ns is None else datetime.fromtimestamp(ts_ns // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _show(report: QualityReport) -> None:
    from tidemill.cli.show import list_lines, print_headline

    mark = " (SIMULATED)" if report.is_simulated else ""
    extended = "—" if report.extended_ratio is None else f"{report.extended_ratio:.1%}"
    print_headline(
        f"{report.symbol}, {report.interval} bars{mark}",
        {
            "First bar": _stamp(report.first_ns) or "—",
            "Last bar": _stamp(report.last_ns) or "—",
            "Rows read": f"{report.rows:,}",
            "Rows kept": f"{report.kept:,}",
            "Duplicates": f"{report.duplicates:,}",
            "Bars expected": f"{report.expected:,}",
            "Bars missing": f"{report.missing:,}",
            "Without volume": f"{report.zero_volume_ratio:.1%}",
            "Outside regular hours": extended,
        },
    )
    list_lines(
        "Rows set aside", [f"{count:,} times: {reason.sentence}" for reason, count in report.quarantined.items()]
    )
    gaps = [f"{_stamp(gap.ts_ns)}: {gap.bars:,} bars missing" for gap in report.gaps[:_FINDINGS]]
    list_lines("Longest gaps", gaps)
    stale = [f"{_stamp(run.ts_ns)}: {run.bars:,} equal bars" for run in report.stale[:_FINDINGS]]
    list_lines("Stuck prices", stale)
    splits = [
        f"{item.day}: {item.price_before:g} to {item.price_after:g}, ratio {item.ratio:g}" for item in report.splits
    ]
    list_lines("Suspected splits", splits)
    list_lines("Warnings", report.warnings)


@with_flags(_IMPORTING)
def import_files(
    files: Files,
    *,
    out: Annotated[Path, typer.Option(help="Parquet file to write; a folder if the files hold several symbols.")],
    as_json: AsJson = False,
    **given: Any,
) -> None:
    """Read data files, set impossible rows aside, and write clean Parquet."""
    from tidemill.cli.show import list_lines, print_files, print_json
    from tidemill.research.result.files import check_writable
    from tidemill.services.importing import import_bars

    if not out.is_dir():
        check_writable(out, "--out")
    if given["quarantine"]:
        check_writable(Path(given["quarantine"]), "--quarantine")
    written = import_bars(_request(files, given), out, given["quarantine"])
    if as_json:
        rows = [
            {"path": str(item.path), "symbol": item.symbol, "rows": item.rows, "set_aside": item.set_aside}
            for item in written
        ]
        print_json(rows)
        return
    list_lines("Imported", [f"{item.symbol}: {item.rows:,} rows, {item.set_aside:,} set aside" for item in written])
    print_files([*(item.path for item in written), *([given["quarantine"]] if given["quarantine"] else [])])


@with_flags()
def synthesise(
    *,
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    symbol: Annotated[list[str] | None, typer.Option(help="SIMA, SIMB, SIMQ, ...; repeatable.")] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 7,
    sessions: Annotated[int, typer.Option(help="Trading days.")] = 40,
    daily: Annotated[bool, typer.Option("--daily", help="Daily bars instead of minutes.")] = False,
    kind: Annotated[str, typer.Option("--format", help="parquet or csv.")] = "parquet",
    as_json: AsJson = False,
) -> None:
    """Write a simulated market: bars per symbol, splits and dividends; every file says SIMULATED."""
    from tidemill.cli.show import print_files, print_json
    from tidemill.research.result.files import check_writable
    from tidemill.services.demo import DEFAULT_SYMBOLS, write_market

    check_writable(out / f"bars.{kind}", "--out")
    paths = write_market(out, seed=seed, symbols=symbol or DEFAULT_SYMBOLS, sessions=sessions, daily=daily, kind=kind)
    if as_json:
        print_json([str(path) for path in paths])
        return
    print_files(paths)
