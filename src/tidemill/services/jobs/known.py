"""Every strategy a backtest has a name for, with its parameters; the documented names come first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tidemill.authoring.fields import Param
from tidemill.authoring.registry import installed_strategies, load_strategy
from tidemill.authoring.strategy import StrategySpec

__all__ = ["NO_NEWS", "Known", "KnownParameter", "known_strategies"]

# The documented names, in their order, and what each is here.
_SOURCE_NAMES = {
    "meanReversion": "mean_reversion",
    "movingAverageCrossover": "moving_average_crossover",
    "momentum": "momentum",
    "bollingerBands": "bollinger_bands",
    "breakout": "breakout",
}
_TREES = "conditions"
NO_NEWS = "There is no news with the time it was known, so sentiment cannot be tested on the past honestly."
_NUMBERED = "Named by customStrategyId, or given as buy_conditions and sell_conditions; PREMIUM and ENTERPRISE only."


@dataclass(frozen=True, slots=True)
class KnownParameter:
    """A parameter: a number within bounds, or one of some options."""

    name: str
    default: float | str
    minimum: float | None
    maximum: float | None
    options: Sequence[str]
    unit: str
    doc: str


@dataclass(frozen=True, slots=True)
class Known:
    """A strategy there is a name for; ``message`` says why it is not available, or how it is named."""

    name: str
    title: str
    is_available: bool = True
    message: str = ""
    parameters: Sequence[KnownParameter] = ()


def known_strategies() -> list[Known]:
    """Return every strategy there is a name for."""
    shipped = [name for name in installed_strategies() if name not in (_TREES, *_SOURCE_NAMES.values())]
    found = [_known(name, load_strategy(own)) for name, own in _SOURCE_NAMES.items()]
    found.append(Known("sentimentAnalysis", "Sentiment of news.", is_available=False, message=NO_NEWS))
    found.append(Known("custom", "Conditions of one's own.", message=_NUMBERED))
    return found + [_known(name, load_strategy(name)) for name in shipped]


def _known(name: str, spec: StrategySpec) -> Known:
    numbers = [_parameter(key, param) for key, param in spec.params.items() if param.is_number]
    return Known(name, spec.title, parameters=numbers)


def _parameter(name: str, param: Param) -> KnownParameter:
    if param.options:
        return KnownParameter(name, param.options[int(param.default)], None, None, param.options, param.unit, param.doc)
    return KnownParameter(name, param.default, param.low, param.high, (), param.unit, param.doc)
