"""Declarations in a strategy's class body: what can be set, what is computed, what is remembered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tidemill.kernel.indicators.spec import IndicatorSpec, capacity_for
from tidemill.model.errors import ConfigError

__all__ = ["Choice", "Declared", "Indicator", "Memory", "Param"]


class Declared:
    """Anything a class body declares; it learns its own name there."""

    name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name


class Param(Declared):
    """A number a user, a form or an optimiser may set.

    Args:
        default: whole numbers make a whole-number parameter.
        low, high: bounds, both allowed; ``high`` also decides how much memory a window gets.
        unit: bars, percent, price points, …
        doc: one sentence.
    """

    def __init__(self, default: float, *, low: float, high: float, unit: str = "", doc: str = "") -> None:
        self.default, self.low, self.high, self.unit, self.doc = default, low, high, unit, doc
        self.is_whole = isinstance(default, int)
        self.options: tuple[str, ...] = ()

    def read(self, value: Any) -> float:
        """Return a value given by a user, or refuse it with the bounds."""
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise ConfigError(f"{self.name} must be a number, not {value!r}.") from None
        if not (self.low <= number <= self.high):
            unit = f" {self.unit}" if self.unit else ""
            raise ConfigError(f"{self.name} must lie between {self.low:g} and {self.high:g}{unit}, not {number:g}.")
        if self.is_whole and number != int(number):
            raise ConfigError(f"{self.name} must be a whole number, not {number:g}.")
        return int(number) if self.is_whole else number


class Choice(Param):
    """A parameter with named options; the step sees their position (0, 1, …)."""

    def __init__(self, *options: str, doc: str = "") -> None:
        super().__init__(0, low=0, high=len(options) - 1, doc=doc)
        self.options = options

    def read(self, value: Any) -> float:
        """Return the position of an option given by name or position."""
        text = str(value).strip().lower()
        if text in self.options:
            return self.options.index(text)
        if text.isdigit() and int(text) < len(self.options):
            return int(text)
        raise ConfigError(f"{self.name} cannot be {value!r}; choose one of {', '.join(self.options)}.")


class Memory(Declared):
    """A number a strategy remembers from bar to bar, per instrument; it is part of every snapshot."""

    def __init__(self, initial: float = 0.0, *, doc: str = "") -> None:
        self.initial, self.doc = initial, doc

    @property
    def kind(self) -> type[np.generic]:
        """Return the number type: whole if the initial value is."""
        return np.int64 if isinstance(self.initial, int) else np.float64


class Indicator(Declared):
    """An indicator's memory; its parameters are numbers or names of the strategy's parameters."""

    def __init__(self, spec: IndicatorSpec, given: Mapping[str, float | str]) -> None:
        unknown = set(given) - set(spec.params)
        if unknown:
            raise ConfigError(
                f"{spec.name} has no parameter {', '.join(sorted(unknown))}; it has {', '.join(spec.params)}."
            )
        self.spec = spec
        self.given: dict[str, float | str] = {**spec.params, **given}

    def layout(self, params: Mapping[str, Param]) -> np.dtype[Any]:
        """Return the record type, with rings as long as the longest window the parameters allow."""
        longest = 1
        for key, value in self.given.items():
            if key.endswith("window"):
                longest = max(longest, int(params[value].high if isinstance(value, str) else value))
        return self.spec.layout(capacity_for(longest))

    def values(self, chosen: Mapping[str, float]) -> dict[str, float]:
        """Return the indicator's parameters for chosen strategy parameters."""
        return {key: chosen[value] if isinstance(value, str) else value for key, value in self.given.items()}
