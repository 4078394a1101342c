"""Rules an account's owner writes: what is measured, where it ends, and what is done about it then (119, 120)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from tidemill.model.errors import ConfigError
from tidemill.model.units import MICROS
from tidemill.runtime.guard.facts import Facts, Scope
from tidemill.runtime.guard.limits import Limits, combine, no_limits
from tidemill.runtime.guard.numbers import UNKNOWN, finite, positive
from tidemill.runtime.guard.worst_case import value_per_unit

__all__ = ["AccountRule", "Action", "Breach", "RuleType", "Unit", "breaches", "pre_trade"]


class RuleType(StrEnum):
    """What is measured."""

    POSITION_SIZE = "max_position_size"
    DAILY_LOSS = "max_daily_loss"
    DRAWDOWN = "max_drawdown"
    CORRELATION = "max_correlation"
    LEVERAGE = "max_leverage"
    POSITION_LIMIT = "position_limit"
    SECTOR_LIMIT = "sector_limit"


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
_OF_ONE_POSITION = frozenset({RuleType.POSITION_SIZE})


@dataclass(frozen=True, slots=True)
class AccountRule:
    """One rule of an owner.

    Args:
        name: for people. type, unit, threshold: what is measured and where it ends.
        action: what a breach leads to. scope: the account's, or one strategy's.

    Raises:
        ConfigError: the unit does not fit, or the threshold is out of bounds.
    """

    name: str
    type: RuleType
    unit: Unit
    threshold: float
    action: Action = Action.BLOCK
    scope: Scope = Scope.ACCOUNT

    def __post_init__(self) -> None:
        if (self.type, self.unit) not in _FIELDS:
            units = ", ".join(unit for kind, unit in _FIELDS if kind is self.type)
            raise ConfigError(f"{self.name}: {self.type} is measured in {units}, not in {self.unit}.")
        if self.unit is Unit.COUNT and self.threshold != int(self.threshold):
            raise ConfigError(f"{self.name}: a count must be a whole number, not {self.threshold!r}.")
        self.limits()

    def limits(self) -> Limits:
        """Return the rule as limits of its scope."""
        threshold = int(self.threshold) if self.unit is Unit.COUNT else self.threshold
        values: dict[str, float] = {_FIELDS[self.type, self.unit]: threshold}
        return replace(no_limits(self.scope), **values)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule that is exceeded now; ``symbol`` is empty when it concerns all positions."""

    rule: AccountRule
    symbol: str
    value: float


def pre_trade(rules: Iterable[AccountRule]) -> tuple[dict[Scope, Limits], dict[Scope, Limits]]:
    """Return what keeps entries from leaving, and what only warns, by scope; several rules: the tightest holds."""
    blocking: dict[Scope, Limits] = {}
    warning: dict[Scope, Limits] = {}
    for rule in rules:
        book = warning if rule.action is Action.ALERT else blocking
        book[rule.scope] = combine(book.get(rule.scope, no_limits(rule.scope)), rule.limits())
    return blocking, warning


def breaches(rules: Sequence[AccountRule], facts: Facts) -> tuple[Breach, ...]:
    """Return which rules what is held exceeds now, for the actions after a trade.

    What cannot be measured is no breach here: nothing is closed on doubt. Entries are stopped by doubt all the same.
    """
    found = []
    for rule in rules:
        for symbol, value in _measured(rule, facts):
            if finite(value) and value > rule.threshold:
                found.append(Breach(rule, symbol, value))
    return tuple(found)


def _measured(rule: AccountRule, facts: Facts) -> list[tuple[str, float]]:
    scope = facts.scopes.get(rule.scope)
    if scope is None or rule.type is RuleType.CORRELATION:
        return []
    equity = scope.equity_micros / MICROS if finite(scope.equity_micros) else UNKNOWN
    if rule.type in {RuleType.DAILY_LOSS, RuleType.DRAWDOWN}:
        return [("", _fall(rule, facts, equity))]
    values = {symbol: _value(facts, symbol, units, rule) for symbol, units in scope.units.items() if units != 0.0}
    share = 100.0 / equity if rule.unit is Unit.PERCENT else 1.0
    if rule.type in _OF_ONE_POSITION:
        return [(symbol, value * share) for symbol, value in values.items()]
    if rule.type is RuleType.POSITION_LIMIT:
        return [("", float(len(values)))]
    if rule.type is RuleType.LEVERAGE:
        return [("", sum(values.values()) / equity)]
    sectors: dict[str, float] = {}
    for symbol, value in values.items():
        sector = facts.symbols[symbol].sector if symbol in facts.symbols else ""
        sectors[sector] = sectors.get(sector, 0.0) + value
    return [("", max((value for sector, value in sectors.items() if sector), default=0.0) * share)]


def _value(facts: Facts, symbol: str, units: float, rule: AccountRule) -> float:
    here = facts.symbols.get(symbol)
    if here is None or here.instrument is None or not positive(here.last):
        return UNKNOWN
    is_notional = rule.type is RuleType.LEVERAGE
    each = here.last * here.instrument.multiplier if is_notional else value_per_unit(here.instrument, here.last)
    return abs(units) * each


def _fall(rule: AccountRule, facts: Facts, equity: float) -> float:
    base = facts.scopes[rule.scope].baseline
    micros = facts.scopes[rule.scope].equity_micros
    if base is None or micros is None or not finite(equity) or base.day != facts.trading_day:
        return UNKNOWN
    if rule.type is RuleType.DRAWDOWN:
        return base.drawdown_pct(micros)
    lost = base.day_loss_micros(micros)
    if rule.unit is Unit.DOLLARS:
        return lost / MICROS
    return lost / base.day_equity_micros * 100.0 if base.day_equity_micros > 0 else UNKNOWN
