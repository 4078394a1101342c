"""One sector stays below its share of equity."""

from __future__ import annotations

from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts
from tidemill.runtime.guard.limits import Limits
from tidemill.runtime.guard.numbers import finite, micros
from tidemill.runtime.guard.spec import LimitRule, Violation

__all__ = ["SPEC", "check"]


def check(order: Candidate, facts: Facts, limits: Limits, /) -> Violation | None:
    """Deny what could make a sector too large; an unknown sector is one."""
    if limits.max_sector_pct is None:
        return None
    worst, equity = order.worst(limits.scope), facts.scopes[limits.scope].equity_micros
    sectors = {symbol: here.sector for symbol, here in facts.symbols.items()}
    sector = sectors.get(order.request.symbol, "")
    if not sector or any(not sectors.get(symbol) for symbol in worst.held):
        return SPEC.unknown(
            f"{order.request.symbol}: its sector or that of a position is not known; name them, "
            'for example sector = "AAPL=technology,XOM=energy" in [instrument].'
        )
    value = worst.value + sum(abs(held) for symbol, held in worst.held.items() if sectors[symbol] == sector)
    if not (finite(value) and finite(equity)):
        return SPEC.unknown(f"{order.request.symbol}: the value of sector {sector} is not known.")
    if not (micros(value) <= equity * limits.max_sector_pct / 100.0):
        return SPEC.deny(f"{value:,.2f} in sector {sector} would exceed {limits.max_sector_pct:g} % of equity.")
    return None


SPEC: LimitRule = LimitRule(
    name="sector",
    check=check,
    looks_at="sectors of positions and entries, equity",
    limits=("max_sector_pct",),
)
