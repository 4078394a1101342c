"""Flies a recorded market again through core and simulated exchange, under conditions one may choose.

It is the run loop itself, with a journal that writes nowhere and a guard that keeps back what it is told to.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidemill.adapters.paper import PaperBroker
from tidemill.engine.engine import Engine
from tidemill.engine.streams import build_streams
from tidemill.model.bars import BarTable
from tidemill.model.bookkeeping import Bookkeeper
from tidemill.model.enums import EventKind
from tidemill.model.errors import GuardRefusal, InvariantBroken
from tidemill.model.records import EVENT
from tidemill.runtime.core import Core
from tidemill.runtime.groups import Groups
from tidemill.runtime.life.mistakes import MOST_IN_ROW
from tidemill.runtime.market.market import MARKET_KINDS, TICKS
from tidemill.runtime.orders.book import OrderBook
from tidemill.runtime.orders.desk import InstantDesk
from tidemill.runtime.orders.outgoing import Drafter, Outgoing
from tidemill.runtime.record.tape import HELD, LAST
from tidemill.runtime.recovery.refeed import Names, Notebook
from tidemill.runtime.turns import Turns
from tidemill.services.recorded import Blueprint, bars_of_tape

__all__ = ["fly", "fly_backtest", "fly_bars"]

_ACTIONS = (int(EventKind.SPLIT), int(EventKind.DIVIDEND))
_WORDS = (int(EventKind.OPERATOR), int(EventKind.INTENT))


def fly_backtest(tape: NDArray[Any], blueprint: Blueprint) -> Engine:
    """Run the backtester's compiled loop over the bars, splits and dividends on a tape; return its finished core.

    Raises:
        DataError: there are no bars on the tape, or not such that the loop could take them.
    """
    symbols = [item.symbol for item in blueprint.plan.instruments]
    return fly_bars(bars_of_tape(tape, symbols), blueprint, tape)


def fly_bars(bars: Sequence[BarTable], blueprint: Blueprint, tape: NDArray[Any]) -> Engine:
    """Run the backtester's compiled loop over bars, with the splits and dividends on a tape; return its core."""
    actions = tape["event"][np.isin(tape["event"]["kind"], _ACTIONS)]
    engine = _excusing(blueprint.engine(sum(map(len, bars))))
    symbols = [item.symbol for item in blueprint.plan.instruments]
    engine.replay(build_streams(bars, symbols, [np.ascontiguousarray(actions)] if len(actions) else []))
    return engine


def fly(
    tape: NDArray[Any],
    blueprint: Blueprint,
    names: Names,
    *,
    refuse: Callable[[Outgoing], str] | None = None,
    with_words: bool = True,
) -> Core:
    """Run a tape's market through a fresh core and a paper exchange; return the finished core.

    Args:
        tape: TAPE_EVENT rows; reports on it are left out, the exchange makes its own.
        blueprint: what the core is built from. names: of the run.
        refuse: asked before each order leaves; a sentence keeps it back.
        with_words: people's orders and halts on the tape are obeyed when they came.
    """
    flight = _Flight(blueprint, names, refuse or (lambda _: ""))
    _run(flight.fly(tape, with_words=with_words))
    return flight.core


def _excusing(engine: Engine) -> Engine:
    """Return a core whose ordinary Python strategies may raise as often as in a run, and lose the bar."""
    for step in engine.steps:
        step.excused = MOST_IN_ROW
    return engine


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Run work that never waits for anything."""
    try:
        work.send(None)
    except StopIteration:
        return
    raise InvariantBroken("A flight waited for something outside.")


class _Flight:
    """One flight: core, exchange and what lies between."""

    def __init__(self, blueprint: Blueprint, names: Names, refuse: Callable[[Outgoing], str]) -> None:
        self.core, self._refuse = Core(_excusing(blueprint.engine())), refuse
        book, journal = OrderBook(), Notebook(names.run_id, names.account)
        self._exchange = PaperBroker(blueprint.plan, blueprint.paper)
        desk = InstantDesk(self._exchange, journal, self._approve, {}, may_gather=True)
        drafter = Drafter(
            self.core,
            book,
            journal,
            symbols=list(names.symbols),
            strategies=list(names.strategies),
            build=names.build,
            ttl_ns=names.ttl_ns,
        )
        self._turns = Turns(
            self.core,
            book,
            journal,
            drafter,
            broker="flight",
            keeper=Bookkeeper(),
            release=desk.release,
            follow=self._follow,
            alert=lambda *_: None,
        )
        self._groups = Groups(self._turns, journal, desk, self._exchange)

    def _follow(self, _: int) -> None:
        self.core.has_written = False

    def _approve(self, item: Outgoing) -> GuardRefusal | None:
        sentence = self._refuse(item)
        return GuardRefusal("recorded", sentence) if sentence else None

    async def fly(self, tape: NDArray[Any], *, with_words: bool) -> None:
        """Take a tape's market events in their groups, and people's words."""
        await self._exchange.open(lambda _: None)
        events = np.ascontiguousarray(tape["event"])
        kinds, marks = events["kind"].tolist(), tape["mark"].tolist()
        at = 0
        while at < len(events):
            if kinds[at] in MARKET_KINDS:
                stop = at
                while stop < len(events) and not marks[stop] & LAST:
                    stop += 1
                if stop == len(events):
                    return
                group = events[at : stop + 1]
                if kinds[at] in TICKS and not marks[at] & HELD:
                    await self._groups.take_ticks(group)
                else:
                    await self._groups.take(group)
                at = stop
            elif kinds[at] in _WORDS and with_words:
                row = np.zeros(1, EVENT)
                row[0] = events[at]
                self._exchange.tell_time(int(events["now_ns"][at]))
                await self._turns.take_row(row, source="tape", kind="word")
                await self._groups.settle()
            at += 1
