"""A run put together by hand from a backtest's job: the smallest wiring that trades the way the product does."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tidemill.adapters.feeds.replay import ReplayData, ReplayFeed
from tidemill.adapters.paper import PaperBroker
from tidemill.adapters.sql.opening import open_store
from tidemill.engine.plan import EnginePlan
from tidemill.model.enums import Session
from tidemill.ports.feed import Feed
from tidemill.research.backtest import BacktestJob, events_of
from tidemill.research.planning import plan_run
from tidemill.runtime.clock import SystemClock
from tidemill.runtime.guard.baseline import DayClock
from tidemill.runtime.guard.chain import RULES
from tidemill.runtime.guard.facts import Scope
from tidemill.runtime.guard.halts import Halts
from tidemill.runtime.guard.limits import Limits, no_limits
from tidemill.runtime.guard.send_guard import SendGuard
from tidemill.runtime.guard.tolerances import Tolerances
from tidemill.runtime.inbox import Inbox
from tidemill.runtime.life.run import Run
from tidemill.runtime.life.terms import Phase, RunParts, RunTerms
from tidemill.runtime.market.candles import Candles
from tidemill.runtime.orders.present import Present
from tidemill.runtime.record.writer import InlineWriter
from tidemill.services.recorded import Blueprint

RUN = "R1"
ACCOUNT = "PAPER"
FREE = Tolerances(
    max_strategy_orders_per_window=100_000, max_orders_per_window=100_000, max_messages_per_window=100_000
)


def blueprint(job: BacktestJob) -> Blueprint:
    """Return what a run of a job is built from."""
    plan = plan_run(job.entrants, job.bars, job.instruments, job.run, job.calendars)
    return Blueprint(plan, job.rules, job.form, tuple(job.bars), list(job.entrants))


def build_run(
    job: BacktestJob,
    folder: Path,
    *,
    venue: EnginePlan | None = None,
    limits: Limits | None = None,
    tolerances: Tolerances = FREE,
    feed: Feed | None = None,
    candles: Candles | None = None,
    run_id: str = RUN,
) -> Run:
    """Return a paper run of a job that has not started.

    Args:
        venue: the plan the exchange works by, when it is to differ from the engine's.
        limits: of the account; none by default.
        feed, candles: instead of the job's own bars.
    """
    drawn = blueprint(job)
    plan = drawn.plan
    clock = SystemClock()
    broker = PaperBroker(venue or plan)
    actions = events_of(job, job.bars)
    data = ReplayData(job.bars, actions=actions[0]) if actions else ReplayData(job.bars)
    account = limits or no_limits(Scope.ACCOUNT)
    names = [item.spec.name for item in plan.strategies]

    def present(core: Any, book: Any) -> Present:
        made = Present(
            core,
            book,
            instruments=plan.instruments,
            strategies=names,
            run_id=run_id,
            account=ACCOUNT,
            mode="paper",
            scopes=[account.scope],
            tolerances=tolerances,
            day_clock=DayClock("America/New_York"),
            session_of=lambda _row, _now: Session.REGULAR,
            interval_ns=max(plan.intervals_ns),
        )
        made.health.is_reconciled = True
        return made

    terms = RunTerms(
        run_id,
        "rig",
        ACCOUNT,
        "paper",
        "paper",
        "test",
        "{}",
        hashlib.sha256(b"{}").hexdigest(),
        job.run.currency,
        int(job.run.cash * 1_000_000),
        list(plan.instruments),
        names,
    )
    return Run(
        terms,
        RunParts(
            engine=drawn.engine(),
            broker=broker,
            exchange=broker,
            feed=feed or ReplayFeed(data, clock),
            inbox=Inbox(list(plan.instruments), clock, is_replay=True),
            store=open_store(f"sqlite:///{folder}/tidemill.db", migrate=True),
            writer=InlineWriter(),
            folder=folder / "runs",
            clock=clock,
            guard=SendGuard(RULES, {account.scope: account}, Halts(folder / "halts"), tolerances=tolerances),
            present=present,
            push=lambda *_: None,
            candles=candles,
        ),
    )


def serve(run: Run, *, before: Callable[[Run], None] | None = None, state: Phase | None = Phase.COMPLETED) -> Run:
    """Start a run, serve it to the end of its feed and finish it; without a state it just stops, as after a kill."""

    async def go() -> None:
        await run.start()
        if before is not None:
            before(run)
        await run.serve()
        if state is not None:
            await run.finish(state)

    asyncio.run(go())
    return run
