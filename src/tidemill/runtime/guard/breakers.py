"""Breakers that stay open for the rest of a day or week, and survive a restart.

A breaker is one row of the guard table whose scope names the rule, whose it is and the period it holds for:
``breaker:daily_loss@run:R1#D20451``. It is never cleared; its period simply ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tidemill.model.journal import GuardRow

__all__ = ["Breakers"]

_PREFIX = "breaker:"
_MONDAY_SHIFT = 3  # 1970-01-01 was a Thursday


class Breakers:
    """All breakers that ever tripped, by the period they hold for."""

    def __init__(self) -> None:
        self._standing: dict[tuple[str, str], dict[str, str]] = {}  # scope and period: rule and reason

    def restore(self, rows: Iterable[GuardRow]) -> None:
        """Read them back from the guard table; rows of other kinds are left alone."""
        for row in rows:
            if row.scope.startswith(_PREFIX):
                rule, _, rest = row.scope.removeprefix(_PREFIX).partition("@")
                scope, _, period = rest.rpartition("#")
                self._standing.setdefault((scope, period), {})[rule] = row.reason

    def trip(self, rule: str, scope: str, day: int, reason: str, now_ns: int, *, for_week: bool) -> GuardRow | None:
        """Open a breaker until the day or week is over; return its row, or None when it is open already."""
        period = _week(day) if for_week else _day(day)
        rules = self._standing.setdefault((scope, period), {})
        if rule in rules:
            return None
        rules[rule] = reason
        return GuardRow(f"{_PREFIX}{rule}@{scope}#{period}", "HALTED", reason, "guard", now_ns)

    def standing(self, scopes: Sequence[str], day: int) -> str:
        """Say what stands in the way of these scopes on a trading day; empty: nothing."""
        if not self._standing:
            return ""
        found = [
            f"{rule} ({reason})"
            for scope in scopes
            for period in (_day(day), _week(day))
            for rule, reason in self._standing.get((scope, period), {}).items()
        ]
        return "; ".join(found)


def _day(day: int) -> str:
    return f"D{day}"


def _week(day: int) -> str:
    return f"W{(day + _MONDAY_SHIFT) // 7}"
