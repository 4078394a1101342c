"""What an owner's rules lead to (120): counted, told, and what is to be closed is closed through the operator's door.

A rule is looked at after every market event and report, once a second of the market's time at most. What it closes goes
through the inbox as an operator's word, so it stands on the tape; whatever a crash cuts off in between is asked for
again, because a breach acts as long as it lasts and something it concerns is open without an exit on its way.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tidemill.model.enums import EventKind, Intent, Operator, Side
from tidemill.model.errors import TapeBroken
from tidemill.model.journal import ViolationRow
from tidemill.model.records import EVENT
from tidemill.model.units import MICROS
from tidemill.runtime.core import Core
from tidemill.runtime.guard.account_rules import AccountRule, Action, RuleType
from tidemill.runtime.guard.breaches import Book, Breach, breaches
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.halts import Rung
from tidemill.runtime.orders.approver import Approver
from tidemill.runtime.orders.book import OrderBook
from tidemill.runtime.orders.outgoing import Outgoing
from tidemill.runtime.orders.present import Present
from tidemill.runtime.record.journal import Journal
from tidemill.runtime.record.remarks import remark
from tidemill.runtime.words.words import IntentWord, OperatorWord

__all__ = ["RuleState", "Ruled", "Ruling"]

_EVERY_NS = 1_000_000_000
_BY = "guard"
_CLOSING = (Action.CLOSE_ALL, Action.CLOSE_POSITION, Action.REDUCE_SIZE)  # what goes furthest first
_AS_IT_STANDS = (RuleType.STOP_LOSS, RuleType.TAKE_PROFIT, RuleType.DAILY_LOSS)  # an entry changes nothing of it


class Ruled(Protocol):
    """A run, as far as an owner's rules see it."""

    terms: Any
    parts: Any
    core: Core
    book: OrderBook
    present: Present
    journal: Journal
    approver: Approver

    def now(self) -> tuple[int, int]:
        """Return wall and monotonic clock of the run."""

    def alert(self, severity: int, kind: str, text: str) -> None:
        """Write down what a person should know."""


@dataclass(frozen=True, slots=True)
class RuleState:
    """What is remembered of a rule.

    Args:
        count: breaches so far. last_ns: when the last one began. standing: symbols it is exceeded for now; an empty
            name stands for all positions together.
    """

    count: int = 0
    last_ns: int = 0
    standing: tuple[str, ...] = ()

    @classmethod
    def from_body(cls, body: bytes) -> RuleState:
        """Read it from the tape.

        Raises:
            TapeBroken: it cannot be read.
        """
        try:
            values = json.loads(body)
            return cls(int(values["count"]), int(values["last_ns"]), tuple(values["standing"]))
        except (ValueError, TypeError, KeyError) as error:
            raise TapeBroken(f"The state of a rule on the tape cannot be read ({error}); restore a backup.") from None


class Ruling:
    """Keeps an owner's rules over one run.

    Args:
        run: wired.
        rules: of its owner.
        recorded: what an earlier process remembered of them, by name.
    """

    def __init__(self, run: Ruled, rules: Sequence[AccountRule], recorded: Mapping[str, bytes]) -> None:
        self._run, self._rules = run, tuple(rules)
        self.states = {
            rule.name: RuleState.from_body(recorded[rule.name]) if rule.name in recorded else RuleState()
            for rule in rules
        }
        tables = run.core.engine.state.tables
        self._slots, self._strategies = tables["slots"], tables["strategies"]
        self._names = list(run.terms.strategies)
        self._symbols = [item.symbol for item in run.terms.instruments]
        self._looked_ns = 0
        self._equity_micros: int | None = None

    @property
    def is_due(self) -> bool:
        """Tell whether anything may have changed since the last look; asked after every event."""
        run = self._run
        if abs(run.core.now_ns - self._looked_ns) < _EVERY_NS:
            return False
        return run.present.equity_micros != self._equity_micros or bool((self._slots["quantity"] != 0.0).any())

    def look(self) -> None:
        """Measure every rule, remember what changed, and do what the exceeded ones say."""
        run = self._run
        now = run.now()
        self._looked_ns, self._equity_micros = run.core.now_ns, run.present.equity_micros
        found = breaches(self._rules, run.present.facts_of_nobody(*now), self._books())
        for rule in self._rules:
            self._note(rule, [item for item in found if item.rule is rule], now)
        closing = [breach for breach in found if breach.rule.action in _CLOSING]
        taken: list[int] = []
        for breach in sorted(closing, key=lambda item: _CLOSING.index(item.rule.action)):
            self._act(breach, taken)

    def _books(self) -> dict[str, Book]:
        """Return the positions of each strategy, and of all."""
        books = {name: Book(day_loss=self._day_loss(row)) for row, name in enumerate(self._names)}
        books[""] = Book()
        for slot in self._slots[self._slots["quantity"] != 0.0]:
            symbol = self._symbols[int(slot["instrument"])]
            for book in (books[""], books[self._names[int(slot["strategy"])]]):
                book.units[symbol] = book.units.get(symbol, 0.0) + float(slot["quantity"])
                book.paid[symbol] = book.paid.get(symbol, 0.0) + int(slot["cost"]) / MICROS
        return books

    def _day_loss(self, row: int) -> float:
        """Return what a strategy has lost since its trading day began, dollars."""
        known = self._strategies[row]
        return (int(known["day_start_result"]) - int(known["cash"]) - int(known["market"])) / MICROS

    def _note(self, rule: AccountRule, found: Sequence[Breach], now: tuple[int, int]) -> None:
        """Count breaches that have begun, and put a changed state on the tape."""
        known = self.states[rule.name]
        fresh = [item for item in found if item.symbol not in known.standing]
        standing = tuple(item.symbol for item in found)
        if not fresh and standing == known.standing:
            return
        state = RuleState(known.count + len(fresh), now[0] if fresh else known.last_ns, standing)
        self.states[rule.name] = state
        run = self._run
        remark(run.journal, now, _BY, "rule", rule.name, json.dumps(asdict(state), sort_keys=True).encode())
        for number, breach in enumerate(fresh):
            text, severity = _sentence(breach), "WARNING" if rule.action is Action.ALERT else "ERROR"
            key = f"{run.terms.run_id}/rule:{rule.name}/{known.count + number + 1}"
            row = ViolationRow(key, run.terms.run_id, self._scope(rule), rule.name, severity, text, now[0])
            run.journal.batch.violations.append(row)
            run.alert(1 if rule.action is Action.CLOSE_ALL else 2, "ACCOUNT_RULE", text)

    def _scope(self, rule: AccountRule) -> str:
        run_id = self._run.terms.run_id
        return f"strategy:{run_id}/{rule.strategy}" if rule.strategy else f"run:{run_id}"

    def _act(self, breach: Breach, taken: list[int]) -> None:
        """Close what a breach says; what is being closed already, by another rule too, is left alone."""
        rule, text = breach.rule, _sentence(breach)
        rows = [row for row, slot in enumerate(self._slots) if row not in taken and self._concerns(breach, slot)]
        if not rows:
            return
        taken += rows
        if rule.action is Action.CLOSE_ALL:
            self._run.approver.halt(self._scope(rule), text, _BY, Rung.FLATTEN)
            if not rule.strategy:
                self._run.parts.inbox.operator(OperatorWord(Operator.FLATTEN, _BY, text))
                return
        share = 1.0
        if rule.action is Action.REDUCE_SIZE:
            share = 1.0 - rule.threshold / breach.value
        for row in rows:
            self._run.parts.inbox.operator(IntentWord(self._exit_row(self._slots[row], share), _BY, ""))

    def _concerns(self, breach: Breach, slot: Any) -> bool:
        """Tell whether a breach closes something of a slot: open, of its strategy and symbols, no exit on its way."""
        if slot["quantity"] == 0.0 or slot["exit_order"] >= 0 or slot["closing"] != 0:
            return False
        rule = breach.rule
        is_own = not rule.strategy or self._names[int(slot["strategy"])] == rule.strategy
        return is_own and self._symbols[int(slot["instrument"])] in breach.symbols

    def _exit_row(self, slot: Any, share: float) -> NDArray[Any]:
        """Return the INTENT event that closes a share of a position, in whole lots and rather one more than less."""
        held, instrument = abs(float(slot["quantity"])), int(slot["instrument"])
        lot = self._run.terms.instruments[instrument].lot_size
        part = math.ceil(held * share / lot) * lot
        row = np.zeros(1, EVENT)
        row["kind"], row["instrument"], row["order"] = int(EventKind.INTENT), instrument, int(slot["strategy"])
        row["code"] = int(Side.SELL if slot["quantity"] > 0.0 else Side.BUY)
        row["extra"], row["row"] = int(Intent.EXIT), -1
        row["volume"] = part if part < held else 0.0  # without a quantity all of it
        return row

    def denied(self, item: Outgoing, facts: Facts) -> str:
        """Return why an entry may not leave, empty when it may: rules of one strategy, and of a position's gain.

        Positions count with everything that is on its way and with the order itself.
        """
        strategy, symbol = item.order.strategy, item.order.request.symbol
        asked = [rule for rule in self._rules if not rule.is_limit and rule.strategy in {"", strategy}]
        asked = [rule for rule in asked if rule.action is not Action.ALERT]
        if not asked:
            return ""
        books = self._books()
        worst = {name: replace(book, units=self._worst(name, book, item)) for name, book in books.items()}
        now = breaches([rule for rule in asked if rule.type in _AS_IT_STANDS], facts, books)
        then = breaches([rule for rule in asked if rule.type not in _AS_IT_STANDS], facts, worst)
        found = [breach for breach in (*now, *then) if breach.symbol in {"", symbol}]
        return " ".join(_sentence(breach) for breach in found)

    def _worst(self, strategy: str, book: Book, item: Outgoing) -> dict[str, float]:
        """Return the largest positions that entries on their way and this one may lead to, by symbol."""
        orders = [order for order in self._run.book.open_orders() if order is not item.order]
        sides: dict[str, list[float]] = {symbol: [units, units] for symbol, units in book.units.items()}
        for order, units in [*((order, order.remaining) for order in orders), (item.order, item.order.quantity)]:
            if order.request.intent is Intent.ENTRY and strategy in {"", order.strategy}:
                both = sides.setdefault(order.request.symbol, [0.0, 0.0])
                both[0 if order.request.side is Side.BUY else 1] += units * int(order.request.side)
        return {symbol: max(both, key=abs) for symbol, both in sides.items()}


def _sentence(breach: Breach) -> str:
    rule = breach.rule
    where = f" in {breach.symbol}" if breach.symbol else ""
    of = f" of {rule.strategy}" if rule.strategy else ""
    return (
        f"Rule {rule.name}: {rule.type.value}{of}{where} is {breach.value:.6g} {rule.unit.value} "
        f"and exceeds {rule.threshold:g}; action {rule.action.value}."
    )
