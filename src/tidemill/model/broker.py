"""Words between the engine and any broker: what is asked for, what is reported, what an account looks like.

Prices and quantities are float64 on the instrument's grid (NaN: none), money is int micros, time is int UTC
nanoseconds. Adapters translate their wire into these words and back; nothing else crosses the border.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Generic, TypeVar

from tidemill.model.enums import EventKind, Intent, OrderState, OrderType, Reason, Side, TimeInForce

__all__ = [
    "NONE",
    "AccountFacts",
    "BrokerOrder",
    "BrokerPosition",
    "BrokerRules",
    "Execution",
    "OrderReport",
    "OrderRequest",
    "Page",
]

NONE = math.nan
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """One order as it is to reach a broker.

    Args:
        client_id: our id, deterministic, at most 20 characters; the broker's key against doubles.
        symbol: the user's name of the instrument.
        side, type, tif: as in the core.
        quantity: units, above zero.
        limit_price, stop_price: NaN where the type has none; ``stop_price`` is the trigger.
        trail_amount, trail_pct: of a trailing stop; 0 where it has none.
        intent: ENTRY adds risk; EXIT and PROTECT may only reduce a position.
        reason: why it was sent.
        group: orders of one group cancel each other once one fills; empty: none.
        parent: client id of the order whose fill releases this one; empty: none.
        number: the core's order number.
        created_ns: when it was decided, UTC.
        expires_ns: an entry that has not left by then never leaves; 0: no limit.
        confidence: of the signal, 0-100; 0: none was stated. No broker is told.
    """

    client_id: str
    symbol: str
    side: Side
    type: OrderType
    tif: TimeInForce
    quantity: float
    limit_price: float = NONE
    stop_price: float = NONE
    trail_amount: float = 0.0
    trail_pct: float = 0.0
    intent: Intent = Intent.ENTRY
    reason: Reason = Reason.SIGNAL
    group: str = ""
    parent: str = ""
    number: int = 0
    created_ns: int = 0
    expires_ns: int = 0
    confidence: float = 0.0


@dataclass(frozen=True, slots=True)
class OrderReport:
    """One thing a broker says about one order, pushed by its stream or found by asking.

    Args:
        kind: ACK, FILL, REJECT, CANCELLED, EXPIRED, REPLACED, CANCEL_REFUSED, UNKNOWN or ABSENT.
        client_id: ours; empty when the broker does not say.
        broker_id: the broker's order id.
        ts_ns: when it happened at the broker, UTC.
        exec_id: identity of a fill; required for FILL.
        quantity, price: of this fill (never cumulative); of a REPLACED order its new quantity.
        fee_micros, slippage_micros: of this fill.
        phase: of a simulated fill, where in the bar it happened (see ``kernel/matching``); 0 elsewhere.
        text: the broker's reason, redacted.
        raw: the message as it came, redacted; kept on the tape.
        fill_kind: of a FILL: ``real``; ``synthetic`` (made by us, until the real one is shown); ``bust`` takes back
            what its fields tell; ``correct`` books what a busted one should have been.
    """

    kind: EventKind
    client_id: str
    broker_id: str = ""
    ts_ns: int = 0
    exec_id: str = ""
    quantity: float = 0.0
    price: float = NONE
    fee_micros: int = 0
    slippage_micros: int = 0
    phase: int = 0
    text: str = ""
    raw: bytes = b""
    fill_kind: str = "real"


@dataclass(frozen=True, slots=True)
class BrokerOrder:
    """An order as the broker shows it when asked.

    ``state`` is one of HELD, WORKING, PARTIAL, CANCEL_PENDING, REPLACE_PENDING, FILLED, CANCELED, REJECTED, EXPIRED,
    or UNKNOWN for a status the adapter does not know.
    """

    client_id: str
    broker_id: str
    symbol: str
    side: Side
    type: OrderType
    tif: TimeInForce
    quantity: float
    filled: float
    average_price: float
    state: OrderState
    limit_price: float = NONE
    stop_price: float = NONE
    created_ns: int = 0
    updated_ns: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class Execution:
    """One fill as the broker shows it when asked; ``exec_id`` is its identity."""

    exec_id: str
    client_id: str
    broker_id: str
    symbol: str
    side: Side
    quantity: float
    price: float
    fee_micros: int
    ts_ns: int
    kind: str = "real"  # real, bust, correct


@dataclass(frozen=True, slots=True)
class BrokerPosition:
    """A position as the broker shows it: signed units, average price."""

    symbol: str
    quantity: float
    average_price: float


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What the broker says about the account, in its own words: never taken from our settings.

    Args:
        account_id: the broker's.
        environment: ``paper`` or ``live``, as the broker's answer proves it.
        currency: of the amounts.
        cash_micros, equity_micros, buying_power_micros: money.
        server_ns: the broker's clock when it answered, UTC; 0 when it does not tell.
    """

    account_id: str
    environment: str
    currency: str
    cash_micros: int
    equity_micros: int
    buying_power_micros: int
    server_ns: int = 0


@dataclass(frozen=True, slots=True)
class BrokerRules:
    """What a broker can do; the engine asks before it relies on anything.

    Args:
        order_types, time_in_force: what it takes.
        dedupes_client_ids: a second order with the same client id is refused.
        finds_by_client_id: an order can be looked up by our id.
        shows_closed_orders: orders that ended today are listed.
        links_orders: it keeps one-cancels-other groups and parents by itself.
        is_instant: its answer comes within the call and it moves only when it is stepped (simulated exchanges).
        settle_ns: how long an accepted order may stay invisible.
        submit_deadline_ns: after that the outcome of a request is unknown.
        execution_horizon_ns: how far back executions can be asked for.
        fractional: quantities below one unit are taken.
        extended_hours: orders may work outside the regular session.
        order_id_length: longest client id it takes.
    """

    order_types: frozenset[OrderType]
    time_in_force: frozenset[TimeInForce]
    dedupes_client_ids: bool = True
    finds_by_client_id: bool = True
    shows_closed_orders: bool = True
    links_orders: bool = False
    is_instant: bool = False
    settle_ns: int = 10_000_000_000
    submit_deadline_ns: int = 5_000_000_000
    execution_horizon_ns: int = 7 * 86_400_000_000_000
    fractional: bool = False
    extended_hours: bool = False
    order_id_length: int = 20


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """An answer to a list question: an incomplete one proves nothing about what it does not show."""

    items: tuple[T, ...]
    is_complete: bool = True
