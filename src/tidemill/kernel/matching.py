"""The simulated exchange: what a market does with our orders when all it left behind is bars.

It knows nothing of strategies or money. A bar is matched in three stages, OPEN, RANGE and CLOSE. In each of them every
order has its turns; after a turn that has something to report the matching pauses, so that the core may answer before
the next order is tried. Documented in docs/concepts/execution.md, and checked against an independent twin in decimal
arithmetic.
"""

from __future__ import annotations

import math
from typing import Any

from tidemill.kernel.access import book_at, venue_head, venue_order_at
from tidemill.kernel.compile import inlined, kernel
from tidemill.kernel.memory import float_at, int_at, row_at
from tidemill.kernel.money import floor_lot, grid_price, micros, snap_price, snap_quantity
from tidemill.model.enums import CommandKind, EventKind, Intent, OrderType, PathRule, Refusal, Slippage, TimeInForce
from tidemill.model.records import EVENT

__all__ = [
    "CLOSE",
    "OPEN",
    "RANGE",
    "accept",
    "begin_bar",
    "begin_open",
    "begin_stage",
    "first_touched",
    "meet_close",
    "meet_newborn",
    "meet_open",
    "meet_range",
    "next_report",
    "split_orders",
    "untouched",
]

OPEN = 1
RANGE = 2
CLOSE = 3
SAME_CLOSE = 4

_MARKET = int(OrderType.MARKET)
_LIMIT = int(OrderType.LIMIT)
_STOP = int(OrderType.STOP)
_STOP_LIMIT = int(OrderType.STOP_LIMIT)
_TRAILING = int(OrderType.TRAILING_STOP)
_DAY = int(TimeInForce.DAY)
_GTC = int(TimeInForce.GTC)
_IOC = int(TimeInForce.IOC)
_FOK = int(TimeInForce.FOK)
_OPG = int(TimeInForce.OPG)
_CLS = int(TimeInForce.CLS)
_ENTRY = int(Intent.ENTRY)
_SUBMIT = int(CommandKind.SUBMIT)
_CANCEL = int(CommandKind.CANCEL)
_REPLACE = int(CommandKind.REPLACE)
_ACK = int(EventKind.ACK)
_FILL = int(EventKind.FILL)
_REJECT = int(EventKind.REJECT)
_CANCELLED = int(EventKind.CANCELLED)
_EXPIRED = int(EventKind.EXPIRED)
_REPLACED = int(EventKind.REPLACED)
_CANCEL_REFUSED = int(EventKind.CANCEL_REFUSED)
_SLIP_FIXED = int(Slippage.FIXED)
_SLIP_PROPORTIONAL = int(Slippage.PROPORTIONAL)
_SLIP_SPREAD = int(Slippage.HALF_SPREAD)
_TARGET_FIRST = int(PathRule.TARGET_FIRST)
_WORST = int(PathRule.WORST)
_BEST = int(PathRule.BEST)
_FULL = int(Refusal.ORDER_TABLE_FULL)


@kernel
def report(venue: int, kind: int, order_id: int, hint: int, instrument: int, ts_ns: int) -> Any:
    """Append a report to the ring and return its row for further fields."""
    top = venue_head(venue)
    row = row_at(venue + top.reports, top.report_tail, top.n_reports, EVENT)
    top.report_tail += 1
    if top.report_tail >= top.n_reports:
        top.report_tail = 0
    row.kind = kind
    row.instrument = instrument
    row.ts_ns = ts_ns
    row.now_ns = ts_ns
    row.interval_ns = 0
    row.open = 0.0
    row.high = 0.0
    row.low = 0.0
    row.close = 0.0
    row.volume = 0.0
    row.bid = 0.0
    row.ask = 0.0
    row.order = order_id
    row.code = 0
    row.money = 0
    row.extra = 0
    row.row = hint
    return row


@kernel
def _find(venue: int, instrument: int, order_id: int) -> int:
    row = book_at(venue, instrument).first
    while row >= 0 and venue_order_at(venue, row).id != order_id:
        row = venue_order_at(venue, row).next
    return row


@kernel
def _remove(venue: int, row: int) -> None:
    """Take an order out of its book and free its row."""
    top = venue_head(venue)
    order = venue_order_at(venue, row)
    book = book_at(venue, order.instrument)
    if book.first == row:
        book.first = order.next
    else:
        before = book.first
        while venue_order_at(venue, before).next != row:
            before = venue_order_at(venue, before).next
        venue_order_at(venue, before).next = order.next
    order.id = 0
    order.next = top.free_order
    top.free_order = row
    top.working -= 1
    book.band_known = 0


@kernel
def _drop(venue: int, row: int, kind: int, ts_ns: int) -> None:
    """End an order without a fill and report it; what waited for it ends with it."""
    order = venue_order_at(venue, row)
    order_id = order.id
    instrument = order.instrument
    report(venue, kind, order_id, order.row, instrument, ts_ns)
    _remove(venue, row)
    row = book_at(venue, instrument).first
    while row >= 0:
        waiting = venue_order_at(venue, row)
        if waiting.parent > 0 and _find(venue, instrument, waiting.parent) < 0:
            report(venue, _CANCELLED, waiting.id, waiting.row, instrument, ts_ns)
            _remove(venue, row)
            row = book_at(venue, instrument).first  # its own children, if any, may stand anywhere
        else:
            row = waiting.next


@kernel
def _append(venue: int, instrument: int) -> int:
    """Link a free row at the end of an instrument's book, so that orders keep their time priority."""
    top = venue_head(venue)
    row = top.free_order
    top.free_order = venue_order_at(venue, row).next
    top.working += 1
    venue_order_at(venue, row).next = -1
    book = book_at(venue, instrument)
    book.band_known = 0
    if book.first < 0:
        book.first = row
    else:
        last = book.first
        while venue_order_at(venue, last).next >= 0:
            last = venue_order_at(venue, last).next
        venue_order_at(venue, last).next = row
    return row


@kernel
def _submit(venue: int, command: Any) -> None:
    """Accept a new order, or reject it when the venue has no room."""
    top = venue_head(venue)
    top.newest = command.order
    if top.free_order < 0:
        top.overflow += 1
        report(venue, _REJECT, command.order, command.row, command.instrument, command.at_ns).code = _FULL
        return
    row = _append(venue, command.instrument)
    order = venue_order_at(venue, row)
    order.id = command.order
    order.row = command.row
    order.instrument = command.instrument
    order.side = command.side
    order.type = command.type
    order.tif = command.tif
    order.reduce_only = 0 if command.intent == _ENTRY else 1
    order.quantity = command.quantity
    order.filled = 0.0
    order.limit_price = command.limit_price
    order.stop_price = command.stop_price
    order.trail_amount = command.trail_amount
    order.trail_pct = command.trail_pct
    order.extreme = book_at(venue, command.instrument).last
    order.triggered = 0
    order.group = command.group
    order.parent = command.parent
    if command.parent > 0 and _find(venue, command.instrument, command.parent) < 0:
        order.parent = 0
    order.active_ns = command.at_ns + top.latency_ns
    order.cancel_ns = 0
    order.day = -1
    order.fee_charged = 0
    order.fee_paid = 0
    report(venue, _ACK, command.order, command.row, command.instrument, command.at_ns)


@kernel
def accept(venue: int, command: Any) -> None:
    """Take one command of the core."""
    if command.kind == _SUBMIT:
        _submit(venue, command)
        return
    row = _find(venue, command.instrument, command.order)
    latency = venue_head(venue).latency_ns
    if command.kind == _CANCEL:
        if row < 0:
            report(venue, _CANCEL_REFUSED, command.order, command.row, command.instrument, command.at_ns)
        elif latency == 0:
            _drop(venue, row, _CANCELLED, command.at_ns)
        else:
            venue_order_at(venue, row).cancel_ns = command.at_ns + latency
            book_at(venue, command.instrument).band_known = 0
    elif command.kind == _REPLACE:
        if row < 0:
            report(venue, _CANCEL_REFUSED, command.order, command.row, command.instrument, command.at_ns)
            return
        order = venue_order_at(venue, row)
        order.quantity = command.quantity
        order.stop_price = command.stop_price
        book_at(venue, command.instrument).band_known = 0
        report(venue, _REPLACED, command.order, command.row, command.instrument, command.at_ns)


@inlined
def _has_reports(venue: int) -> bool:
    top = venue_head(venue)
    return top.report_head != top.report_tail


@kernel
def next_report(venue: int, event: Any) -> bool:
    """Move the oldest report into ``event``; False when there is none."""
    top = venue_head(venue)
    if top.report_head == top.report_tail:
        return False
    row = row_at(venue + top.reports, top.report_head, top.n_reports, EVENT)
    top.report_head += 1
    if top.report_head >= top.n_reports:
        top.report_head = 0
    event.kind = row.kind
    event.instrument = row.instrument
    event.ts_ns = row.ts_ns
    event.now_ns = row.now_ns
    event.interval_ns = row.interval_ns
    event.open = row.open
    event.high = row.high
    event.low = row.low
    event.close = row.close
    event.volume = row.volume
    event.bid = row.bid
    event.ask = row.ask
    event.order = row.order
    event.code = row.code
    event.money = row.money
    event.extra = row.extra
    event.row = row.row
    return True


@kernel
def _slipped(book: Any, side: int, price: float, quantity: float) -> float:
    """Return a touched price made worse by the book's slippage, rounded away from us to the tick."""
    slip = 0.0
    if book.slippage == _SLIP_FIXED:
        slip = book.slippage_value
    elif book.slippage == _SLIP_PROPORTIONAL:
        # the share grows with size, by a tenth per thousand units, at most twofold
        slip = price * book.slippage_value / 100.0 * min(1.0 + quantity / 1000.0 * 0.1, 2.0)
    elif book.slippage == _SLIP_SPREAD:
        slip = book.slippage_value / 2.0
    if slip == 0.0:
        return price
    worse = price + side * slip
    if book.tick > 0.0:
        steps = worse / book.tick
        worse = grid_price(math.ceil(steps - 1e-9) if side > 0 else math.floor(steps + 1e-9), book.tick)
    return max(worse, book.tick)


@kernel
def _fee(book: Any, order: Any, quantity: float, price: float) -> int:
    """Return the commission of a fill, micros.

    An order as a whole pays the sum of its fills' commissions or the minimum, whichever is more.
    """
    if book.fee_unit == 0.0 and book.fee_pct == 0.0 and book.fee_minimum == 0.0:
        return 0
    fee = micros(quantity * book.fee_unit) + micros(quantity * price * book.multiplier * book.fee_pct / 100.0)
    order.fee_charged += fee
    due = max(order.fee_charged, micros(book.fee_minimum)) - order.fee_paid
    order.fee_paid += due
    return due


@kernel
def _settle_group(venue: int, group: int, filled_row: int, instrument: int, quantity: float, ts_ns: int) -> None:
    """One cancels other: reducers shrink by what a sibling filled, entries of a group end at its first fill."""
    book = book_at(venue, instrument)
    if group > 0:
        row = book.first
        while row >= 0:
            order = venue_order_at(venue, row)
            if row != filled_row and order.group == group:
                order.quantity = max(snap_quantity(order.quantity - quantity, book.lot), order.filled)
            row = order.next
    row = book.first
    while row >= 0:
        order = venue_order_at(venue, row)
        if row != filled_row and order.group == group and (group < 0 or order.quantity <= order.filled):
            _drop(venue, row, _CANCELLED, ts_ns)
            row = book.first
        else:
            row = order.next


@kernel
def _release_children(venue: int, instrument: int, parent: int, ts_ns: int) -> None:
    row = book_at(venue, instrument).first
    while row >= 0:
        order = venue_order_at(venue, row)
        if order.parent == parent:
            order.parent = 0
            order.active_ns = max(order.active_ns, ts_ns)
            order.extreme = book_at(venue, instrument).last
        row = order.next


@kernel
def _fill(venue: int, row: int, touched: float, phase: int, ts_ns: int, slips: bool) -> None:
    """Fill what the bar's volume allows of an order at a touched price, and report it."""
    order = venue_order_at(venue, row)
    instrument = order.instrument
    book = book_at(venue, instrument)
    most = order.quantity
    if order.type == _LIMIT:
        most = min(most, order.good_for)  # units bought in this stage may not reach their target in it
    left = snap_quantity(most - order.filled, book.lot)
    quantity = left
    if quantity <= 0.0:
        return
    if venue_head(venue).volume_cap > 0.0:
        quantity = min(left, floor_lot(book.available, book.lot))
        if quantity < left and (order.tif == _FOK or venue_head(venue).allow_partial == 0):
            quantity = 0.0
        if quantity <= 0.0:
            return
        book.available -= quantity
    price = _slipped(book, order.side, touched, quantity) if slips else touched
    book.last = touched
    order.filled = snap_quantity(order.filled + quantity, book.lot)
    row_report = report(venue, _FILL, order.id, order.row, instrument, ts_ns)
    row_report.close = price
    row_report.volume = quantity
    row_report.code = phase
    row_report.money = _fee(book, order, quantity, price)
    row_report.extra = micros(abs(price - touched) * quantity * book.multiplier)
    order_id = order.id
    if order.group != 0:
        _settle_group(venue, order.group, row, instrument, quantity, ts_ns)
    if order.filled >= order.quantity:
        _release_children(venue, instrument, order_id, ts_ns)
        _remove(venue, row)


@kernel
def _trail_level(book: Any, order: Any) -> float:
    """Return where a trailing stop stands, from the best price before this bar; a fixed stop may be its floor."""
    distance = order.trail_amount if order.trail_amount > 0.0 else order.extreme * order.trail_pct / 100.0
    level = order.extreme + distance if order.side > 0 else order.extreme - distance
    level = snap_price(level, book.tick)
    if order.stop_price > 0.0:
        level = min(level, order.stop_price) if order.side > 0 else max(level, order.stop_price)
    return level


@kernel
def _prepare(venue: int, row: int, begin_ns: int, day: int) -> bool:
    """Bring an order into a bar: late cancels and expiries end it; tell whether it may trade from the open on."""
    order = venue_order_at(venue, row)
    if order.cancel_ns > 0 and order.cancel_ns <= begin_ns:
        _drop(venue, row, _CANCELLED, begin_ns)
        return False
    if order.parent > 0 or order.active_ns > begin_ns:
        return False
    if order.day < 0:
        order.day = day
    if order.tif == _DAY and day > order.day:
        _drop(venue, row, _EXPIRED, begin_ns)
        return False
    return True


@kernel
def _at_open(venue: int, row: int, price: float, begin_ns: int, is_session_open: bool) -> None:
    """Match one order against the open: market orders fill, stops that were jumped over fill, limits fill better."""
    order = venue_order_at(venue, row)
    side = order.side
    if order.tif == _CLS or (order.tif == _OPG and not is_session_open):
        return
    kind = order.type
    if kind == _MARKET:
        _fill(venue, row, price, OPEN, begin_ns, True)
    elif kind == _LIMIT or (kind == _STOP_LIMIT and order.triggered == 1):
        if side * (order.limit_price - price) >= 0.0:
            _fill(venue, row, price, OPEN, begin_ns, False)
    elif kind == _STOP_LIMIT:
        if side * (price - order.stop_price) >= 0.0:
            order.triggered = 1
            if side * (order.limit_price - price) >= 0.0:
                _fill(venue, row, price, OPEN, begin_ns, False)
    else:
        level = order.stop_price if kind == _STOP else _trail_level(book_at(venue, order.instrument), order)
        if side * (price - level) >= 0.0:
            _fill(venue, row, price, OPEN, begin_ns, True)


@kernel
def _end_immediate(venue: int, order_id: int, instrument: int, ts_ns: int) -> None:
    """End what may not wait: IOC, FOK and OPG orders that did not fill in full at once."""
    row = _find(venue, instrument, order_id)
    if row >= 0:
        tif = venue_order_at(venue, row).tif
        if tif == _IOC or tif == _FOK or tif == _OPG:
            _drop(venue, row, _EXPIRED, ts_ns)


@kernel
def begin_bar(venue: int, instrument: int, volume: float, begin_ns: int, day: int, session: int) -> None:
    """Show a book a new bar: its volume, its trading day, and whether it opens (1) or closes (2) its session."""
    book = book_at(venue, instrument)
    book.available = volume * venue_head(venue).volume_cap
    book.opened_ns = begin_ns
    book.day = day
    book.session = session


@kernel
def begin_stage(venue: int, instrument: int) -> None:
    """Begin a stage of a bar: orders that arrive from now on wait for the next one."""
    book = book_at(venue, instrument)
    book.newest = venue_head(venue).newest
    book.tried = 0
    book.passes = 0
    book.seen = book.last
    row = book.first
    while row >= 0:
        order = venue_order_at(venue, row)
        order.good_for = order.quantity
        row = order.next


@kernel
def begin_open(venue: int, instrument: int, price: float) -> None:
    """Begin the stage in which orders meet the open."""
    begin_stage(venue, instrument)
    book_at(venue, instrument).last = price


@kernel
def _next_turn(venue: int, book: Any) -> int:
    """Return the row of the order whose turn it is in this pass, by rising number; -1 when all have had theirs."""
    row = book.first
    while row >= 0:
        order = venue_order_at(venue, row)
        if order.id > book.newest:
            return -1
        if order.id > book.tried:
            book.tried = order.id
            return row
        row = order.next
    return -1


@kernel
def meet_open(venue: int, instrument: int, price: float, begin_ns: int) -> bool:
    """Let orders meet the open of a bar until one has something to report; False when all have met it."""
    book = book_at(venue, instrument)
    is_session_open = book.session & 1 == 1
    row = _next_turn(venue, book)
    while row >= 0:
        order = venue_order_at(venue, row)
        order_id = order.id
        tradable = order.tif != _OPG or is_session_open
        if _prepare(venue, row, begin_ns, book.day):
            _at_open(venue, row, price, begin_ns, is_session_open)
            if tradable:
                _end_immediate(venue, order_id, instrument, begin_ns)
        if _has_reports(venue):
            return True
        row = _next_turn(venue, book)
    return False


@kernel
def _in_range(venue: int, row: int, seen: float, high: float, low: float, end_ns: int, stops: bool) -> None:
    """Match one order against the range of a bar: stops in one pass, limits in the other.

    An order accepted inside the bar may find the market past its price already; it fills at ``seen``, the last price
    before this pass, never at a price the bar does not hold.
    """
    order = venue_order_at(venue, row)
    side = order.side
    best = high if side > 0 else low  # where a stop of this side is reached
    kind = order.type
    if stops:
        if kind == _STOP or kind == _TRAILING:
            level = order.stop_price if kind == _STOP else _trail_level(book_at(venue, order.instrument), order)
            if side * (best - level) >= 0.0:
                _fill(venue, row, seen if side * (seen - level) > 0.0 else level, RANGE, end_ns, True)
        elif kind == _STOP_LIMIT and order.triggered == 0 and side * (best - order.stop_price) >= 0.0:
            order.triggered = 1
            reached = seen if side * (seen - order.stop_price) > 0.0 else order.stop_price
            if side * (order.limit_price - reached) >= 0.0:
                _fill(venue, row, reached, RANGE, end_ns, False)
            else:
                order.active_ns = end_ns  # the path after the trigger is unknown: it rests from the next bar on
    elif kind == _LIMIT or (kind == _STOP_LIMIT and order.triggered == 1):
        worst = low if side > 0 else high  # where a limit of this side is reached
        distance = side * (order.limit_price - worst)
        rule = venue_head(venue)
        through = rule.limit_through == 1 or rule.path_rule == _WORST
        if distance > 0.0 or (distance == 0.0 and not through):
            better = side * (order.limit_price - seen) > 0.0
            _fill(venue, row, seen if better else order.limit_price, RANGE, end_ns, False)


@kernel
def meet_range(venue: int, instrument: int, high: float, low: float, begin_ns: int, end_ns: int) -> bool:
    """Let orders meet the high and low of a bar, in two passes in the order the path rule states; as ``meet_open``."""
    book = book_at(venue, instrument)
    rule = venue_head(venue).path_rule
    stops = (rule != _TARGET_FIRST and rule != _BEST) == (book.passes == 0)
    while True:
        row = _next_turn(venue, book)
        if row < 0:
            if book.passes == 1:
                return False
            book.passes = 1
            book.tried = 0
            stops = not stops
            continue
        order = venue_order_at(venue, row)
        waits = order.parent > 0 or order.active_ns > begin_ns or order.tif == _CLS or order.tif == _OPG
        if not waits and order.type != _MARKET:
            _in_range(venue, row, book.seen, high, low, end_ns, stops)
            if _has_reports(venue):
                return True


@kernel
def _move_trails(venue: int, book: Any, high: float, low: float) -> None:
    """Let trailing stops take in the best price of a bar that is over."""
    row = book.first
    while row >= 0:
        order = venue_order_at(venue, row)
        if order.type == _TRAILING and order.parent == 0 and order.id <= book.newest:
            order.extreme = min(order.extreme, low) if order.side > 0 else max(order.extreme, high)
        row = order.next


@kernel
def meet_newborn(venue: int, instrument: int, high: float, low: float, end_ns: int) -> bool:
    """Match protection that was born inside this very bar: its stop may fill, its target waits for the next bar.

    With the path rule BEST the target may fill and the stop waits. Pauses as ``meet_open`` does; at the end trailing
    stops take in the bar, and the orders of the close have their turn.
    """
    book = book_at(venue, instrument)
    top = venue_head(venue)
    stops = top.path_rule != _BEST
    row = _next_turn(venue, book) if book.passes == 0 else -1
    while row >= 0:
        order = venue_order_at(venue, row)
        born = order.parent == 0 and order.active_ns == end_ns and top.latency_ns == 0
        if born and order.reduce_only == 1 and order.type != _MARKET:
            _in_range(venue, row, book.seen, high, low, end_ns, stops)
            if _has_reports(venue):
                return True
        row = _next_turn(venue, book)
    if book.passes == 0:
        _move_trails(venue, book, high, low)
        book.passes = 1
        book.tried = 0
    return False


@kernel
def _at_close(venue: int, row: int, close: float, end_ns: int, is_session_close: bool) -> None:
    """Match one order against the close: late cancels end it, CLS and market orders fill."""
    order = venue_order_at(venue, row)
    order_id = order.id
    instrument = order.instrument
    if order.cancel_ns > 0 and order.cancel_ns <= end_ns:
        _drop(venue, row, _CANCELLED, order.cancel_ns)
    elif order.parent > 0 or order.active_ns > end_ns:
        return
    elif order.tif == _CLS:
        if is_session_close:
            if order.type != _LIMIT or order.side * (order.limit_price - close) >= 0.0:
                _fill(venue, row, close, CLOSE, end_ns, order.type == _MARKET)
            row = _find(venue, instrument, order_id)
            if row >= 0:
                _drop(venue, row, _EXPIRED, end_ns)
    elif order.type == _MARKET and order.tif != _OPG:
        _fill(venue, row, close, CLOSE, end_ns, True)
        _end_immediate(venue, order_id, instrument, end_ns)


@kernel
def meet_close(venue: int, instrument: int, close: float, end_ns: int) -> bool:
    """Match what fills at a bar's close: CLS orders at the session's end, market orders that arrived inside the bar.

    Pauses as ``meet_open`` does.
    """
    book = book_at(venue, instrument)
    if book.tried == 0:
        book.last = close
    row = _next_turn(venue, book)
    while row >= 0:
        _at_close(venue, row, close, end_ns, book.session >= 2)
        if _has_reports(venue):
            return True
        row = _next_turn(venue, book)
    return False


@kernel
def split_orders(venue: int, instrument: int, ratio: float) -> None:
    """Restate the working orders of an instrument after a split: quantities times, prices divided by the ratio.

    Quantities are rounded down to the lot, as positions are; an order of which nothing is left is cancelled.
    """
    book = book_at(venue, instrument)
    book.band_known = 0
    book.last /= ratio
    row = book.first
    while row >= 0:
        order = venue_order_at(venue, row)
        order.quantity = floor_lot(order.quantity * ratio, book.lot)
        order.filled = floor_lot(order.filled * ratio, book.lot)
        order.limit_price /= ratio
        order.stop_price /= ratio
        order.trail_amount /= ratio
        order.extreme /= ratio
        row = order.next
    row = book.first
    while row >= 0:
        order = venue_order_at(venue, row)
        if order.quantity <= order.filled:
            _drop(venue, row, _CANCELLED, order.active_ns)
            row = book.first
        else:
            row = order.next


@kernel
def _find_band(venue: int, instrument: int, begin_ns: int) -> None:
    """Find the prices between which no order of a book can trade; none where an order waits for time, not price."""
    book = book_at(venue, instrument)
    book.band_known = 1
    low = -math.inf
    high = math.inf
    row = book.first
    while row >= 0:
        order = venue_order_at(venue, row)
        resting = order.type == _LIMIT or order.type == _STOP
        timed = order.tif != _GTC or order.cancel_ns > 0 or order.active_ns > begin_ns
        if order.parent == 0 and (timed or not resting):
            low = math.inf
            if order.active_ns > begin_ns:
                book.band_known = 0  # it will be active soon: look again at the next bar
        elif order.parent == 0:
            price = order.limit_price if order.type == _LIMIT else order.stop_price
            reached_above = (order.side > 0) == (order.type == _STOP)
            if reached_above and price < high:
                high = price
            if not reached_above and price > low:
                low = price
        row = order.next
    book.band_low = low
    book.band_high = high


@kernel
def untouched(venue: int, instrument: int, high: float, low: float, begin_ns: int) -> bool:
    """Tell whether a bar leaves every order of a book alone."""
    book = book_at(venue, instrument)
    if book.first < 0:
        return True
    if book.band_known == 0:
        _find_band(venue, instrument, begin_ns)
    return low > book.band_low and high < book.band_high


@kernel
def first_touched(venue: int, instrument: int, stream: Any, at: int, limit: int) -> int:
    """Return the first row in [at, limit) whose bar may touch an order of the book, or ``limit``."""
    while at < limit:
        high = float_at(stream.high, at)
        low = float_at(stream.low, at)
        if not untouched(venue, instrument, high, low, int_at(stream.ts, at)):
            return at
        at += 1
    return at
