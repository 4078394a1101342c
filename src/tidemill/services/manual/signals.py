"""Signals from outside: each is written down, goes through the guardrails, and becomes an order or a reason."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, insert, select

from tidemill.adapters.sql.database import Database, Row
from tidemill.adapters.sql.service_tables import SIGNAL_REQUESTS
from tidemill.model.errors import GuardRefusal
from tidemill.model.people import Principal, UserScope
from tidemill.ports.seams import Clock, Ids
from tidemill.services.manual.orders import Orders
from tidemill.services.manual.wanted import Placed, Wanted
from tidemill.services.refusals import Refused

__all__ = ["Judged", "Signal", "Signals"]

_SIDES = {
    "BUY": ("buy", "net"),
    "SELL": ("sell", "net"),
    "CLOSE_LONG": ("sell", "close"),
    "CLOSE_SHORT": ("buy", "close"),
}


@dataclass(frozen=True, slots=True)
class Signal:
    """What somebody's program says.

    Args:
        signal_type: BUY, SELL, CLOSE_LONG, CLOSE_SHORT or HOLD. price: limit; None: at market.
        confidence: 0 to 1. stop_loss, take_profit: bracket. metadata: written down with it.
    """

    signal_type: str
    symbol: str
    quantity: float
    price: float | None = None
    confidence: float | None = None
    stop_loss: float | None = None
    take_profit: float | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    source: str = "api"
    account: str = ""
    expected_mode: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of a signal. status: ORDERED, REJECTED or HELD (nothing was asked for)."""

    id: str
    status: str
    reason: str
    placed: Placed | None


class Signals:
    """Signals of everybody; each call sees those of one.

    Args:
        database, clock, ids: of the installation. orders: where they lead.
    """

    def __init__(self, database: Database, clock: Clock, ids: Ids, orders: Orders) -> None:
        self._database, self._clock, self._ids, self._orders = database, clock, ids, orders

    def take(self, principal: Principal, signal: Signal, key: str = "") -> Judged:
        """Judge a signal, write it down, and order what it asks for.

        Raises:
            Refused, TradingHalted, GuardRefusal: as of an order; the signal is written down as rejected.
        """
        signal_id = f"signal-{principal.user_id}-{key}" if key else self._ids.fresh("signal-")
        if signal.signal_type == "HOLD":
            self._write(principal.scope, signal_id, signal, "HELD", "", None)
            return Judged(signal_id, "HELD", "Nothing was asked for.", None)
        try:
            placed = self._orders.place(principal, _wanted(signal), key)
        except (Refused, GuardRefusal) as error:
            self._write(principal.scope, signal_id, signal, "REJECTED", f"{error.code}: {error}", None)
            raise
        self._write(principal.scope, signal_id, signal, "ORDERED", "", placed)
        return Judged(signal_id, "ORDERED", placed.message, placed)

    def _write(
        self, scope: UserScope, signal_id: str, signal: Signal, status: str, reason: str, placed: Placed | None
    ) -> None:
        values = {
            "id": signal_id,
            "run_id": placed.run_id if placed else "",
            "symbol": signal.symbol.upper(),
            "signal_type": signal.signal_type,
            "status": status,
            "reason": reason[:500],
            "client_id": placed.order_id if placed else "",
            "body_json": json.dumps(
                {
                    "quantity": signal.quantity,
                    "price": signal.price,
                    "confidence": signal.confidence,
                    "metadata": signal.metadata,
                }
            ),
            "user_id": scope.user_id,
            "at_ns": self._clock.now_ns(),
        }
        table = SIGNAL_REQUESTS
        with self._database.write() as writing:
            if writing.row(select(table.c.id).where(table.c.id == signal_id)) is None:
                writing.run(insert(table).values(values))

    def recent(self, scope: UserScope, limit: int) -> Sequence[Row]:
        """Return somebody's signals, newest first."""
        table = SIGNAL_REQUESTS
        order = (table.c.at_ns.desc(), table.c.id.desc())
        return self._database.rows(select(table).where(table.c.user_id == scope.user_id).order_by(*order).limit(limit))

    def counts(self, scope: UserScope) -> dict[str, int]:
        """Return how many signals of somebody's became what."""
        table = SIGNAL_REQUESTS
        statement = select(table.c.status, func.count().label("count")).where(table.c.user_id == scope.user_id)
        return {row["status"]: row["count"] for row in self._database.rows(statement.group_by(table.c.status))}


def _wanted(signal: Signal) -> Wanted:
    side, effect = _SIDES[signal.signal_type]
    strategy = signal.metadata.get("strategy")
    return Wanted(
        signal.symbol,
        side,
        signal.quantity,
        effect,
        limit_price=signal.price,
        stop_loss=signal.stop_loss,
        take_profit=signal.take_profit,
        account=signal.account,
        expected_mode=signal.expected_mode,
        features={**signal.metadata, **({"strategy_id": strategy} if strategy else {})},
        source=signal.source,
        confidence=signal.confidence * 100.0 if signal.confidence is not None else None,
    )
