"""How a run's parts hang together around its core, and who is told what the core has booked."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from tidemill.model.bookkeeping import Bookkeeper, Contract, verify_ledger
from tidemill.model.broker import AccountFacts
from tidemill.model.journal import AlertRow, GuardRow, TapeRow
from tidemill.ports.store import CommandRow
from tidemill.runtime.account.lease import LeaseKeeper
from tidemill.runtime.account.outside import Outside, OutsideParts
from tidemill.runtime.bus import EventBus, HandlerFailure, Notice, Topic
from tidemill.runtime.core import Core
from tidemill.runtime.groups import Groups
from tidemill.runtime.life.ruling import Ruling
from tidemill.runtime.life.terms import Phase, RunParts, RunTerms
from tidemill.runtime.market.market import Market
from tidemill.runtime.notices import Notices
from tidemill.runtime.orders.approver import Approver
from tidemill.runtime.orders.book import OrderBook
from tidemill.runtime.orders.desk import Desk, InstantDesk
from tidemill.runtime.orders.outgoing import Drafter, Outgoing
from tidemill.runtime.projections.projector import Projector
from tidemill.runtime.record.journal import Journal
from tidemill.runtime.recovery.inheritance import Inherited
from tidemill.runtime.turns import Turns
from tidemill.runtime.words.poller import CommandPoller

__all__ = ["Wired"]


class Wired:
    """The core of a run and everything around it, hanging together.

    Args:
        terms, parts: as named there.
    """

    def __init__(self, terms: RunTerms, parts: RunParts) -> None:
        self.terms, self.parts = terms, parts
        self.phase = Phase.STARTING
        self.message = ""
        self.core = Core(parts.engine)
        self.book = OrderBook()
        self.present = parts.present(self.core, self.book)
        self.bus = EventBus(self._handler_failed)
        self.notices = Notices(self.bus, terms.instruments, terms.strategies)
        self.facts: AccountFacts | None = None
        self.alerts: list[AlertRow] = []
        self.outside: Outside | None = None  # where orders leave for a broker outside the process
        self.keeper = LeaseKeeper(parts.store, parts.writer, parts.clock, terms.account, parts.owner)
        self.refusal = 0  # what the core answered to a proposal last

    def now(self) -> tuple[int, int]:
        """Return wall and monotonic clock; of a replay both are the time of its events."""
        if self.parts.feed.is_replay:
            return self.core.now_ns, self.core.now_ns
        return self.parts.clock.now_ns(), self.parts.clock.monotonic_ns()

    async def _wire_outside(self, inherited: Inherited) -> Outside:
        """Put together what a broker outside needs; the record has to add up first."""
        parts, terms = self.parts, self.terms
        store, account, run_id = parts.store, terms.account, terms.run_id
        ledger = await parts.writer.run(lambda: store.ledger(account, run_id))
        verify_ledger(inherited.fills, ledger, self._contracts())
        whole = await parts.writer.run(lambda: store.balances(account))
        own = await parts.writer.run(lambda: store.balances(account, run_id))
        others = {name: str(Decimal(total) - Decimal(own.get(name, "0"))) for name, total in whole.items()}
        outside = OutsideParts(
            broker=parts.broker,
            clock=parts.clock,
            inbox=parts.inbox,
            core=self.core,
            book=self.book,
            journal=self.journal,
            present=self.present,
            approver=self.approver,
            keeper=self.keeper,
            symbols=[item.symbol for item in terms.instruments],
            alert=self.alert,
            now=self.now,
        )
        return Outside(outside, inherited, others)

    def _contracts(self) -> dict[str, Contract]:
        return {
            item.symbol: Contract(repr(item.multiplier), item.is_margined, item.currency)
            for item in self.terms.instruments
        }

    async def wire(self, inherited: Inherited, journal: Journal) -> None:
        """Put the parts around the core together.

        Args:
            inherited: what an earlier process left behind. journal: the record that goes on.
        """
        self.journal = journal
        parts = self.parts
        self.present.baseline = inherited.baseline
        self.approver = Approver(parts.guard, self.present, journal, self.now)
        self.approver.on_trip = self._tripped
        self.ruling = Ruling(self, parts.rules, inherited.rule_states) if parts.rules else None
        if self.ruling is not None:
            self.approver.denied = self.ruling.denied
        self.desk: Desk
        if parts.exchange is not None:
            known, may_gather = inherited.outbox, parts.feed.is_replay
            self.desk = InstantDesk(parts.exchange, journal, self.approver, known, may_gather=may_gather)
        else:
            self.outside = await self._wire_outside(inherited)
            journal.keeps_blocks = True  # orders wait for this disk
            self.desk = self.outside.sender
        self.turns = self._make_turns(journal)
        self.projector = self._make_projector(inherited.recorded.committed_seq)
        journal.watch, journal.before_commit = self.projector.take_row, self.projector.flush
        self.turns.tells_at_once = not parts.feed.is_replay
        self.groups = Groups(self.turns, journal, self.desk, parts.exchange, self.present.take)
        self.market = Market(
            self.groups,
            parts.inbox,
            parts.clock,
            parts.candles,
            is_replay=parts.feed.is_replay,
            delay_ns=parts.feed.delay_ns,
            tell=self.notices.market,
        )
        self.poller = self._make_poller(inherited.commands)

    def _make_turns(self, journal: Journal) -> Turns:
        terms = self.terms
        drafter = Drafter(
            self.core,
            self.book,
            journal,
            symbols=[item.symbol for item in terms.instruments],
            strategies=list(terms.strategies),
            build=terms.build,
            ttl_ns=terms.ttl_ns,
        )
        return Turns(
            self.core,
            self.book,
            journal,
            drafter,
            broker=terms.broker,
            keeper=Bookkeeper(self._contracts()),
            release=self._release,
            follow=self._follow,
            alert=self.alert,
        )

    def _make_projector(self, known_seq: int) -> Projector:
        terms = self.terms
        return Projector(
            self.core,
            self.book,
            run_id=terms.run_id,
            account=terms.account,
            mode=terms.mode,
            instruments=terms.instruments,
            strategies=terms.strategies,
            cash_micros=terms.cash_micros,
            known_seq=known_seq,
        )

    def _make_poller(self, commands: Sequence[str]) -> CommandPoller:
        parts, terms = self.parts, self.terms
        return CommandPoller(
            terms.run_id,
            store=parts.store,
            writer=parts.writer,
            clock=parts.clock,
            inbox=parts.inbox,
            instruments=list(terms.instruments),
            strategies=list(terms.strategies),
            push=parts.push,
            refused=self._refuse,
            seen=commands,
            told=parts.answered,
        )

    def _refuse(self, command: CommandRow, reason: str) -> None:
        """Put a command that cannot be obeyed on the store's tape."""
        journal, clock = self.journal, self.parts.clock
        seq, body = max(journal.next_seq - 1, journal.committed_seq), reason.encode()
        source, key = f"person:{command.user}", command.key
        row = TapeRow(self.terms.run_id, seq, clock.now_ns(), clock.monotonic_ns(), source, "REFUSED", key, body)
        journal.batch.tape.append(row)

    def alert(self, severity: int, kind: str, text: str) -> None:
        """Write down what a person should know."""
        now = self.parts.clock.now_ns()
        key = f"{self.terms.run_id}/{kind}/{now}/{len(self.alerts)}"
        row = AlertRow(key, self.terms.run_id, severity, kind, text, now)
        self.alerts.append(row)
        self.journal.batch.alerts.append(row)

    async def _release(self, outgoing: list[Outgoing]) -> None:
        await self.desk.release(outgoing)
        self.notices.placed(outgoing)

    def _handler_failed(self, failure: HandlerFailure) -> None:
        text = f"{failure.handler} failed on {failure.notice.topic.value}: {failure.error}"
        self.alert(1 if failure.notice.topic is Topic.ORDER_FILLED else 2, "HANDLER_FAILED", text)

    def _tripped(self, row: GuardRow) -> None:
        values = {"scope": row.scope, "reason": row.reason, "by": row.by}
        self.bus.emit(Notice(Topic.CIRCUIT_BREAKER_TRIGGERED, row.at_ns, "", values))

    def _follow(self, seq: int) -> None:
        written = self.core.collect()
        if not self.journal.is_known(seq):
            self.notices.follow(seq, written)
        if len(written.refusals):
            self.refusal = int(written.refusals[-1]["refusal"])
        self.present.follow(written)
        if len(written.fills) and not self.journal.is_known(seq):
            self.approver.review()  # losses, drawdown, slippage: what a fill has brought them to
        self.projector.follow(seq, written)
        if self.outside is not None:
            self.outside.booked()
        for follower in self.parts.follow:
            follower(seq, written)
