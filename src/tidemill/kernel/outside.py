"""Words from outside that are no market data and no order report: people, the link, the account, the clock.

No rule is asked about any of them, and all of them can be said twice.
"""

from __future__ import annotations

from tidemill.kernel.access import account_of, head, instrument_at, order_at, slot_at, strategy_at
from tidemill.kernel.compile import kernel
from tidemill.kernel.exits import protect, session_exit
from tidemill.kernel.gate import lapse
from tidemill.kernel.lost import flatten, forget_losses
from tidemill.kernel.orders import find_order, request_cancel
from tidemill.kernel.protecting import set_protection
from tidemill.model.enums import Intent, Link, Operator, Reason, Timer

__all__ = ["on_account", "on_link", "on_operator", "on_timer"]

_ENTRY = int(Intent.ENTRY)
_HALT = int(Operator.HALT)
_RESUME = int(Operator.RESUME)
_CANCEL_ALL = int(Operator.CANCEL_ALL)
_FLATTEN = int(Operator.FLATTEN)
_CANCEL_ORDER = int(Operator.CANCEL_ORDER)
_MUTE = int(Operator.MUTE)
_UNMUTE = int(Operator.UNMUTE)
_PAUSE = int(Operator.PAUSE)
_GO_ON = int(Operator.GO_ON)
_PROTECT = int(Operator.PROTECT)
_MANUAL = int(Reason.MANUAL)
_UP = int(Link.UP)
_LAPSE = int(Timer.LAPSE)
_SESSION_END = int(Timer.SESSION_END)


@kernel
def _cancel_entries(state: int) -> None:
    """Ask for the cancellation of every working entry."""
    for row in range(head(state).n_orders):
        order = order_at(state, row)
        if order.id > 0 and order.intent == _ENTRY:
            request_cancel(state, row)


@kernel
def _resume(state: int) -> None:
    """Let entries pass again, close no more, and protect again what had been left alone."""
    head(state).halted = 0
    for index in range(head(state).n_slots):
        slot = slot_at(state, index)
        slot.closing = 0
        if slot.stop_rejects > 1 or slot.stop_cancels > 1 or slot.target_losses > 1:
            forget_losses(slot)
            protect(state, index)


@kernel
def on_operator(state: int, code: int) -> None:
    """Obey an operator: halt, resume, cancel, flatten, mute, pause, protect. No rule is ever asked."""
    top = head(state)
    if code == _HALT or code == _CANCEL_ALL or code == _FLATTEN:
        top.halted = 1
    if code == _CANCEL_ALL or code == _FLATTEN:
        _cancel_entries(state)
    if code == _FLATTEN:
        for index in range(top.n_slots):
            flatten(state, index, _MANUAL)
    elif code == _RESUME:
        _resume(state)
    elif code == _CANCEL_ORDER:
        row = find_order(state, top.event.order, -1)
        if row >= 0 and top.event.order > 0:
            request_cancel(state, row)
    elif code == _MUTE or code == _UNMUTE:
        top.muted = 1 if code == _MUTE else 0
    elif code == _PAUSE or code == _GO_ON:
        top.paused = 1 if code == _PAUSE else 0
    elif code == _PROTECT:
        set_protection(state)


@kernel
def on_link(state: int, code: int) -> None:
    """Note whether the outside can be reached; whatever is not plainly up counts as down."""
    head(state).link_down = 0 if code == _UP else 1


@kernel
def on_account(state: int, power: int) -> None:
    """Note the buying power the broker grants; what is open and reserved now has been taken off it already."""
    account = account_of(state, 0)
    account.ceiling = max(power + account.blocked + account.reserved, 1) if power >= 0 else 0


@kernel
def on_timer(state: int, tape: int, code: int) -> None:
    """Do what time alone demands when no bar comes: let proposals lapse, close what must not be held over the close."""
    if code == _LAPSE:
        lapse(state, tape)
    elif code == _SESSION_END:
        for index in range(head(state).n_slots):
            slot = slot_at(state, index)
            settings = strategy_at(state, slot.strategy)
            if slot.quantity != 0.0 and settings.flat_before_close_ns > 0:
                session_exit(state, index, instrument_at(state, slot.instrument).interval_ns)
