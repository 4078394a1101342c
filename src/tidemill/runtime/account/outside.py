"""Everything a run needs beyond its core when orders go to a broker outside the process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from tidemill.model.bars import SECOND_NS
from tidemill.model.broker import AccountFacts
from tidemill.runtime.account.hooks import PollHooks, Snapshot
from tidemill.runtime.account.leftovers import cursor_of, expire, leftovers, stale_entries
from tidemill.runtime.account.local_links import link_here, watch_links
from tidemill.runtime.account.parts import OutsideParts
from tidemill.runtime.account.polling import AccountPoller
from tidemill.runtime.account.protection import Protector
from tidemill.runtime.account.reconcile import Reconciler
from tidemill.runtime.account.repairs import Repairs
from tidemill.runtime.account.resolve import Resolver
from tidemill.runtime.account.trimming import Trimmer
from tidemill.runtime.orders.outgoing import Outgoing
from tidemill.runtime.orders.sender import Sender
from tidemill.runtime.orders.soundings import Soundings
from tidemill.runtime.recovery.inheritance import Inherited
from tidemill.runtime.words.words import AccountWord, CancelWord

__all__ = ["Outside", "OutsideParts"]

_TRIES = 3  # for a whole first answer; after that the run is read-only until it comes
_PAUSE_S = 1.0


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
        self.repairs = Repairs(parts, self.sender, self._doubt)
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
        hooks = PollHooks(
            hear=parts.inbox.report,
            doubt=self.repairs.doubt,
            twin=self.repairs.end_twin,
            larger=self.repairs.fit,
            differs=lambda symbol: symbol in health.recon_symbols,
            foreign=self.reconciler.take_foreign,
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
        self.protector = Protector(
            parts.core,
            parts.book,
            parts.clock,
            health,
            operator=parts.inbox.operator,
            ask=self._ask,
            cancel=self.repairs.end_orphan,
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
            fit=self.repairs.resize,
            cancel=self.repairs.trim,
            hear=parts.inbox.report,
            alert=parts.alert,
        )
        if not rules.links_orders:
            link_here(parts, self.sender)
        self._is_first = True
        self._told_power = -1  # buying power the core has been told of last

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
        for report in expire(told, parts.clock.now_ns(), self.sender.write):
            parts.inbox.report(report)
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
        works: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
            "sender": self.sender.serve,
            "poller": self.poller.serve,
            "soundings": self.soundings.serve,
            "resolver": self.resolver.serve,
            "protection": self.protector.serve,
        }
        if self.sender.links is not None:
            works["links"] = partial(watch_links, self.sender, self.parts.clock)
        return works

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
        """Look after what a report has shown: something may wait for it, or an order may have become two."""
        if self.soundings.is_holding:
            self.sender.wake()
        if self.repairs.look_at_forks():
            self.poller.hurry()

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

    def _doubt(self, item: Outgoing, text: str) -> None:
        self.resolver.doubt(item, text)

    def _ask(self, client_id: str) -> None:
        if client_id:
            self.resolver.hurry(client_id)
        self.poller.hurry()
