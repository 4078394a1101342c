"""The class a strategy is: declarations in its body, one ``step`` that is called on every closed bar.

    class GoldenCross(Strategy):
        '''Buy when the fast average crosses above the slow one; sell on the mirror.'''

        fast_window = Param(10, low=2, high=512, unit="bars")
        slow_window = Param(30, low=3, high=512, unit="bars")
        fast = SMA(window="fast_window")
        slow = SMA(window="slow_window")
        cross = Crossing()

        def step(me, bar, order):
            turn = crossing(me.cross, sma(me.fast, bar.close), sma(me.slow, bar.close))
            if turn > 0:
                buy(order)
            elif turn < 0:
                sell(order)

The same source runs compiled, interpreted and live. A step sees the bar and its own memory, never an array past now.

What a step may read and write:

* ``me``: the declared fields. Parameters are numbers, memory can be set (``me.count += 1``), indicators are handed to
  their function (``sma(me.fast, bar.close)``).
* ``bar``: ``ts_ns`` (start), ``now_ns`` (end), ``interval_ns``, ``open``, ``high``, ``low``, ``close``, ``volume``.
* ``order``: ``held`` (signed units), ``pending`` (1 while an entry or exit works), ``traded`` (1 once a position has
  been held), ``average`` (entry price), ``bars_held``, ``equity``; and what ``buy``, ``sell``, ``close``, ``go_long``,
  ``go_short`` write into it.
* ``clock``, if named: ``day`` (trading day), ``minute`` (of the local day, at the bar's start), ``session``,
  ``open_ns``, ``close_ns``, ``now_ns``.
* ``second``, ``third``, if named: more tickets, for brackets and pairs of orders (``oco``, ``then``).
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import numpy as np

from tidemill.authoring.fields import Declared, Indicator, Memory, Param
from tidemill.model.errors import ConfigError, StrategyError, UnknownName

__all__ = ["STEP_ARGUMENTS", "Strategy", "StrategySpec", "spec_of"]

_D = TypeVar("_D", bound=Declared)

STEP_ARGUMENTS = ("me", "bar", "order", "clock", "second", "third")


class Strategy:
    """Base of every strategy; see the module for what a class body may declare.

    Class attributes ``name`` (default: the class name in snake case) and ``compiled`` (False forces the ordinary
    Python form, for code the compiler cannot take) may be set. Declarations are inherited; a subclass may replace one,
    or drop it by setting the name to None.
    """

    name: ClassVar[str] = ""
    compiled: ClassVar[bool] = True

    @staticmethod
    def check(params: Mapping[str, float]) -> str:
        """Return what is wrong with a combination of parameters, or an empty text; replace it where rules apply.

        Args:
            params: every parameter by name; choices as positions.
        """
        del params
        return ""

    def __init_subclass__(cls, **extra: Any) -> None:
        super().__init_subclass__(**extra)
        if "name" not in cls.__dict__:
            cls.name = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


@dataclass(frozen=True, slots=True)
class StrategySpec:
    """A strategy as the engine sees it.

    Args:
        name: how users call it.
        title: first line of its docstring.
        strategy: the class.
        step: the plain Python step.
        arguments: the names of the step's arguments, in order.
        params, indicators, memory: declarations by name.
        layout: record type of its memory per instrument.
        tickets: proposals per bar (1 to 3).
        uses_book: whether the step reads average, bars_held or equity from its ticket.
        calls_own_helpers: whether it calls functions of its own file.
    """

    name: str
    title: str
    strategy: type[Strategy]
    step: Callable[..., Any]
    arguments: tuple[str, ...]
    params: Mapping[str, Param]
    indicators: Mapping[str, Indicator]
    memory: Mapping[str, Memory]
    layout: np.dtype[Any]
    tickets: int
    uses_book: bool
    calls_own_helpers: bool

    def read_params(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return all parameters, defaults filled in; unknown names and values out of bounds are refused."""
        for key in given:
            if key not in self.params:
                raise UnknownName(f"parameter of {self.name}", key, self.params)
        chosen = {key: param.read(given[key]) if key in given else param.default for key, param in self.params.items()}
        reason = self.strategy.check(dict(chosen))
        if reason:
            raise ConfigError(f"{self.name}: {reason}")
        return chosen

    def fresh_memory(self, chosen: Mapping[str, float]) -> np.ndarray[Any, np.dtype[Any]]:
        """Return one slot's memory with parameters set and nothing seen yet."""
        row = np.zeros(1, self.layout)
        for key, value in chosen.items():
            self.params[key].fill(row, value)
        for key, memory in self.memory.items():
            row[key] = memory.initial
        for key, indicator in self.indicators.items():
            for name, value in indicator.values(chosen).items():
                row[key][name] = value
            for name in indicator.spec.outputs:
                row[key][name] = np.nan
        return row

    def warmup(self, chosen: Mapping[str, float]) -> int:
        """Return the number of bars before every declared indicator, and every condition of a tree, has a value."""
        needs = [item.spec.warmup(item.values(chosen)) for item in self.indicators.values()]
        needs += [self.params[key].warmup(value) for key, value in chosen.items()]
        return max(needs, default=0)


def _declared(cls: type[Strategy], kind: type[_D]) -> dict[str, _D]:
    """Return the declarations of one kind, those of base classes first; the last word on a name counts."""
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        found.update(vars(base))
    return {key: value for key, value in found.items() if isinstance(value, kind)}


def _check_names(cls: type[Strategy]) -> None:
    """Refuse field names that a record or the base class already uses."""
    for key in _declared(cls, Declared):
        if hasattr(np.record, key) or hasattr(Strategy, key):
            raise StrategyError(
                f"{cls.__name__}: a field cannot be called {key!r}, records have something of that name already; "
                f"call it for example my_{key}."
            )


def _indicator_layout(cls: type[Strategy], key: str, item: Indicator, params: Mapping[str, Param]) -> np.dtype[Any]:
    """Return an indicator's memory, or say which parameter cannot be its window."""
    where = f"{cls.__name__}.{key} ({item.spec.name})"
    for part, value in item.given.items():
        if not isinstance(value, str):
            continue
        if value not in params:
            raise UnknownName(f"parameter of {cls.name} (named by {key})", value, params)
        if part.endswith("window") and not (params[value].is_whole and params[value].low >= 1):
            raise StrategyError(f"{where}: {value} is a window in bars; give it a whole default and low=1 or more.")
    try:
        return item.layout(params)
    except ConfigError as error:
        raise StrategyError(f"{where}: {error}") from error


def _reads_book(step: Callable[..., Any]) -> bool:
    """Tell whether a step may read the slower fields of its ticket; one that calls own helpers is taken to."""
    return _calls_own_helpers(step) or bool(set(step.__code__.co_names) & {"average", "bars_held", "equity"})


def _calls_own_helpers(step: Callable[..., Any]) -> bool:
    """Tell whether a step calls functions of its own file, which may read anything it can."""
    helpers = [step.__globals__.get(name) for name in step.__code__.co_names]
    return any(inspect.isfunction(item) and item.__module__ == step.__module__ for item in helpers)


def _title(cls: type[Strategy]) -> str:
    """Return the first line of a class's docstring, or of the nearest base's that is not ours."""
    for base in cls.__mro__[: cls.__mro__.index(Strategy)]:
        if base.__doc__:
            return inspect.cleandoc(base.__doc__).split("\n")[0]
    return ""


def _step_of(cls: type[Strategy]) -> tuple[Callable[..., Any], tuple[str, ...]]:
    """Return a class's step and the names of its arguments, or say what is wrong with them."""
    step = getattr(cls, "step", None)
    if step is None:
        raise StrategyError(f"{cls.__name__} has no step; add `def step(me, bar, order):`.")
    if not inspect.isfunction(step):
        raise StrategyError(f"{cls.__name__}.step must be a plain function, without a decorator.")
    arguments = tuple(inspect.signature(step).parameters)
    strange = [name for name in arguments if name not in STEP_ARGUMENTS]
    if strange or arguments[:1] != ("me",):
        raise StrategyError(
            f"{cls.__name__}.step takes {', '.join(arguments) or 'nothing'}; it must start with me and may go on "
            f"with {', '.join(STEP_ARGUMENTS[1:])}."
        )
    return step, arguments


def spec_of(cls: type[Strategy]) -> StrategySpec:
    """Read a strategy class into its specification, or say what is wrong with it.

    Raises:
        StrategyError: there is no step, it takes unknown arguments, or a field cannot be declared like that.
        UnknownName: an indicator names a parameter that does not exist.
    """
    step, arguments = _step_of(cls)
    _check_names(cls)
    params, indicators, memory = _declared(cls, Param), _declared(cls, Indicator), _declared(cls, Memory)
    fields: list[tuple[str, Any]] = [(key, p.kind) for key, p in params.items()]
    fields += [(key, item.kind) for key, item in memory.items()]
    fields += [(key, _indicator_layout(cls, key, item, params)) for key, item in indicators.items()]
    return StrategySpec(
        cls.name,
        _title(cls),
        cls,
        step,
        arguments,
        params,
        indicators,
        memory,
        np.dtype(fields or [("nothing", np.int64)]),
        3 if "third" in arguments else 2 if "second" in arguments else 1,
        _reads_book(step),
        _calls_own_helpers(step),
    )
