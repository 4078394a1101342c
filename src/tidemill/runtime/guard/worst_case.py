"""What a sub-ledger would hold if everything on its way filled: positions, working, unknown, and this order.

Exits and protection only ever shrink a position, so they are not credited; both directions of every symbol are
taken, and the larger counts. Anything missing or absurd makes the whole answer NaN, which passes no limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tidemill.model.broker import OrderRequest
from tidemill.model.enums import Intent, Side
from tidemill.model.instrument import Instrument
from tidemill.runtime.guard.facts import Facts, ScopeFacts
from tidemill.runtime.guard.numbers import UNKNOWN, finite, positive

__all__ = ["Worst", "entries", "value_per_unit", "worst_case", "worst_price"]


@dataclass(slots=True)
class Worst:
    """The worst that can come of a sub-ledger, account currency.

    Args:
        units, value: of the order's symbol: absolute units, value by ``value_per_unit``.
        exposure: value of all symbols. notional: price × multiplier × units of all.
        count: symbols held or on their way.
        opening: positions that entries on their way would open, this order's included.
        opens: whether this order opens a position (an addition does not).
        held: signed value by symbol, without this order's.
    """

    units: float = UNKNOWN
    value: float = UNKNOWN
    exposure: float = UNKNOWN
    notional: float = UNKNOWN
    count: float = UNKNOWN
    opening: float = UNKNOWN
    opens: bool = True
    held: dict[str, float] = field(default_factory=dict)


def value_per_unit(instrument: Instrument, price: float) -> float:
    """Return what one unit counts for in limits of money: its margin where it posts margin, else its full value."""
    if instrument.is_margined and instrument.margin > 0.0:
        return instrument.margin
    return price * instrument.multiplier


def worst_price(facts: Facts, symbol: str, order: OrderRequest | None = None) -> float:
    """Return the highest price at hand for a symbol: its quote and the order's own prices; NaN without a last price."""
    here = facts.symbols.get(symbol)
    if here is None or not positive(here.last):
        return UNKNOWN
    highest: float = here.last
    for price in (here.bid, here.ask):
        if finite(price) and price > highest:
            highest = price
    if order is not None:
        for price in (order.limit_price, order.stop_price):
            if finite(price) and price > highest:
                highest = price
    return highest


def entries(scope: ScopeFacts, order: OrderRequest) -> Iterator[tuple[OrderRequest, float]]:
    """Yield every order that may add risk, and what of it may still fill: this one first, each once."""
    yield order, order.quantity
    for other in scope.orders:
        request = other.request
        is_exit = request.intent is Intent.EXIT or request.intent is Intent.PROTECT
        if not is_exit and request.client_id != order.client_id:
            yield request, other.remaining


def worst_case(facts: Facts, scope: ScopeFacts, order: OrderRequest) -> Worst:
    """Return the worst a sub-ledger can come to with an order that adds risk."""
    buys: dict[str, float] = {}
    sells: dict[str, float] = {}
    highest: dict[str, float] = {}
    for request, remaining in entries(scope, order):
        if not positive(remaining):
            return Worst()
        symbol = request.symbol
        side = buys if request.side is Side.BUY else sells
        side[symbol] = side.get(symbol, 0.0) + remaining
        price = worst_price(facts, symbol, request)
        if not (price <= highest.get(symbol, 0.0)):
            highest[symbol] = price
    worst = Worst(exposure=0.0, notional=0.0, count=0, opening=0)
    for symbol in {**scope.units, **highest}:
        held = scope.units.get(symbol, 0.0)
        if not finite(held):
            return Worst()
        _add(worst, facts, order, symbol, held, (buys.get(symbol, 0.0), sells.get(symbol, 0.0)), highest.get(symbol))
    return worst


def _add(
    worst: Worst,
    facts: Facts,
    order: OrderRequest,
    symbol: str,
    held: float,
    pending: tuple[float, float],
    price: float | None,
) -> None:
    """Add one symbol; an unknown instrument or price turns the sums into NaN."""
    long, short = max(held, 0.0) + pending[0], max(-held, 0.0) + pending[1]
    units = max(long, short)
    if units == 0.0:
        return
    here = facts.symbols.get(symbol)
    instrument = here.instrument if here is not None else None
    price = worst_price(facts, symbol) if price is None else price
    each = value_per_unit(instrument, price) if instrument is not None and positive(price) else UNKNOWN
    worst.count += 1
    worst.exposure += units * each
    worst.notional += units * (price * instrument.multiplier if instrument is not None else UNKNOWN)
    against = pending[1] if held > 0.0 else pending[0]
    worst.opening += held == 0.0 or against > 0.0  # against a position: it is turned round, which opens another
    if symbol == order.symbol:
        worst.units, worst.value = units, units * each
        worst.opens = held * order.side <= 0.0
    else:
        worst.held[symbol] = each * (long if long >= short else -short)
