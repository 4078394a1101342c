"""What is compared in a condition: an indicator with its parameters, a price, the volume, a reference, a number."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from tidemill.authoring.conditions.findings import Findings, told
from tidemill.authoring.conditions.vocabulary import KINDS, PRICE_WORDS, Kind, Parameter, nearest_word
from tidemill.model.conditions import Series

__all__ = ["are_few", "number_of", "reference_of", "series_of", "unknown_keys"]

_SILENT = ("id", "name", "label", "note", "comment", "description")  # what a form may keep beside a node
_OF_SERIES = ("type", "params", "source", "output")
_CALL = re.compile(r"([A-Za-z_]+)(?:\s*\(([^()]*)\))?(?:\s*\.\s*([A-Za-z]+))?")
_COLON = re.compile(r"([A-Za-z_]+)\s*[:\s]\s*([^():]*)")
_LONGEST = 200  # characters of a reference
_MOST_KEYS = 32  # of one object
_USUAL_RSI = (2, 100)
_USUAL_PERIOD = 500
_USUAL_MULTIPLIER = (0.1, 5.0)


def number_of(value: Any, path: str, findings: Findings) -> float | None:
    """Return a finite number, or note why it is none."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    findings.error(path, "bad_number", f"{told(value)} is no finite number.", "Write a number without quotes.")
    return None


def are_few(given: Mapping[str, Any], path: str, findings: Findings) -> bool:
    """Tell whether an object has so few keys that they may be looked at one by one; note it if not."""
    if len(given) > _MOST_KEYS:
        sentence = f"An object here has at most {_MOST_KEYS} keys, not {len(given)}."
        findings.error(path, "malformed_node", sentence, "Take out what does not belong to the tree.")
    return len(given) <= _MOST_KEYS


def unknown_keys(given: Mapping[str, Any], known: Iterable[str], path: str, findings: Findings) -> None:
    """Warn of keys that mean nothing here."""
    names = (*known, *_SILENT)
    for key in given:
        if not nearest_word(key, names):
            findings.warning(
                f"{path}.{key}",
                "unknown_key",
                f"The key {told(key)} means nothing here and is not read.",
                f"Keys here are {', '.join(known)}.",
            )


def _lookup(given: Mapping[str, Any], name: str) -> tuple[str, Any]:
    """Return a key as it is spelled in the JSON and its value; None where it is missing."""
    if name in given:
        return name, given[name]
    for key, value in given.items():
        if nearest_word(key, (name,)):
            return key, value
    return name, None


def _given(whole: Mapping[str, Any], params: Mapping[str, Any], name: str, path: str) -> tuple[str, Any]:
    """Return where a parameter stands and its value; it may stand under ``params`` or beside the type."""
    key, value = _lookup(params, name)
    if value is not None:
        return f"{path}.params.{key}", value
    key, value = _lookup(whole, name)
    return f"{path}.{key}", value


def _parameter(item: Parameter, value: Any, path: str, findings: Findings) -> float | None:
    number = number_of(value, path, findings)
    if number is None:
        return None
    if not (item.low <= number <= item.high):
        findings.error(
            path,
            "out_of_bounds",
            f"{item.name} is {number:g}; it must lie between {item.low:g} and {item.high:g}.",
            f"Choose a {item.name} within the bounds.",
        )
    elif item.is_whole and number != int(number):
        findings.error(path, "not_whole", f"{item.name} counts bars and cannot be {number:g}.", "Write a whole number.")
    else:
        return int(number) if item.is_whole else number
    return None


def _warn_unusual(kind: Kind, item: Parameter, number: float, path: str, findings: Findings) -> None:
    low, high = _USUAL_RSI
    if item.is_whole and number > _USUAL_PERIOD:
        findings.warning(
            path,
            "long_period",
            f"A {item.name} of {number:g} bars is unusually long; the condition is false until that many have passed.",
            f"Use {_USUAL_PERIOD} or less, or longer bars.",
        )
    elif kind.name == "rsi" and not (low <= number <= high):
        findings.warning(
            path, "unusual_rsi_period", f"An RSI of {number:g} bars says little.", f"Use {low} to {high} bars."
        )
    least, most = _USUAL_MULTIPLIER
    if item.name == "multiplier" and not (least <= number <= most):
        findings.warning(
            path,
            "unusual_multiplier",
            f"Bands {number:g} standard deviations wide are touched always or never.",
            f"Use a multiplier between {least:g} and {most:g}.",
        )


def _params_of(kind: Kind, given: Mapping[str, Any], path: str, findings: Findings) -> dict[str, float] | None:
    under = given.get("params")
    if under is not None and not isinstance(under, Mapping):
        findings.error(f"{path}.params", "malformed_node", "params must be an object.", 'Write {"period": 20}.')
        return None
    params: Mapping[str, Any] = under or {}
    if not are_few(params, f"{path}.params", findings):
        return None
    unknown_keys(params, (*(item.name for item in kind.params), "source", "output"), f"{path}.params", findings)
    chosen: dict[str, float] = {}
    places = {}
    before = findings.errors
    for item in kind.params:
        places[item.name], value = _given(given, params, item.name, path)
        number = item.default if value is None else _parameter(item, value, places[item.name], findings)
        if number is not None:
            chosen[item.name] = number
            _warn_unusual(kind, item, number, places[item.name], findings)
    if findings.errors > before:
        return None
    if kind.name == "macd" and chosen["fastPeriod"] >= chosen["slowPeriod"]:
        findings.error(
            places["fastPeriod"],
            "macd_periods",
            f"The fast period of a MACD ({chosen['fastPeriod']:g}) must be below its slow one "
            f"({chosen['slowPeriod']:g}).",
            "Swap them, or use 12 and 26.",
        )
        return None
    return chosen


def _word_of(
    given: Mapping[str, Any], name: str, known: tuple[str, ...], kind: Kind, path: str, findings: Findings
) -> str | None:
    """Return a source or an output, the usual one where none is named."""
    params = given.get("params")
    where, value = _given(given, params if isinstance(params, Mapping) else {}, name, path)
    if value is None:
        return known[0]
    word = nearest_word("close" if value == "price" else value, known) if isinstance(value, str) else ""
    if not word:
        findings.error(
            where, f"unknown_{name}", f"{kind.label} has no {name} {told(value)}.", f"Choose one of {', '.join(known)}."
        )
    return word or None


def series_of(given: Mapping[str, Any], path: str, findings: Findings, also: tuple[str, ...] = ()) -> Series | None:
    """Return the series that an object names, or note what is wrong with it.

    Args:
        given: ``{"type": "sma", "period": 20}`` or ``{"type": "sma", "params": {"period": 20}}``.
        path: of the object.
        also: further keys it may have.
    """
    if not are_few(given, path, findings):
        return None
    word = given.get("type")
    kind = KINDS.get(nearest_word(word, KINDS)) if isinstance(word, str) else None
    if kind is None:
        code = "missing_type" if word is None else "unknown_indicator"
        sentence = "The type of the indicator is missing." if word is None else f"There is no indicator {told(word)}."
        findings.error(f"{path}.type", code, sentence, f"Choose one of {', '.join(KINDS)}.")
        return None
    unknown_keys(given, (*_OF_SERIES, *(item.name for item in kind.params), *also), path, findings)
    params = _params_of(kind, given, path, findings)
    if params is None:
        return None
    source = _word_of(given, "source", kind.sources, kind, path, findings)
    output = _word_of(given, "output", kind.outputs, kind, path, findings)
    if source is None or output is None:
        return None
    is_volume = kind.name == "price" and source == "volume"
    return Series("volume" if is_volume else kind.name, params, source, output)


def _argument(text: str) -> Any:
    """Return one argument of a reference as JSON would have it."""
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if math.isfinite(number) and number == int(number) else number


def _arguments(kind: Kind, text: str, path: str, findings: Findings) -> dict[str, Any] | None:
    """Read ``period=50, source=high``, ``50`` or ``12, 26, 9`` as named values."""
    values: dict[str, Any] = {}
    names = [item.name for item in kind.params]
    for part in filter(None, re.split(r"[,;&\s]+", re.sub(r"\s*=\s*", "=", text))):
        name, equals, value = part.partition("=")
        if equals:
            values[name] = _argument(value)
        elif isinstance(_argument(part), str):
            values["source"] = part
        elif names:
            values[names.pop(0)] = _argument(part)
        else:
            findings.error(path, "bad_reference", f"{kind.label} takes no argument {told(part)}.", "Leave it out.")
            return None
    return values


def reference_of(text: str, path: str, findings: Findings) -> Series | None:
    """Return the series that a reference names, or note what is wrong with it.

    Args:
        text: ``price``, ``high``, ``volume``, ``sma(50)``, ``sma(period=50, source=high)``, ``sma:period=50``,
            ``macd(12, 26, 9).signal``, ``bollingerBands(20, 2).upper``.
        path: where it stands.
    """
    plain = text.strip()
    found = _CALL.fullmatch(plain) or _COLON.fullmatch(plain) if len(plain) <= _LONGEST else None
    word = found[1] if found else ""
    price = nearest_word(word, PRICE_WORDS)
    kind = KINDS.get(nearest_word(word, KINDS))
    if found is None or (kind is None and not price):
        findings.error(
            path,
            "bad_reference",
            f"{told(text)} names no number, price or indicator.",
            "Write a number without quotes, or for example price, volume, sma(50) or macd(12, 26, 9).signal.",
        )
        return None
    if kind is None:
        return Series("price", {}, price, "value")
    values = _arguments(kind, found[2] or "", path, findings)
    if values is None:
        return None
    if found.re is _CALL and found[3]:
        values["output"] = found[3]
    inner = Findings()
    series = series_of({"type": kind.name, **values}, path, inner)
    for item in inner.found:  # all of it stands in one text, so all of it is told of that text
        tell = findings.error if item.level == "error" else findings.warning
        tell(path, item.code, item.sentence, item.hint)
    return series
