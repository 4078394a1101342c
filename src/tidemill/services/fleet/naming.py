"""How the four sources call strategies, and which installed strategy each name means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidemill.authoring.registry import installed_strategies, load_strategy
from tidemill.authoring.strategy import StrategySpec
from tidemill.model.errors import UnknownName
from tidemill.services.entries import StrategyRequest

__all__ = ["NUMBERED", "SOURCE_NAMES", "find_name", "numbered", "plain_name", "request_by_name", "slug"]

# Names of the sources that are not the name of the strategy they mean, written plainly.
SOURCE_NAMES: dict[str, str] = {
    "breakoutvolumesurge": "breakout",  # a close beyond the range on more volume than usual
    "gapandgo": "opening_range_breakout",  # the first minutes' range after the open, broken in its direction
    "momentumsurge": "momentum",
    "macrossover": "moving_average_crossover",
    "smacrossover": "moving_average_crossover",
    "bollinger": "bollinger_bands",
    "orb": "opening_range_breakout",
    "rules": "rule_based",
}
# Numbers by which strategies may be named where a source wants a number; never renumbered, only continued.
NUMBERED: tuple[str, ...] = (
    "moving_average_crossover",
    "mean_reversion",
    "momentum",
    "bollinger_bands",
    "breakout",
    "opening_range_breakout",
    "rule_based",
    "buy_and_hold",
)


def plain_name(name: str) -> str:
    """Return a name without what spellings differ in: case, dashes, underscores, spaces."""
    return "".join(sign for sign in name.lower() if sign.isalnum())


def slug(name: str, longest: int = 40) -> str:
    """Return a name as a run and a folder may carry it: letters, digits and dashes."""
    words = "".join(sign if sign.isascii() and sign.isalnum() else " " for sign in name.lower()).split()
    return "-".join(words)[:longest].strip("-") or "agent"


def find_name(name: str) -> str:
    """Return the installed strategy a source's name means: ``meanReversion``, ``breakout-volume-surge``.

    Raises:
        UnknownName: nothing of that name is installed; the nearest names are offered.
    """
    installed = {plain_name(item): item for item in installed_strategies()}
    plain = plain_name(name)
    found = installed.get(plain) or installed.get(plain_name(SOURCE_NAMES.get(plain, "")))
    if found is None:
        raise UnknownName("strategy", name[:80], installed.values())
    return found


def numbered(number: int) -> str:
    """Return the installed strategy of a number.

    Raises:
        UnknownName: there is no such number.
    """
    if not (1 <= number <= len(NUMBERED)):
        known = [f"{place} ({name})" for place, name in enumerate(NUMBERED, 1)]
        raise UnknownName("strategy of your own or shipped one numbered", str(number), known)
    return NUMBERED[number - 1]


def request_by_name(
    name: str, params: Mapping[str, Any] | None = None, *, symbols: tuple[str, ...] = ()
) -> StrategyRequest:
    """Return a strategy as a run asks for it, parameters in any usual spelling (``fastWindow``, ``maType: "SMA"``).

    Raises:
        UnknownName: no such strategy or parameter. ConfigError: a value lies out of bounds.
    """
    found = find_name(name)
    spec = load_strategy(found)
    values = _params(spec, params or {})
    spec.read_params(values)
    return StrategyRequest(found, values, symbols=symbols)


def _params(spec: StrategySpec, params: Mapping[str, Any]) -> dict[str, Any]:
    known = {plain_name(key): key for key in spec.params}
    values: dict[str, Any] = {}
    for name, value in params.items():
        key = known.get(plain_name(name))
        if key is None:
            raise UnknownName(f"parameter of {spec.name}", name[:80], spec.params)
        values[key] = value.lower() if isinstance(value, str) and spec.params[key].options else value
    return values
