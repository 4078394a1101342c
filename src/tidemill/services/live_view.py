"""How a run fares, as a person wants to see it: state, money, positions, last orders, refusals."""

from __future__ import annotations

import json
from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

from tidemill.model.answers import REFUSALS
from tidemill.model.enums import OrderState, Refusal, Side
from tidemill.model.units import from_micros
from tidemill.runtime.core import Written
from tidemill.runtime.lanes import Lane
from tidemill.runtime.life.run import Run
from tidemill.runtime.orders.book import LiveOrder

__all__ = ["LiveView", "OrderLine", "PositionLine", "Watcher"]

_KEPT = 20


@dataclass(frozen=True, slots=True)
class PositionLine:
    """One open position: signed units, average entry price, last price, unrealised result in account currency."""

    strategy: str
    symbol: str
    quantity: float
    average_price: float
    last_price: float
    unrealised: float


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One order: when it was decided (UTC nanoseconds), what it is, where it stands and why."""

    created_ns: int
    symbol: str
    side: str
    type: str
    quantity: float
    filled: float
    price: float | None
    state: str
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class LiveView:
    """A run at one moment.

    Args:
        run_id, agent, mode, feed, state, message: which run, and how it stands.
        market_ns: the market's time, UTC nanoseconds; 0 before the first event.
        bars, bars_total: closed bars taken; 0 in all: nobody knows.
        events, events_per_s: events taken by the core, and how fast.
        seq: rows on the tape.
        cash, equity: account currency.
        orders, fills, trips: counts.
        refused: what did not become an order, by sentence, and market data that were set aside, by fault.
        positions, last_orders: as above, newest order first.
        alerts: sentences a person should know, newest last.
    """

    run_id: str
    agent: str
    mode: str
    feed: str
    state: str
    message: str
    market_ns: int
    bars: int
    bars_total: int
    events: int
    events_per_s: float
    seq: int
    cash: float
    equity: float
    orders: int
    fills: int
    trips: int
    refused: dict[str, int] = field(default_factory=dict)
    positions: tuple[PositionLine, ...] = ()
    last_orders: tuple[OrderLine, ...] = ()
    alerts: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)

    def beat(self, health: dict[str, Any] | None = None) -> str:
        """Return what a heartbeat tells, as JSON: of positions only the newest prices; the rest the record has.

        Args:
            health: how the process fares, as of ``services.health``.
        """
        body = {name: value for name, value in asdict(self).items() if name not in {"positions", "last_orders"}}
        prices = {line.symbol: line.last_price for line in self.positions}
        return json.dumps({**body, "prices": prices, "health": health or {}})


class Watcher:
    """Counts what a run does and draws its picture when asked.

    Args:
        run: the run.
        rows: bars that will come in all, 0 if nobody knows.
    """

    def __init__(self, run: Run, rows: int = 0) -> None:
        self._run, self._rows = run, rows
        self._fills = self._trips = 0
        self._refused: Counter[str] = Counter()
        self._alerts: deque[str] = deque(maxlen=_KEPT)
        self._began_ns = self._began_events = 0

    def begin(self, mono_ns: int) -> None:
        """Note that the run starts to serve."""
        self._began_ns, self._began_events = mono_ns, self._run.turns.events

    def follow(self, _: int, written: Written) -> None:
        """Take note of what the core has booked."""
        self._fills += len(written.fills)
        self._trips += len(written.trips)
        for row in written.refusals:
            symbol = self._run.terms.instruments[int(row["instrument"])].symbol
            self._refused[f"{symbol}: {REFUSALS[Refusal(int(row['refusal']))]}"] += 1
        for row in written.orders:
            if int(row["state"]) == OrderState.REJECTED:
                self._note_refusal(int(row["order_id"]))

    def _note_refusal(self, number: int) -> None:
        order = self._run.book.by_number.get(number)
        if order is not None and order.text:
            self._refused[f"{order.request.symbol}: {order.text}"] += 1

    def _set_aside(self) -> dict[str, int]:
        """Return how much of the feed was set aside at the border, by fault."""
        counts = self._run.parts.inbox.border.counts
        return {f"market data set aside: {fault.name}": count for fault, count in counts.items() if count}

    def view(self, mono_ns: int) -> LiveView:
        """Return how the run stands.

        Args:
            mono_ns: the monotonic clock, for the speed.
        """
        run, terms = self._run, self._run.terms
        account = run.core.engine.state.tables["accounts"][0]
        seconds = (mono_ns - self._began_ns) / 1e9
        events = run.turns.events
        counts = run.parts.inbox.counts()
        return LiveView(
            run_id=terms.run_id,
            agent=terms.agent,
            mode=terms.mode,
            feed=run.parts.feed.name,
            state="PAUSED" if run.core.is_halted and run.phase == "RUNNING" else run.phase.value,
            message=run.message,
            market_ns=run.core.now_ns if events else 0,
            bars=max(counts.bars - counts.waiting[Lane.MARKET], 0),
            bars_total=self._rows,
            events=events,
            events_per_s=(events - self._began_events) / seconds if seconds > 0.0 else 0.0,
            seq=run.journal.next_seq - 1,
            cash=from_micros(int(account["cash"])),
            equity=from_micros(run.present.equity_micros),
            orders=len(run.book.by_client),
            fills=self._fills,
            trips=self._trips,
            refused=dict(self._refused.most_common(_KEPT)) | self._set_aside(),
            positions=self._positions(),
            last_orders=tuple(_order_line(order) for order in islice(reversed(run.book.by_client.values()), _KEPT)),
            alerts=tuple(row.text for row in run.alerts[-_KEPT:]),
        )

    def _positions(self) -> tuple[PositionLine, ...]:
        tables = self._run.core.engine.state.tables
        slots, instruments = tables["slots"], tables["instruments"]
        lines = []
        for slot in slots[slots["quantity"] != 0.0]:
            row = int(slot["instrument"])
            paid = 0 if instruments[row]["margined"] == 1 else int(slot["cost"])
            item = self._run.terms.instruments[row]
            quantity = float(slot["quantity"])
            lines.append(
                PositionLine(
                    strategy=self._run.terms.strategies[int(slot["strategy"])],
                    symbol=item.symbol,
                    quantity=quantity,
                    average_price=from_micros(int(slot["cost"])) / quantity / item.multiplier,
                    last_price=float(instruments[row]["last"]),
                    unrealised=from_micros(int(slot["market"]) - paid),
                )
            )
        return tuple(lines)


def _order_line(order: LiveOrder) -> OrderLine:
    request = order.request
    return OrderLine(
        created_ns=request.created_ns,
        symbol=request.symbol,
        side=Side(request.side).name,
        type=request.type.name,
        quantity=request.quantity,
        filled=order.filled,
        price=order.value / order.filled if order.filled > 0.0 else None,
        state=order.state.name,
        reason=request.reason.name,
        text=order.text,
    )
