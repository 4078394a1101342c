"""Everything a run needs beyond its core when orders go to a broker outside the process."""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tidemill.model.bars import SECOND_NS
from tidemill.model.broker import AccountFacts, BrokerOrder
from tidemill.model.journal import OutboxRow
from tidemill.ports.broker import Broker
from tidemill.ports.seams import Clock
from tidemill.runtime.account.hooks import PollHooks, Snapshot
from tidemill.runtime.account.lease import LeaseKeeper
from tidemill.runtime.account.polling import AccountPoller
from tidemill.runtime.account.protection import Protector
from tidemill.runtime.account.reconcile import Reconciler, cursor_of, expire, leftovers, stale_entries
from tidemill.runtime.account.resolve import Resolver
from tidemill.runtime.account.trimming import Trimmer
from tidemill.runtime.core import Core
from tidemill.runtime.inbox import Inbox
from tidemill.runtime.orders.approver import Approver
from tidemill.runtime.orders.book import LiveOrder, OrderBook
from tidemill.runtime.orders.linking import LINK_LOOK_S, Links
from tidemill.runtime.orders.outgoing import Outgoing
from tidemill.runtime.orders.present import Present
from tidemill.runtime.orders.sender import Sender
from tidemill.runtime.orders.soundings import Soundings
from tidemill.runtime.orders.translation import ENTRY_TTL_NS
from tidemill.runtime.record.journal import Journal
from tidemill.runtime.recovery.inheritance import Inherited
from tidemill.runtime.words.words import AccountWord, CancelWord

__all__ = ["Outside", "OutsideParts"]

_TRIES = 3  # for a whole first answer; after that the run is read-only until it comes
_PAUSE_S = 1.0


@dataclass(frozen=True, slots=True)
class OutsideParts:
    """What the outside side of a run is made of.

    Args:
        broker, clock, inbox: of the run. core, book, journal, present, approver: of the run.
        keeper: of the account's lease.
        symbols: by instrument row.
        alert: told severity, kind and sentence.
        now: wall and monotonic clock.
    """

    broker: Broker
    clock: Clock
    inbox: Inbox
    core: Core
    book: OrderBook
    journal: Journal
    present: Present
    approver: Approver
    keeper: LeaseKeeper
    symbols: Sequence[str]
    alert: Callable[[int, str, str], None]
    now: Callable[[], tuple[int, int]]


class Outside:
    """Sender, poller, resolver, reconciler and protection of one run, and how they hang together.

    Args:
        parts: as above.
        inherited: what an earlier process left behind.
        others: units that other runs hold in the account, by symbol.
    """

    def __init__(self, parts: OutsideParts, inherited: Inherited, others: Mapping[str, str]) -> None:
        self.parts = parts
        rules, health = parts.broker.rules, parts.present.health
        self.sender = Sender(
            parts.broker,
            parts.journal,
            parts.approver,
            parts.clock,
            health=health,
            hear=parts.inbox.report,
            doubt=self._doubt,
            alert=parts.alert,
        )
        self.soundings = Soundings(
            parts.book,
            parts.clock,
            health,
            look=self._look,
            is_behind=lambda: parts.inbox.has_urgent,
            wake=self.sender.wake,
            alert=parts.alert,
        )
        self.sender.departures.asks_first = self.soundings.holds
        hooks = PollHooks(
            hear=parts.inbox.report,
            doubt=self._doubt_order,
            twin=lambda order, shown: self._cancel_twin(order, shown.broker_id),
            larger=self._fit,
            differs=lambda symbol: symbol in health.recon_symbols,
            foreign=self._take_foreign,
            positions=self._take_positions,
            alert=parts.alert,
            is_busy=self.sender.is_busy_with,
            asks=self.soundings.asks,
            reopened=self._reopened,
        )
        since = cursor_of(inherited.fills, parts.clock.now_ns(), rules.execution_horizon_ns)
        self.poller = AccountPoller(
            parts.broker, parts.inbox.report, parts.book, parts.clock, health, since_ns=since, hooks=hooks
        )
        self.resolver = Resolver(
            parts.broker,
            self.poller,
            parts.book,
            parts.clock,
            hear=parts.inbox.report,
            write=self.sender.write,
            send=self.sender.request,
            alert=parts.alert,
        )
        self.reconciler = Reconciler(
            parts.present,
            parts.book,
            parts.journal,
            symbols=parts.symbols,
            others=others,
            settle_ns=rules.settle_ns,
            now=parts.now,
            alert=parts.alert,
            cash_offset=inherited.cash_offset,
        )
        self.protector = Protector(
            parts.core,
            parts.book,
            parts.clock,
            health,
            operator=parts.inbox.operator,
            ask=self._ask,
            cancel=self._cancel,
            alert=parts.alert,
            symbols=list(parts.symbols),
        )
        self.trimmer = Trimmer(
            parts.book,
            parts.clock,
            symbols=parts.symbols,
            blocked=self.reconciler.blocked,
            units=parts.present.units,
            is_busy=self.sender.is_busy_with,
            fit=self._resize,
            cancel=lambda order: self.sender.request(Outgoing("cancel", order, self._row(order, "cancel", "trim"))),
            hear=parts.inbox.report,
            alert=parts.alert,
        )
        if not rules.links_orders:
            self._link_here()
        self._twins: dict[str, int] = {}
        self._forks: dict[str, str] = {}  # by client id: the former incarnation the lists were asked about
        self._is_first = True
        self._told_power = -1  # buying power the core has been told of last

    def _link_here(self) -> None:
        """Keep groups and parents ourselves: the broker does not."""
        parts, sender = self.parts, self.sender
        tables = parts.core.engine.state.tables

        def units(order: LiveOrder) -> float:
            slots = tables["slots"]
            mine = (slots["instrument"] == order.instrument) & (slots["strategy"] == order.owner)
            return float(slots["quantity"][mine].sum())

        sender.links = Links(
            parts.book,
            sender.departures,
            parts.clock,
            ttl_ns=ENTRY_TTL_NS,
            units=units,
            price=lambda instrument: float(tables["instruments"][instrument]["last"]),
            cancel=lambda order: parts.inbox.operator(CancelWord(order.request.client_id, "links")),
            hear=parts.inbox.report,
            write=sender.write,
        )
        sender.departures.holds = sender.links.holds

    async def _watch_links(self) -> None:
        """Look often at what waits for others: a price may have been reached, a turn may be over."""
        while True:
            await self.parts.clock.sleep(LINK_LOOK_S)
            self.sender.wake()

    # --- start

    async def start(
        self, inherited: Inherited, facts: AccountFacts, take_reports: Callable[[], Awaitable[None]]
    ) -> None:
        """Compare with the broker before anything new is risked; the stream is subscribed already and waits.

        Args:
            inherited: what an earlier process left behind.
            facts: the account as the broker told it on opening.
            take_reports: lets the core take every report that waits.
        """
        parts = self.parts
        self.poller.facts = facts
        self.reconciler.started_ns = parts.clock.now_ns()
        parts.present.health.order_stream_ready = True
        told = leftovers(inherited.outbox, parts.book)
        for report in expire(told.expired, parts.clock.now_ns(), self.sender.write):
            parts.inbox.report(report)
        for item in told.over:
            self.sender.write(item, "DROPPED" if item.row.state == "PENDING" else "DONE", "the order has ended")
        self.protector.waits_for |= {item.order.request.client_id for item in told.doubts}
        for item in told.doubts:
            self.resolver.doubt(item, "the process ended before its answer was taken")
        for item in told.unsent:
            item.row = replace(item.row)
            self.sender.queue(item)
        await take_reports()
        for number in range(_TRIES):
            if number:
                await parts.clock.sleep(_PAUSE_S)
                await parts.keeper.renew()
            if await self.poller.look_at_orders():
                await take_reports()
                snapshot = await self.poller.snapshot()
                if snapshot is not None:
                    self._take_positions(snapshot)
                    break
            await take_reports()
        if not parts.present.health.is_reconciled:
            parts.alert(1, "READ_ONLY", "The broker's lists were not whole; no new risk is taken until they are.")
            self.reconciler.write("failed", parts.clock.now_ns())

    def works(self) -> dict[str, Callable[[], Coroutine[Any, Any, None]]]:
        """Let requests leave; return what has to run for it: sending, asking, resolving, watching."""
        self.sender.open_gate()
        works = {
            "sender": self.sender.serve,
            "poller": self.poller.serve,
            "soundings": self.soundings.serve,
            "resolver": self.resolver.serve,
            "protection": self.protector.serve,
        }
        return works if self.sender.links is None else {**works, "links": self._watch_links}

    def booked(self) -> None:
        """Note that the core has booked something: the confirmed positions move with our fills."""
        if self.reconciler.compared:  # also while a line that was lost is compared anew: exits need what is held now
            self.reconciler.confirm()
        self.trimmer.look()
        if self.sender.links is not None:
            self.sender.wake()

    def adjusting(self, instrument: int, units: float) -> None:
        """Note that a person is about to book units: they are no difference any more."""
        self.reconciler.adjusting(self.parts.symbols[instrument], units)
        self.trimmer.adjusting(instrument, units)

    def heard(self) -> None:
        """Look after what a report has shown: a replacement whose old order may work on, a fill of one that did.

        The lists are asked at once; what is proven to work on, or has no place left, is cancelled without them.
        """
        if self.soundings.is_holding:
            self.sender.wake()
        for order in list(self.parts.book.forked.values()):
            incarnations = order.incarnations
            for name in list(incarnations.former):
                if order.request.client_id not in self._forks:
                    self._forks[order.request.client_id] = name
                    self.poller.hurry()
                if not order.is_open or incarnations.fills_by.get(name, 0.0) > 0.0:
                    self._cancel_twin(order, name)

    async def pause_over(self) -> None:
        """Come back from a long sleep: is the account still ours, and what has happened meanwhile?"""
        self.sender.close_gate()
        await self._reopened()
        self.poller.hurry()
        self.sender.open_gate()

    def heard_foreign(self) -> None:
        """Note that somebody else traded in the account: what it holds now is asked for at once."""
        self.reconciler.expect_difference()
        self.poller.hurry()

    # --- how they hang together

    async def _reopened(self) -> None:
        self.parts.present.health.is_reconciled = False
        await self.parts.keeper.renew()

    def _take_positions(self, snapshot: Snapshot) -> None:
        parts = self.parts
        self.reconciler.take_positions(snapshot)
        self.trimmer.look()
        power = snapshot.account.buying_power_micros
        if power != self._told_power:
            self._told_power = power
            parts.inbox.operator(AccountWord(power))
        health = parts.present.health
        if not health.is_reconciled and self.poller.is_whole:
            health.is_reconciled = True
            if self._is_first:
                self._is_first = False
                for order in stale_entries(parts.book):
                    parts.inbox.operator(CancelWord(order.request.client_id, "engine"))
            outcome = "blocked" if self.reconciler.differences else "equal"
            self.reconciler.write(outcome, parts.clock.now_ns())
        if self.reconciler.differences and not self.reconciler.is_settled:
            self.poller.look_again(5 * SECOND_NS)

    async def _look(self) -> bool:
        return await self.poller.look_at_orders()

    def _take_foreign(self, orders: list[BrokerOrder]) -> None:
        self.reconciler.take_foreign(orders)

    def _doubt(self, item: Outgoing, text: str) -> None:
        self.resolver.doubt(item, text)

    def _doubt_order(self, order: LiveOrder, action: str, text: str) -> None:
        """Put an order in question that no request of this process is about."""
        quantity, stop = order.wanted
        row = self._row(order, action, "")
        row.state = "UNKNOWN"
        self.resolver.doubt(Outgoing(action, order, row, quantity, stop), text)

    def _row(self, order: LiveOrder, action: str, what: str) -> OutboxRow:
        name, run_id = order.request.client_id, self.parts.journal.run_id
        return OutboxRow(f"{name}/{action}/{what}{self.parts.clock.now_ns()}", run_id, name, action, what, "PENDING")

    def _cancel_twin(self, order: LiveOrder, broker_id: str) -> None:
        """Cancel a working order of ours that is one too many, or has ended here; the one we know stays."""
        now, name = self.parts.clock.monotonic_ns(), order.request.client_id
        if self.sender.is_busy_with(name) or now - self._twins.get(broker_id, -(2**62)) < 5 * SECOND_NS:
            return
        self._twins[broker_id] = now
        text = f"{name} is {order.state.name} here and {broker_id} works at the broker, too; cancelling it."
        self.parts.alert(1, "TWO_INCARNATIONS", text)
        self.sender.request(Outgoing("cancel", order, self._row(order, "cancel", broker_id), broker_id=broker_id))

    def _fit(self, order: LiveOrder) -> None:
        """Ask for the quantity an order has here: at the broker it has another."""
        name = order.request.client_id
        self.parts.alert(2, "OTHER_SIZE", f"{name} has another size at the broker than what it is for; fitting it.")
        self._resize(order)

    def _resize(self, order: LiveOrder) -> None:
        """Ask for the size an order has here, at the broker."""
        name, run_id, now = order.request.client_id, self.parts.journal.run_id, self.parts.clock.now_ns()
        first = order.request.stop_price
        stop = order.wanted[1] or (0.0 if math.isnan(first) else first)
        body = json.dumps({"quantity": order.quantity, "stop_price": stop})
        row = OutboxRow(f"{name}/replace/fit{now}", run_id, name, "replace", body, "PENDING")
        order.wanted = (order.quantity, stop)
        self.sender.request(Outgoing("replace", order, row, order.quantity, stop))

    def _cancel(self, order: LiveOrder) -> None:
        name = order.request.client_id
        if not self.sender.is_busy_with(name):
            self.parts.alert(2, "ORPHAN", f"{name} works although nothing is left for it; cancelling it.")
            self.sender.request(Outgoing("cancel", order, self._row(order, "cancel", "")))

    def _ask(self, client_id: str) -> None:
        if client_id:
            self.resolver.hurry(client_id)
        self.poller.hurry()
