"""The guard: every order is asked about here, right before it leaves, and only what it approves can be sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tidemill.model.bars import SECOND_NS
from tidemill.model.broker import OrderRequest
from tidemill.model.enums import Intent, OrderType, Side, TimeInForce
from tidemill.model.errors import ConfigError, GuardRefusal, InvariantBroken
from tidemill.model.journal import AlertRow, Batch, GuardRow, ViolationRow
from tidemill.runtime.guard.breakers import Breakers
from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts, Scope
from tidemill.runtime.guard.halts import Halt, Halts, Rung
from tidemill.runtime.guard.limits import Limits
from tidemill.runtime.guard.spec import Check, GuardRule, LimitRule, Part, Reset, SafetyRule, Severity, Violation
from tidemill.runtime.guard.tolerances import Tolerances

__all__ = ["Approved", "SendGuard", "resolve"]

_SEAL = object()
# What a rule may stumble over when a fact is missing or absurd: it counts as a no.
_MISSING = (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError)
_NOBODY = OrderRequest("", "", Side.NONE, OrderType.MARKET, TimeInForce.DAY, 0.0, intent=Intent.NONE)


class Approved:
    """An order the guard has let through: good for one send, for a moment, while no halt comes in between.

    Raises:
        InvariantBroken: somebody but the guard tried to make one.
    """

    __slots__ = ("_halts", "_is_spent", "_request", "_scopes", "_until_ns")

    def __init__(
        self, seal: object, request: OrderRequest, until_ns: int, halts: Halts | None, scopes: Sequence[str]
    ) -> None:
        if seal is not _SEAL:
            raise InvariantBroken("Only the guard approves orders; ask SendGuard.approve.")
        self._request, self._until_ns, self._halts, self._scopes = request, until_ns, halts, scopes
        self._is_spent = False

    @property
    def client_id(self) -> str:
        """Return the id of the approved order."""
        return self._request.client_id

    @property
    def quantity(self) -> float:
        """Return the units that are approved."""
        return self._request.quantity

    def spend(self, mono_ns: int) -> OrderRequest:
        """Give the order out for sending, once.

        Raises:
            GuardRefusal: it was given out before, has waited too long, or a halt has come since.
        """
        if self._is_spent:
            raise GuardRefusal("approval_spent", f"{self.client_id} was given out before; every send is approved anew.")
        self._is_spent = True
        if not (mono_ns <= self._until_ns):
            raise GuardRefusal("approval_lapsed", f"{self.client_id} waited too long after its approval; ask again.")
        if self._halts is not None and (halt := self._halts.find(self._scopes)) is not None:
            raise GuardRefusal("halted", f"{self.client_id}: halted after its approval: {halt.sentence}")
        return self._request


@dataclass(slots=True)
class _Bound:
    """A rule with the limits it is asked with."""

    rule: LimitRule | SafetyRule
    limits: Limits | Tolerances
    check: Check[Any]
    blocks: bool = True


@dataclass(slots=True)
class _Pending:
    """Rows that wait for the next transaction."""

    guard: list[GuardRow] = field(default_factory=list)
    violations: list[ViolationRow] = field(default_factory=list)
    alerts: list[AlertRow] = field(default_factory=list)


class SendGuard:
    """Asks every rule with the limits of every scope, and remembers what they deny.

    Args:
        rules: usually ``chain.RULES``.
        limits_by_scope: limits of every sub-ledger concerned, the account's always among them; a scope that is not
            limited says so with ``no_limits``.
        halts: where it is written what is halted.
        tolerances: of the machinery.
        alerts_by_scope: limits that only warn: what hits them is written down and let through.

    Raises:
        ConfigError: no rules, no limits of the account, or limits filed under another scope.
    """

    def __init__(
        self,
        rules: Sequence[LimitRule | SafetyRule],
        limits_by_scope: Mapping[Scope, Limits],
        halts: Halts,
        *,
        tolerances: Tolerances | None = None,
        alerts_by_scope: Mapping[Scope, Limits] | None = None,
    ) -> None:
        alerts = alerts_by_scope or {}
        if not rules or Scope.ACCOUNT not in limits_by_scope:
            raise ConfigError("A guard needs rules and the limits of the account; without them nothing is sent.")
        if any(scope is not limits.scope for book in (limits_by_scope, alerts) for scope, limits in book.items()):
            raise ConfigError("Limits are filed under another scope than they were made for.")
        self._halts, self._tolerances = halts, tolerances or Tolerances()
        self._rules, self._limits, self._alerts = tuple(rules), dict(limits_by_scope), dict(alerts)
        self._scopes = tuple(limits_by_scope)
        self._bind_all()
        self._breakers = Breakers()
        self._pending = _Pending()
        self._noted: dict[tuple[str, str], int] = {}
        self._count = 0
        self._life_ns = int(self._tolerances.approval_life_s * SECOND_NS)

    def _bind_all(self) -> None:
        self._bound = _bind(self._rules, self._limits, self._tolerances)
        self._bound += [replace(bound, blocks=False) for bound in _bind(self._rules, self._alerts, None)]
        self._every = [bound for bound in self._bound if bound.rule.part is Part.EVERY]
        self._standing = [bound for bound in self._bound if bound.rule.is_standing]

    def relimit(self, limits: Limits) -> None:
        """Ask with other limits of one scope from now on; what stands (halts, breakers) goes on standing.

        Raises:
            ConfigError: that scope was never limited here, so nothing is known of its book.
        """
        if limits.scope not in self._limits:
            raise ConfigError(f"This run has no limits of the kind {limits.scope}; there is nothing to change.")
        self._limits[limits.scope] = limits
        self._bind_all()

    def restore(self, rows: Iterable[GuardRow]) -> None:
        """Read halts and breakers back from the guard table: at the start, and whenever it may have changed."""
        table = list(rows)
        self._halts.restore(table)
        self._breakers.restore(table)

    def approve(self, order: OrderRequest, facts: Facts) -> Approved:
        """Ask every rule about an order that is about to leave.

        A strictly reducing exit is asked only what belongs to every order. All rules are asked, so that the worst
        violation is never hidden behind a small one.

        Args:
            order: as it would reach the broker, of a replacement with its new quantity and trigger.
            facts: what is true now.

        Raises:
            GuardRefusal: at least one rule says no; its code is the first one's name. Nothing may be sent.
        """
        scopes = facts.scope_keys(order.symbol)
        try:
            halt = self._halts.find(scopes)
            order_seen = Candidate(order, facts, halt.sentence if halt else "", self._latches(scopes, facts))
            gaps = [] if order_seen.is_reducing else self._gaps(facts)
            until = facts.mono_ns + self._life_ns
        except _MISSING as error:
            raise GuardRefusal("facts", f"{order.client_id}: facts are missing or absurd ({error!r}).") from error
        is_exempt = order_seen.is_reducing
        bounds = self._every if is_exempt else self._bound
        found = _ask(bounds, order_seen, facts)
        if found:
            self._punish(found, facts)
        blocking = [no for bound, no in found if bound.blocks]
        blocking += gaps
        if blocking:
            sentences = dict.fromkeys(no.sentence for no in blocking)
            raise GuardRefusal(blocking[0].code, " ".join(sentences))
        return Approved(_SEAL, order, until, None if is_exempt else self._halts, scopes)

    def review(self, facts: Facts) -> tuple[Violation, ...]:
        """Ask the rules that need no order (losses, drawdown, rejects): after every fill and from time to time."""
        found = _ask(self._standing, Candidate(_NOBODY, facts), facts)
        if found:
            self._punish(found, facts)
        return tuple(no for _, no in found)

    def halt(self, scope: str, reason: str, by: str, now_ns: int, rung: Rung = Rung.PAUSE) -> None:
        """Stop a scope's new risk until a named person lifts it; without a higher rung what works goes on working."""
        self._stop(Halt(scope, rung, reason, by, now_ns))

    def _stop(self, halt: Halt) -> None:
        try:
            row = self._halts.halt(halt.scope, halt.rung, halt.reason, halt.by, halt.at_ns)
        except OSError:  # this process is halted all the same; the table gets its row
            row = halt.as_row()
        if row is not None:
            self._pending.guard.append(row)

    def drain(self, batch: Batch) -> None:
        """Move violations, halts, breakers and alerts into the next transaction."""
        pending, self._pending = self._pending, _Pending()
        batch.guard += pending.guard
        batch.violations += pending.violations
        batch.alerts += pending.alerts

    def _gaps(self, facts: Facts) -> list[Violation]:
        """Deny when a scope has limits but no facts, or facts but no limits: neither can be meant."""
        unseen = [scope for scope in self._scopes if scope not in facts.scopes]
        unlimited = [scope for scope in facts.scopes if scope not in self._scopes]
        told = [("facts", "Nothing is known about", unseen), ("limits", "No limits are set for", unlimited)]
        return [
            Violation(code, Severity.ERROR, f"{sentence}: {', '.join(scopes)}.", is_unknown=True)
            for code, sentence, scopes in told
            if scopes
        ]

    def _latches(self, scopes: Sequence[str], facts: Facts) -> str:
        return self._breakers.standing(scopes, facts.trading_day)

    def _punish(self, found: list[tuple[_Bound, Violation]], facts: Facts) -> None:
        for bound, violation in found:
            scope = bound.limits.scope if isinstance(bound.limits, Limits) else Scope.ACCOUNT
            owner = facts.scope_key(bound.rule.owner or scope)
            self._note(bound, violation, owner, facts)
            if bound.blocks and not violation.is_unknown:
                self._latch(bound, violation, owner, facts)

    def _note(self, bound: _Bound, violation: Violation, owner: str, facts: Facts) -> None:
        """Write a violation down, once per cooldown."""
        severity = violation.severity if bound.blocks else Severity.WARNING
        last = self._noted.get((violation.code, owner))
        cooldown = bound.limits.violation_cooldown_s * SECOND_NS
        if last is not None and 0 <= facts.mono_ns - last < cooldown:
            return
        self._noted[violation.code, owner] = facts.mono_ns
        self._count += 1
        key = f"{facts.run_id}/{owner}/{violation.code}/{facts.now_ns}.{self._count}"
        sentence = violation.sentence
        row = ViolationRow(key, facts.run_id, owner, violation.code, severity.value, sentence, facts.now_ns)
        self._pending.violations.append(row)
        if severity is Severity.CRITICAL:
            self._pending.alerts.append(AlertRow(key, facts.run_id, 1, violation.code, sentence, facts.now_ns))

    def _latch(self, bound: _Bound, violation: Violation, owner: str, facts: Facts) -> None:
        """Make a violation last: until a person clears it, or until the day or week is over."""
        rule, reason = bound.rule, f"{violation.code}: {violation.sentence}"
        is_critical = violation.severity is Severity.CRITICAL and bound.limits.auto_halt
        if is_critical or (rule.reset is Reset.HUMAN and rule.owner is not None):
            self._stop(Halt(owner, Rung.CANCEL if is_critical else Rung.PAUSE, reason, "guard", facts.now_ns))
        elif rule.reset in {Reset.DAY, Reset.WEEK} and rule.is_standing:
            is_week = rule.reset is Reset.WEEK
            row = self._breakers.trip(rule.name, owner, facts.trading_day, reason, facts.now_ns, for_week=is_week)
            if row is not None:
                self._pending.guard.append(row)


def _ask(bounds: Sequence[_Bound], order: Candidate, facts: Facts) -> list[tuple[_Bound, Violation]]:
    """Ask rules one by one; a fact that one stumbles over is its no."""
    found = []
    for bound in bounds:
        try:
            no = bound.check(order, facts, bound.limits)
        except _MISSING as error:
            no = bound.rule.unknown(f"A fact that {bound.rule.name} needs is missing or absurd ({error!r}).")
        if no is not None:
            found.append((bound, no))
    return found


def _bind(
    rules: Sequence[LimitRule | SafetyRule], limits_by_scope: Mapping[Scope, Limits], tolerances: Tolerances | None
) -> list[_Bound]:
    """Pair every rule with the limits that switch it on; rules of the machinery are asked once."""
    bound = []
    for rule in rules:
        if rule.limits and set(rule.limits) <= set(Limits.__slots__):
            bound += [_Bound(rule, limits, rule.check) for limits in limits_by_scope.values() if _is_on(rule, limits)]
        elif tolerances is not None:
            account = limits_by_scope[Scope.ACCOUNT]
            bound.append(_Bound(rule, account if rule.is_account_wide else tolerances, rule.check))
    return bound


def _is_on(rule: GuardRule[Limits] | GuardRule[Tolerances], limits: Limits) -> bool:
    """Tell whether one of a rule's limits is set; a permission that is given counts as none."""
    values = [getattr(limits, name) for name in rule.limits]
    return any(value is not None and value is not True and value != () for value in values)


def resolve(row: ViolationRow, by: str, now_ns: int) -> ViolationRow:
    """Mark a violation as dealt with by a named person; the first name stays.

    Raises:
        ConfigError: no name is given.
    """
    if not by.strip():
        raise ConfigError("Who resolved it? Give a name.")
    return row if row.resolved_ns else replace(row, resolved_ns=now_ns, resolved_by=by)
