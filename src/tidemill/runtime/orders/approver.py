"""Asks the guard on behalf of a run, right before a request leaves."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from tidemill.model.enums import Intent
from tidemill.model.errors import GuardRefusal
from tidemill.model.journal import GuardRow
from tidemill.runtime.guard.baseline import must_be_saved
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.halts import Rung
from tidemill.runtime.guard.limits import Limits
from tidemill.runtime.guard.send_guard import Approved, SendGuard
from tidemill.runtime.orders.outgoing import Outgoing
from tidemill.runtime.orders.present import Present
from tidemill.runtime.record.journal import Journal
from tidemill.runtime.record.remarks import remark

__all__ = ["Approver"]


class Approver:
    """Gathers the facts, asks, and puts what the guard wants remembered into the present transaction.

    Args:
        guard: with its rules and limits.
        present: facts of the run.
        journal: takes violations, halts and alerts.
        now: wall and monotonic clock of the run; of a replay both are the time of its events.
    """

    def __init__(
        self, guard: SendGuard, present: Present, journal: Journal, now: Callable[[], tuple[int, int]]
    ) -> None:
        self._guard, self._present, self._journal, self._now = guard, present, journal, now
        self.refused = 0
        self.on_trip: Callable[[GuardRow], None] = lambda _row: None
        self.denied: Callable[[Outgoing, Facts], str] = lambda _item, _facts: ""  # what an owner's rules say
        self.saved = present.baseline

    def __call__(self, item: Outgoing) -> Approved | GuardRefusal:
        """Return the guard's leave for a request, or why there is none."""
        now_ns, mono_ns = self._now()
        facts = self._present.facts(item, now_ns, mono_ns)
        self._save_baseline()
        request = item.order.request
        if item.action == "replace":
            stop = item.stop_price if item.stop_price > 0.0 else math.nan
            request = replace(request, quantity=item.quantity - item.order.withheld, stop_price=stop)
        try:
            approved = self._guard.approve(request, facts)
            self._ask_owner(item, facts)
        except GuardRefusal as refusal:
            self.refused += 1
            self._drain()
            return refusal
        self._drain()
        self._present.counters.take(item, mono_ns)
        return approved

    def _ask_owner(self, item: Outgoing, facts: Facts) -> None:
        """Ask the owner's own rules about an entry."""
        if item.action == "submit" and item.order.request.intent is Intent.ENTRY:
            sentence = self.denied(item, facts)
            if sentence:
                raise GuardRefusal("account_rule", sentence)

    def halt(self, scope: str, reason: str, by: str, rung: Rung = Rung.PAUSE) -> None:
        """Stop a scope's new risk until a named person lifts it."""
        self._guard.halt(scope, reason, by, self._now()[0], rung)
        self._drain()

    def relimit(self, limits: Limits, row: GuardRow) -> None:
        """Let the guard ask with other limits of one scope from now on, and keep them for later processes."""
        self._guard.relimit(limits)
        self._journal.batch.guard.append(row)

    def _drain(self) -> None:
        """Put what the guard wants remembered into the transaction, and tell of new halts and breakers."""
        batch = self._journal.batch
        known = len(batch.guard)
        self._guard.drain(batch)
        for row in batch.guard[known:]:
            self.on_trip(row)

    def _save_baseline(self) -> None:
        """Put a changed loss baseline on the tape, in the transaction of the order it is asked for."""
        baseline = self._present.baseline
        if baseline is not None and must_be_saved(self.saved, baseline):
            self.saved = baseline
            remark(self._journal, self._now(), "guard", "baseline", baseline.scope, baseline.as_body())

    def review(self) -> tuple[str, ...]:
        """Ask the standing rules (losses, drawdown) after fills; return the sentences of what they found."""
        now_ns, mono_ns = self._now()
        found = self._guard.review(self._present.facts_of_nobody(now_ns, mono_ns))
        self._save_baseline()
        self._drain()
        return tuple(item.sentence for item in found)
