"""A slow, plain exchange: docs/concepts/execution.md word by word, in decimal arithmetic, one Python object per order.

It shares no code with the compiled matching and is read next to the page it implements.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from naive.ledger import micros

ZERO = Decimal(0)
ONE = Decimal(1)
HALF = Decimal("0.5")


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """Round down to a multiple of ``step``."""
    return (value / step).to_integral_value(ROUND_FLOOR) * step


def nearest(value: Decimal, step: Decimal) -> Decimal:
    """Round to the nearest multiple of ``step``, halves up; a step of zero leaves the value alone."""
    return value if step == 0 else (value / step + HALF).to_integral_value(ROUND_FLOOR) * step


@dataclass
class Bar:
    """One bar in decimals."""

    begin: int
    end: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    day: int = 0
    opens_session: bool = False
    closes_session: bool = False


@dataclass
class Order:
    """What the exchange knows of an order."""

    number: int
    side: int
    kind: str  # market, limit, stop, stop_limit, trailing_stop
    tif: str
    quantity: Decimal
    limit: Decimal = ZERO
    stop: Decimal = ZERO
    trail: Decimal = ZERO
    trail_pct: Decimal = ZERO
    reduces: bool = False
    group: object = None
    parent: int = 0
    sent: int = 0
    active: int = 0
    filled: Decimal = ZERO
    best: Decimal | None = None
    triggered: bool = False
    rests_until: int | None = None  # a stop-limit triggered in RANGE rests until the bar after this instant
    first_day: int | None = None
    cancel_at: int | None = None
    newborn: bool = False
    is_new: bool = False  # it arrived in the stage that is running
    at_start: Decimal = ZERO  # its quantity when the running stage began
    charged: int = 0  # commission of its fills, micros
    paid: int = 0  # what it has paid, at least the minimum

    @property
    def left(self) -> Decimal:
        """Return what has not been filled."""
        return self.quantity - self.filled


@dataclass
class Report:
    """What the exchange tells: a fill, or the end or replacement of an order."""

    what: str  # fill, cancelled, expired, replaced
    number: int
    at: int
    quantity: Decimal = ZERO
    price: Decimal = ZERO
    fee: int = 0
    slippage: int = 0
    is_last: bool = False


@dataclass
class Costs:
    """Slippage and commission."""

    slippage: str = "none"
    slippage_value: Decimal = ZERO
    per_unit: Decimal = ZERO
    percent: Decimal = ZERO
    minimum: Decimal = ZERO


@dataclass
class Rules:
    """How bars fill orders."""

    path: str = "stop_first"
    limit_through: bool = False
    volume_share: Decimal = ZERO
    allow_partial: bool = True
    latency: int = 0


@dataclass
class Book:
    """The orders of one instrument and the grid its prices live on."""

    tick: Decimal
    lot: Decimal
    multiplier: Decimal
    orders: list[Order] = field(default_factory=list)
    last: Decimal | None = None
    room: Decimal = ZERO


class Exchange:
    """All books.

    A stage is walked through: it halts after every turn of an order, so that its sender can read ``reports`` and answer
    before the next order has its turn.
    """

    def __init__(self, books: list[Book], rules: Rules, costs: Costs) -> None:
        self.books, self.rules, self.costs = books, rules, costs
        self.reports: list[Report] = []
        self.in_range = False

    # commands

    def submit(self, where: int, order: Order, now: int) -> None:
        """Accept an order sent at ``now``."""
        book = self.books[where]
        order.sent, order.active = now, now + self.rules.latency
        order.best = book.last
        order.newborn = self.in_range and order.reduces and self.rules.latency == 0
        order.is_new = True
        if order.parent and not any(other.number == order.parent for other in book.orders):
            order.parent = 0
        book.orders.append(order)

    def cancel(self, where: int, number: int, now: int) -> None:
        """Take a request to cancel; without latency it works at once."""
        for order in self.books[where].orders:
            if order.number == number:
                if self.rules.latency == 0:
                    self._end(self.books[where], order, "cancelled", now)
                else:
                    order.cancel_at = now + self.rules.latency
                return

    def replace(self, where: int, number: int, quantity: Decimal, stop: Decimal, now: int) -> None:
        """Give a working order another total quantity and trigger."""
        for order in self.books[where].orders:
            if order.number == number:
                order.quantity, order.stop = quantity, stop
                self.reports.append(Report("replaced", number, now, quantity))

    def split(self, where: int, ratio: Decimal, now: int) -> None:
        """Restate working orders: quantities on the lot times the ratio, prices divided by it."""
        book = self.books[where]
        if book.last is not None:
            book.last /= ratio
        for order in list(book.orders):
            if order not in book.orders:
                continue  # it ended with its parent
            order.filled = floor_to(order.filled * ratio, book.lot)
            order.quantity = floor_to(order.quantity * ratio, book.lot)
            order.limit, order.stop, order.trail = order.limit / ratio, order.stop / ratio, order.trail / ratio
            if order.best is not None:
                order.best /= ratio
            if order.left <= 0:
                self._end(book, order, "cancelled", now)

    # stages

    def _begin(self, where: int) -> Book:
        book = self.books[where]
        for order in book.orders:
            order.is_new, order.at_start = False, order.quantity
        return book

    def at_open(self, where: int, bar: Bar) -> Iterator[None]:
        """OPEN: everything that works meets the open."""
        book = self._begin(where)
        book.last = bar.open
        book.room = floor_to(bar.volume * self.rules.volume_share, book.lot)
        for order in self._by_number(book):
            if order.cancel_at is not None and order.cancel_at <= bar.begin:
                self._end(book, order, "cancelled", bar.begin)
                yield
                continue
            if order.parent or order.active > bar.begin:
                continue
            if order.first_day is None:
                order.first_day = bar.day
            if order.tif == "day" and bar.day > order.first_day:
                self._end(book, order, "expired", bar.begin)
                yield
                continue
            if order.tif == "cls" or (order.tif == "opg" and not bar.opens_session):
                continue
            self._meet_open(book, order, bar)
            if order in book.orders and order.tif in ("ioc", "fok", "opg"):
                self._end(book, order, "expired", bar.begin)
            yield

    def _meet_open(self, book: Book, order: Order, bar: Bar) -> None:
        s, o = order.side, bar.open
        if order.kind == "market":
            self._fill(book, order, o, bar.begin, slips=True)
        elif order.kind == "stop_limit" and not order.triggered:
            if s * (o - order.stop) >= 0:
                order.triggered = True
                if s * (order.limit - o) >= 0:
                    self._fill(book, order, o, bar.begin, slips=False)
        elif order.kind in ("limit", "stop_limit"):
            if s * (order.limit - o) >= 0:
                self._fill(book, order, o, bar.begin, slips=False)
        elif s * (o - self._level(book, order)) >= 0:
            self._fill(book, order, o, bar.begin, slips=True)

    def in_bar(self, where: int, bar: Bar) -> Iterator[None]:
        """RANGE: stops and limits meet high and low, in the order of the path rule."""
        book = self._begin(where)
        seen, self.in_range = book.last, True
        passes = ["stops", "limits"]
        if self.rules.path in ("target_first", "best"):
            passes.reverse()
        for which in passes:
            for order in self._by_number(book):
                if order.parent or order.active > bar.begin or order.tif in ("cls", "opg"):
                    continue
                if order.rests_until == bar.end:
                    continue
                self._meet_range(book, order, bar, which, seen)
                yield
        self.in_range = False

    def _meet_range(self, book: Book, order: Order, bar: Bar, which: str, seen: Decimal | None) -> None:
        """Meet high and low; an order the market had passed when it was accepted fills at the last price seen."""
        assert seen is not None
        s = order.side
        farthest = bar.high if s > 0 else bar.low
        if which == "stops":
            if order.kind in ("stop", "trailing_stop"):
                level = self._level(book, order)
                if s * (farthest - level) >= 0:
                    self._fill(book, order, max(level, seen) if s > 0 else min(level, seen), bar.end, slips=True)
            elif order.kind == "stop_limit" and not order.triggered and s * (farthest - order.stop) >= 0:
                order.triggered = True
                reached = max(order.stop, seen) if s > 0 else min(order.stop, seen)
                if s * (order.limit - reached) >= 0:
                    self._fill(book, order, reached, bar.end, slips=False)
                else:
                    order.rests_until = bar.end
        elif order.kind == "limit" or (order.kind == "stop_limit" and order.triggered):
            nearest_to_us = bar.low if s > 0 else bar.high
            past = s * (order.limit - nearest_to_us)
            demands_through = self.rules.limit_through or self.rules.path == "worst"
            if past > 0 or (past == 0 and not demands_through):
                price = min(order.limit, seen) if s > 0 else max(order.limit, seen)
                self._fill(book, order, price, bar.end, slips=False)

    def at_close(self, where: int, bar: Bar) -> Iterator[None]:
        """CLOSE: newborn protection, orders for the close, markets that arrived inside the bar, late cancels."""
        book = self._begin(where)
        which = "limits" if self.rules.path == "best" else "stops"
        seen = book.last
        for order in self._by_number(book):
            if order.newborn:
                self._meet_range(book, order, bar, which, seen)
                yield
        for order in book.orders:
            order.newborn = False
            if order.kind == "trailing_stop" and not order.parent and not order.is_new and order.best is not None:
                order.best = min(order.best, bar.low) if order.side > 0 else max(order.best, bar.high)
        yield from self._meet_close(book, bar)

    def at_same_close(self, where: int, bar: Bar) -> Iterator[None]:
        """Run the close once more after decisions that fill on the same close."""
        yield from self._meet_close(self._begin(where), bar)

    def _meet_close(self, book: Book, bar: Bar) -> Iterator[None]:
        """Fill what fills at the close."""
        book.last = bar.close
        for order in self._by_number(book):
            if order.cancel_at is not None and order.cancel_at <= bar.end:
                self._end(book, order, "cancelled", order.cancel_at)
                yield
                continue
            if order.parent or order.active > bar.end:
                continue
            if order.tif == "cls":
                if bar.closes_session:
                    if order.kind == "market" or order.side * (order.limit - bar.close) >= 0:
                        self._fill(book, order, bar.close, bar.end, slips=order.kind == "market")
                    if order in book.orders:
                        self._end(book, order, "expired", bar.end)
            elif order.kind == "market" and order.tif != "opg":
                self._fill(book, order, bar.close, bar.end, slips=True)
                if order in book.orders and order.tif in ("ioc", "fok"):
                    self._end(book, order, "expired", bar.end)
            yield

    # what happens to an order

    def _by_number(self, book: Book) -> list[Order]:
        """Yield orders by rising number, skipping those that end meanwhile and those that arrived in this stage."""
        done = 0
        while True:
            waiting = [order for order in book.orders if order.number > done and not order.is_new]
            if not waiting:
                return
            order = min(waiting, key=lambda item: item.number)
            done = order.number
            yield order

    def _level(self, book: Book, order: Order) -> Decimal:
        """Return where a stop stands."""
        if order.kind == "stop":
            return order.stop
        if order.best is None:
            return Decimal("Infinity") * order.side
        distance = order.trail if order.trail > 0 else order.best * order.trail_pct / 100
        level = nearest(order.best + order.side * distance, book.tick)
        if order.stop > 0:
            level = min(level, order.stop) if order.side > 0 else max(level, order.stop)
        return level

    def _slipped(self, book: Book, side: int, price: Decimal, quantity: Decimal) -> Decimal:
        """Return a price made worse, on the tick, never below one tick."""
        costs = self.costs
        slip = {
            "none": ZERO,
            "fixed": costs.slippage_value,
            "half_spread": costs.slippage_value / 2,
            "proportional": price * costs.slippage_value / 100 * min(ONE + quantity / 10_000, Decimal(2)),
        }[costs.slippage]
        if slip == 0:
            return price
        worse = price + side * slip
        if book.tick > 0:
            worse = (worse / book.tick).to_integral_value(ROUND_CEILING if side > 0 else ROUND_FLOOR) * book.tick
        return max(worse, book.tick)

    def _fee(self, book: Book, order: Order, quantity: Decimal, price: Decimal) -> int:
        """Return the commission; the order as a whole pays its fills' commissions or the minimum, if that is more."""
        fee = micros(quantity * self.costs.per_unit)
        fee += micros(quantity * price * book.multiplier * self.costs.percent / 100)
        order.charged += fee
        due = max(order.charged, micros(self.costs.minimum))
        fee, order.paid = due - order.paid, due
        return fee

    def _fill(self, book: Book, order: Order, touched: Decimal, at: int, *, slips: bool) -> None:
        """Fill as much as the bar's volume allows."""
        most = order.left
        if order.kind == "limit":  # what was added to a target in this stage waits for the next
            most = min(order.quantity, order.at_start) - order.filled
        if most <= 0:
            return
        quantity = most
        if self.rules.volume_share > 0:
            quantity = min(most, book.room)
            if quantity < most and (order.tif == "fok" or not self.rules.allow_partial):
                return
            if quantity <= 0:
                return
            book.room -= quantity
        price = self._slipped(book, order.side, touched, quantity) if slips else touched
        book.last = touched
        order.filled += quantity
        is_last = order.left <= 0
        slippage = micros(abs(price - touched) * quantity * book.multiplier)
        fee = self._fee(book, order, quantity, price)
        self.reports.append(Report("fill", order.number, at, quantity, price, fee, slippage, is_last))
        if is_last:
            book.orders.remove(order)
        self._tell_group(book, order, quantity, at)
        if is_last:
            for child in book.orders:
                if child.parent == order.number:
                    child.parent = 0
                    child.active = max(child.active, at)
                    child.best = book.last

    def _tell_group(self, book: Book, order: Order, quantity: Decimal, at: int) -> None:
        siblings = [other for other in book.orders if other is not order and other.group == order.group is not None]
        for other in siblings:
            if order.reduces:
                other.quantity = max(other.quantity - quantity, other.filled)
        for other in siblings:
            if other in book.orders and (not order.reduces or other.left <= 0):
                self._end(book, other, "cancelled", at)

    def _end(self, book: Book, order: Order, what: str, at: int) -> None:
        """End an order unfilled or partly filled; the children that waited for it end with it."""
        book.orders.remove(order)
        self.reports.append(Report(what, order.number, at))
        for child in [other for other in book.orders if other.parent == order.number]:
            self._end(book, child, "cancelled", at)
