"""What a sub-ledger would hold if everything on its way filled: positions, working, unknown, and this order.

Exits and protection only ever shrink a position, so they are not credited; both directions of every symbol are
taken, and the larger counts. Anything missing or absurd makes the whole answer NaN, which passes no limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tidemill.model.broker import OrderRequest
from tidemill.model.enums import Intent, Side
from tidemill.model.instrument import AssetClass, Instrument
from tidemill.runtime.guard.facts import Facts, ScopeFacts
from tidemill.runtime.guard.numbers import UNKNOWN, finite, positive

__all__ = ["Mark", "Worst", "entries", "mark_of", "value_per_unit", "worst_case", "worst_price"]

_INFINITY = float("inf")


@dataclass(frozen=True, slots=True)
class Mark:
    """What one unit of a symbol counts for now.

    Args:
        price: highest of last, bid and ask. multiplier: money per point.
        margin: money posted per unit; 0 where the full value is paid.
        is_future: contracts may be limited instead of money.
    """

    price: float
    multiplier: float
    margin: float
    is_future: bool


@dataclass(slots=True)
class Worst:
    """The worst that can come of a sub-ledger, account currency.

    Args:
        units, value: of the order's symbol: absolute units, value by ``value_per_unit``.
        exposure: value of all symbols. notional: price × multiplier × units of all.
        count: symbols held or on their way.
        opening: positions that entries on their way would open, this order's included.
        traded, traded_futures: value of the entries on their way, futures apart.
        opens: whether this order opens a position (an addition does not).
        held: signed value by symbol, without this order's.
    """

    units: float = UNKNOWN
    value: float = UNKNOWN
    exposure: float = UNKNOWN
    notional: float = UNKNOWN
    count: float = UNKNOWN
    opening: float = UNKNOWN
    traded: float = UNKNOWN
    traded_futures: float = UNKNOWN
    opens: bool = True
    held: dict[str, float] = field(default_factory=dict)


def value_per_unit(instrument: Instrument, price: float) -> float:
    """Return what one unit counts for in limits of money: its margin where it posts margin, else its full value."""
    if instrument.is_margined and instrument.margin > 0.0:
        return instrument.margin
    return price * instrument.multiplier


def mark_of(facts: Facts, symbol: str) -> Mark | None:
    """Return what a symbol counts for now; None without an instrument or a last price."""
    here = facts.symbols.get(symbol)
    if here is None or here.instrument is None or not positive(here.last):
        return None
    highest = here.last
    for price in (here.bid, here.ask):
        if highest < price < _INFINITY:
            highest = price
    instrument = here.instrument
    margin = instrument.margin if instrument.is_margined else 0.0
    return Mark(highest, instrument.multiplier, margin, instrument.asset_class is AssetClass.FUTURE)


def worst_price(mark: Mark, order: OrderRequest) -> float:
    """Return the highest price at hand for an order: the market's and its own."""
    highest = mark.price
    for price in (order.limit_price, order.stop_price):
        if highest < price < _INFINITY:
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


@dataclass(slots=True)
class _Pending:
    """Entries on their way in one symbol: units bought and sold, and their highest price."""

    mark: Mark
    buys: float = 0.0
    sells: float = 0.0
    price: float = 0.0


def worst_case(facts: Facts, scope: ScopeFacts, order: OrderRequest, marks: dict[str, Mark | None]) -> Worst:
    """Return the worst a sub-ledger can come to with an order that adds risk.

    Args:
        facts, scope, order: what is true, for whom, and what would be sent.
        marks: by symbol, filled as needed; shared by all scopes asked about one order.
    """
    worst = Worst(exposure=0.0, notional=0.0, count=0, opening=0, traded=0.0, traded_futures=0.0)
    pending: dict[str, _Pending] = {}
    for request, remaining in entries(scope, order):
        at = pending.get(request.symbol) or _at(facts, request.symbol, pending, marks)
        if at is None or not positive(remaining):
            return Worst()
        _send(worst, at, request, remaining)
    for symbol, held in scope.units.items():
        if not finite(held):
            return Worst()
        if held != 0.0 and symbol not in pending and _at(facts, symbol, pending, marks) is None:
            return Worst()
    for symbol, at in pending.items():
        _add(worst, at, scope.units.get(symbol, 0.0), symbol, order)
    return worst


def _at(facts: Facts, symbol: str, pending: dict[str, _Pending], marks: dict[str, Mark | None]) -> _Pending | None:
    """Begin to count what is on its way in a symbol; None: the symbol has no mark."""
    if symbol not in marks:
        marks[symbol] = mark_of(facts, symbol)
    mark = marks[symbol]
    if mark is None:
        return None
    at = pending[symbol] = _Pending(mark, price=mark.price)
    return at


def _send(worst: Worst, at: _Pending, request: OrderRequest, remaining: float) -> None:
    """Add one entry on its way."""
    if at.price < request.limit_price < _INFINITY:
        at.price = request.limit_price
    if at.price < request.stop_price < _INFINITY:
        at.price = request.stop_price
    if request.side is Side.BUY:
        at.buys += remaining
    else:
        at.sells += remaining
    value = remaining * (at.mark.margin or at.price * at.mark.multiplier)
    if at.mark.is_future:
        worst.traded_futures += value
    else:
        worst.traded += value


def _add(worst: Worst, at: _Pending, held: float, symbol: str, order: OrderRequest) -> None:
    """Add one symbol in its worse direction."""
    long, short = at.buys, at.sells
    if held > 0.0:
        long += held
    else:
        short -= held
    units = max(short, long)
    notional = at.price * at.mark.multiplier
    each = at.mark.margin or notional
    worst.count += 1
    worst.exposure += units * each
    worst.notional += units * notional
    against = at.sells if held > 0.0 else at.buys
    worst.opening += held == 0.0 or against > 0.0  # against a position: it is turned round, which opens another
    if symbol == order.symbol:
        worst.units, worst.value = units, units * each
        worst.opens = held * order.side <= 0.0
    else:
        worst.held[symbol] = each * (long if long >= short else -short)
