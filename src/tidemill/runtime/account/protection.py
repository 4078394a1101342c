"""The watch over open positions: each has the stop its strategy asks for working at the broker, or it is closed.

The core places stops and answers their loss. This watch looks at what the broker has confirmed, and when that falls
short it asks, closes, and at last halts and calls a person. It never opens or turns a position.

A position that an exit has opened, because it crossed another that had closed the one before, was asked for by nobody
and has no stop to wait for: it is closed the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.model.bars import SECOND_NS
from tidemill.model.enums import EventKind, Intent, Operator, OrderType
from tidemill.model.records import EVENT
from tidemill.ports.seams import Clock
from tidemill.runtime.core import Core
from tidemill.runtime.orders.book import LiveOrder, OrderBook
from tidemill.runtime.orders.present import Health
from tidemill.runtime.words.words import IntentWord, OperatorWord

__all__ = ["PROTECT_NS", "Protector", "Watcher"]

PROTECT_NS = 3 * SECOND_NS // 2  # from the fill being known to the stop being confirmed
_LOOK_S = 0.25
_CLOSE_NS = 5 * SECOND_NS  # between two attempts to close; the position is asked for in between
_CLOSES = 3
_EVIDENCE_NS = 30 * SECOND_NS  # so long after a start the broker's lists may take to prove what became of a stop
_ORPHAN_NS = 2 * SECOND_NS  # the core's own cancellation comes first
_STOPS = (OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP)
_BY = "protection"
_TINY = 1e-9


@dataclass(slots=True)
class Watcher:
    """One position without confirmed protection: since when (monotonic), what was done, when to look again."""

    since_ns: int
    next_ns: int
    stop: str = ""  # client id of the newest stop that was waited for
    is_asked: bool = False
    closes: int = 0
    is_given_up: bool = False


@dataclass(frozen=True, slots=True)
class _Position:
    slot: int
    instrument: int
    strategy: int
    units: float
    wants_stop: bool  # or is to be closed


class Protector:
    """Looks four times a second.

    Args:
        core, book: what is held, and what the broker has confirmed.
        clock, health: of the run.
        operator: puts a word into the inbox.
        ask: asks the broker about an order (client id) at once; empty: about everything.
        cancel: cancels an order at the broker that the core has let go of.
        alert: told severity, kind and sentence.
        symbols: by instrument row.
    """

    def __init__(
        self,
        core: Core,
        book: OrderBook,
        clock: Clock,
        health: Health,
        *,
        operator: Callable[[Any], None],
        ask: Callable[[str], None],
        cancel: Callable[[LiveOrder], None],
        alert: Callable[[int, str, str], None],
        symbols: list[str],
    ) -> None:
        self._core, self._book, self._clock, self._health = core, book, clock, health
        self._operator, self._ask, self._cancel, self._alert = operator, ask, cancel, alert
        self._symbols = symbols
        self._naked: dict[int, Watcher] = {}
        self._orphans: dict[str, int] = {}
        self.longest_ns = 0  # any position was without confirmed protection
        self.waits_for: set[str] = set()  # requests an earlier process left in question, by client id
        self._begun_ns = clock.monotonic_ns()

    async def serve(self) -> None:
        """Watch until cancelled."""
        while True:
            self.look()
            await self._clock.sleep(_LOOK_S)

    def look(self) -> None:
        """Look at every position once."""
        now = self._clock.monotonic_ns()
        held: dict[tuple[int, int], float] = {}
        for position in self._positions():
            held[position.instrument, position.strategy] = position.units
            if not position.wants_stop or self._is_covered(position):
                self._naked.pop(position.slot, None)
            else:
                self._watch(position, now)
        self._look_for_orphans(held, now)

    def _positions(self) -> Iterator[_Position]:
        slots = self._core.engine.state.tables["slots"]
        for at, units in enumerate(slots["quantity"].tolist()):
            if not units:
                continue
            row = slots[at]
            has_terms = bool(row["stop_price"] > 0.0 or row["trail_amount"] > 0.0 or row["trail_pct"] > 0.0)
            wants = has_terms or self._is_unasked(int(row["entry_order_id"]))
            yield _Position(at, int(row["instrument"]), int(row["strategy"]), units, wants)
        for at in [at for at in self._naked if not slots[at]["quantity"]]:
            self._naked.pop(at)

    def _is_unasked(self, opener: int) -> bool:
        """Tell whether an exit has opened a position: an order that was to close the one before."""
        order = self._book.by_number.get(opener)
        return order is not None and order.request.intent is not Intent.ENTRY

    @property
    def is_watching(self) -> bool:
        """Tell whether a position waits for its protection, or for its end, and something is still to be done."""
        return any(not naked.is_given_up for naked in self._naked.values())

    def is_given_up(self, instrument: int) -> bool:
        """Tell whether a person was called because a position could be neither protected nor closed."""
        slots = self._core.engine.state.tables["slots"]
        return any(
            naked.is_given_up and int(slots[at]["instrument"]) == instrument for at, naked in self._naked.items()
        )

    def _is_covered(self, position: _Position) -> bool:
        """Tell whether stops for the whole position, or an exit of it, are confirmed to work."""
        stops = exits = 0.0
        for order in self._book.live.values():
            request = order.request
            mine = order.instrument == position.instrument and order.owner == position.strategy
            if not mine or request.side * position.units > 0.0 or not order.is_working:
                continue
            if request.intent is Intent.PROTECT and request.type in _STOPS:
                stops += order.remaining
            elif request.intent is Intent.EXIT and request.type is OrderType.MARKET:
                exits += order.remaining
        return stops + exits >= abs(position.units) - _TINY

    def _watch(self, position: _Position, now: int) -> None:
        """Do what is due for a position without confirmed protection: ask, then close, then call a person."""
        naked = self._naked.setdefault(position.slot, Watcher(now, now + PROTECT_NS))
        self.longest_ns = max(self.longest_ns, now - naked.since_ns)
        if now < naked.next_ns or naked.is_given_up:
            return
        symbol = self._symbols[position.instrument]
        if not self._health.order_stream_ready:
            naked.next_ns = now + PROTECT_NS  # nothing can be sent; the sender calls a person
            return
        stop = self._newest_stop(position)
        if not naked.is_asked:
            naked.stop = stop
            naked.is_asked, naked.next_ns = True, now + PROTECT_NS
            self._alert(2, "UNPROTECTED", f"{symbol}: {position.units:g} units without a confirmed stop; asking.")
            for order in self._book.working_reducers(position.instrument):
                self._ask(order.request.client_id)
        elif stop not in {"", naked.stop} and not naked.closes:
            naked.stop, naked.next_ns = stop, now + PROTECT_NS  # the second try has just left
        elif self._is_in_question(position, now):
            naked.next_ns = now + PROTECT_NS  # a stop may live: an exit on top of it could turn the position
        elif naked.closes < _CLOSES:
            naked.closes, naked.next_ns = naked.closes + 1, now + _CLOSE_NS
            self._alert(1, "UNPROTECTED", f"{symbol}: still without a stop; closing it (attempt {naked.closes}).")
            self._ask("")
            self._operator(IntentWord(_exit_row(position), _BY, ""))
        else:
            naked.is_given_up = True
            text = f"{symbol}: {position.units:g} units could be neither protected nor closed; act now."
            self._alert(1, "NAKED", text)
            self._operator(OperatorWord(Operator.HALT, _BY, text))

    def _is_in_question(self, position: _Position, now: int) -> bool:
        """Ask again about stops an earlier process left in question; tell whether the answer is worth waiting for."""
        if not self.waits_for or now - self._begun_ns > _EVIDENCE_NS:
            return False
        doubtful = [
            order.request.client_id
            for order in self._book.working_reducers(position.instrument)
            if order.owner == position.strategy and order.doubt == "submit" and order.request.type in _STOPS
        ]
        found = self.waits_for.intersection(doubtful)
        for name in sorted(found):
            self._ask(name)
        return bool(found)

    def _newest_stop(self, position: _Position) -> str:
        """Return the client id of the newest stop on its way that is not in question, empty if there is none."""
        stops = [
            order.request
            for order in self._book.working_reducers(position.instrument)
            if order.owner == position.strategy and order.request.type in _STOPS and not order.is_unknown
        ]
        return max(stops, key=lambda request: request.number).client_id if stops else ""

    def _look_for_orphans(self, held: dict[tuple[int, int], float], now: int) -> None:
        """Cancel exits and protection that no position is left for, and whatever came back after it was given up."""
        seen: dict[str, int] = {}
        for order in self._book.open_orders():
            units = held.get((order.instrument, order.owner), 0.0)
            reduces = order.request.intent is not Intent.ENTRY
            is_orphan = order.is_ended or (reduces and not order.request.parent and units * order.request.side >= 0.0)
            if not is_orphan or not order.is_working:
                continue
            name = order.request.client_id
            seen[name] = self._orphans.get(name, now)
            if now - seen[name] >= _ORPHAN_NS:
                seen[name] = now
                self._cancel(order)
        self._orphans = seen


def _exit_row(position: _Position) -> NDArray[Any]:
    """Return the INTENT event that closes a position."""
    row = np.zeros(1, EVENT)
    row["kind"] = int(EventKind.INTENT)
    row["instrument"] = position.instrument
    row["order"] = position.strategy
    row["code"] = -1 if position.units > 0.0 else 1
    row["extra"] = int(Intent.EXIT)
    row["row"] = -1
    return row
