"""Asking the broker, all the time: its stream is a hint that comes fast, its lists are the truth.

Orders are asked for every 5 s while anything is under way and every 15 s otherwise, positions every 30 s, inside a
budget that leaves three tenths of the broker's quota to cancels and exits.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from tidemill.kernel.transitions import is_final
from tidemill.model.bars import MINUTE_NS, SECOND_NS
from tidemill.model.broker import AccountFacts
from tidemill.model.enums import OrderState
from tidemill.model.errors import AmbiguousOutcome, BrokerError, NotAuthorised, RateLimited, TransientError
from tidemill.ports.broker import Broker, ReportSink
from tidemill.ports.seams import Clock
from tidemill.runtime.account.budget import Budget
from tidemill.runtime.account.comparing import Comparer
from tidemill.runtime.account.evidence import incarnations, unseen_fills
from tidemill.runtime.account.hooks import PollHooks, Snapshot
from tidemill.runtime.orders.book import OrderBook
from tidemill.runtime.orders.present import Health

__all__ = ["AccountPoller"]

T = TypeVar("T")
_LOOK_S = 0.5
_BUSY_NS, _QUIET_NS, _POSITIONS_NS = 5 * SECOND_NS, 15 * SECOND_NS, 30 * SECOND_NS
_OVERLAP_NS = 10 * MINUTE_NS  # lists are asked for from that long before the last whole answer
_ALERT_NS = 30 * SECOND_NS
_UNDER_WAY = (
    OrderState.SENDING,
    OrderState.UNKNOWN,
    OrderState.PARTIAL,
    OrderState.CANCEL_PENDING,
    OrderState.REPLACE_PENDING,
)


class AccountPoller:
    """Asks, tells what it learns, and opens a lost line again.

    Args:
        broker, sink: who is asked, and where its stream goes.
        book: our orders. clock: of the run. health: told of line and clock.
        since_ns: from when on lists are asked for at first.
        hooks: who is told. per_minute: requests the broker allows.
    """

    def __init__(
        self,
        broker: Broker,
        sink: ReportSink,
        book: OrderBook,
        clock: Clock,
        health: Health,
        *,
        since_ns: int,
        hooks: PollHooks,
        per_minute: float = 180.0,
    ) -> None:
        self._broker, self._sink, self._book, self._clock, self._health = broker, sink, book, clock, health
        self._hooks, self._since_ns = hooks, since_ns
        self._comparer = Comparer(book, clock, hooks, broker.rules.settle_ns)
        self.budget = Budget(per_minute, clock)
        self._orders_ns = self._positions_ns = -(2**62)
        self._quiet_until = self._down_since = 0
        self._is_alerted = False
        self.facts: AccountFacts | None = None
        self.is_whole = False  # the last look at the orders was

    # --- the line

    async def ask(self, question: Awaitable[T]) -> T | None:
        """Return the answer to a question; None when there is none, which is written down."""
        try:
            answer = await question
        except RateLimited as error:
            self._quiet_until = self._clock.monotonic_ns() + round(error.retry_after_s * SECOND_NS)
            return None
        except TransientError as error:
            self._mark_down(str(error))
            return None
        except (AmbiguousOutcome, BrokerError):
            return None
        return answer

    def _mark_down(self, text: str) -> None:
        now = self._clock.monotonic_ns()
        self._down_since = self._down_since or now
        self._health.order_stream_ready = False
        if now - self._down_since > _ALERT_NS and not self._is_alerted:
            self._is_alerted = True
            held = sorted({order.request.symbol for order in self._book.open_orders()})
            self._hooks.alert(1, "BROKER_DOWN", f"The broker has not answered for 30 s ({text}); open orders: {held}.")

    async def _reopen(self) -> None:
        """Open a lost line again: subscribe first, then ask for everything that was missed."""
        await self._hooks.reopened()
        facts = await self.ask(self._broker.open(self._sink))
        if facts is None:
            return
        known = self.facts
        if known is not None and (facts.account_id, facts.environment) != (known.account_id, known.environment):
            raise NotAuthorised(
                f"The broker now says account {facts.account_id} ({facts.environment}) instead of {known.account_id} "
                f"({known.environment}); check the credentials."
            )
        self._orders_ns = self._positions_ns = -(2**62)
        self._down_since, self._is_alerted = 0, False
        self._health.order_stream_ready = True
        self.is_whole = False

    # --- the questions

    async def serve(self) -> None:
        """Ask until cancelled."""
        while True:
            await self._clock.sleep(_LOOK_S)
            await self.look()

    async def look(self) -> None:
        """Ask what is due."""
        now = self._clock.monotonic_ns()
        if now < self._quiet_until:
            return
        if not self._health.order_stream_ready:
            await self._reopen()
            if not self._health.order_stream_ready:
                return
        is_busy = self.is_wondering or any(
            order.state in _UNDER_WAY or order.doubt for order in self._book.live.values()
        )
        if now - self._orders_ns >= (_BUSY_NS if is_busy else _QUIET_NS) and self.budget.take(2):
            self._orders_ns = now
            await self.look_at_orders()
        if now - self._positions_ns >= _POSITIONS_NS and self.budget.take(2):
            self._positions_ns = now
            snapshot = await self.snapshot()
            if snapshot is not None:
                self._hooks.positions(snapshot)

    @property
    def is_wondering(self) -> bool:
        """Tell whether something was seen that a second look has to confirm."""
        return self._comparer.is_wondering

    def look_again(self, pause_ns: int) -> None:
        """Ask for orders and positions sooner than usual: something does not add up."""
        self._orders_ns = min(self._orders_ns, self._clock.monotonic_ns() - _QUIET_NS + pause_ns // 2)
        self._positions_ns = min(self._positions_ns, self._clock.monotonic_ns() - _POSITIONS_NS + pause_ns)

    def hurry(self) -> None:
        """Ask for orders and positions at the next chance."""
        self._orders_ns = self._positions_ns = -(2**62)

    async def snapshot(self) -> Snapshot | None:
        """Return positions and account; None when the broker did not answer whole."""
        asked = self._clock.now_ns()
        account = await self.ask(self._broker.account())
        if account is None:
            return None
        if account.server_ns:
            self._health.clock_skew_s = abs(account.server_ns - (asked + self._clock.now_ns()) / 2) / SECOND_NS
        positions = await self.ask(self._broker.positions())
        if positions is None or not positions.is_complete:
            return None
        return Snapshot(positions, account)

    async def look_at_orders(self) -> bool:
        """Ask for orders and fills and tell what is new; return whether both answers were whole.

        Fills are asked for after orders: an order shown as ended has all its fills in the later list.
        """
        asked, is_told = self._clock.now_ns(), self._hooks.asks()
        self.is_whole = False
        orders = await self.ask(self._broker.orders(self._since_ns))
        if orders is None:
            return False
        executions = await self.ask(self._broker.executions(self._since_ns))
        if executions is None:
            return False
        fills = unseen_fills(executions.items, self._book)
        for fill in fills:
            self._hooks.hear(fill)
        found = incarnations(orders.items, self._book)
        for name, shown in found.items():
            self._comparer.compare(self._book.by_client[name], shown, fills)
        self._comparer.wonder()
        alive = [item for item in orders.items if not is_final(item.state)]
        self._hooks.foreign([item for item in alive if self._book.find(item.client_id, item.broker_id) is None])
        self.is_whole = orders.is_complete and executions.is_complete
        if self.is_whole:
            is_told()
            self._since_ns = max(self._since_ns, asked - _OVERLAP_NS)
        if orders.is_complete:
            self._comparer.miss(found)
        return self.is_whole
