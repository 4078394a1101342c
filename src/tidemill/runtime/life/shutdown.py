"""A clean stop: no new entries, working entries cancelled at a real broker, requests on their way waited for.

Correctness depends on none of it: a killed run is put right by its next start. A clean stop only leaves less to do. A
simulated exchange keeps its orders in the run's own record, so nothing is cancelled there, and a stopped run goes on
exactly as a killed one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from tidemill.model.enums import Intent, OrderState
from tidemill.ports.seams import Clock
from tidemill.runtime.orders.book import OrderBook
from tidemill.runtime.orders.present import Present
from tidemill.runtime.words.words import CancelWord

__all__ = ["Drainable", "drain"]

_DEADLINE_S = 10.0
_LOOK_S = 0.05
_ON_ITS_WAY = (OrderState.SENDING, OrderState.CANCEL_PENDING, OrderState.REPLACE_PENDING)


class Drainable(Protocol):
    """A run, as far as it is brought to rest."""

    terms: Any
    parts: Any
    book: OrderBook
    present: Present
    desk: Any

    def alert(self, severity: int, kind: str, text: str) -> None:
        """Write down what a person should know."""


async def drain(run: Drainable, *, cancels: bool = True, deadline_s: float = _DEADLINE_S) -> bool:
    """Bring a serving run to rest before it is stopped.

    Args:
        run: goes on taking events meanwhile.
        cancels: working entries are cancelled; exits and protection stay in any case.
        deadline_s: how long requests on their way are waited for; what is unresolved then stays UNKNOWN.

    Returns:
        Whether nothing was on its way any more.
    """
    if run.parts.exchange is not None:
        return True
    for item in run.terms.instruments:
        run.present.health.blocked.setdefault(item.symbol, "the engine is shutting down")
    for order in list(run.book.open_orders()) if cancels else []:
        if order.request.intent is Intent.ENTRY and order.state is not OrderState.UNKNOWN:
            run.parts.inbox.operator(CancelWord(order.request.client_id, "shutdown"))
    if await _wait(run.parts.clock, lambda: _is_at_rest(run), deadline_s):
        return True
    names = ", ".join(order.request.client_id for order in run.book.open_orders() if order.state in _ON_ITS_WAY)
    run.alert(1, "shutdown", f"Stopped while requests were on their way: {names}; the next start asks the broker.")
    return False


def _is_at_rest(run: Drainable) -> bool:
    if run.desk.waiting or run.parts.inbox.has_urgent:
        return False
    return not any(order.state in _ON_ITS_WAY and not order.is_held for order in run.book.open_orders())


async def _wait(clock: Clock, is_done: Callable[[], bool], deadline_s: float) -> bool:
    until = clock.monotonic_ns() + int(deadline_s * 1e9)
    while not is_done():
        if clock.monotonic_ns() >= until:
            return False
        await clock.sleep(_LOOK_S)
    return True
