"""Declarations in a strategy's class body: what can be set, what is computed, what is remembered."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Self, overload

import numpy as np

from tidemill.kernel.indicators.spec import IndicatorSpec, capacity_for
from tidemill.model.errors import ConfigError, StrategyError

__all__ = ["Choice", "Declared", "Indicator", "Memory", "Param"]


class Declared:
    """Anything a class body declares; it learns its own name there, and on an instance it reads as its value."""

    name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> Any: ...
    def __get__(self, instance: object | None, owner: type) -> Any:
        return self if instance is None else self.at_rest()

    def at_rest(self) -> Any:
        """Return what an instance reads before a run has given it a value."""
        return self


class Param(Declared):
    """A number a user, a form or an optimiser may set; in the step it reads as that number.

    Args:
        default: whole numbers make a whole-number parameter.
        low, high: bounds, both allowed; ``high`` also decides how much memory a window gets.
        unit: bars, percent, ratio, price points, minutes, …
        doc: one sentence.

    Raises:
        StrategyError: the bounds contradict each other or the default.
    """

    is_number = True  # with bounds a search may try; a parameter of another kind says otherwise

    def __init__(self, default: float, *, low: float, high: float, unit: str = "", doc: str = "") -> None:
        if not (math.isfinite(low) and math.isfinite(high) and low <= default <= high):
            raise StrategyError(f"A parameter's default {default!r} must lie between low={low!r} and high={high!r}.")
        self.default, self.low, self.high, self.unit, self.doc = default, low, high, unit, doc
        self.is_whole = isinstance(default, int)
        self.options: tuple[str, ...] = ()

    def at_rest(self) -> float:
        """Return the default."""
        return self.default

    @property
    def kind(self) -> type[np.generic] | np.dtype[Any]:
        """Return the type of its field in the strategy's memory."""
        return np.int64 if self.is_whole else np.float64

    def fill(self, row: np.ndarray[Any, np.dtype[Any]], value: Any) -> None:
        """Write a value that was read into a slot's fresh memory."""
        row[self.name] = value

    def warmup(self, value: Any) -> int:
        """Return the number of bars the parameter itself has to wait for."""
        del value
        return 0

    def read(self, value: Any) -> Any:
        """Return a value given by a user, or refuse it with the bounds.

        Raises:
            ConfigError: the value is no number, out of bounds, or not whole where it must be.
        """
        try:
            number = float(value) if not isinstance(value, bool) else math.nan
        except (TypeError, ValueError):
            number = math.nan
        if math.isnan(number):
            raise ConfigError(f"{self.name} must be a number, not {value!r}.")
        if not (self.low <= number <= self.high):
            unit = f" {self.unit}" if self.unit else ""
            raise ConfigError(f"{self.name} must lie between {self.low:g} and {self.high:g}{unit}, not {number:g}.")
        if self.is_whole and number != int(number):
            raise ConfigError(f"{self.name} must be a whole number, not {number:g}.")
        return int(number) if self.is_whole else number


class Choice(Param):
    """A parameter with named options; in the step it reads as their position (0, 1, …).

    Args:
        options: names in lower case; the first is the default.
        default: another option as default.
        doc: one sentence.

    Raises:
        StrategyError: fewer than two options, one twice, or a default that is none of them.
    """

    def __init__(self, *options: str, default: str = "", doc: str = "") -> None:
        names = tuple(option.lower() for option in options)
        if len(set(names)) != len(names) or len(names) < 2 or (default or names[0]) not in names:
            raise StrategyError(f"A choice needs two or more different options and one of them as default: {options}.")
        super().__init__(names.index(default or names[0]), low=0, high=len(names) - 1, doc=doc)
        self.options = names

    def read(self, value: Any) -> float:
        """Return the position of an option given by name or position.

        Raises:
            ConfigError: there is no such option.
        """
        text = str(value).strip().lower()
        if text in self.options:
            return self.options.index(text)
        if text.isdigit() and int(text) < len(self.options):
            return int(text)
        raise ConfigError(f"{self.name} cannot be {value!r}; choose one of {', '.join(self.options)}.")


class Memory(Declared):
    """A number a strategy remembers from bar to bar, one per instrument; it is part of every snapshot.

    Args:
        initial: its value before the first bar; whole numbers make a whole-number memory, so write 0.0 for a price.
        doc: one sentence.

    Raises:
        StrategyError: the initial value is no number.
    """

    def __init__(self, initial: float = 0.0, *, doc: str = "") -> None:
        if not isinstance(initial, int | float):
            raise StrategyError(f"Memory holds a number, not {initial!r}; keep texts and lists outside the step.")
        self.initial, self.doc = initial, doc

    def at_rest(self) -> float:
        """Return the initial value."""
        return self.initial

    @property
    def kind(self) -> type[np.generic]:
        """Return the number type: whole if the initial value is."""
        return np.int64 if isinstance(self.initial, int) else np.float64


class Indicator(Declared):
    """An indicator's memory; its parameters are numbers or names of the strategy's parameters.

    Use the named declarations (``SMA``, ``RSI``, …); this is what they are made of.

    Args:
        spec: the indicator.
        given: parameters that differ from its defaults.

    Raises:
        ConfigError: the indicator has no such parameter.
        StrategyError: a window given as a number is shorter than one bar.
    """

    def __init__(self, spec: IndicatorSpec, given: Mapping[str, float | str]) -> None:
        unknown = set(given) - set(spec.params)
        if unknown:
            raise ConfigError(
                f"{spec.name} has no parameter {', '.join(sorted(unknown))}; it has {', '.join(spec.params) or 'none'}."
            )
        self.spec = spec
        self.given: dict[str, float | str] = {**spec.params, **given}
        for key, value in self.given.items():
            if key.endswith("window") and not isinstance(value, str) and value < 1:
                raise StrategyError(f"{key} of {spec.name} is {value}; a window has at least 1 bar.")

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
