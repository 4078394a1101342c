"""``tidemill backtest``: a strategy over data, and the result as a table, JSON, HTML or files."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tidemill.cli.flags import FLAGS, with_flags

if TYPE_CHECKING:
    from tidemill.research.result import BacktestResult

__all__ = ["backtest", "check_outputs", "command_line", "write_outputs"]

_STANDARD_OUTPUT = "-"


def command_line() -> str:
    """Return the command as it was typed."""
    return shlex.join(["tidemill", *sys.argv[1:]])


@with_flags(FLAGS)
def backtest(
    strategy: Annotated[
        list[str] | None, typer.Argument(help="Name of a strategy, or file.py[:Class]; several share the account.")
    ] = None,
    *,
    tree: Annotated[str | None, typer.Option(help="JSON file with the condition tree of `conditions`.")] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file with any of the flags below; flags win.")] = None,
    write_config: Annotated[Path | None, typer.Option(help="Write all that was set as such a file.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="List every assumption.")] = False,
    **given: Any,
) -> None:
    """Run a strategy, or several on one account, over data and show what they would have earned.

    Without flags there is no trading window and no cap, entries are market orders of 10 % of the equity, there are
    no costs, and a position still open at the end is valued at the last close.
    """
    from tidemill.cli.config import merged, read_config, tree_of_file
    from tidemill.cli.config_text import write_config as save_config
    from tidemill.cli.progress import WorkBar, announce_compiling

    announce_compiling()
    from tidemill.cli.request import request_of
    from tidemill.services.backtests import run_request

    if tree is not None:
        given["set"] = [*(given["set"] or []), f"tree={tree_of_file(tree)}"]
    values = merged(read_config(config) if config else {}, {"strategies": strategy, **given})
    request = request_of(values, command=command_line())
    outputs = check_outputs(values, write_config)
    with WorkBar("Backtest", shown=not quiet) as bar:
        request.progress = bar
        result = run_request(request)
    write_outputs(result, values)
    if write_config is not None:
        save_config(write_config, values)
    if values.get("json") == _STANDARD_OUTPUT:
        from tidemill.cli.show import print_json

        print_json(result.document())
    elif not quiet:
        from tidemill.cli.show import print_files, print_result

        print_result(result, verbose=verbose)
        print_files(outputs)


def check_outputs(values: dict[str, Any], write_config: Path | None) -> list[str]:
    """Refuse outputs that cannot be written before anything is run, and return what will be written."""
    from tidemill.model.errors import UnknownName
    from tidemill.research.result.files import check_writable

    kind = values.get("tables_format", "csv")
    if kind not in ("csv", "parquet"):
        raise UnknownName("format of tables", kind, ("csv", "parquet"))
    outputs = []
    for flag in ("json", "report", "quarantine"):
        path = values.get(flag)
        if path and path != _STANDARD_OUTPUT:
            check_writable(Path(path), f"--{flag}")
            outputs.append(path)
    if write_config is not None:
        check_writable(write_config, "--write-config")
        outputs.append(str(write_config))
    if values.get("tables"):
        check_writable(Path(values["tables"]) / f"fills.{kind}", "--tables")
        outputs.append(f"{values['tables']}/*.{kind}")
    return outputs


def write_outputs(result: BacktestResult, values: dict[str, Any]) -> None:
    """Write JSON, report and tables as asked."""
    if values.get("json") not in (None, _STANDARD_OUTPUT):
        result.to_json(values["json"])
    if values.get("report"):
        result.report(values["report"])
    if values.get("tables"):
        result.to_tables(values["tables"], values.get("tables_format", "csv"))
