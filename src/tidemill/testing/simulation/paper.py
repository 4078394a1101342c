"""Days on paper: a replayed session is killed again and again, and must end as if nothing had happened."""

from __future__ import annotations

import asyncio
import hashlib
import random
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from tidemill.adapters.feeds.replay import ReplayData, ReplayFeed
from tidemill.adapters.paper.broker import PaperBroker
from tidemill.adapters.sql.opening import open_store
from tidemill.engine.plan import EnginePlan
from tidemill.model.bars import BarTable
from tidemill.model.enums import Session
from tidemill.model.units import MICROS
from tidemill.ports.store import Store
from tidemill.runtime.core import Core
from tidemill.runtime.guard.baseline import DayClock
from tidemill.runtime.guard.chain import RULES
from tidemill.runtime.guard.facts import Scope
from tidemill.runtime.guard.halts import Halts
from tidemill.runtime.guard.limits import no_limits
from tidemill.runtime.guard.send_guard import SendGuard
from tidemill.runtime.guard.tolerances import Tolerances
from tidemill.runtime.inbox import Inbox
from tidemill.runtime.life.run import Run
from tidemill.runtime.life.terms import Phase, RunParts, RunTerms
from tidemill.runtime.orders.book import OrderBook
from tidemill.runtime.orders.present import Present
from tidemill.runtime.record.writer import InlineWriter
from tidemill.testing.seams import SimClock
from tidemill.testing.simulation.loop import WorldLoop
from tidemill.testing.simulation.market import Path as PricePath
from tidemill.testing.simulation.places import room, template
from tidemill.testing.simulation.process import CASH, RUN_ID, make_engine, plan_of
from tidemill.testing.simulation.scenario import Scenario, draw

__all__ = ["PaperOutcome", "simulate_paper"]

_MOST_KILLS = 6
_COLUMNS = ("ts_ns", "open", "high", "low", "close", "volume")


T = TypeVar("T")


class _YieldingWriter(InlineWriter):
    """Writes at once, then lets others run: a kill may come right after."""

    async def run(self, work: Callable[[], T]) -> T:
        """Do it now."""
        result = work()
        await asyncio.sleep(0)
        return result


@dataclass(frozen=True, slots=True)
class PaperOutcome:
    """What a day on paper came to.

    Args:
        seed: of the day. kills: deaths in it.
        steps: of the loop, all processes together.
        content: everything the core has written, as bytes; record: fills, intents, ledger of the store.
    """

    seed: int
    kills: int
    fills: int
    steps: int
    content: bytes
    record: str


def _tables(scenario: Scenario) -> list[BarTable]:
    path = PricePath(scenario, 0)
    tables = []
    for at, symbol in enumerate(scenario.symbols):
        rows = path.bars[:, at]
        ts, first, high, low, last, volume = (np.ascontiguousarray(rows[name]) for name in _COLUMNS)
        tables.append(BarTable(symbol, scenario.bar_ns, scenario.bar_ns, ts, first, high, low, last, volume))
    return tables


def _wire(scenario: Scenario, plan: EnginePlan, store: Store, folder: Path, clock: SimClock) -> Run:
    instruments = list(plan.instruments)
    names = [item.spec.name for item in plan.strategies]
    tolerances = Tolerances(
        max_strategy_orders_per_window=100_000, max_orders_per_window=100_000, max_messages_per_window=1_000_000
    )
    guard = SendGuard(RULES, {Scope.ACCOUNT: no_limits(Scope.ACCOUNT)}, Halts(folder / "halts"), tolerances=tolerances)

    def present(core: Core, book: OrderBook) -> Present:
        return Present(
            core,
            book,
            instruments=instruments,
            strategies=names,
            run_id=RUN_ID,
            account="PAPER",
            mode="paper",
            scopes=[Scope.ACCOUNT],
            tolerances=tolerances,
            day_clock=DayClock("America/New_York", scenario.roll_minutes),
            session_of=lambda _row, _now: Session.REGULAR,
            interval_ns=scenario.bar_ns,
        )

    digest = hashlib.sha256(b"{}").hexdigest()
    terms = RunTerms(
        RUN_ID, "simulated", "PAPER", "paper", "paper", "sim", "{}", digest, "USD", CASH * MICROS, instruments, names
    )
    broker = PaperBroker(plan)
    feed = ReplayFeed(ReplayData(bars=_tables(scenario)), clock)
    inbox = Inbox(instruments, clock, is_replay=True)
    parts = RunParts(
        make_engine(plan), broker, broker, feed, inbox, store, _YieldingWriter(), folder / "runs", clock, guard,
        present, lambda *_: None,
    )  # fmt: skip
    return Run(terms, parts)


async def _live(run: Run) -> None:
    await run.start()
    await run.serve()
    await run.finish(Phase.COMPLETED)


def simulate_paper(seed: int, *, kills: int | None = None, within: int = 50) -> PaperOutcome:
    """Live through the day of a seed on paper.

    Args:
        seed: any integer.
        kills: how often the process dies; None: the seed decides. 0: never, the day to compare with.
        within: steps after which a process dies at the latest; few, for only what is written makes one wait.
    """
    scenario = draw(seed)
    chance = random.Random(f"{seed}|paper")  # noqa: S311 - seeded, for simulations
    left = chance.randrange(1, _MOST_KILLS) if kills is None else kills
    folder = Path(tempfile.mkdtemp(prefix=f"paper{seed}-", dir=room()))
    shutil.copyfile(template(), folder / "t.db")
    store = open_store(f"sqlite:///{folder}/t.db", verify=False)
    loop, plan = WorldLoop(), plan_of(scenario)  # type: ignore[abstract]  # no sockets in it
    deaths = number = 0
    try:
        while True:
            number += 1
            run = _wire(scenario, plan, store, folder, SimClock(loop))
            ended = loop.create_future()
            loop.died = lambda _process, ended=ended: ended.set_result(None)  # type: ignore[misc]
            task = loop.spawn(number, _live(run))
            task.add_done_callback(lambda _task, ended=ended: ended.done() or ended.set_result(None))  # type: ignore[misc]
            if left:
                loop.light_fuse(number, chance.randrange(1, max(within, 2)))
                left -= 1
            loop.run_until_complete(ended)
            run.close()
            if number not in loop.dead:
                task.result()
                break
            deaths += 1
        fills = store.fills(RUN_ID)
        record = repr((fills, store.intents(RUN_ID), store.ledger("PAPER", RUN_ID)))
        return PaperOutcome(seed, deaths, len(fills), loop.steps, run.core.engine.tape.content(), record)
    finally:
        loop.reap()
        store.close()
        shutil.rmtree(folder, ignore_errors=True)
