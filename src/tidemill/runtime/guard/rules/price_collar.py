"""No order reaches further past the middle price than the collar (D3, D5; 3 % or 5 ATR, the wider)."""

from __future__ import annotations

import math

from tidemill.model.broker import OrderRequest
from tidemill.model.enums import OrderType
from tidemill.runtime.guard.candidate import Candidate
from tidemill.runtime.guard.facts import Facts, SymbolFacts
from tidemill.runtime.guard.numbers import positive
from tidemill.runtime.guard.spec import SafetyRule, Violation
from tidemill.runtime.guard.tolerances import Tolerances

__all__ = ["SPEC", "check"]


def _is_price(quote: float) -> bool:
    return positive(quote) or math.isnan(quote)  # NaN: the feed has no quotes


def _reach(request: OrderRequest, here: SymbolFacts, mid: float) -> float:
    """Return how far past the middle an order may trade, price points; negative: it does not reach it."""
    if request.type is OrderType.LIMIT:
        return (request.limit_price - mid) * request.side
    if request.type is OrderType.STOP_LIMIT:
        return (request.limit_price - request.stop_price) * request.side
    if request.type is OrderType.MARKET and positive(here.ask):
        return here.ask - mid
    return 0.0


def check(order: Candidate, _facts: Facts, limits: Tolerances, /) -> Violation | None:
    """Deny crossed quotes, a last price far off the quotes, and orders that reach through the collar."""
    request, here = order.request, order.here
    if here is None or not positive(here.last):
        return SPEC.unknown(f"{request.symbol}: there is no last price to measure the order by.")
    if not (_is_price(here.bid) and _is_price(here.ask)):
        return SPEC.unknown(f"{request.symbol}: {here.bid!r} and {here.ask!r} are no quotes.")
    has_quotes = positive(here.bid) and positive(here.ask)
    if has_quotes and not (here.bid <= here.ask):
        return SPEC.deny(f"{request.symbol}: the book is crossed ({here.bid:g} over {here.ask:g}); wait.")
    mid = (here.bid + here.ask) / 2.0 if has_quotes else here.last
    band = mid * limits.collar_pct / 100.0
    if positive(here.atr):
        band = max(band, here.atr * limits.collar_atr)
    if not (abs(here.last - mid) <= band):
        return SPEC.deny(f"{request.symbol}: the last price {here.last:g} is far off the quotes around {mid:g}.")
    if not (_reach(request, here, mid) <= band):
        return SPEC.deny(f"{request.symbol}: the order reaches more than {band:g} past {mid:g}; use a nearer limit.")
    return None


SPEC: SafetyRule = SafetyRule(
    name="price_collar",
    check=check,
    looks_at="last, bid, ask, ATR, the order's prices",
    limits=("collar_pct", "collar_atr"),
)
