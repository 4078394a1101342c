"""``advance``: the only place where a decision is made. State and event in, commands out, nothing else.

The compiled loop of a backtest and the live socket call this same function; a replayed tape gives the same commands.

Layout of ``code`` (int64): [0] address of ``advance`` itself, [1] address of the guard (0: no rules), then one step
address per strategy.
"""

from __future__ import annotations

from typing import Any

from tidemill.kernel.access import (
    account_of,
    calendar_at,
    head,
    instrument_at,
    proposal_at,
    session_at,
    slot_at,
    strategy_at,
    tape_head,
)
from tidemill.kernel.adjust import on_adjust
from tidemill.kernel.clock import day_of, local_ns, session_of
from tidemill.kernel.compile import entry, inlined, kernel
from tidemill.kernel.days import roll_day
from tidemill.kernel.decide import decide, rebalance_due, rebalance_slot
from tidemill.kernel.events import on_fill, on_intent, on_report, on_split
from tidemill.kernel.exits import (
    average_price,
    close_position,
    timed_exits,
)
from tidemill.kernel.ledger import apply_dividend, mark_bar
from tidemill.kernel.memory import call4, int_at
from tidemill.kernel.outside import on_account, on_link, on_operator, on_timer
from tidemill.kernel.verdict import on_verdict
from tidemill.model.enums import EventKind, Reason

__all__ = ["advance"]

_BAR = int(EventKind.BAR)
_QUOTE = int(EventKind.QUOTE)
_TRADE = int(EventKind.TRADE)
_FILL = int(EventKind.FILL)
_INTENT = int(EventKind.INTENT)
_ACK = int(EventKind.ACK)
_REJECT = int(EventKind.REJECT)
_CANCELLED = int(EventKind.CANCELLED)
_EXPIRED = int(EventKind.EXPIRED)
_REPLACED = int(EventKind.REPLACED)
_OPERATOR = int(EventKind.OPERATOR)
_ADJUST = int(EventKind.ADJUST)
_VERDICT = int(EventKind.VERDICT)
_TIMER = int(EventKind.TIMER)
_LINK = int(EventKind.LINK)
_ACCOUNT = int(EventKind.ACCOUNT_SNAPSHOT)
_SPLIT = int(EventKind.SPLIT)
_DIVIDEND = int(EventKind.DIVIDEND)
_UNKNOWN = int(EventKind.UNKNOWN)
_ABSENT = int(EventKind.ABSENT)
_CANCEL_REFUSED = int(EventKind.CANCEL_REFUSED)
_DAILY_LOSS = int(Reason.DAILY_LOSS)


@kernel
def _set_clock(state: int, instrument: int) -> None:
    """Compute the local clock of the bar in hand, for strategies that read it."""
    top = head(state)
    calendar = instrument_at(state, instrument).calendar
    begin = top.event.ts_ns
    cal = calendar_at(state, calendar)
    clock = top.clock
    clock.now_ns = top.now_ns
    clock.day = day_of(state, calendar, begin)
    local = local_ns(state, cal.zone, cal.zone_rows, cal.zone_at, begin)
    clock.minute = (local // 60_000_000_000) % 1440
    clock.session = session_of(state, calendar, begin)
    clock.open_ns = 0
    clock.close_ns = 0
    if cal.session_rows > 0 and cal.session_at < cal.session_rows:
        session = session_at(state, cal.session + cal.session_at)
        clock.open_ns = session.open_ns
        clock.close_ns = session.close_ns


@kernel
def _daily_loss_hit(state: int, settings: Any) -> bool:
    """Tell whether a strategy's result since the start of the day has reached a loss limit; a profit never does."""
    lost = settings.day_start_result - settings.cash - settings.market
    if lost <= 0:
        return False
    if settings.daily_loss_amount > 0 and lost >= settings.daily_loss_amount:
        return True
    base = account_of(state, settings.account).day_start_equity
    return settings.daily_loss_pct > 0.0 and lost >= base * settings.daily_loss_pct / 100.0


@kernel
def _watch_position(state: int, tape: int, code: int, index: int, slot: Any, settings: Any) -> None:
    """Let time, session, loss limits and rebalancing act on an open position."""
    if settings.max_bars_held > 0 or settings.flat_before_close_ns > 0:
        timed_exits(state, index, head(state).event.interval_ns)
    if settings.daily_loss_flatten == 1 and _daily_loss_hit(state, settings):
        close_position(state, index, 0.0, _DAILY_LOSS)
    if settings.rebalance > 0 and rebalance_due(state, slot, settings):
        rebalance_slot(state, tape, code, index)


@kernel
def _write_book(state: int, ticket: Any, slot: Any, settings: Any) -> None:
    """Write the slower facts a step may read: average entry price, bars held, account equity."""
    account = account_of(state, settings.account)
    ticket.equity = (account.cash + account.market) / 1_000_000.0
    ticket.bars_held = 0
    ticket.average = 0.0
    if slot.quantity != 0.0:
        ticket.bars_held = slot.bars_seen - slot.entry_bar
        ticket.average = average_price(slot)


@inlined
def _is_looked_at(state: int, check_ns: int) -> bool:
    """Tell whether a look comes before the bar in hand is followed by the next: it is the newest one then."""
    event = head(state).event
    return (-event.now_ns) % check_ns < event.interval_ns


@inlined
def _call_step(state: int, tape: int, code: int, index: int, slot: Any, settings: Any) -> None:
    """Hand a bar to a strategy's step, unless it has run ahead to it already, and decide what it proposes."""
    first = slot.tickets
    if slot.stepped == 0:
        for number in range(first, first + settings.tickets):
            ticket = proposal_at(state, number)
            ticket.side = 0
            ticket.held = slot.quantity
            ticket.traded = 1 if slot.peak_quantity > 0.0 else 0
            ticket.pending = 0 if slot.entry_order < 0 and slot.exit_order < 0 else 1
            if settings.uses_book == 1:
                _write_book(state, ticket, slot, settings)
        if settings.uses_clock == 1:
            _set_clock(state, slot.instrument)
        call4(int_at(code, 2 + slot.strategy), state, index, 0, 0)
    slot.stepped = 0
    if settings.check_ns != 0 and not _is_looked_at(state, settings.check_ns):
        return
    for number in range(first, first + settings.tickets):
        if proposal_at(state, number).side != 0:
            decide(state, tape, code, number)


@inlined
def _on_bar(state: int, tape: int, code: int) -> None:
    """Take a closed bar: mark, exits that time demands, then each strategy's step."""
    top = head(state)
    event = top.event
    ins = instrument_at(state, event.instrument)
    ins.last = event.close
    ins.last_ns = event.now_ns
    first = ins.first_slot
    for index in range(first, first + ins.slot_count):
        slot = slot_at(state, index)
        settings = strategy_at(state, slot.strategy)
        if slot.quantity != 0.0:
            if ins.interval_ns == 0 or event.interval_ns == ins.interval_ns:
                mark_bar(state, index, slot, settings, event.high, event.low, event.close)
            if settings.watches == 1:
                _watch_position(state, tape, code, index, slot, settings)
        if settings.interval_ns == 0 or settings.interval_ns == event.interval_ns:
            slot.bars_seen += 1
            _call_step(state, tape, code, index, slot, settings)


@inlined
def _turn(state: int, tape: int, code: int) -> None:
    """Take the event in the state's header, decide, and leave the commands of this turn in the command table."""
    top = head(state)
    event = top.event
    top.command_count = 0
    top.seq += 1
    if event.now_ns > top.now_ns:
        top.now_ns = event.now_ns
    kind = event.kind
    instant = event.ts_ns
    late = (kind >= _ACK and kind <= _EXPIRED) or kind == _REPLACED or kind == _CANCEL_REFUSED
    if late and not (kind == _FILL and event.code == 1):
        instant -= 1  # stamped at its bar's end, which may be the first instant of the next day
    if instant >= top.next_roll_ns or tape_head(tape).day_count == 0:
        roll_day(state, tape, instant)
    if kind == _BAR:
        _on_bar(state, tape, code)
    elif kind == _FILL:
        on_fill(state, tape)
    elif kind == _ACK or kind == _REJECT or kind == _CANCELLED or kind == _EXPIRED or kind == _REPLACED:
        on_report(state, tape, kind)
    elif kind == _UNKNOWN or kind == _ABSENT or kind == _CANCEL_REFUSED:
        on_report(state, tape, kind)
    elif kind == _QUOTE:
        ins = instrument_at(state, event.instrument)
        ins.bid = event.bid
        ins.ask = event.ask
    elif kind == _TRADE:
        ins = instrument_at(state, event.instrument)
        ins.last = event.close
        ins.last_ns = event.now_ns
    elif kind == _INTENT:
        on_intent(state, tape, code)
    elif kind == _OPERATOR:
        on_operator(state, event.code)
    elif kind == _ADJUST:
        on_adjust(state, tape)
    elif kind == _VERDICT:
        on_verdict(state, tape, code)
    elif kind == _TIMER:
        on_timer(state, tape, event.code)
    elif kind == _LINK:
        on_link(state, event.code)
    elif kind == _ACCOUNT:
        on_account(state, event.money)
    elif kind == _SPLIT:
        on_split(state, tape)
    elif kind == _DIVIDEND:
        apply_dividend(state, tape, event.instrument, event.close)


def _advance(state: int, tape: int, code: int) -> int:
    """Take one turn; the C function behind its address."""
    _turn(state, tape, code)
    return 0


advance = entry(_advance, arguments=3)
