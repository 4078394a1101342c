"""Every flag of ``tidemill backtest`` in one table: the command line, the TOML file and the documentation read it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

import typer
from typer.core import TyperCommand, TyperGroup

__all__ = ["FLAGS", "SECTIONS", "Flag", "PlainCommand", "PlainGroup", "flags_of", "with_flags"]

SECTIONS = {
    "data": "what is read, and how",
    "params": "the strategy's own parameters",
    "account": "the account",
    "settings": "size, protection, limits and window of the strategy",
    "costs": "what trading costs",
    "fills": "how the simulated exchange fills",
    "instrument": "what the symbol does not tell",
    "run": "how the run is made",
    "output": "what is written",
}


@dataclass(frozen=True, slots=True)
class Flag:
    """One thing a user may set.

    Args:
        name: as on the command line, without dashes in front.
        section: table of the TOML file it stands in.
        kind: text, number, count, switch, path, list or paths.
        help: one sentence.
        key: its name in the TOML file, where that differs.
        aliases: further spellings on the command line.
        metavar: placeholder of its value in the help.
    """

    name: str
    section: str
    kind: str
    help: str
    key: str = ""
    aliases: tuple[str, ...] = ()
    metavar: str = ""

    @property
    def variable(self) -> str:
        """Return its name in Python."""
        return self.name.replace("-", "_")

    @property
    def entry(self) -> str:
        """Return its name in the TOML file."""
        return self.key or self.variable

    @property
    def declarations(self) -> tuple[str, ...]:
        """Return every spelling on the command line."""
        names = [f"--{name}" for name in (self.name, *self.aliases)]
        if self.kind == "switch":
            names[0] += f"/--no-{self.name}"
        return tuple(names)


FLAGS = (
    Flag("data", "data", "paths", "CSV or Parquet file, folder of them, or lean:FOLDER; repeatable.", "files"),
    Flag("symbol", "data", "list", "Symbol of the data, or which to take from them; repeatable.", "symbols"),
    Flag("interval", "data", "text", "Bar size: 1min, 5min, 1h, 1d; found from the data when left out."),
    Flag("map", "data", "list", "Column of a role: close=Last; repeatable.", metavar="ROLE=COLUMN"),
    Flag("zone", "data", "text", "IANA zone of stamps that carry none; the exchange's when left out."),
    Flag("start", "data", "text", "First trading day, 2024-01-31."),
    Flag("end", "data", "text", "Last trading day, included."),
    Flag("sort", "data", "switch", "Sort unsorted rows instead of refusing them."),
    Flag("resolution", "data", "text", "Of a Lean folder: second, minute, hour or daily."),
    Flag("market", "data", "text", "Of a Lean folder: usa, cme, coinbase; needed if there are several."),
    Flag("actions", "data", "path", "File of splits and dividends."),
    Flag("set", "params", "list", "Parameter of the strategy: fast_window=10; repeatable.", metavar="NAME=VALUE"),
    Flag("cash", "account", "number", "Starting cash (default 100000)."),
    Flag("leverage", "account", "number", "Gross value per unit of equity; 1 is a cash account."),
    Flag("currency", "account", "text", "Currency of the account (default USD)."),
    Flag("session-defaults", "settings", "switch", "Start from the limits of a live session, not from none."),
    Flag(
        "sizing",
        "settings",
        "text",
        "fixed:1, fixed_amount:5000, percent:10, risk:1, kelly:0.5 or equal.",
        metavar="METHOD:VALUE",
    ),
    Flag("allow-short", "settings", "switch", "Let a sell without a position open a short one."),
    Flag("pyramiding", "settings", "count", "Entries per open position."),
    Flag("order-type", "settings", "text", "Of entries: market, limit, stop, stop_limit, trailing_stop."),
    Flag("tif", "settings", "text", "Time in force of entries: day, gtc, ioc, fok, opg, cls."),
    Flag("limit-offset", "settings", "text", "Limit entries this many percent from the price; -0.5 is cheaper."),
    Flag("stop-loss", "settings", "text", "Percent from the average entry price."),
    Flag("take-profit", "settings", "text", "Percent from the average entry price."),
    Flag("trailing-stop", "settings", "text", "2 is percent, 1.5pt is price points."),
    Flag("max-position", "settings", "text", "Largest value of one position, percent of equity."),
    Flag("max-open-positions", "settings", "count", "Positions open at once."),
    Flag("max-trades-per-day", "settings", "count", "Positions opened per trading day."),
    Flag("min-confidence", "settings", "number", "Least confidence of a signal, 0 to 100; 0 asks for none."),
    Flag("daily-loss", "settings", "text", "2% of the day's first equity, or 500 in money, stops entries."),
    Flag("daily-loss-flatten", "settings", "switch", "Also close what is open when that happens."),
    Flag(
        "window",
        "settings",
        "text",
        "Hours in which entries may be sent: 09:30-16:00, or up to four with commas between.",
        metavar="HH:MM-HH:MM",
    ),
    Flag("window-zone", "settings", "text", "IANA zone of the window; the exchange's when left out."),
    Flag("days", "settings", "text", "Weekdays: MON-FRI, or MON,WED."),
    Flag("extended-hours", "settings", "switch", "Whether entries may be sent outside the regular session."),
    Flag("rebalance", "settings", "text", "never, daily, weekly or on_signal."),
    Flag("max-bars", "settings", "count", "Close after that many bars."),
    Flag("flat-before-close", "settings", "number", "Close that many minutes before the regular session ends."),
    Flag("warmup", "settings", "count", "Bars before the first entry."),
    Flag("check-interval", "settings", "count", "Seconds between two looks at the market, 60 to 3600."),
    Flag("gate", "settings", "switch", "Ask a gate outside about every entry; without an answer it is not sent."),
    Flag("gate-ttl", "settings", "number", "Seconds for which a gate's answer is good (default 5)."),
    Flag("commission-percent", "costs", "text", "Percent of the value of a fill."),
    Flag(
        "commission-per-share", "costs", "number", "Money per share or contract.", aliases=("commission-per-contract",)
    ),
    Flag("commission-minimum", "costs", "number", "Money per order at least."),
    Flag(
        "slippage",
        "costs",
        "text",
        "fixed:0.01 points, proportional:0.05 percent, half_spread:0.02, or none.",
        metavar="MODEL:VALUE",
    ),
    Flag("fill-timing", "fills", "text", "Market orders fill at next_open or same_close."),
    Flag("path-rule", "fills", "text", "One bar touches stop and target: stop_first, target_first, worst, best."),
    Flag("limit-through", "fills", "switch", "A limit fills only when the price trades through it."),
    Flag("volume-cap", "fills", "text", "Share of a bar's volume that may fill: 0.1 or 10%."),
    Flag("partial-fills", "fills", "switch", "Whether an order may fill in parts."),
    Flag("latency", "fills", "text", "From decision to exchange: 200ms or 1.5s."),
    Flag("tick-size", "instrument", "number", "Smallest price step."),
    Flag("lot-size", "instrument", "number", "Smallest quantity step."),
    Flag("multiplier", "instrument", "number", "Money per point and unit."),
    Flag("margin", "instrument", "number", "Money per unit blocked by an open future or currency position."),
    Flag("asset-class", "instrument", "text", "stock, future, crypto or fx."),
    Flag("calendar", "instrument", "text", "XNYS, CME, 24/7 or FX."),
    Flag("sector", "instrument", "text", "For limits by sector: technology for all, or AAPL=technology,XOM=energy."),
    Flag("form", "run", "text", "How the strategy runs: auto, compiled, interpreted or callback."),
    Flag("prefix-check", "run", "switch", "Whether the look-ahead check is made."),
    Flag("count", "run", "switch", "Whether the run is written into the ledger of trials."),
    Flag("seed", "run", "count", "Of everything random in a run."),
    Flag("json", "output", "path", "Write the result as JSON; - prints it."),
    Flag("report", "output", "path", "Write the HTML report."),
    Flag("tables", "output", "path", "Folder for all tables."),
    Flag("tables-format", "output", "text", "csv or parquet."),
    Flag("quarantine", "output", "path", "Write the rows that were set aside, as CSV."),
)

_TYPES: dict[str, Any] = {
    "text": str | None,
    "path": str | None,
    "number": float | None,
    "count": int | None,
    "switch": bool | None,
    "list": list[str] | None,
    "paths": list[str] | None,
}
_READERS: dict[Any, Callable[[Any], Any]] = {str: str, Path: Path, int: int, float: float, bool: bool, list[str]: list}
_METAVARS = {
    "text": "TEXT",
    "path": "PATH",
    "number": "NUMBER",
    "count": "COUNT",
    "list": "TEXT",
    "paths": "PATH",
}


def flags_of(*sections: str, names: Iterable[str] = ()) -> tuple[Flag, ...]:
    """Return the flags of some sections, in the order of the table, or those of some names."""
    wanted = set(names)
    return tuple(flag for flag in FLAGS if flag.section in sections or flag.name in wanted)


def _reader(annotation: Any) -> Callable[[Any], Any] | None:
    """Return what turns a word into a parameter's plain type, if that is one."""
    plain = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    if plain in _READERS:
        return _READERS[plain]
    kinds = [item for item in get_args(plain) if item is not NoneType]
    return _READERS.get(kinds[0]) if len(kinds) == 1 else None


class _Plain:
    """Reads optional parameters with ``int``, ``float`` and ``str``.

    Typer builds a validator for every parameter, used or not; for seventy of them that takes longer than a backtest.
    """

    callback: Callable[..., Any] | None

    def get_params(self, ctx: Any) -> Any:
        """Return the parameters, those that need no validator changed to do without."""
        found = super().get_params(ctx)  # type: ignore[misc]
        readers = getattr(self.callback, "readers", {})
        for item in found:
            reader = readers.get(item.name)
            is_plain = not item.required or reader in {str, Path}  # one word; what is missing is told as usual
            if is_plain and not isinstance(item.process_value, partial):
                item.process_value = partial(_process, item, reader, item.process_value)
        return found


def _process(item: Any, reader: Callable[[Any], Any] | None, usual: Callable[..., Any], ctx: Any, value: Any) -> Any:
    """Read one word, or say that it is no number."""
    if item.required and value is None:
        return usual(ctx, value)
    if value is not None and not isinstance(value, bool):
        if reader is None:
            return usual(ctx, value)
        try:
            value = reader(value)
        except (TypeError, ValueError):
            kind = "whole number" if reader is int else "number"
            raise typer.BadParameter(f"{value!r} is no {kind}.", ctx=ctx, param=item) from None
    elif value is None and reader is list:
        value = []
    return item.callback(ctx, item, value) if item.callback else value


class PlainCommand(_Plain, TyperCommand):
    """A verb that starts fast."""


class PlainGroup(_Plain, TyperGroup):
    """A group of verbs that starts fast."""


def with_flags(flags: Iterable[Flag] = ()) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command one option per flag; they arrive in its ``**given``, None where the user said nothing."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command, eval_str=True).parameters.values()
        kept = [item for item in own if item.kind is not inspect.Parameter.VAR_KEYWORD]
        for flag in flags:
            metavar = flag.metavar or _METAVARS.get(flag.kind)
            default = typer.Option(None, *flag.declarations, help=flag.help, metavar=metavar)
            kind = inspect.Parameter.KEYWORD_ONLY
            kept.append(inspect.Parameter(flag.variable, kind, default=default, annotation=_TYPES[flag.kind]))
        command.__signature__ = inspect.Signature(kept)  # type: ignore[attr-defined]
        command.__annotations__ = {item.name: item.annotation for item in kept}
        read = {item.name: _reader(item.annotation) for item in kept}
        command.readers = {name: reader for name, reader in read.items() if reader}  # type: ignore[attr-defined]
        return command

    return decorate
