"""The TOML file of a run: everything the flags take, checked by name and kind, and written back."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from tidemill.cli.flags import SECTIONS, Flag, flags_of
from tidemill.cli.options import parse_pairs
from tidemill.model.conditions import MAX_BYTES
from tidemill.model.errors import ConfigError, UnknownName

__all__ = ["ENTRY_KEYS", "merged", "read_config", "read_tables", "tree_of_file", "values_of", "with_trees"]

Values = dict[str, Any]

# What one table of [[strategies]] may hold.
ENTRY_KEYS = {
    "strategy": "text",
    "tree": "text",
    "params": "table",
    "settings": "table",
    "symbols": "list",
    "interval": "text",
}
_LEAN = "lean:"
_TREE_FILE = ".json"  # a parameter that ends so is a file with a condition tree
_FILE = re.compile(r"\.py(:\w+)?$")


def read_tables(path: Path, flag: str = "--config") -> Values:
    """Read a TOML file as it stands.

    Raises:
        ConfigError: it is missing, cannot be read, or is no TOML; ``flag`` is what to look at then.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"There is no file {path}; check {flag}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read ({error}); check {flag}.") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is no TOML file: {error}.") from error


def read_config(path: Path) -> Values:
    """Read a TOML file as values by flag; paths in it count from its own folder.

    Raises:
        ConfigError: the file is missing, is no TOML, or a value is of the wrong kind.
        UnknownName: a table or key does not exist; the nearest names are offered.
    """
    return values_of(read_tables(path), path.parent)


def values_of(tables: Mapping[str, Any], folder: Path | None = None) -> Values:
    """Return nested tables as values by flag.

    Args:
        tables: ``strategy``, or one table of ``strategies`` each, and one table per section.
        folder: what relative paths count from; None leaves them as they are.

    Raises:
        ConfigError, UnknownName: as `read_config`.
    """
    if "strategy" in tables and "strategies" in tables:
        raise ConfigError('Name one strategy with strategy = "...", or several in [[strategies]] tables, not both.')
    values: Values = {}
    for name, table in tables.items():
        if name == "strategy":
            values["strategies"] = [{"strategy": _strategy(table, folder)}]
        elif name == "strategies":
            values["strategies"] = _entries(table, folder)
        elif name not in SECTIONS:
            raise UnknownName("table in the configuration", name, ["strategy", "strategies", *SECTIONS])
        elif not isinstance(table, dict):
            raise ConfigError(f"{name} is a table of the configuration; write [{name}] and its keys below it.")
        elif name == "params":
            values["set"] = with_trees(table, folder)
        else:
            values.update(_section(name, table, folder))
    return values


def _strategy(value: Any, folder: Path | None) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"strategy must be a name or a file, not {value!r}.")
    return _located(value, folder) if _FILE.search(value) else value


def _entries(tables: Any, folder: Path | None) -> list[Values]:
    """Return each table of ``[[strategies]]``, its settings by flag."""
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ConfigError("strategies is a list of tables; write [[strategies]] and the keys of each below it.")
    entries = []
    for number, table in enumerate(tables, start=1):
        for key, value in table.items():
            if key not in ENTRY_KEYS:
                raise UnknownName("key in [[strategies]] of the configuration", key, ENTRY_KEYS)
            kind = ENTRY_KEYS[key]
            if not _FITS[kind](value):
                raise ConfigError(f"{key} in [[strategies]] {number} must be {_KINDS[kind]}, not {value!r}.")
        if "strategy" not in table:
            raise ConfigError(f'[[strategies]] {number} names no strategy; write strategy = "momentum", for example.')
        entry = {**table, "strategy": _strategy(table["strategy"], folder)}
        tree = {"tree": tree_of_file(_located(entry.pop("tree"), folder))} if "tree" in table else {}
        if tree or "params" in table:
            entry["params"] = with_trees(table.get("params", {}), folder) | tree
        if "settings" in table:
            entry["settings"] = _section("settings", table["settings"], folder)
        entries.append(entry)
    return entries


def with_trees(params: Mapping[str, Any], folder: Path | None = None) -> Values:
    """Return parameters with what the JSON files among them hold: a run keeps its condition trees itself."""
    return {
        key: tree_of_file(_located(value, folder)) if isinstance(value, str) and value.endswith(_TREE_FILE) else value
        for key, value in params.items()
    }


def tree_of_file(path: str) -> str:
    """Return the condition tree of a JSON file as text.

    Raises:
        ConfigError: there is no such file, it cannot be read, or it is too long.
    """
    try:
        text = Path(path).expanduser().read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"There is no file {path}; write the condition tree there as JSON.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read ({error}).") from error
    if len(text.encode()) > MAX_BYTES:
        raise ConfigError(f"{path} is longer than {MAX_BYTES} bytes; no condition tree may be.")
    return text


def _section(name: str, table: Mapping[str, Any], folder: Path | None) -> Values:
    known = {flag.entry: flag for flag in flags_of(name)}
    values = {}
    for key, value in table.items():
        if key not in known:
            raise UnknownName(f"key in [{name}] of the configuration", key, known)
        values[known[key].variable] = _value(known[key], value, f"{key} in [{name}]", folder)
    return values


def _value(flag: Flag, value: Any, what: str, folder: Path | None) -> Any:
    """Return a value of the file as the command line would have given it, or say what kind it must have."""
    if flag.name == "map" and isinstance(value, dict):
        return {str(key): str(item) for key, item in value.items()}
    if flag.name == "days" and isinstance(value, list):
        return ",".join(map(str, value))
    if flag.kind in ("list", "paths") and isinstance(value, str):
        value = [value]
    if not _FITS[flag.kind](value):
        raise ConfigError(f"{what} must be {_KINDS[flag.kind]}, not {value!r}.")
    if flag.kind == "paths":
        return [_located(item, folder) for item in value]
    readers: dict[str, Callable[[Any], Any]] = {"number": float, "text": str}
    return _located(value, folder) if flag.kind == "path" else readers.get(flag.kind, lambda item: item)(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


_FITS: dict[str, Callable[[Any], bool]] = {
    "switch": lambda value: isinstance(value, bool),
    "number": _is_number,
    "count": lambda value: isinstance(value, int) and _is_number(value),
    "path": lambda value: isinstance(value, str),
    "text": lambda value: isinstance(value, str | date) or _is_number(value),
    "list": _are_texts,
    "table": lambda value: isinstance(value, dict),
    "paths": _are_texts,
}
_KINDS = {
    "switch": "true or false",
    "number": "a number",
    "count": "a whole number",
    "path": "a path",
    "text": "a text",
    "list": "a list of texts",
    "table": "a table",
    "paths": "a list of paths",
}


def _located(path: str, folder: Path | None) -> str:
    """Return a path as seen from here; a dash stays a dash."""
    if folder is None or path == "-":
        return path
    prefix = _LEAN if path.startswith(_LEAN) else ""
    return f"{prefix}{folder / Path(path.removeprefix(_LEAN)).expanduser()}"


def merged(config: Mapping[str, Any], given: Mapping[str, Any]) -> Values:
    """Return the file's values with those of the command line over them; pairs are merged name by name."""
    values = dict(config)
    for name, value in given.items():
        if value is None or value == []:
            continue
        values[name] = [{"strategy": item} for item in value] if name == "strategies" else value
    for name, example in (("set", "fast_window=10"), ("map", "close=Last")):
        pairs = given.get(name) or []
        chosen = dict(pairs) if isinstance(pairs, dict) else parse_pairs(pairs, name, example)
        chosen = with_trees(chosen) if name == "set" else chosen
        own = config.get(name) or {}
        before = dict(own) if isinstance(own, dict) else parse_pairs(own, name, example)
        if before or chosen:
            values[name] = {**before, **chosen}
    return values
