"""The TOML file of an agent: the tables of a backtest with the same keys, and what only a run needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidemill.cli.config import read_tables, values_of
from tidemill.cli.flags import SECTIONS
from tidemill.cli.request import request_of
from tidemill.model.agent import AGENT_SCHEMA, AgentSpec, FeedSpec, PaperSpec, Schedule, check_schema
from tidemill.model.errors import ConfigError, UnknownName
from tidemill.services.agents import limits_of, tolerances_of, uses_of
from tidemill.services.backtests import BacktestRequest

__all__ = ["agent_of_tables", "feed_of_word", "read_agent"]

_HEAD = ("schema", "name", "mode", "auto_execute")
_OWN = ("feed", "schedule", "paper", "limits", "tolerances")
_SHARED = ("strategy", "strategies", *(name for name in SECTIONS if name != "output"))
_ACCOUNT = ("broker", "id")
_TABLES: dict[str, dict[str, tuple[type, ...]]] = {
    "feed": {"kind": (str,), "seed": (int,), "sessions": (int,), "url": (str,), "queue": (int,)},
    "paper": {"fill_on": (str,), "check_buying_power": (bool,), "regular_hours_only": (bool,)},
    "schedule": {"check_interval": (int,), "end": (str,)},
}
_OF_A_BACKTEST = ("prefix_check", "count")
_WORDS = {str: "a text", int: "a whole number", bool: "true or false"}


def read_agent(path: Path, feed: str | None = None) -> AgentSpec:
    """Read an agent's file; paths in it count from its own folder.

    Args:
        path: the TOML file.
        feed: another feed than the file names, as ``feed_of_word`` reads it.

    Raises:
        ConfigError, UnknownName: in one sentence, what is wrong and what to do. StoreMismatch: another schema.
    """
    return agent_of_tables(read_tables(path, "the agent's file"), path.absolute().parent, path.stem, feed)


def agent_of_tables(
    tables: Mapping[str, Any], folder: Path | None = None, name: str = "agent", feed: str | None = None
) -> AgentSpec:
    """Return the agent that the tables of a file describe.

    Args:
        tables: the file's tables.
        folder: what relative paths count from; None leaves them as they are.
        name: of the agent, if the file gives none.
        feed: another feed, as ``feed_of_word`` reads it.

    Raises:
        ConfigError, UnknownName: something is wrong or unknown. StoreMismatch: another schema.
    """
    for key in tables:
        if key not in (*_HEAD, *_OWN, *_SHARED):
            raise UnknownName("key in an agent's file", key, (*_HEAD, *_OWN, *_SHARED))
    if "schema" not in tables:
        raise ConfigError(f"An agent's file says which schema it is written for; write schema = {AGENT_SCHEMA}.")
    check_schema(tables["schema"])
    account = tables.get("account", {})
    own = {key: account[key] for key in _ACCOUNT if key in account} if isinstance(account, Mapping) else {}
    shared = {key: value for key, value in tables.items() if key in _SHARED}
    if own:
        shared["account"] = {key: value for key, value in account.items() if key not in _ACCOUNT}
    values = values_of(shared, folder)
    for key in _OF_A_BACKTEST:
        if key in values:
            raise ConfigError(f"{key} in [run] is of a backtest; take it out of the agent's file.")
    given = _table(tables, "feed")
    if feed is not None:
        given, values = feed_of_word(feed, given, values)
    request = request_of({**values, "data": values.get("data") or ["-"]})
    schedule = _table(tables, "schedule")
    spec = AgentSpec(
        name=_head(tables, "name", str, name),
        strategies=uses_of(request.strategies),
        symbols=tuple(request.symbols),
        interval=request.interval or "",
        run=request.run,
        instrument={key: str(v) if key == "asset_class" else v for key, v in request.overrides.items()},
        mode=_head(tables, "mode", str, "paper"),
        broker=_text(own, "broker", "paper"),
        account=_text(own, "id", ""),
        feed=_feed(given, request, values),
        schedule=Schedule(schedule.get("check_interval", 0), schedule.get("end", "")),
        paper=PaperSpec(**_table(tables, "paper")),
        limits=_limits(tables),
        tolerances=_limits({"limits": {"": tables.get("tolerances", {})}})[""],
        auto_execute=_head(tables, "auto_execute", bool, True),
        form=request.form,
    )
    limits_of(spec)
    tolerances_of(spec)
    return spec


def feed_of_word(
    word: str, table: Mapping[str, Any], values: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the feed table and the data values that ``--feed`` turns an agent's own into.

    Args:
        word: ``replay:FILE``, ``replay`` (the file's own data), ``synthetic``, ``sample``, ``push`` or
            ``stream:ws://host:port/path``.
        table: the file's feed. values: its values by flag.
    """
    kind, colon, files = word.partition(":")
    if kind == "stream":
        return ({**table, "kind": kind} | ({"url": files} if colon else {})), dict(values)
    table = {key: value for key, value in table.items() if key != "url"}
    if colon and kind != "replay":
        raise ConfigError(f"--feed {word} names a file, and only a replay reads one; write --feed replay:FILE.")
    data = [item for item in values.get("data", ()) if kind == "replay"]
    if colon:
        data = [str(Path(files).expanduser().absolute())]
    rest = {key: value for key, value in values.items() if key != "data"}
    return {**table, "kind": kind}, {**rest, "data": data} if data else rest


def _head(tables: Mapping[str, Any], key: str, kind: type, default: Any) -> Any:
    value = tables.get(key, default)
    if not isinstance(value, kind):
        raise ConfigError(f"{key} must be {_WORDS[kind]}, not {value!r}.")
    return value


def _text(table: Mapping[str, Any], key: str, default: str) -> str:
    value = table.get(key, default)
    if not isinstance(value, str):
        raise ConfigError(f"{key} in [account] must be a text, not {value!r}.")
    return value


def _table(tables: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return one of the tables only a run has, checked by key and kind."""
    table, known = tables.get(name, {}), _TABLES[name]
    if not isinstance(table, Mapping):
        raise ConfigError(f"{name} is a table of the agent's file; write [{name}] and its keys below it.")
    for key, value in table.items():
        if key not in known:
            raise UnknownName(f"key in [{name}] of an agent's file", key, known)
        if not isinstance(value, known[key]) or (isinstance(value, bool) and bool not in known[key]):
            raise ConfigError(f"{key} in [{name}] must be {_WORDS[known[key][0]]}, not {value!r}.")
    return dict(table)


def _limits(tables: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    limits = tables.get("limits", {})
    if not isinstance(limits, Mapping) or not all(isinstance(table, Mapping) for table in limits.values()):
        raise ConfigError("Limits are tables of the agent's file; write [limits.account] and its keys below it.")
    return {face: dict(table) for face, table in limits.items()}


def _feed(table: Mapping[str, Any], request: BacktestRequest, values: Mapping[str, Any]) -> FeedSpec:
    """Return where the market comes from: a replay of the file's data unless it says otherwise."""
    kind = table.get("kind", "replay")
    rest = {key: table[key] for key in ("seed", "sessions", "url", "queue") if key in table}
    return FeedSpec(
        kind,
        tuple(str(item) for item in values.get("data", ())),
        dict(request.mapping or {}),
        request.zone or "",
        request.start or "",
        request.end or "",
        request.sort,
        request.resolution or "",
        request.market or "",
        str(request.actions or ""),
        **rest,
    )
