"""The command ``tidemill``: its verbs, and what becomes of errors. Verbs load what they need when they are called."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

import typer

from tidemill.cli.api import api
from tidemill.cli.backtest import backtest
from tidemill.cli.backup import backup, restore
from tidemill.cli.buy import buy
from tidemill.cli.cancel import cancel
from tidemill.cli.conditions import read_tree, try_tree, validate_tree
from tidemill.cli.data import import_files, inspect_files, synthesise
from tidemill.cli.demo import demo
from tidemill.cli.doctor import doctor
from tidemill.cli.flags import PlainCommand, PlainGroup
from tidemill.cli.gate import go_on, pause, verdict
from tidemill.cli.halt import flatten, halt, resume
from tidemill.cli.host import host
from tidemill.cli.ledger import rebuild, verify
from tidemill.cli.market import market
from tidemill.cli.new import new_strategy
from tidemill.cli.orders import orders
from tidemill.cli.parity import parity
from tidemill.cli.positions import positions
from tidemill.cli.replay import replay
from tidemill.cli.report import report
from tidemill.cli.run import run
from tidemill.cli.runs import runs
from tidemill.cli.sell import sell
from tidemill.cli.show_config import show_config
from tidemill.cli.soak import soak
from tidemill.cli.status import status
from tidemill.cli.strategies import strategies
from tidemill.cli.tick import tick
from tidemill.cli.token import token
from tidemill.cli.trade import smoke, trade
from tidemill.cli.up import engine, up, watchdog
from tidemill.cli.user import (
    add_user,
    change_password,
    change_role,
    change_tier,
    list_users,
    owner_code,
    remove_user,
)
from tidemill.cli.why import why
from tidemill.model.errors import InvariantBroken, OutputError, TidemillError

__all__ = ["app", "main"]

_TRACEBACK = "--traceback"
_INTERRUPTED = 130

app = typer.Typer(
    cls=PlainGroup,
    help="Tidemill: one trading engine for backtest, paper and live.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog="--traceback, anywhere in a command, shows where an error came from; so does TIDEMILL_TRACEBACK=1.",
)
data = typer.Typer(cls=PlainGroup, help="Look at market data, convert them, make simulated ones.", no_args_is_help=True)
conditions = typer.Typer(cls=PlainGroup, help="Check, read and try condition trees.", no_args_is_help=True)
ledger = typer.Typer(cls=PlainGroup, help="Prove that the record of runs adds up.", no_args_is_help=True)
new = typer.Typer(cls=PlainGroup, help="Start something of your own.", no_args_is_help=True)
user = typer.Typer(cls=PlainGroup, help="The people of this installation.", no_args_is_help=True)
config = typer.Typer(cls=PlainGroup, help="How the processes of this installation are set.", no_args_is_help=True)

app.command("backtest", cls=PlainCommand)(backtest)
app.command("demo", cls=PlainCommand)(demo)
app.command("strategies", cls=PlainCommand)(strategies)
app.add_typer(data, name="data")
app.add_typer(conditions, name="conditions")
app.command("report", cls=PlainCommand)(report)
app.add_typer(new, name="new")
app.command("doctor", cls=PlainCommand)(doctor)
app.command("market", cls=PlainCommand)(market)
app.command("run", cls=PlainCommand)(run)
app.command("soak", cls=PlainCommand)(soak)
app.command("runs", cls=PlainCommand)(runs)
app.command("status", cls=PlainCommand)(status)
app.command("positions", cls=PlainCommand)(positions)
app.command("orders", cls=PlainCommand)(orders)
for verb in (up, buy, sell, cancel, tick, halt, resume, flatten):
    app.command(verb.__name__, cls=PlainCommand)(verb)
app.command("pause", cls=PlainCommand)(pause)
app.command("go-on", cls=PlainCommand)(go_on)
app.command("verdict", cls=PlainCommand)(verdict)
app.add_typer(user, name="user")
app.command("token", cls=PlainCommand)(token)
for verb in (trade, smoke):
    app.command(verb.__name__, cls=PlainCommand)(verb)
app.add_typer(config, name="config")
for verb in (api, engine, host, watchdog):
    app.command(verb.__name__, cls=PlainCommand, hidden=True)(verb)
app.command("parity", cls=PlainCommand)(parity)
app.command("replay", cls=PlainCommand)(replay)
app.command("why", cls=PlainCommand)(why)
app.add_typer(ledger, name="ledger")
app.command("backup", cls=PlainCommand)(backup)
app.command("restore", cls=PlainCommand)(restore)
ledger.command("verify", cls=PlainCommand)(verify)
ledger.command("rebuild", cls=PlainCommand)(rebuild)
conditions.command("validate", cls=PlainCommand)(validate_tree)
conditions.command("read", cls=PlainCommand)(read_tree)
conditions.command("test", cls=PlainCommand)(try_tree)
data.command("inspect", cls=PlainCommand)(inspect_files)
data.command("import", cls=PlainCommand)(import_files)
data.command("synth", cls=PlainCommand)(synthesise)
new.command("strategy", cls=PlainCommand)(new_strategy)
user.command("add", cls=PlainCommand)(add_user)
user.command("list", cls=PlainCommand)(list_users)
user.command("tier", cls=PlainCommand)(change_tier)
user.command("role", cls=PlainCommand)(change_role)
user.command("password", cls=PlainCommand)(change_password)
user.command("remove", cls=PlainCommand)(remove_user)
user.command("code", cls=PlainCommand)(owner_code)
config.command("show", cls=PlainCommand)(show_config)


def _print_version(wanted: bool) -> None:
    if wanted:
        from tidemill import __version__

        typer.echo(f"tidemill {__version__}")
        raise typer.Exit


@app.callback()
def start(
    version: bool = typer.Option(False, "--version", callback=_print_version, is_eager=True, help="Print the version."),
) -> None:
    """One trading engine for backtest, paper and live."""
    del version


@new.callback()
def _start_new() -> None:
    """Start something of your own."""


@config.callback()
def _start_config() -> None:
    """How the processes of this installation are set."""


def _tell(error: BaseException, sentence: str, *, with_trace: bool) -> None:
    if with_trace:
        traceback.print_exception(error)
    sys.stderr.write(f"Error: {sentence}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; an error is one sentence on standard error.

    Args:
        arguments: words after ``tidemill``; those of the process when left out.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    with_trace = _TRACEBACK in words or os.environ.get("TIDEMILL_TRACEBACK", "") not in ("", "0")
    try:
        app([word for word in words if word != _TRACEBACK], prog_name="tidemill")
    except SystemExit as done:
        if done.code == _INTERRUPTED:
            sys.stderr.write("Interrupted; no file was left half written.\n")
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    except TidemillError as error:
        _tell(error, str(error), with_trace=with_trace)
        return error.exit_code
    except OSError as error:
        _tell(error, f"{error.filename or 'A file'}: {error.strerror or error}.", with_trace=with_trace)
        return OutputError.exit_code
    except Exception as error:  # noqa: BLE001 - the border: whatever is left is a defect, told in one sentence
        kind = f"{type(error).__name__}: {error}".splitlines()[0]
        _tell(
            error,
            f"Tidemill failed in a way it should not ({kind}); please report it with the output of --traceback.",
            with_trace=with_trace,
        )
        return InvariantBroken.exit_code
    return 0
