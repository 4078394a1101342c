"""Values by flag written back as the TOML file of a run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidemill.cli.flags import FLAGS
from tidemill.research.result.files import write_text

__all__ = ["nested", "toml_text", "write_config"]

Values = dict[str, Any]
_LEAN = "lean:"
_FILE = re.compile(r"\.py(:\w+)?$")


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values by flag as the tables of a TOML file; what is written where is left out."""
    entries = values.get("strategies", [])
    alone = len(entries) == 1 and set(entries[0]) == {"strategy"}
    tables: dict[str, Any] = dict(entries[0]) if alone else {"strategies": entries} if entries else {}
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
    blocks = [(f"[{name}]", table) for name, table in tables.items() if isinstance(table, dict)]
    blocks += [(f"[[{name}]]", item) for name, table in tables.items() if _is_list_of_tables(table) for item in table]
    plain = {k: v for k, v in tables.items() if not isinstance(v, dict) and not _is_list_of_tables(v)}
    lines = [f"{_key(name)} = {_literal(value)}" for name, value in plain.items()]
    for head, table in blocks:
        lines += ["", head, *(f"{_key(key)} = {_literal(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


def _is_list_of_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


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
    whole: Values = {**values}
    if "data" in whole:
        whole["data"] = [_absolute(item) for item in whole["data"]]
    if "actions" in whole:
        whole["actions"] = _absolute(str(whole["actions"]))
    if "strategies" in whole:
        whole["strategies"] = [
            {**entry, "strategy": _absolute(entry["strategy"])} if _FILE.search(entry["strategy"]) else entry
            for entry in whole["strategies"]
        ]
    write_text(toml_text(nested(whole)), path, "--write-config")


def _absolute(path: str) -> str:
    prefix = _LEAN if path.startswith(_LEAN) else ""
    return f"{prefix}{Path(path.removeprefix(_LEAN)).expanduser().absolute()}"
