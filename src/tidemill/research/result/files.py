"""A result as files: JSON with a versioned schema, CSV, Parquet."""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tidemill.model.errors import ConfigError, OutputError
from tidemill.model.runrecord import RunRecord
from tidemill.research.result.tables import TABLES, TIME_COLUMNS, table_of

__all__ = ["SCHEMA", "check_writable", "result_document", "write_json", "write_tables", "write_text"]

SCHEMA = "tidemill.backtest/1"


def check_writable(path: Path, flag: str) -> None:
    """Refuse an output path that cannot be written, before any work is done for it."""
    folder = path.parent if str(path.parent) else Path()
    if path.is_dir():
        raise OutputError(f"{path} is a folder; name a file with {flag}.")
    existing = folder
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir() or not os.access(existing, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise OutputError(f"{path} cannot be written (no permission or no such folder); choose another {flag}.")


def _rows(record: RunRecord, name: str) -> list[dict[str, Any]]:
    columns = table_of(record, name, iso=True)
    keys = [key for key, _ in columns]
    lists = [_plain(values) for _, values in columns]
    return [dict(zip(keys, row, strict=True)) for row in zip(*lists, strict=True)]


def _plain(values: Any) -> list[Any]:
    """Return a column as JSON values: NaN becomes null."""
    items: list[Any] = values.tolist()
    if values.dtype.kind == "f" and np.isnan(values).any():
        return [None if math.isnan(item) else item for item in items]
    return items


def result_document(record: RunRecord, metrics: dict[str, Any]) -> dict[str, Any]:
    """Return a run as one JSON-ready document.

    ``fills`` and ``trips`` are lists of objects with UTC times; ``days`` holds the daily equity; refusals are counted.
    """
    notes = metrics.get("notes", {})
    refused, counts = np.unique(record.refusals["refusal"], return_counts=True)
    names = dict(table_of(record, "refusals")) if len(record.refusals) else {}
    kinds = {
        int(code): str(name) for code, name in zip(record.refusals["refusal"], names.get("refusal", ()), strict=True)
    }
    return {
        "schema": SCHEMA,
        "mode": record.mode,
        "strategies": record.strategies,
        "symbols": [item.symbol for item in record.instruments],
        "currency": record.currency,
        "metrics": {key: value for key, value in metrics.items() if key not in ("notes", "definitions")},
        "notes": notes,
        "prefix_invariant": record.prefix_invariant,
        "assumptions": record.assumptions,
        "warnings": record.warnings,
        "refusals": {kinds[int(code)]: int(count) for code, count in zip(refused, counts, strict=True)},
        "config": record.config,
        "card": record.card,
        "days": _rows(record, "days"),
        "trips": _rows(record, "trips"),
        "fills": _rows(record, "fills"),
    }


def _write(path: Path, save: Callable[[Path], object], flag: str) -> None:
    """Write through a temporary neighbour, so that an interrupted run never leaves half a file."""
    draft = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save(draft)
        draft.replace(path)
    except OSError as error:
        raise OutputError(f"{path} could not be written: {error.strerror}; choose another {flag}.") from error
    finally:
        with suppress(OSError):
            draft.unlink()


def write_json(document: dict[str, Any], path: Path) -> None:
    """Write a result document.

    Raises:
        OutputError: the file cannot be written.
    """
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    write_text(text + "\n", path, "--json")


def write_text(text: str, path: Path, flag: str) -> None:
    """Write a text file, whole or not at all; ``flag`` names what chose the path.

    Raises:
        OutputError: the file cannot be written.
    """
    _write(path, lambda draft: draft.write_bytes(text.encode("utf-8")), flag)


def _save_csv(path: Path, record: RunRecord, name: str) -> None:
    columns = table_of(record, name, iso=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([key for key, _ in columns])
        writer.writerows(zip(*(_plain(values) for _, values in columns), strict=True))


def _save_parquet(path: Path, record: RunRecord, name: str) -> None:
    import duckdb

    columns: dict[str, Any] = {}
    casts = []
    for key, values in table_of(record, name):
        columns[key] = values.astype(object) if values.dtype.kind == "U" else np.ascontiguousarray(values)
        casts.append(f'make_timestamp_ns("{key}")::TIMESTAMPTZ AS "{key}"' if key in TIME_COLUMNS else f'"{key}"')
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("result_rows", columns)
        target = str(path).replace("'", "''")
        connection.execute(
            f"COPY (SELECT {', '.join(casts)} FROM result_rows) TO '{target}' (FORMAT parquet, COMPRESSION zstd)"  # noqa: S608 - own names
        )


def write_tables(record: RunRecord, folder: Path, kind: str = "csv") -> list[Path]:
    """Write every table of a run into a folder as CSV or Parquet and return the paths.

    Raises:
        ConfigError: another kind of file.
        OutputError: a file cannot be written.
    """
    savers = {"csv": _save_csv, "parquet": _save_parquet}
    if kind not in savers:
        raise ConfigError(f"Tables can be written as csv or parquet, not {kind!r}.")
    paths = []
    for name in TABLES:
        path = folder / f"{name}.{kind}"
        _write(path, partial(savers[kind], record=record, name=name), "--tables")
        paths.append(path)
    return paths
