"""One run, from its first row to its last: start (or start again), serve, stop.

Start is always the same: take the lease, read what is there, feed the tape to a fresh core, compare with the broker,
then open the doors. A clean stop and a killed process leave the same behind.
"""

from __future__ import annotations

import asyncio
from typing import Any

from tidemill.model.broker import AccountFacts
from tidemill.model.errors import LeaseLost, StoreError, TidemillError
from tidemill.ports.store import Lease
from tidemill.runtime.account.lease import EpochMark
from tidemill.runtime.guard.relimits import newest_limits
from tidemill.runtime.lanes import Lane
from tidemill.runtime.life.asides import note_set_aside
from tidemill.runtime.life.beginning import Beginning
from tidemill.runtime.life.mistakes import Mistakes
from tidemill.runtime.life.obeying import Obeying
from tidemill.runtime.life.telling import Telling
from tidemill.runtime.life.terms import Phase, RunParts, RunTerms
from tidemill.runtime.life.wiring import Wired
from tidemill.runtime.market.market import LOOK_S
from tidemill.runtime.record.journal import Journal
from tidemill.runtime.record.tape import TapeFile
from tidemill.runtime.recovery.inheritance import Inherited, inherit
from tidemill.runtime.room import Degraded, LinkWord
from tidemill.runtime.watch.supervisor import Supervisor, critical

__all__ = ["Run"]

_LOOK = object()  # through the inbox: look for quiet bars
_BREATH = 64  # items after which the loop lets others have a turn


class Run(Wired):
    """One execution of one agent.

    Args:
        terms, parts: as above.
    """

    def __init__(self, terms: RunTerms, parts: RunParts) -> None:
        super().__init__(terms, parts)
        self._stopping = asyncio.Event()
        self.supervisor: Supervisor | None = None
        self._feed_done = self._has_pumped = False
        self._tape: TapeFile | None = None
        self._obeying = Obeying(self, self._stopping.set)
        self._telling = Telling(self)
        self._mistakes = Mistakes(self)

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
        await self.wire(inherited, self._open_record(inherited, lease))
        self.present.health.lease_remaining_ns = lambda: self.keeper.remaining_ns
        facts = await self._begin(inherited)
        if self.outside is not None:
            await self.outside.start(inherited, facts, self._take_reports)
            await self.journal.commit()
        if self.ruling is not None:
            self.ruling.look()  # what a crash cut off, before anything else happens
        self._mistakes.begin()
        self.phase = Phase.RUNNING

    def _open_record(self, inherited: Inherited, lease: Lease) -> Journal:
        """Open the record behind what is recorded already."""
        parts, terms, recorded = self.parts, self.terms, inherited.recorded
        self._tape = tape = TapeFile(parts.folder / terms.run_id, recorded.end.next_seq)
        journal = Journal(
            terms.run_id,
            terms.account,
            store=parts.store,
            file=tape,
            writer=parts.writer,
            clock=parts.clock,
            recorded=recorded,
        )
        journal.lease = lease
        return journal

    async def _begin(self, inherited: Inherited) -> AccountFacts:
        """Open the broker, live the tape again, and write the first rows."""
        parts, terms, beginning = self.parts, self.terms, Beginning(self)
        guard_rows = await parts.writer.run(parts.store.guard)
        parts.guard.restore(guard_rows)
        if (changed := newest_limits(guard_rows, terms.run_id)) is not None:
            parts.guard.relimit(changed)
        self.phase = Phase.RECONCILING
        self.facts = self.present.broker = facts = await parts.broker.open(parts.inbox.report)
        beginning.check_account(facts)
        self.present.health.is_reconciled = self.outside is None  # a simulated account is the record itself
        beginning.recount(inherited)
        await beginning.rebuild(inherited)
        self._telling.begin()
        self._started_ns = beginning.begin_record(inherited)
        if inherited.run is None and parts.warmup:
            await beginning.warm_up(parts.warmup)
        await self.journal.commit()
        return facts

    async def _take_reports(self) -> None:
        """Let the core take every report that waits, before anything else may happen."""
        await self.parts.clock.sleep(0)
        while (report := self.parts.inbox.take_report()) is not None:
            await self._take_report(report)

    # --- serve

    async def serve(self) -> None:
        """Run until the feed ends or somebody stops it.

        Raises:
            StoreError, InvariantBroken: the run ended in ERROR; positions stay protected at the broker.
        """
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._stream(), name="feed")]
                works = {"keeper": self._keep, "bus": self.bus.run}
                if self.parts.polls:
                    works["commands"] = self.poller.serve
                if self.parts.watch is not None:
                    self.supervisor = Supervisor(self, self.parts.watch, self._is_over)
                    works["supervisor"] = self.supervisor.serve
                if self.parts.candles is not None and not self.parts.feed.is_replay:
                    self.market.begin()
                    works["candles"] = self._look
                if self.outside is not None:
                    works |= self.outside.works()
                tasks += [
                    group.create_task(critical(name, work, self._is_over), name=name) for name, work in works.items()
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
        self.journal.batch.runs.append(self.terms.row(self.phase.value, self.message, self._started_ns, ended))
        if not self.parts.feed.is_replay and self.phase is not Phase.ERROR:
            await self.market.take_waiting()
        self.market.end()
        self.projector.finish()
        note_set_aside(self.journal, self.parts.inbox.border, self.parts.clock)
        self.journal.flush()
        await self.journal.commit()
        await self.keeper.release()
        await self.parts.broker.close()

    def close(self) -> None:
        """Let go of the tape; called by whoever opened the run, also when it did not start or has failed."""
        tape, self._tape = self._tape, None
        if tape is not None:
            tape.close()

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
            note_set_aside(self.journal, self.parts.inbox.border, self.parts.clock)
            self.approver.review()  # what the market alone has brought losses to
            if self._telling.is_due:
                self.parts.inbox.operator(None)  # nothing else may come for long
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
            if self._telling.is_due:
                await self._telling.tell()
            await self._take(*taken)
            if self.core.mistakes:
                self._mistakes.look()
            if self.ruling is not None and self.ruling.is_due:
                self.ruling.look()
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
        elif lane is Lane.COMMAND:
            await self._obeying.take_waiting(item)
        elif item is _LOOK:
            await self.market.close_quiet_bars()
        elif item is not None:
            await self._obeying.take(item)

    async def _take_report(self, item: Any) -> None:
        if isinstance(item, Degraded | LinkWord):
            self.market.take_word(item)
            if isinstance(item, LinkWord):
                self.present.health.market_data_ready = item.is_up
                self.notices.link(item)
                self.alert(2, item.code or ("FEED_UP" if item.is_up else "FEED_DOWN"), item.text)
            return
        applied = await self.turns.take_report(item, self.now()[0])
        if self.outside is not None:
            self.outside.heard()
            if "EXTERNAL" in applied.flags:
                self.outside.heard_foreign()
        await self.journal.commit()


def _first(errors: BaseExceptionGroup[TidemillError]) -> TidemillError:
    """Return the first single error of a group."""
    inner = errors.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner
