"""What the scripted exchange knows: the durable side of a broker, as plain records that can be written to a file."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from tidemill.kernel.transitions import FINAL_STATES
from tidemill.model.broker import NONE, BrokerOrder, BrokerPosition, Execution
from tidemill.model.enums import Intent, OrderState, OrderType, Side, TimeInForce
from tidemill.model.units import MICROS

__all__ = ["SimFill", "SimHolding", "SimOrder", "Truth"]

_DIGITS = 9  # quantities are sums of decimal steps


@dataclass(slots=True)
class SimOrder:
    """An order at the exchange; a forked one has a second of the same client id."""

    broker_id: str
    client_id: str
    symbol: str
    side: Side
    type: OrderType
    tif: TimeInForce
    intent: Intent
    quantity: float
    limit_price: float
    stop_price: float
    trail_amount: float
    trail_pct: float
    group: str
    parent: str
    state: OrderState
    created_ns: int
    updated_ns: int
    visible_ns: int
    filled: float = 0.0
    value: float = 0.0  # units * price
    is_triggered: bool = False
    best: float = NONE  # price a trailing stop follows
    text: str = ""

    def __post_init__(self) -> None:
        self.side, self.type, self.tif = Side(self.side), OrderType(self.type), TimeInForce(self.tif)
        self.intent, self.state = Intent(self.intent), OrderState(self.state)

    @property
    def is_open(self) -> bool:
        """Tell whether it may still fill."""
        return self.state not in FINAL_STATES

    @property
    def remaining(self) -> float:
        """Return the units not filled."""
        return round(self.quantity - self.filled, _DIGITS)

    def shown(self) -> BrokerOrder:
        """Return the order as the broker shows it."""
        return BrokerOrder(
            client_id=self.client_id,
            broker_id=self.broker_id,
            symbol=self.symbol,
            side=self.side,
            type=self.type,
            tif=self.tif,
            quantity=self.quantity,
            filled=self.filled,
            average_price=self.value / self.filled if self.filled else NONE,
            state=self.state,
            limit_price=self.limit_price,
            stop_price=self.stop_price,
            created_ns=self.created_ns,
            updated_ns=self.updated_ns,
            text=self.text,
        )


@dataclass(slots=True)
class SimFill:
    """An execution at the exchange. A bust has the identity ``<exec id>:bust`` and takes the named one back."""

    exec_id: str
    broker_id: str
    client_id: str
    symbol: str
    side: Side
    quantity: float
    price: float
    fee_micros: int
    ts_ns: int
    kind: str = "real"

    def __post_init__(self) -> None:
        self.side = Side(self.side)

    def shown(self) -> Execution:
        """Return the fill as the broker shows it."""
        return Execution(
            exec_id=self.exec_id,
            client_id=self.client_id,
            broker_id=self.broker_id,
            symbol=self.symbol,
            side=self.side,
            quantity=self.quantity,
            price=self.price,
            fee_micros=self.fee_micros,
            ts_ns=self.ts_ns,
            kind=self.kind,
        )


@dataclass(slots=True)
class SimHolding:
    """A position: signed units and what was paid for them (units times price)."""

    quantity: float = 0.0
    cost: float = 0.0

    def move(self, units: float, price: float) -> None:
        """Add signed units at a price."""
        after = round(self.quantity + units, _DIGITS)
        if self.quantity * units >= 0.0:
            self.cost += units * price
        elif self.quantity * after > 0.0:
            self.cost *= after / self.quantity
        else:
            self.cost = after * price
        self.quantity = after

    def shown(self, symbol: str) -> BrokerPosition:
        """Return the position as the broker shows it."""
        return BrokerPosition(symbol, self.quantity, abs(self.cost / self.quantity) if self.quantity else 0.0)


@dataclass(slots=True)
class Truth:
    """Everything a broker remembers about one account, and what it counted.

    Args:
        arrived: submits that reached the broker, by client id, refused ones included.
        accepted: orders that came of them: more than one for a client id is a broken promise.
        forked: orders the broker made by itself out of replacements.
    """

    account_id: str = "SIM1"
    environment: str = "paper"
    currency: str = "USD"
    cash_micros: int = 100_000 * MICROS
    orders: list[SimOrder] = field(default_factory=list)
    fills: list[SimFill] = field(default_factory=list)
    holdings: dict[str, SimHolding] = field(default_factory=dict)
    prices: dict[str, float] = field(default_factory=dict)
    depth: dict[str, float] = field(default_factory=dict)  # units the last price still offers
    halted_ns: dict[str, int] = field(default_factory=dict)
    later: list[tuple[int, str, str]] = field(default_factory=list)  # (when, what, broker id) still to happen
    arrived: dict[str, int] = field(default_factory=dict)
    accepted: dict[str, int] = field(default_factory=dict)
    forked: dict[str, int] = field(default_factory=dict)
    requests: dict[str, int] = field(default_factory=dict)
    next_order: int = 1
    next_exec: int = 1

    def holding(self, symbol: str) -> SimHolding:
        """Return a symbol's position, flat if there is none."""
        held = self.holdings.get(symbol)
        if held is None:
            held = self.holdings[symbol] = SimHolding()
        return held

    def of_client(self, client_id: str) -> SimOrder | None:
        """Return the order of a client id: the newest open one if there are several, else the newest."""
        found = [order for order in self.orders if order.client_id == client_id] if client_id else []
        alive = [order for order in found if order.is_open] or found
        return alive[-1] if alive else None

    def of_broker(self, broker_id: str) -> SimOrder | None:
        """Return the order of a broker's id."""
        return next((order for order in self.orders if order.broker_id == broker_id), None)

    def positions(self, until_ns: int | None = None) -> list[BrokerPosition]:
        """Return open positions by symbol; with ``until_ns`` as they were then."""
        held = self.holdings
        if until_ns is not None:
            held = {symbol: SimHolding(item.quantity, item.cost) for symbol, item in self.holdings.items()}
            for fill in reversed(self.fills):
                if fill.ts_ns > until_ns:
                    sign = 1 if fill.kind == "bust" else -1
                    held[fill.symbol].move(sign * fill.side * fill.quantity, fill.price)
        return [held[symbol].shown(symbol) for symbol in sorted(held) if held[symbol].quantity != 0.0]

    @property
    def equity_micros(self) -> int:
        """Return cash plus positions at their last prices."""
        worth = sum(item.quantity * self.prices.get(symbol, 0.0) for symbol, item in self.holdings.items())
        return self.cash_micros + round(worth * MICROS)

    def save(self, path: Path) -> None:
        """Write everything to a file; a reader sees the old or the new, never a part."""
        draft = path.with_suffix(".new")
        draft.write_text(json.dumps(asdict(self)), encoding="utf-8")
        draft.replace(path)

    @classmethod
    def load(cls, path: Path) -> Truth:
        """Read what ``save`` wrote."""
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        truth = cls(**{item.name: values[item.name] for item in fields(cls)})
        truth.orders = [SimOrder(**item) for item in values["orders"]]
        truth.fills = [SimFill(**item) for item in values["fills"]]
        truth.later = [(when, what, broker_id) for when, what, broker_id in values["later"]]
        truth.holdings = {symbol: SimHolding(**item) for symbol, item in values["holdings"].items()}
        return truth


def is_price(price: float) -> bool:
    """Tell whether a price can be traded at."""
    return 0.0 < price < math.inf
