"""The promises that are checked while a simulated day runs, each by its number in docs/promises.md."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from tidemill.model.broker import OrderRequest
from tidemill.model.enums import Intent, OrderState
from tidemill.model.journal import Batch, FillEntry
from tidemill.model.units import MICROS
from tidemill.ports.store import Lease
from tidemill.runtime.orders.translation import ENTRY_TTL_NS
from tidemill.testing.exchange.truth import SimFill, SimOrder
from tidemill.testing.simulation.faults import BY_HAND
from tidemill.testing.simulation.scenario import Scenario
from tidemill.testing.simulation.turning import Turning

__all__ = ["Books", "Breach", "Senses", "Watch"]

_SECOND_NS = 1_000_000_000
_LATE_NS = 20 * _SECOND_NS  # a market order may be a quarter of a minute late, beyond the bar it is decided on
_MOST = 40  # breaches of one day that are written down
_PRICE_SLACK = 1.1  # a limit in money is asked at the price of the moment
_REFUSED = frozenset({OrderState.REJECTED, OrderState.CREATED, OrderState.DENIED})


@dataclass(frozen=True, slots=True)
class Breach:
    """A promise that did not hold: its number, virtual seconds since the open, and what was seen."""

    promise: int
    at_s: float
    text: str

    def __str__(self) -> str:
        return f"promise {self.promise} at {self.at_s:.3f} s: {self.text}"


class Books:
    """The record as a second bookkeeper keeps it, from what was committed alone.

    Args:
        cash_micros: at the start.
    """

    def __init__(self, cash_micros: int) -> None:
        self.cash_micros = cash_micros
        self.units: dict[str, Decimal] = {}
        self.fills: dict[str, FillEntry] = {}
        self.ledger: dict[str, Decimal] = {}
        self.intents: dict[str, str] = {}
        self.claimed: set[str] = set()
        self.submits: set[str] = set()  # client ids whose order passed the point of no return

    def take(self, fill: FillEntry) -> None:
        """Book a fill: signed units against money, to the millionth."""
        self.fills[fill.exec_id] = fill
        sign = -1 if fill.kind == "bust" else 1
        signed = sign * Decimal(fill.quantity) * (1 if fill.side == "BUY" else -1)
        self.units[fill.symbol] = self.units.get(fill.symbol, Decimal(0)) + signed
        self.cash_micros -= round(signed * Decimal(fill.price) * MICROS) + sign * fill.fee_micros


@dataclass(frozen=True, slots=True)
class Senses:
    """What the watch may ask the world, and tell it.

    Args:
        now_ns: virtual time. true_ns: true wall clock.
        fired: how often a fault has happened.
        epoch_of: epoch of the lease a process believes in.
        halted: why entries may not leave, empty if they may.
        held: what is at the broker of a symbol: units, and units of working entries of a side.
        sound_ns: end of the newest sound bar a symbol's listeners were given.
        price: last price of a symbol.
        engine: number of the process that is ready to act, 0 if none is.
        changed: told that something happens. moment: told that a process is at a moment worth dying at.
    """

    now_ns: Callable[[], int]
    true_ns: Callable[[], int]
    fired: Callable[[str], int]
    epoch_of: Callable[[int], int]
    halted: Callable[[], str]
    held: Callable[[str, int], tuple[float, float]]
    sound_ns: Callable[[str], int]
    price: Callable[[str], float]
    engine: Callable[[], int]
    changed: Callable[[], None]
    moment: Callable[[str, int], None]


class Watch:
    """Hears everything that leaves, arrives, fills and is written, and writes down what must not be.

    Args:
        scenario: of the day.
        senses: what can be asked and told.
    """

    def __init__(self, scenario: Scenario, senses: Senses) -> None:
        self._scenario = scenario
        self._now_ns, self._true_ns, self._fired = senses.now_ns, senses.true_ns, senses.fired
        self._epoch_of, self._halted, self._held = senses.epoch_of, senses.halted, senses.held
        self.turning = Turning(senses.now_ns, senses.engine)
        self._sound_ns, self._price, self._changed, self._moment = (
            senses.sound_ns,
            senses.price,
            senses.changed,
            senses.moment,
        )
        self.breaches: list[Breach] = []
        self.epoch = 0
        self.arrivals: Counter[str] = Counter()
        self.sends: Counter[str] = Counter()
        self.books: Books | None = None
        self.checks = 0

    @property
    def is_by_hand(self) -> bool:
        """Tell whether something has happened that leaves broker and record apart for good."""
        return any(self._fired(name) for name in BY_HAND)

    def breach(self, promise: int, text: str) -> None:
        """Write down a promise that did not hold."""
        if len(self.breaches) < _MOST:
            self.breaches.append(Breach(promise, self._now_ns() / _SECOND_NS, text))

    def demand(self, promise: int, holds: bool, text: str) -> None:
        """Write a breach down unless a promise holds."""
        self.checks += 1
        if not holds:
            self.breach(promise, text)

    # --- what a process sends

    def sent(self, process: int, request: OrderRequest) -> None:
        """Check an order that is about to leave a process."""
        name = request.client_id
        self.sends[name] += 1
        self._changed()
        self._moment("sent", process)
        self.demand(27, self._epoch_of(process) == self.epoch, f"{name} leaves under a lease that another engine has.")
        books = self.books
        if books is not None:
            self.demand(1, name in books.intents, f"{name} leaves and is not in the record.")
            self.demand(1, name in books.submits, f"{name} leaves and was not claimed.")
        self.turning.sent(process, name)
        self._check_numbers(request)
        if request.intent is Intent.ENTRY:
            self._check_entry(request)

    def _check_numbers(self, request: OrderRequest) -> None:
        name, last = request.client_id, request.quantity
        self.demand(13, math.isfinite(last) and last > 0.0, f"{name} leaves with quantity {last}.")
        for label in ("limit_price", "stop_price"):
            price = getattr(request, label)
            is_sound = math.isnan(price) or (math.isfinite(price) and price > 0.0)
            self.demand(13, is_sound, f"{name} leaves with {label} {price}.")

    def _check_entry(self, request: OrderRequest) -> None:
        name, symbol = request.client_id, request.symbol
        age = self._true_ns() - request.created_ns
        self.demand(4, age <= ENTRY_TTL_NS, f"entry {name} leaves {age / _SECOND_NS:.1f} s after it was decided.")
        self.demand(11, not self._halted(), f"entry {name} leaves while halted: {self._halted()}.")
        stale, oldest = self._true_ns() - self._sound_ns(symbol), _LATE_NS + self._scenario.bar_ns
        self.demand(
            22,
            stale <= oldest,
            f"entry {name} leaves on data of {symbol} {stale / _SECOND_NS:.0f} s old.",
        )
        units, working = self._held(symbol, int(request.side))
        price = self._price(symbol)
        worst = abs(units + int(request.side) * (working + request.quantity)) * price
        limit = self._scenario.max_position_usd * _PRICE_SLACK
        is_within = worst <= limit or self.is_by_hand
        self.demand(14, is_within, f"entry {name} could make {worst:.0f} USD of {symbol}, allowed are {limit:.0f}.")

    # --- what happens at the broker

    def arrived(self, request: OrderRequest) -> None:
        """Check an order that reached the broker."""
        self.arrivals[request.client_id] += 1
        self.turning.arrived(request.client_id)
        count = self.arrivals[request.client_id]
        self.demand(1, count == 1, f"{request.client_id} reached the broker {count} times.")

    def filled(self, fill: SimFill, order: SimOrder | None, before: float) -> None:
        """Check a fill at the broker: an exit never turns a position."""
        if order is None or order.intent is Intent.ENTRY or not fill.client_id:
            return
        after = before + fill.side * fill.quantity
        flips = before * after < 0.0 or (before == 0.0 and after != 0.0)
        holds = not flips or not self.turning.is_avoidable(fill, order, before)
        self.demand(10, holds, f"exit {fill.client_id} turned {before:g} into {after:g}, and need not have.")

    def changed(self) -> None:
        """Take note that something happened at the broker."""
        self._changed()

    # --- what is written

    def leased(self, process: int, lease: Lease) -> None:
        """Take note of a lease: it is the only one from now on."""
        self.demand(27, lease.epoch > self.epoch, f"process {process} got epoch {lease.epoch} after {self.epoch}.")
        self.epoch = max(self.epoch, lease.epoch)

    def claimed(self, process: int, key: str) -> None:
        """Take note of a request that passed the point of no return."""
        self._changed()
        self._moment("claimed", process)
        if self.books is not None:
            self.demand(1, key not in self.books.claimed, f"request {key} was claimed twice.")
            self.books.claimed.add(key)
            name, _, action = key.partition("/")
            if action.startswith("submit"):
                self.books.submits.add(name)

    def committed(self, process: int, batch: Batch) -> None:
        """Check a transaction: it is of the lease's owner, books each fill once, and its ledger adds up."""
        books = self.books
        if books is None:
            return
        if batch.epoch:
            self.demand(27, batch.epoch == self.epoch, f"process {process} wrote under epoch {batch.epoch}.")
        for intent in batch.intents:
            self.demand(1, intent.client_id not in books.intents, f"intent {intent.client_id} was written twice.")
            books.intents[intent.client_id] = intent.symbol
        for request in batch.outbox:
            if request.state == "SENDING":  # decided and past the point of no return in one transaction
                self.claimed(process, request.key)
        for fill in batch.fills:
            self.demand(7, fill.exec_id not in books.fills, f"fill {fill.exec_id} was booked twice.")
            books.take(fill)
            self.turning.booked(fill.exec_id)
        for row in batch.ledger:
            books.ledger[row.asset] = books.ledger.get(row.asset, Decimal(0)) + Decimal(row.delta)
        if batch.fills or batch.ledger:
            self._check_ledger(books)
            self._moment("booked", process)
        if batch.intents:
            self._moment("decided", process)
        if batch.intents or batch.outbox or batch.fills or batch.orders:
            self._changed()

    def _check_ledger(self, books: Books) -> None:
        cash = books.ledger.get("USD", Decimal(0)) * MICROS
        self.demand(8, cash == books.cash_micros, f"the ledger holds {cash} micros, fills make {books.cash_micros}.")
        for symbol, units in books.units.items():
            booked = books.ledger.get(symbol, Decimal(0))
            self.demand(8, booked == units, f"the ledger holds {booked} {symbol}, fills make {units}.")

    # --- after every event

    def check_states(self, states: dict[str, OrderState], working: list[SimOrder]) -> None:
        """Check after an event that nothing that works at the broker is held for refused here."""
        seen: Counter[str] = Counter()
        for order in working:
            if not order.client_id:
                continue
            seen[order.client_id] += 1
            state = states.get(order.client_id)
            is_held = state is None or state not in _REFUSED
            self.demand(3, is_held, f"{order.client_id} works at the broker and counts as {state} here.")
        if not self._fired("B13"):
            for name, count in seen.items():
                self.demand(6, count == 1, f"{name} works {count} times at the broker.")
