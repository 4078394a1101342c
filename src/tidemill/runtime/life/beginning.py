"""How a run begins: the recorded tape through a fresh core, the first rows, the warm-up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.model.broker import AccountFacts
from tidemill.model.enums import Operator
from tidemill.model.errors import NotAuthorised, TapeBroken
from tidemill.model.journal import FillEntry, LedgerRow
from tidemill.model.records import EVENT
from tidemill.runtime.life.wiring import Wired
from tidemill.runtime.market.market import MARKET_KINDS, TICKS
from tidemill.runtime.record.remarks import remark
from tidemill.runtime.record.tape import HELD
from tidemill.runtime.recovery.counting import recorded_rejects, recorded_requests
from tidemill.runtime.recovery.inheritance import Inherited, recorded_report
from tidemill.runtime.recovery.ticks import RecordedTicks

__all__ = ["Beginning"]


class Beginning:
    """Brings a run to where its record ends: the account is the promised one, the tape is lived again.

    Args:
        run: wired, not begun.
    """

    def __init__(self, run: Wired) -> None:
        self._run = run

    async def warm_up(self, groups: Sequence[NDArray[Any]]) -> None:
        """Let strategies learn from history before they trade: they take every bar, and no entry may leave.

        It is written in one transaction with the run's first row, so a run has warmed up wholly or was never begun.
        """
        run = self._run
        began, ended = int(groups[0]["now_ns"].min()), int(groups[-1]["now_ns"].max())
        await run.turns.take_operator(Operator.MUTE, "engine", "warm-up", began)
        for group in groups:
            await run.groups.take(np.ascontiguousarray(group))
            for bar in group:
                run.parts.inbox.border.know(int(bar["instrument"]), float(bar["close"]))
        await run.turns.take_operator(Operator.UNMUTE, "engine", "warm-up", ended)
        await run.groups.settle()

    def check_account(self, facts: AccountFacts) -> None:
        """Make sure that the broker's answer names the account and the environment that were promised."""
        run = self._run
        terms = run.terms
        if facts.environment != terms.mode:
            raise NotAuthorised(
                f"Run {terms.run_id} is {terms.mode}, and {terms.broker} says the account is {facts.environment}; "
                "check the credentials."
            )
        if run.parts.exchange is None and facts.account_id != terms.account:
            raise NotAuthorised(
                f"Run {terms.run_id} is for account {terms.account}, and {terms.broker} says it is "
                f"{facts.account_id}; check the credentials."
            )

    def recount(self, inherited: Inherited) -> None:
        """Let the guard's windows go on from what an earlier process has sent."""
        run = self._run
        is_replay, present = run.parts.feed.is_replay, run.present
        present.counters.restore(recorded_requests(inherited), run.now(), is_replay=is_replay)
        present.health.rejects_in_row = recorded_rejects(inherited)

    async def rebuild(self, inherited: Inherited) -> None:
        """Feed the recorded tape to the fresh core: the same code, comparing instead of writing."""
        run = self._run
        rows = inherited.recorded.rows
        run.market.remember(rows)
        exchange = run.parts.exchange
        ticks = RecordedTicks(rows, run.journal, run.turns, run.groups, run.market, run.projector, exchange)
        while run.journal.is_replaying:
            before = run.journal.next_seq
            if not await ticks.take():
                await self._replay_next(inherited)
            if run.journal.next_seq <= before:
                raise TapeBroken(
                    f"Row {before} of run {run.terms.run_id} tells nothing that the rows before it have not told; "
                    "the tape and the store's rows do not belong together: restore a backup."
                )

    async def _replay_next(self, inherited: Inherited) -> None:
        """Take the recorded group or event that comes next."""
        run = self._run
        row = run.journal.peek()
        kind = int(row["event"]["kind"])
        if kind in MARKET_KINDS:
            group = run.groups.next_recorded()
            if group is None:
                raise TapeBroken(f"The tape of run {run.terms.run_id} ends inside a group of bars; restore a backup.")
            run.market.relive(group)
            if kind in TICKS and not int(row["mark"]) & HELD:
                await run.groups.take_ticks(group)
            else:
                await run.groups.take(group)
            return
        event = np.zeros(1, EVENT)
        event[0] = row["event"]
        now = int(event["now_ns"][0])
        if run.parts.exchange is not None:
            run.parts.exchange.tell_time(now)
        told = None
        if run.outside is not None:
            told = recorded_report(event[0], run.journal.next_seq, run.book, inherited)
        if isinstance(told, FillEntry):
            await run.turns.take_adjustment(told, event)
        elif told is not None:
            await run.turns.take_report(told, now, "tape")
        else:
            await run.turns.take_row(event, source="tape", kind="replayed")
        await run.groups.settle()

    def begin_record(self, inherited: Inherited) -> int:
        """Write the run's row, and its first deposit when it is new; return when it was begun."""
        run = self._run
        terms, now = run.terms, run.parts.clock.now_ns()
        known = inherited.run
        started = known.started_ns if known is not None else now
        if known is not None and known.build != terms.build:
            text = f"Build {known.build} worked on it last, {terms.build} goes on; its tape was decided the same again."
            run.alert(2, "OTHER_BUILD", text)
            remark(run.journal, run.now(), "engine", "other_build", terms.build, known.build.encode())
        run.journal.batch.runs.append(terms.row("RUNNING", "", started, 0))
        if known is None:
            cash = terms.cash_micros
            delta = f"{cash // 1_000_000}.{cash % 1_000_000:06d}"
            ref = f"{terms.run_id}/deposit"
            run.journal.batch.ledger.append(
                LedgerRow(ref, terms.run_id, terms.account, "deposit", terms.currency, delta, now)
            )
        run.journal.note(run.journal.next_seq - 1, "engine", "started", terms.build, b"")
        return started
