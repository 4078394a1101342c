"""Which of an owner's rules what is held exceeds now (120): pure functions of the facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tidemill.model.units import MICROS
from tidemill.runtime.guard.account_rules import AccountRule, RuleType, Unit
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.numbers import UNKNOWN, finite, positive
from tidemill.runtime.guard.worst_case import value_per_unit

__all__ = ["Book", "Breach", "breaches"]

_FALLS = (RuleType.DAILY_LOSS, RuleType.DRAWDOWN)
_SIGNS = {RuleType.STOP_LOSS: -1.0, RuleType.TAKE_PROFIT: 1.0}


@dataclass(slots=True)
class Book:
    """Positions of one strategy, or of all.

    Args:
        units: signed, by symbol. paid: money paid for them, signed, dollars, by symbol; a symbol that is missing is
            not known. day_loss: dollars lost since the trading day began; NaN: the scope's baseline tells.
    """

    units: dict[str, float] = field(default_factory=dict)
    paid: dict[str, float] = field(default_factory=dict)
    day_loss: float = UNKNOWN


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule that is exceeded now.

    Args:
        symbol: of the position, empty when it concerns several. value: what was measured, in the rule's unit.
        symbols: positions it concerns.
    """

    rule: AccountRule
    symbol: str
    value: float
    symbols: tuple[str, ...] = ()


def breaches(rules: Iterable[AccountRule], facts: Facts, books: Mapping[str, Book] | None = None) -> tuple[Breach, ...]:
    """Return which rules what is held exceeds now, for the actions after a trade.

    What cannot be measured is no breach here: nothing is closed on doubt. Entries are stopped by doubt all the same.

    Args:
        facts: what is true now. books: by strategy, under the empty name that of all; left out: the scope's units.
    """
    found = []
    for rule in rules:
        scope = facts.scopes.get(rule.scope)
        if scope is None or rule.type is RuleType.CORRELATION:
            continue
        book = (books or {}).get(rule.strategy) or Book(units=scope.units)
        for symbol, value, symbols in _measured(rule, facts, book):
            if finite(value) and value > rule.threshold:
                found.append(Breach(rule, symbol, value, symbols))
    return tuple(found)


def _measured(rule: AccountRule, facts: Facts, book: Book) -> list[tuple[str, float, tuple[str, ...]]]:
    """Return symbol, value and symbols concerned of everything a rule measures."""
    micros = facts.scopes[rule.scope].equity_micros
    equity = micros / MICROS if micros is not None and finite(micros) else UNKNOWN
    held = {symbol: units for symbol, units in book.units.items() if units != 0.0}
    names = tuple(held)
    if rule.type in _FALLS:
        return [("", _fall(rule, facts, book, equity), names)]
    if rule.type in _SIGNS:
        return [(symbol, _gain(facts, symbol, held[symbol], book, rule), (symbol,)) for symbol in names]
    values = {symbol: _value(facts, symbol, units, rule) for symbol, units in held.items()}
    share = 1.0
    if rule.unit is not Unit.DOLLARS and rule.unit is not Unit.COUNT:
        share = (100.0 if rule.unit is Unit.PERCENT else 1.0) / equity if equity > 0.0 else UNKNOWN
    if rule.type is RuleType.POSITION_SIZE:
        return [(symbol, value * share, (symbol,)) for symbol, value in values.items()]
    if rule.type is RuleType.POSITION_LIMIT:
        return [("", float(len(values)), names)]
    if rule.type is RuleType.LEVERAGE:
        return [("", sum(values.values()) * share, names)]
    return [("", *_largest_sector(facts, values, share))]


def _largest_sector(facts: Facts, values: Mapping[str, float], share: float) -> tuple[float, tuple[str, ...]]:
    """Return what the largest sector with a name is worth, and its symbols."""
    sectors: dict[str, dict[str, float]] = {}
    for symbol, value in values.items():
        sector = facts.symbols[symbol].sector if symbol in facts.symbols else ""
        if sector:
            sectors.setdefault(sector, {})[symbol] = value
    largest = max(sectors.values(), key=lambda item: sum(item.values()), default={})
    return sum(largest.values()) * share, tuple(largest)


def _value(facts: Facts, symbol: str, units: float, rule: AccountRule) -> float:
    here = facts.symbols.get(symbol)
    if here is None or here.instrument is None or not positive(here.last):
        return UNKNOWN
    is_notional = rule.type is RuleType.LEVERAGE
    each = here.last * here.instrument.multiplier if is_notional else value_per_unit(here.instrument, here.last)
    return abs(units) * each


def _gain(facts: Facts, symbol: str, units: float, book: Book, rule: AccountRule) -> float:
    """Return what a position has gained (of a stop: lost) on what was paid for it."""
    here, paid = facts.symbols.get(symbol), book.paid.get(symbol, UNKNOWN)
    if here is None or here.instrument is None or not positive(here.last):
        return UNKNOWN
    gain = (units * here.last * here.instrument.multiplier - paid) * _SIGNS[rule.type]
    if rule.unit is Unit.DOLLARS:
        return gain
    return gain / abs(paid) * 100.0 if abs(paid) > 0.0 else UNKNOWN


def _fall(rule: AccountRule, facts: Facts, book: Book, equity: float) -> float:
    base = facts.scopes[rule.scope].baseline
    micros = facts.scopes[rule.scope].equity_micros
    if base is None or micros is None or not finite(equity) or base.day != facts.trading_day:
        return UNKNOWN
    if rule.type is RuleType.DRAWDOWN:
        return base.drawdown_pct(micros)
    lost = book.day_loss if rule.strategy else base.day_loss_micros(micros) / MICROS
    if rule.unit is Unit.DOLLARS:
        return lost
    return lost * MICROS / base.day_equity_micros * 100.0 if base.day_equity_micros > 0 else UNKNOWN
