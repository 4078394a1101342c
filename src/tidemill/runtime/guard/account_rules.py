"""Rules an account's owner writes: what is measured, where it ends, and what is done about it then (119, 120)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any

from tidemill.model.errors import ConfigError, UnknownName
from tidemill.runtime.guard.facts import Scope
from tidemill.runtime.guard.limits import Limits, combine, no_limits
from tidemill.runtime.guard.numbers import finite

__all__ = ["AccountRule", "Action", "RuleType", "Unit", "check_strategies", "pre_trade", "rules_of"]


class RuleType(StrEnum):
    """What is measured."""

    POSITION_SIZE = "max_position_size"
    DAILY_LOSS = "max_daily_loss"
    DRAWDOWN = "max_drawdown"
    CORRELATION = "max_correlation"
    LEVERAGE = "max_leverage"
    POSITION_LIMIT = "position_limit"
    SECTOR_LIMIT = "sector_limit"
    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"


class Unit(StrEnum):
    """How the threshold is meant."""

    PERCENT = "percent"
    DOLLARS = "dollars"
    COUNT = "count"
    RATIO = "ratio"


class Action(StrEnum):
    """What a breach leads to; all but ``alert`` also keep new entries from leaving."""

    ALERT = "alert"
    BLOCK = "block"
    REDUCE_SIZE = "reduce_size"
    CLOSE_POSITION = "close_position"
    CLOSE_ALL = "close_all"


_FIELDS = {
    (RuleType.POSITION_SIZE, Unit.DOLLARS): "max_position_usd",
    (RuleType.POSITION_SIZE, Unit.PERCENT): "max_position_pct",
    (RuleType.DAILY_LOSS, Unit.DOLLARS): "max_daily_loss_usd",
    (RuleType.DAILY_LOSS, Unit.PERCENT): "max_daily_loss_pct",
    (RuleType.DRAWDOWN, Unit.PERCENT): "max_drawdown_pct",
    (RuleType.CORRELATION, Unit.RATIO): "max_correlation",
    (RuleType.LEVERAGE, Unit.RATIO): "max_leverage",
    (RuleType.POSITION_LIMIT, Unit.COUNT): "max_concurrent_positions",
    (RuleType.SECTOR_LIMIT, Unit.PERCENT): "max_sector_pct",
}
_GAIN = (RuleType.STOP_LOSS, RuleType.TAKE_PROFIT)  # of one position: no limit of an order says it
_GAIN_UNITS = (Unit.PERCENT, Unit.DOLLARS)
_OF_ONE_POSITION = (RuleType.POSITION_SIZE, *_GAIN)
_OF_A_SIZE = (RuleType.POSITION_SIZE, RuleType.LEVERAGE, RuleType.SECTOR_LIMIT)
_OF_THE_ACCOUNT = (RuleType.DRAWDOWN, RuleType.CORRELATION)


@dataclass(frozen=True, slots=True)
class AccountRule:
    """One rule of an owner.

    Args:
        name: for people. type, unit, threshold: what is measured and where it ends; of ``stop_loss`` and
            ``take_profit`` a position's loss or gain, in dollars or in percent of what was paid for it.
        action: what a breach leads to: ``reduce_size`` closes what is too much, ``close_position`` the position
            concerned, ``close_all`` every position of the scope, which then stays halted.
        scope: whose book is measured. strategy: only this one's positions and orders; empty: all.

    Raises:
        ConfigError: unit, action or strategy do not fit what is measured, or the threshold is out of bounds.
    """

    name: str
    type: RuleType
    unit: Unit
    threshold: float
    action: Action = Action.BLOCK
    scope: Scope = Scope.ACCOUNT
    strategy: str = ""

    def __post_init__(self) -> None:
        units = _GAIN_UNITS if self.type in _GAIN else [unit for kind, unit in _FIELDS if kind is self.type]
        if self.unit not in units:
            raise ConfigError(f"{self.name}: {self.type} is measured in {', '.join(units)}, not in {self.unit}.")
        if self.unit is Unit.COUNT and self.threshold != int(self.threshold):
            raise ConfigError(f"{self.name}: a count must be a whole number, not {self.threshold!r}.")
        if not (finite(self.threshold) and self.threshold > 0.0):
            raise ConfigError(f"{self.name}: the threshold must be above zero, not {self.threshold!r}.")
        self._check_action()
        self.limits()

    def _check_action(self) -> None:
        if self.type is RuleType.CORRELATION and self.action is not Action.BLOCK:
            raise ConfigError(f"{self.name}: a correlation is looked at before an entry leaves; its action is block.")
        if self.action is Action.CLOSE_POSITION and self.type not in _OF_ONE_POSITION:
            raise ConfigError(f"{self.name}: {self.type} concerns all positions; write close_all.")
        if self.action is Action.REDUCE_SIZE and self.type not in _OF_A_SIZE:
            raise ConfigError(f"{self.name}: {self.type} tells no size to reduce to; write close_all.")
        if self.strategy and self.type in _OF_THE_ACCOUNT:
            raise ConfigError(f"{self.name}: {self.type} is measured for the whole account; leave strategy out.")

    @property
    def is_limit(self) -> bool:
        """Whether the guard's limits say it before an order leaves; else the rule is asked by itself."""
        return not self.strategy and self.type not in _GAIN

    def limits(self) -> Limits:
        """Return the rule as limits of its scope."""
        if self.type in _GAIN:
            return no_limits(self.scope)
        threshold = int(self.threshold) if self.unit is Unit.COUNT else self.threshold
        values: dict[str, float] = {_FIELDS[self.type, self.unit]: threshold}
        return replace(no_limits(self.scope), **values)  # type: ignore[arg-type]


def pre_trade(rules: Iterable[AccountRule]) -> tuple[dict[Scope, Limits], dict[Scope, Limits]]:
    """Return what keeps entries from leaving, and what only warns, by scope; several rules: the tightest holds."""
    blocking: dict[Scope, Limits] = {}
    warning: dict[Scope, Limits] = {}
    for rule in rules:
        if rule.is_limit:
            book = warning if rule.action is Action.ALERT else blocking
            book[rule.scope] = combine(book.get(rule.scope, no_limits(rule.scope)), rule.limits())
    return blocking, warning


def rules_of(tables: Mapping[str, Any]) -> tuple[AccountRule, ...]:
    """Return the rules an agent's file holds, by name.

    Args:
        tables: by the rule's name: type, unit, threshold, and where wanted action and strategy.

    Raises:
        UnknownName: there is no such key or choice. ConfigError: a rule cannot be used.
    """
    return tuple(_rule(name, table) for name, table in tables.items())


def _rule(name: str, table: Any) -> AccountRule:
    if not isinstance(table, Mapping):
        raise ConfigError(f"A rule is a table; write [limits.rules.{name}] and its keys below it.")
    known = [item.name for item in fields(AccountRule) if item.name not in {"name", "scope"}]
    for key in table:
        if key not in known:
            raise UnknownName(f"key in [limits.rules.{name}]", str(key), known)
    for key in ("type", "unit", "threshold"):
        if key not in table:
            raise ConfigError(f"[limits.rules.{name}] needs {key}.")
    threshold, strategy = table["threshold"], table.get("strategy", "")
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not isinstance(strategy, str):
        raise ConfigError(f"threshold in [limits.rules.{name}] is a number, and strategy a name.")
    action = _choice(Action, table.get("action", Action.BLOCK), "action")
    kind, unit = _choice(RuleType, table["type"], "type"), _choice(Unit, table["unit"], "unit")
    return AccountRule(name, RuleType(kind), Unit(unit), threshold, Action(action), strategy=strategy)


def _choice(kind: type[StrEnum], value: object, what: str) -> str:
    known = [item.value for item in kind]
    if value not in known:
        raise UnknownName(f"{what} of a rule", str(value)[:80], known)
    return str(value)


def check_strategies(rules: Iterable[AccountRule], strategies: Sequence[str]) -> None:
    """Make sure that each rule's strategy is one of the run's.

    Raises:
        UnknownName: it is not.
    """
    for rule in rules:
        if rule.strategy and rule.strategy not in strategies:
            raise UnknownName(f"strategy of the rule {rule.name}", rule.strategy, strategies)
