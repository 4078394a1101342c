"""One run, from its first row to its last: start (or start again), serve, stop.

Start is always the same: take the lease, read what is there, feed the tape to a fresh core, compare with the broker,
then open the doors. A clean stop and a killed process leave the same behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.engine.engine import Engine
from tidemill.model.answers import REFUSALS
from tidemill.model.bookkeeping import Bookkeeper, Contract, verify_ledger
from tidemill.model.broker import AccountFacts
from tidemill.model.enums import Operator, OrderState, Refusal
from tidemill.model.errors import LeaseLost, NotAuthorised, StoreError, TapeBroken, TidemillError
from tidemill.model.instrument import Instrument
from tidemill.model.journal import AlertRow, FillEntry, GuardRow, LedgerRow, RunRow, TapeRow
from tidemill.model.records import EVENT
from tidemill.ports.broker import Broker
from tidemill.ports.feed import Feed
from tidemill.ports.seams import Clock
from tidemill.ports.store import CommandRow, Store
from tidemill.runtime.approver import Approver
from tidemill.runtime.book import OrderBook
from tidemill.runtime.bus import EventBus, HandlerFailure, Notice, Topic
from tidemill.runtime.candles import Candles
from tidemill.runtime.commands import (
    AdjustWord,
    CancelWord,
    CommandPoller,
    IntentWord,
    OperatorWord,
    StopWord,
    VerdictWord,
)
from tidemill.runtime.core import Core, Written
from tidemill.runtime.desk import Desk, InstantDesk, SteppedExchange
from tidemill.runtime.groups import Groups
from tidemill.runtime.guard.send_guard import SendGuard
from tidemill.runtime.inbox import Inbox
from tidemill.runtime.journal import Journal
from tidemill.runtime.lanes import Lane
from tidemill.runtime.lease import EpochMark, LeaseKeeper
from tidemill.runtime.market import LOOK_S, MARKET_KINDS, TICKS, Market
from tidemill.runtime.notices import Notices
from tidemill.runtime.orders import ENTRY_TTL_NS, adjustment_row
from tidemill.runtime.outgoing import Drafter, Outgoing, decimal_text
from tidemill.runtime.outside import Outside, OutsideParts
from tidemill.runtime.present import Present
from tidemill.runtime.projector import Projector
from tidemill.runtime.recovery import Inherited, inherit, recorded_report
from tidemill.runtime.room import Degraded, LinkWord
from tidemill.runtime.supervisor import Supervision, Supervisor, critical
from tidemill.runtime.tape import HELD, TapeFile
from tidemill.runtime.turns import Turns
from tidemill.runtime.writer import Writer

__all__ = ["Phase", "Run", "RunParts", "RunTerms"]

_BYTES = EVENT.itemsize
_LOOK = object()  # through the inbox: look for quiet bars
_BREATH = 64  # items after which the loop lets others have a turn


class Phase(StrEnum):
    """Where a run stands."""

    STARTING = "STARTING"
    RECONCILING = "RECONCILING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"
    COMPLETED = "COMPLETED"
    ERROR = "ERROR"


@dataclass(frozen=True, slots=True)
class RunTerms:
    """What a run is, in words that never change while it lives.

    Args:
        run_id, agent, account, mode, broker, build: names.
        spec, spec_hash: the agent's specification as JSON, and its hash.
        currency, cash_micros: of the sub-ledger at its start.
        instruments, strategies: in the core's order.
        ttl_ns: how long an entry may wait before it leaves.
    """

    run_id: str
    agent: str
    account: str
    mode: str
    broker: str
    build: str
    spec: str
    spec_hash: str
    currency: str
    cash_micros: int
    instruments: Sequence[Instrument]
    strategies: Sequence[str]
    ttl_ns: int = ENTRY_TTL_NS


@dataclass(slots=True)
class RunParts:
    """What a run is made of; whoever wires it chooses each.

    Args:
        engine: fresh, strategies bound.
        broker: where orders go; ``exchange`` is the same object when it is a simulated one, else None.
        feed: where market data come from.
        inbox: the one door.
        store, writer, folder: the durable record; the store belongs to the writer's thread.
        clock: of the run.
        guard: with rules and limits; None only where the run sends nothing.
        present: makes the facts of a run out of its core and book.
        push: takes a tick from outside; raises ConfigError when the feed takes none.
        candles: builds bars from trades, where the feed brings trades.
        warmup: groups of bars before the run's first, oldest first; taken by a new run with entries held back.
        owner: name of this process on the lease.
        watch: how it is watched from inside: halts, lag, heartbeat; None in backtests of the runtime.
        follow: told what the core has booked, with the tape row (read tables, streams, screens).
    """

    engine: Engine
    broker: Broker
    exchange: SteppedExchange | None
    feed: Feed
    inbox: Inbox
    store: Store
    writer: Writer
    folder: Path
    clock: Clock
    guard: SendGuard
    present: Callable[[Core, OrderBook], Present]
    push: Callable[[str, float, float, int], None]
    candles: Candles | None = None
    warmup: Sequence[NDArray[Any]] = ()
    owner: str = "engine"
    watch: Supervision | None = None
    follow: list[Callable[[int, Written], None]] = field(default_factory=list)


class Run:
    """One execution of one agent.

    Args:
        terms, parts: as above.
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
        self._stopping = asyncio.Event()
        self.supervisor: Supervisor | None = None
        self._feed_done = self._has_pumped = False
        self._refusal = 0  # what the core answered to a proposal last

    # --- time

    def now(self) -> tuple[int, int]:
        """Return wall and monotonic clock; of a replay both are the time of its events."""
        if self.parts.feed.is_replay:
            return self.core.now_ns, self.core.now_ns
        return self.parts.clock.now_ns(), self.parts.clock.monotonic_ns()

    # --- start

    async def start(self) -> None:
        """Take the lease, rebuild, compare, and be ready.

        Raises:
            LeaseLost, StoreError, StoreMismatch, TapeBroken, NotAuthorised, LinkDown: the run did not start; nothing
                was sent.
        """
        parts, terms = self.parts, self.terms
        await parts.writer.run(parts.store.check)
        lease = await self.keeper.take()
        is_stepped = parts.exchange is not None
        if not is_stepped:
            EpochMark(parts.folder, terms.account).check(lease.epoch)
        folder = parts.folder / terms.run_id
        inherited = await parts.writer.run(
            lambda: inherit(parts.store, terms.run_id, folder, terms.spec_hash, is_stepped=is_stepped)
        )
        file = TapeFile(folder, inherited.recorded.end.next_seq)
        self.journal = Journal(
            terms.run_id,
            terms.account,
            store=parts.store,
            file=file,
            writer=parts.writer,
            clock=parts.clock,
            recorded=inherited.recorded,
        )
        self.journal.lease = lease
        self.present.health.lease_remaining_ns = lambda: self.keeper.remaining_ns
        await self._wire(inherited)
        guard_rows = await parts.writer.run(parts.store.guard)
        parts.guard.restore(guard_rows)
        self.phase = Phase.RECONCILING
        self.facts = await parts.broker.open(parts.inbox.report)
        self._check_account(self.facts)
        self.present.broker = self.facts
        self.present.health.is_reconciled = self.outside is None  # a simulated account is the record itself
        await self._rebuild(inherited)
        self._begin_record(inherited)
        if inherited.run is None and parts.warmup:
            await self._warm_up(parts.warmup)
        await self.journal.commit()
        if self.outside is not None:
            await self.outside.start(inherited, self.facts, self._take_reports)
            await self.journal.commit()
        self.phase = Phase.RUNNING

    async def _warm_up(self, groups: Sequence[NDArray[Any]]) -> None:
        """Let strategies learn from history before they trade: they take every bar, and no entry may leave.

        It is written in one transaction with the run's first row, so a run has warmed up wholly or was never begun.
        """
        began, ended = int(groups[0]["now_ns"].min()), int(groups[-1]["now_ns"].max())
        await self.turns.take_operator(Operator.MUTE, "engine", "warm-up", began)
        for group in groups:
            await self.groups.take(np.ascontiguousarray(group))
            for bar in group:
                self.parts.inbox.border.know(int(bar["instrument"]), float(bar["close"]))
        await self.turns.take_operator(Operator.UNMUTE, "engine", "warm-up", ended)
        await self.groups.settle()

    def _check_account(self, facts: AccountFacts) -> None:
        """Make sure that the broker's answer names the account and the environment that were promised."""
        terms = self.terms
        if facts.environment != terms.mode:
            raise NotAuthorised(
                f"Run {terms.run_id} is {terms.mode}, and {terms.broker} says the account is {facts.environment}; "
                "check the credentials."
            )
        if self.parts.exchange is None and facts.account_id != terms.account:
            raise NotAuthorised(
                f"Run {terms.run_id} is for account {terms.account}, and {terms.broker} says it is "
                f"{facts.account_id}; check the credentials."
            )

    async def _take_reports(self) -> None:
        """Let the core take every report that waits, before anything else may happen."""
        await self.parts.clock.sleep(0)
        while (report := self.parts.inbox.take_report()) is not None:
            await self._take_report(report)

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

    async def _wire(self, inherited: Inherited) -> None:
        parts, terms, journal = self.parts, self.terms, self.journal
        self.present.baseline = inherited.baseline
        self.approver = Approver(parts.guard, self.present, journal, self.now)
        self.approver.on_trip = self._tripped
        self.desk: Desk
        if parts.exchange is not None:
            known, may_gather = inherited.outbox, parts.feed.is_replay
            self.desk = InstantDesk(parts.exchange, journal, self.approver, known, may_gather=may_gather)
        else:
            self.outside = await self._wire_outside(inherited)
            self.desk = self.outside.sender
        drafter = Drafter(
            self.core,
            self.book,
            journal,
            symbols=[item.symbol for item in terms.instruments],
            strategies=list(terms.strategies),
            build=terms.build,
            ttl_ns=terms.ttl_ns,
        )
        self.turns = Turns(
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
        self.projector = Projector(
            self.core,
            self.book,
            run_id=terms.run_id,
            account=terms.account,
            mode=terms.mode,
            instruments=terms.instruments,
            strategies=terms.strategies,
            cash_micros=terms.cash_micros,
            known_seq=inherited.recorded.committed_seq,
        )
        journal.watch, journal.before_commit = self.projector.take_row, self.projector.flush
        self.turns.tells_at_once = not parts.feed.is_replay
        self.groups = Groups(self.turns, journal, self.desk, parts.exchange)
        self.market = Market(
            self.groups,
            parts.inbox,
            parts.clock,
            parts.candles,
            is_replay=parts.feed.is_replay,
            delay_ns=parts.feed.delay_ns,
            tell=self.notices.market,
        )
        self.poller = CommandPoller(
            terms.run_id,
            store=parts.store,
            writer=parts.writer,
            clock=parts.clock,
            inbox=parts.inbox,
            instruments=list(terms.instruments),
            strategies=list(terms.strategies),
            push=parts.push,
            refused=self._refuse,
            seen=inherited.commands,
        )

    async def _rebuild(self, inherited: Inherited) -> None:
        """Feed the recorded tape to the fresh core: the same code, comparing instead of writing."""
        self.market.remember(inherited.recorded.rows)
        while self.journal.is_replaying:
            await self._replay_next(inherited)

    async def _replay_next(self, inherited: Inherited) -> None:
        """Take the recorded group or event that comes next."""
        row = self.journal.peek()
        kind = int(row["event"]["kind"])
        if kind in MARKET_KINDS:
            group = self.groups.next_recorded()
            if group is None:
                raise TapeBroken(f"The tape of run {self.terms.run_id} ends inside a group of bars; restore a backup.")
            self.market.relive(group)
            if kind in TICKS and not int(row["mark"]) & HELD:
                await self.groups.take_ticks(group)
            else:
                await self.groups.take(group)
            return
        event = np.zeros(1, EVENT)
        event[0] = row["event"]
        now = int(event["now_ns"][0])
        if self.parts.exchange is not None:
            self.parts.exchange.tell_time(now)
        told = None
        if self.outside is not None:
            told = recorded_report(event[0], self.journal.next_seq, self.book, inherited)
        if isinstance(told, FillEntry):
            await self.turns.take_adjustment(told, event)
        elif told is not None:
            await self.turns.take_report(told, now, "tape")
        else:
            await self.turns.take_row(event, source="tape", kind="replayed")
        await self.groups.settle()

    def _begin_record(self, inherited: Inherited) -> None:
        """Write the run's row, and its first deposit when it is new."""
        terms, now = self.terms, self.parts.clock.now_ns()
        known = inherited.run
        started = known.started_ns if known is not None else now
        self.journal.batch.runs.append(self._row("RUNNING", "", started, 0))
        self._started_ns = started
        if known is None:
            cash = terms.cash_micros
            delta = f"{cash // 1_000_000}.{cash % 1_000_000:06d}"
            ref = f"{terms.run_id}/deposit"
            self.journal.batch.ledger.append(
                LedgerRow(ref, terms.run_id, terms.account, "deposit", terms.currency, delta, now)
            )
        self.journal.note(self.journal.next_seq - 1, "engine", "started", terms.build, b"")

    def _row(self, state: str, message: str, started: int, ended: int) -> RunRow:
        terms = self.terms
        return RunRow(
            run_id=terms.run_id,
            agent=terms.agent,
            spec=terms.spec,
            spec_hash=terms.spec_hash,
            mode=terms.mode,
            broker=terms.broker,
            account=terms.account,
            build=terms.build,
            state=state,
            message=message,
            started_ns=started,
            ended_ns=ended,
        )

    # --- serve

    async def serve(self) -> None:
        """Run until the feed ends or somebody stops it.

        Raises:
            StoreError, InvariantBroken: the run ended in ERROR; positions stay protected at the broker.
        """
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._stream(), name="feed")]
                works = {"keeper": self._keep, "commands": self.poller.serve, "bus": self.bus.run}
                if self.parts.watch is not None:
                    self.supervisor = Supervisor(self, self.parts.watch, self._is_over)
                    works["supervisor"] = self.supervisor.serve
                if self.parts.candles is not None and not self.parts.feed.is_replay:
                    self.market.begin()
                    works["candles"] = self._look
                if self.outside is not None:
                    works |= self.outside.works()
                tasks += [
                    group.create_task(critical(name, work(), self._is_over), name=name) for name, work in works.items()
                ]
                try:
                    await self._pump()
                finally:
                    self._has_pumped = True  # what ends now ends because of this
                for task in tasks:
                    task.cancel()
        except* TidemillError as errors:
            first = _first(errors)
            self.phase, self.message = Phase.ERROR, str(first)
            raise first from None

    def _is_over(self) -> bool:
        return self._has_pumped or self._stopping.is_set()

    def stop(self) -> None:
        """End the run after the item in hand."""
        self._stopping.set()
        self.parts.inbox.operator(None)

    async def finish(self, state: Phase) -> None:
        """Write the last rows and give the lease back."""
        self.phase = state if self.phase is not Phase.ERROR else self.phase
        ended = self.parts.clock.now_ns()
        self.journal.batch.runs.append(self._row(self.phase.value, self.message, self._started_ns, ended))
        if not self.parts.feed.is_replay and self.phase is not Phase.ERROR:
            await self.market.take_waiting()
        self.market.end()
        self.projector.finish()
        self.journal.flush()
        await self.journal.commit()
        await self.keeper.release()
        await self.parts.broker.close()

    async def _stream(self) -> None:
        symbols = [item.symbol for item in self.terms.instruments]
        await self.parts.feed.stream(symbols, self.parts.inbox)
        self._feed_done = True
        self.parts.inbox.operator(None)

    async def _keep(self) -> None:
        """Once a second: hand the tape to the disk, prolong the lease, look for commands."""
        while True:
            await self.parts.clock.sleep(1.0)
            was_paused = self.keeper.was_paused()
            if was_paused and self.outside is not None:
                self.alert(2, "PAUSED", "The process stood still; checking the lease and the account before going on.")
                await self.outside.pause_over()
            self.journal.flush()
            await self.journal.commit()
            try:
                self.journal.lease = await self.keeper.renew()
            except LeaseLost:
                raise
            except StoreError:
                continue  # the guard stops every order before the lease runs out

    async def _look(self) -> None:
        """Have quiet bars closed in time, by the loop itself: nobody else touches the core."""
        while True:
            await self.parts.clock.sleep(LOOK_S)
            self.parts.inbox.operator(_LOOK)

    async def _pump(self) -> None:
        """Take one item after the other: the only writer of the core's state."""
        inbox, count = self.parts.inbox, 0
        while not self._stopping.is_set():
            taken = inbox.take()
            if taken is None:
                if self._feed_done:
                    await self.market.take_waiting()
                    return
                await inbox.wait()
                continue
            await self._take(*taken)
            count += 1
            if count % _BREATH == 0:
                await self.parts.clock.sleep(0)

    async def _take(self, lane: Lane, item: Any) -> None:
        if lane is Lane.MARKET:
            await self.market.take(item)
        elif lane is Lane.QUOTE:
            await self.market.take_quotes(item)
        elif lane is Lane.REPORT:
            await self._take_report(item)
        elif item is _LOOK:
            await self.market.close_quiet_bars()
        elif item is not None:
            known = len(self.book.by_client)
            self._refusal = 0
            await self._take_word(item)
            if isinstance(item, OperatorWord) and item.done is not None:
                item.done()
            await self.poller.answer(item.key, *self._outcome(item, known))

    async def _take_word(self, item: Any) -> None:
        """Do what a person or a program asked for; its key goes on the tape in the same transaction."""
        now = self.now()[0]
        if self.parts.exchange is not None:
            self.parts.exchange.tell_time(now)
        if isinstance(item, OperatorWord):
            await self.turns.take_operator(item.code, item.by, item.reason, now, item.key, item.order)
        elif isinstance(item, IntentWord):
            item.row["ts_ns"] = item.row["now_ns"] = now
            await self.turns.take_row(item.row, source=f"person:{item.by}", kind="INTENT", key=item.key)
        elif isinstance(item, VerdictWord):
            item.row["ts_ns"] = item.row["now_ns"] = now
            await self.turns.take_row(item.row, source=f"gate:{item.by}", kind="VERDICT", key=item.key)
        elif isinstance(item, CancelWord):
            await self._cancel(item, now)
        elif isinstance(item, AdjustWord):
            await self._adjust(item, now)
        elif isinstance(item, StopWord):
            self.journal.note(self.journal.next_seq - 1, f"person:{item.by}", "STOP", item.key, b"")
            self._stopping.set()
        await self.groups.settle()
        await self.journal.commit()

    async def _adjust(self, word: AdjustWord, now: int) -> None:
        """Book what a person acknowledges: the position moves, and the ledger says why."""
        terms = self.terms
        fill = FillEntry(
            broker=terms.broker,
            account=terms.account,
            exec_id=f"adjust:{word.key}",
            run_id=terms.run_id,
            client_id="",
            symbol=terms.instruments[word.instrument].symbol,
            side="BUY" if word.units > 0.0 else "SELL",
            quantity=decimal_text(abs(word.units)),
            price=decimal_text(word.price),
            fee_micros=0,
            ts_ns=now,
            seq=0,
            kind="correct",
            strategy=terms.strategies[word.strategy],
            flags="ADJUSTMENT",
        )
        row = adjustment_row(word.instrument, word.strategy, word.units, word.price, now)
        await self.turns.take_adjustment(fill, row, f"person:{word.by}", word.key)

    def _outcome(self, item: Any, known: int) -> tuple[str, str]:
        """Return what became of a word: state and text of its command."""
        if isinstance(item, CancelWord):
            order = self.book.by_client.get(item.client_id)
            if order is None:
                return "REFUSED", f"unknown_order: this run has no order {item.client_id}."
            return "DONE", f"{item.client_id} is {order.state.name}"
        if not isinstance(item, IntentWord | VerdictWord):
            return "DONE", "done"
        made = list(islice(self.book.by_client.values(), known, None))
        if made and made[0].state is OrderState.REJECTED:
            return "REFUSED", made[0].text
        if made:
            return "DONE", " ".join(f"{order.request.client_id} {order.state.name}" for order in made)
        code = Refusal(self._refusal)
        return "REFUSED", f"{code.name.lower()}: {REFUSALS.get(code, 'nothing was to be done')}"

    def _refuse(self, command: CommandRow, reason: str) -> None:
        """Put a command that cannot be obeyed on the store's tape."""
        journal, clock = self.journal, self.parts.clock
        seq, body = max(journal.next_seq - 1, journal.committed_seq), reason.encode()
        source, key = f"person:{command.user}", command.key
        row = TapeRow(self.terms.run_id, seq, clock.now_ns(), clock.monotonic_ns(), source, "REFUSED", key, body)
        journal.batch.tape.append(row)

    async def _cancel(self, word: CancelWord, now: int) -> None:
        """Ask for one order's end: an OPERATOR row that names it."""
        order = self.book.by_client.get(word.client_id)
        number = order.request.number if order is not None else 0
        await self.turns.take_operator(Operator.CANCEL_ORDER, word.by, word.client_id, now, word.key, number)

    async def _take_report(self, item: Any) -> None:
        if isinstance(item, Degraded | LinkWord):
            self.market.take_word(item)
            if isinstance(item, LinkWord):
                self.present.health.market_data_ready = item.is_up
                self.notices.link(item)
                self.alert(2, "FEED_UP" if item.is_up else "FEED_DOWN", item.text)
            return
        applied = await self.turns.take_report(item, self.now()[0])
        if self.outside is not None and "EXTERNAL" in applied.flags:
            self.outside.heard_foreign()
        await self.journal.commit()

    # --- what others are told

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
            self._refusal = int(written.refusals[-1]["refusal"])
        self.present.follow(written)
        self.projector.follow(seq, written)
        if self.outside is not None:
            self.outside.booked()
        for follower in self.parts.follow:
            follower(seq, written)


def _first(errors: BaseExceptionGroup[TidemillError]) -> TidemillError:
    """Return the first single error of a group."""
    inner = errors.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner
