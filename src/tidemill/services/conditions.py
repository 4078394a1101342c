"""Use cases of custom strategies: check a tree, read it aloud, try it on prices, keep it as text.

The command line and the HTTP interface both ask here; answers are plain values.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.authoring.conditions.findings import Parsed
from tidemill.authoring.conditions.parse import MAX_JSON_DEPTH, parse_conditions, read_conditions
from tidemill.authoring.conditions.program import compile_tree
from tidemill.authoring.conditions.reading import read_aloud
from tidemill.authoring.conditions.tree import checked_tree, tree_text
from tidemill.authoring.conditions.trial import SIGNALS, columns_of, try_tree
from tidemill.model.bars import BarTable
from tidemill.model.errors import ConfigError
from tidemill.model.json_depth import json_depth
from tidemill.services.reading import ReadRequest, read_inputs

__all__ = [
    "check_conditions",
    "conditions_text",
    "document_of",
    "prices_of_file",
    "read_conditions_aloud",
    "try_conditions",
]

_PRICES = "price_data"


def _parsed(document: Any) -> Parsed:
    return read_conditions(document) if isinstance(document, str | bytes) else parse_conditions(document)


def check_conditions(document: Any) -> dict[str, Any]:
    """Return what is wrong with a custom strategy, or odd about it, and what it says.

    Args:
        document: JSON text, or plain values with ``buy_conditions`` and ``sell_conditions``.

    Returns:
        ``valid``; ``errors`` and ``warnings``, each a list of ``{"path", "code", "message", "hint"}``; ``reading`` in
        plain English and ``needed_bars``, both None where it is not valid.
    """
    parsed = _parsed(document)
    found: dict[str, list[dict[str, str]]] = {"error": [], "warning": []}
    for item in parsed.findings:
        values = {"path": item.path, "code": item.code, "message": item.sentence, "hint": item.hint}
        found[item.level].append(values)
    tree = parsed.tree
    return {
        "valid": tree is not None,
        "errors": found["error"],
        "warnings": found["warning"],
        "reading": read_aloud(tree) if tree is not None else None,
        "needed_bars": compile_tree(tree).warmup_bars if tree is not None else None,
    }


def read_conditions_aloud(document: Any) -> str:
    """Return a custom strategy in plain English: two sentences, one line each.

    Raises:
        ConfigError: it cannot be used.
    """
    return read_aloud(checked_tree(_parsed(document)))


def conditions_text(document: Any) -> str:
    """Return what the parameter ``tree`` of the strategy ``conditions`` takes: the same text for the same tree.

    Raises:
        ConfigError: it cannot be used.
    """
    return tree_text(document)


def try_conditions(document: Any, price_data: Any = None) -> dict[str, Any]:
    """Return what a custom strategy says to given prices, computed by the kernel that trades.

    Args:
        document: as in `check_conditions`.
        price_data: a list of numbers or of OHLCV objects, oldest first, or columns as ``columns_of`` makes them; the
            document's own ``price_data`` when left out.

    Returns:
        ``signal`` after the last bar (``BUY``, ``SELL`` or None); ``signals`` after each bar; ``bars``;
        ``needed_bars``; ``conditions`` after the last bar, each ``{"side", "path", "text", "met", "numbers"}`` with
        ``met`` None where a value does not exist yet.

    Raises:
        ConfigError: the tree cannot be used. DataError: the prices cannot.
    """
    tree = checked_tree(_parsed(document))
    if price_data is None and isinstance(document, Mapping):
        price_data = document.get(_PRICES)
    columns = price_data if isinstance(price_data, np.ndarray) else columns_of(price_data)
    trial = try_tree(tree, columns)
    conditions = [asdict(item) for item in trial.conditions]
    for item in conditions:
        item["met"] = item.pop("answer")
    return {
        "signal": trial.signal,
        "signals": [SIGNALS[int(item)] for item in trial.signals],
        "bars": columns.shape[1],
        "needed_bars": trial.needed_bars,
        "conditions": conditions,
    }


def document_of(path: Path) -> Any:
    """Read a JSON file as plain values.

    Raises:
        ConfigError: it is missing, nested too deep, or no JSON.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(f"There is no file {path}; write the conditions there as JSON.") from None
    if json_depth(raw, MAX_JSON_DEPTH) > MAX_JSON_DEPTH:
        raise ConfigError(f"{path} is nested deeper than {MAX_JSON_DEPTH} brackets; join equal nodes into one.")
    try:
        return json.loads(raw)
    except ValueError as error:
        raise ConfigError(f"{path} is no JSON file: {error}.") from error


def prices_of_file(path: str, symbol: str | None = None) -> NDArray[np.float64]:
    """Return the prices of a data file, or of a JSON file with a list, as columns.

    Raises:
        ConfigError, DataError: the file cannot be read, or holds several symbols and none is named.
    """
    if path.endswith(".json"):
        document = document_of(Path(path))
        return columns_of(document.get(_PRICES) if isinstance(document, Mapping) else document)
    tables, _ = read_inputs(ReadRequest([path], [symbol] if symbol else ()))
    if len({table.symbol for table in tables}) != 1:
        names = ", ".join(sorted({table.symbol for table in tables}))
        raise ConfigError(f"{path} holds several symbols ({names}); name one with --symbol.")
    return _columns(min(tables, key=lambda table: table.interval_ns))


def _columns(bars: BarTable) -> NDArray[np.float64]:
    return np.array([bars.open, bars.high, bars.low, bars.close, bars.volume])
