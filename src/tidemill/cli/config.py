"""The TOML file of a run: everything the flags take, checked by name and kind, and written back."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from tidemill.cli.flags import FLAGS, SECTIONS, Flag, flags_of
from tidemill.cli.options import parse_pairs
from tidemill.model.errors import ConfigError, UnknownName
from tidemill.research.result.files import write_text

__all__ = ["merged", "nested", "read_config", "toml_text", "values_of", "write_config"]

Values = dict[str, Any]

_LEAN = "lean:"
_FILE = re.compile(r"\.py(:\w+)?$")


def read_config(path: Path) -> Values:
    """Read a TOML file as values by flag; paths in it count from its own folder.

    Raises:
        ConfigError: the file is missing, is no TOML, or a value is of the wrong kind.
        UnknownName: a table or key does not exist; the nearest names are offered.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"There is no file {path}; check --config.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read ({error}); check --config.") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is no TOML file: {error}.") from error
    return values_of(tables, path.parent)


def values_of(tables: Mapping[str, Any], folder: Path | None = None) -> Values:
    """Return nested tables as values by flag.

    Args:
        tables: ``strategy`` and one table per section.
        folder: what relative paths count from; None leaves them as they are.

    Raises:
        ConfigError, UnknownName: as `read_config`.
    """
    values: Values = {}
    for name, table in tables.items():
        if name == "strategy":
            values["strategy"] = _strategy(table, folder)
        elif name not in SECTIONS:
            raise UnknownName("table in the configuration", name, ["strategy", *SECTIONS])
        elif not isinstance(table, dict):
            raise ConfigError(f"{name} is a table of the configuration; write [{name}] and its keys below it.")
        elif name == "params":
            values["set"] = dict(table)
        else:
            values.update(_section(name, table, folder))
    return values


def _strategy(value: Any, folder: Path | None) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"strategy must be a name or a file, not {value!r}.")
    return _located(value, folder) if _FILE.search(value) else value


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
    "paths": _are_texts,
}
_KINDS = {
    "switch": "true or false",
    "number": "a number",
    "count": "a whole number",
    "path": "a path",
    "text": "a text",
    "list": "a list of texts",
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
        values[name] = value
    for name, example in (("set", "fast_window=10"), ("map", "close=Last")):
        pairs = given.get(name) or []
        chosen = dict(pairs) if isinstance(pairs, dict) else parse_pairs(pairs, name, example)
        own = config.get(name) or {}
        before = dict(own) if isinstance(own, dict) else parse_pairs(own, name, example)
        if before or chosen:
            values[name] = {**before, **chosen}
    return values


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values by flag as the tables of a TOML file; what is written where is left out."""
    tables: dict[str, Any] = {"strategy": values["strategy"]} if "strategy" in values else {}
    for flag in FLAGS:
        if flag.variable not in values or flag.section == "output":
            continue
        if flag.section == "params":
            tables["params"] = dict(values["set"])
        else:
            tables.setdefault(flag.section, {})[flag.entry] = values[flag.variable]
    return tables


def toml_text(tables: Mapping[str, Any]) -> str:
    """Return tables as TOML."""
    lines = [f"{_key(name)} = {_literal(value)}" for name, value in tables.items() if not isinstance(value, dict)]
    for name, table in tables.items():
        if isinstance(table, dict):
            lines += ["", f"[{name}]", *(f"{_key(key)} = {_literal(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    plain = name.replace("_", "").replace("-", "")
    return name if plain.isalnum() and plain.isascii() else _literal(name)


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_literal(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(char if char >= " " else f"\\u{ord(char):04x}" for char in escaped) + '"'


def write_config(path: Path, values: Mapping[str, Any]) -> None:
    """Write values as a TOML file that repeats the run from any folder.

    Raises:
        OutputError: the file cannot be written.
    """
    whole = {name: [_absolute(item) for item in value] if name == "data" else value for name, value in values.items()}
    if "actions" in whole:
        whole["actions"] = _absolute(str(whole["actions"]))
    if _FILE.search(str(whole.get("strategy", ""))):
        whole["strategy"] = _absolute(str(whole["strategy"]))
    write_text(toml_text(nested(whole)), path, "--write-config")


def _absolute(path: str) -> str:
    prefix = _LEAN if path.startswith(_LEAN) else ""
    return f"{prefix}{Path(path.removeprefix(_LEAN)).expanduser().absolute()}"
