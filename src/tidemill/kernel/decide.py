"""From a strategy's wish to an order: intent, size, rules, order row. Every hand that trades comes through here."""

from __future__ import annotations

import math
from typing import Any

from tidemill.kernel.access import account_of, head, instrument_at, order_at, proposal_at, slot_at, strategy_at
from tidemill.kernel.compile import kernel
from tidemill.kernel.exits import cancel_entries, close_position
from tidemill.kernel.gate import hold, tell
from tidemill.kernel.memory import call2, int_at
from tidemill.kernel.money import micros, rate_of, snap_price, snap_quantity
from tidemill.kernel.orders import enlist, send
from tidemill.kernel.refusals import refuse
from tidemill.kernel.sizing import position_cap, size_entry, target_units, unit_cost
from tidemill.model.enums import CommandKind, EventKind, Intent, OrderType, Reason, Rebalance, Refusal

__all__ = ["ask_rules", "check_shape", "decide", "place", "rebalance_due", "rebalance_slot", "snap_price"]

_INTENT = int(EventKind.INTENT)
_NOTIFY = int(CommandKind.NOTIFY)
_ENTRY = int(Intent.ENTRY)
_EXIT = int(Intent.EXIT)
_MARKET = int(OrderType.MARKET)
_LIMIT = int(OrderType.LIMIT)
_STOP = int(OrderType.STOP)
_STOP_LIMIT = int(OrderType.STOP_LIMIT)
_TRAILING = int(OrderType.TRAILING_STOP)
_NO_PRICE = int(Refusal.NO_PRICE)
_BAD_QUANTITY = int(Refusal.BAD_QUANTITY)
_NOTHING = int(Refusal.NOTHING_TO_CLOSE)
_PENDING = int(Refusal.ORDER_PENDING)
_BAD_STOP = int(Refusal.BAD_STOP)
_BAD_TARGET = int(Refusal.BAD_TARGET)
_FULL = int(Refusal.ORDER_TABLE_FULL)
_WARMING_UP = int(Refusal.WARMING_UP)
_SIGNAL_ONLY = int(Refusal.SIGNAL_ONLY)
_REBALANCING = int(Reason.REBALANCE)
_REVERSE = int(Reason.REVERSE)
_DAILY = int(Rebalance.DAILY)
_WEEKLY = int(Rebalance.WEEKLY)
_ON_SIGNAL = int(Rebalance.ON_SIGNAL)


@kernel
def _complete(state: int, ticket: Any, last: float) -> None:
    """Fill a ticket's open fields from the strategy's settings: order type, offset, time in force, expected price."""
    slot = slot_at(state, ticket.slot)
    settings = strategy_at(state, slot.strategy)
    tick = instrument_at(state, slot.instrument).tick
    if ticket.tif < 0:
        ticket.tif = settings.entry_tif
    if ticket.type < 0:
        ticket.type = settings.entry_type
        offset = ticket.side * settings.limit_offset_pct / 100.0
        if ticket.type == _LIMIT:
            ticket.limit_price = last * (1.0 + offset)
        elif ticket.type == _STOP or ticket.type == _STOP_LIMIT:
            ticket.stop_price = last * (1.0 + abs(settings.limit_offset_pct) * ticket.side / 100.0)
            if ticket.type == _STOP_LIMIT:
                ticket.limit_price = ticket.stop_price
        elif ticket.type == _TRAILING:
            ticket.trail_amount = settings.trailing_amount
            ticket.trail_pct = settings.trailing_pct
    ticket.limit_price = snap_price(ticket.limit_price, tick)
    ticket.stop_price = snap_price(ticket.stop_price, tick)
    ticket.stop_loss = snap_price(ticket.stop_loss, tick)
    ticket.take_profit = snap_price(ticket.take_profit, tick)
    price = last
    if ticket.type == _LIMIT or ticket.type == _STOP_LIMIT:
        price = ticket.limit_price
    elif ticket.type == _STOP:
        price = ticket.stop_price
    ticket.price = price


@kernel
def check_shape(ticket: Any) -> int:
    """Refuse what no rule may let pass: no price, no quantity, protection on the wrong side."""
    if not (ticket.price > 0.0):
        return _NO_PRICE
    if not (ticket.quantity > 0.0):
        return _BAD_QUANTITY
    side = ticket.side
    if ticket.stop_loss > 0.0 and not (side * (ticket.price - ticket.stop_loss) > 0.0):
        return _BAD_STOP
    if ticket.take_profit > 0.0 and not (side * (ticket.take_profit - ticket.price) > 0.0):
        return _BAD_TARGET
    return 0


@kernel
def ask_rules(state: int, code: int, index: int) -> int:
    """Ask the guard, which asks every rule in order; the first refusal stands. Address 0: no rules."""
    guard = int_at(code, 1)
    return call2(guard, state, index) if guard != 0 else 0


@kernel
def _place_entry(state: int, ticket: Any) -> int:
    """Turn an accepted ticket into an order that reserves its buying power; return its row, -1 if the table is full."""
    slot = slot_at(state, ticket.slot)
    settings = strategy_at(state, slot.strategy)
    row = enlist(state, ticket.slot, ticket.side, _ENTRY, ticket.type, ticket.tif, ticket.reason, ticket.quantity)
    if row < 0:
        return row
    order = order_at(state, row)
    order.limit_price = ticket.limit_price
    order.stop_price = ticket.stop_price
    order.stop_loss = ticket.stop_loss
    order.take_profit = ticket.take_profit
    order.trail_amount = ticket.trail_amount
    order.trail_pct = ticket.trail_pct
    order.confidence = ticket.confidence
    order.position_before = slot.quantity
    reserve = micros(ticket.quantity * unit_cost(state, slot.instrument, settings, ticket.price))
    order.reserved = reserve
    account_of(state, settings.account).reserved += reserve
    if slot.quantity == 0.0 and slot.entry_order < 0:
        order.counts = 1
        settings.pending_entries += 1
    slot.entry_order = row
    ticket.order_id = order.id
    return row


@kernel
def _reverse(state: int, ticket: Any) -> int:
    """Send the exit of an opposite position and return its order number, 0 when there is none to send."""
    slot = slot_at(state, ticket.slot)
    if slot.quantity * ticket.side >= 0.0:
        return 0
    close_position(state, ticket.slot, 0.0, _REVERSE)
    return order_at(state, slot.exit_order).id if slot.exit_order >= 0 else -1


@kernel
def _enter(state: int, tape: int, code: int, index: int) -> None:
    """Size an entry, ask the rules, place it."""
    ticket = proposal_at(state, index)
    slot = slot_at(state, ticket.slot)
    settings = strategy_at(state, slot.strategy)
    ins = instrument_at(state, slot.instrument)
    if (
        settings.rebalance == _ON_SIGNAL
        and slot.quantity * ticket.side > 0.0
        and slot.entry_order < 0
        and slot.exit_order < 0
    ):
        rebalance_slot(state, tape, code, ticket.slot)
        return
    _complete(state, ticket, ins.last)
    if ticket.quantity > 0.0:
        ticket.quantity = snap_quantity(ticket.quantity, ins.lot)
    elif ticket.price > 0.0:
        ticket.quantity = size_entry(state, ticket.slot, ticket.side, ticket.price, ticket.stop_loss)
    refusal = check_shape(ticket)
    if not (rate_of(state, slot.instrument) > 0.0):
        refusal = _NO_PRICE
    if slot.bars_seen <= settings.warmup_bars and settings.warmup_bars > 0:
        refusal = _WARMING_UP
    if refusal == 0:
        refusal = ask_rules(state, code, index)
    if refusal != 0:
        refuse(state, tape, ticket, refusal)
    elif settings.holds == 1 and head(state).event.kind != _INTENT:
        _hold(state, tape, ticket, settings)
    else:
        place(state, tape, ticket)


@kernel
def _hold(state: int, tape: int, ticket: Any, settings: Any) -> None:
    """Keep back an accepted entry of a strategy that only gives signals, or whose gate is to be asked."""
    refusal = hold(state, tape, ticket, settings)
    if refusal != 0:
        refuse(state, tape, ticket, refusal)


@kernel
def place(state: int, tape: int, ticket: Any) -> None:
    """Send an accepted entry; the exit of an opposite position goes first."""
    slot = slot_at(state, ticket.slot)
    released_by = _reverse(state, ticket)
    row = _place_entry(state, ticket) if released_by >= 0 else -1
    if row < 0:
        refuse(state, tape, ticket, _PENDING if released_by < 0 else _FULL)
        return
    order = order_at(state, row)
    order.parent = released_by
    if ticket.parent > 0:
        order.parent = proposal_at(state, slot.tickets).order_id
    if ticket.group > 0 and proposal_at(state, slot.tickets).order_id > 0:
        order.group = (
            -1 - proposal_at(state, slot.tickets).order_id
        )  # negative: entries; reducers use the slot's number + 1
    send(state, row)


@kernel
def _exit(state: int, tape: int, ticket: Any) -> None:
    """Close or reduce a position; only a missing position or an exit on its way can stop it."""
    slot = slot_at(state, ticket.slot)
    settings = strategy_at(state, slot.strategy)
    is_signal = settings.signals_only == 1 and head(state).event.kind != _INTENT
    if slot.quantity == 0.0:
        if slot.entry_order >= 0 and not is_signal:
            cancel_entries(state, ticket.slot)
        else:
            refuse(state, tape, ticket, _NOTHING)
        return
    if slot.exit_order >= 0:
        refuse(state, tape, ticket, _PENDING)
        return
    if is_signal:
        ticket.price = instrument_at(state, slot.instrument).last
        tell(state, _NOTIFY, 0, ticket)
        refuse(state, tape, ticket, _SIGNAL_ONLY)
        return
    if ticket.type != _LIMIT:
        close_position(state, ticket.slot, ticket.quantity, ticket.reason)
        return
    size = abs(slot.quantity)
    lot = instrument_at(state, slot.instrument).lot
    quantity = size if ticket.quantity <= 0.0 else min(max(snap_quantity(ticket.quantity, lot), lot), size)
    row = enlist(state, ticket.slot, ticket.side, _EXIT, _LIMIT, max(ticket.tif, 0), ticket.reason, quantity)
    if row < 0:
        refuse(state, tape, ticket, _FULL)
        return
    order = order_at(state, row)
    order.limit_price = snap_price(ticket.limit_price, instrument_at(state, slot.instrument).tick)
    order.group = ticket.slot + 1
    slot.exit_order = row
    send(state, row)


@kernel
def decide(state: int, tape: int, code: int, index: int) -> None:
    """Turn one ticket into orders, or into a refusal with its reason."""
    ticket = proposal_at(state, index)
    if ticket.intent == _EXIT:
        _exit(state, tape, ticket)
    else:
        _enter(state, tape, code, index)


@kernel
def rebalance_due(state: int, slot: Any, settings: Any) -> bool:
    """Tell whether a new day (or week, from its first bar on) asks for a rebalance."""
    day = head(state).day
    if settings.rebalance == _DAILY:
        due = day != slot.rebalance_day
    elif settings.rebalance == _WEEKLY:
        due = (day + 3) // 7 != (slot.rebalance_day + 3) // 7
    else:
        return False
    slot.rebalance_day = day
    return due


@kernel
def rebalance_slot(state: int, tape: int, code: int, index: int) -> None:
    """Bring an open position back to its target size: sell what is too much, propose what is missing."""
    slot = slot_at(state, index)
    ins = instrument_at(state, slot.instrument)
    settings = strategy_at(state, slot.strategy)
    if slot.quantity == 0.0 or slot.entry_order >= 0 or slot.exit_order >= 0 or settings.signals_only == 1:
        return
    size = abs(slot.quantity)
    target = min(target_units(state, index, ins.last, slot.stop_price), position_cap(state, index, ins.last))
    missing = target - size
    if missing <= -ins.lot:
        close_position(state, index, math.floor(-missing / ins.lot + 1e-9) * ins.lot, _REBALANCING)
    elif missing >= ins.lot:
        ticket = proposal_at(state, slot.tickets)
        ticket.side = 1 if slot.quantity > 0.0 else -1
        ticket.intent = _ENTRY
        ticket.type = _MARKET
        ticket.tif = -1
        ticket.reason = _REBALANCING
        ticket.quantity = math.floor(missing / ins.lot + 1e-9) * ins.lot
        ticket.stop_loss = slot.stop_price
        ticket.take_profit = slot.target_price
        ticket.add = 1
        ticket.confidence = 0.0
        _complete(state, ticket, ins.last)
        ticket.stop_loss = slot.stop_price
        refusal = check_shape(ticket)
        if refusal == 0:
            refusal = ask_rules(state, code, slot.tickets)
        if refusal != 0:
            refuse(state, tape, ticket, refusal)
            return
        if settings.holds == 1:
            _hold(state, tape, ticket, settings)
            return
        row = _place_entry(state, ticket)
        if row >= 0:
            send(state, row)
