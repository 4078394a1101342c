"""A run tells what happens on its bus; a listener that fails hurts nobody, unless it fails on a fill."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from live_rig import build_run, serve
from parity.cases import random_cases
from tidemill.adapters.feeds import ReplayData, ReplayFeed
from tidemill.model.bars import BarTable
from tidemill.ports.feed import MarketSink
from tidemill.runtime.bus import FillNotHandled, Notice, Topic
from tidemill.runtime.clock import SystemClock
from tidemill.runtime.guard.facts import Scope
from tidemill.runtime.guard.limits import Limits
from tidemill.runtime.life.terms import Phase

LOSING = Limits(Scope.ACCOUNT, max_daily_loss_usd=1.0)
CASE = next(case for case in random_cases(400) if case.name == "bracket")


def listening(folder: Path, **handlers: Any) -> Any:
    run = build_run(CASE.job(), folder)
    for name, handler in handlers.items():
        run.bus.subscribe(Topic[name] if name != "ANY" else None, handler)
    return run


def test_what_happens_is_told_once_and_in_order(tmp_path: Path) -> None:
    heard: list[Notice] = []
    run = listening(tmp_path, ANY=heard.append)
    serve(run)
    count = Counter(notice.topic for notice in heard)
    fills = run.core.engine.tape.rows("fills")
    assert count[Topic.CANDLE_COMPLETED] == 400
    assert count[Topic.ORDER_FILLED] == len(fills) > 10
    assert count[Topic.ORDER_PLACED] == len(run.book.by_client)
    assert count[Topic.POSITION_OPENED] - count[Topic.POSITION_CLOSED] in {0, 1}
    assert count[Topic.POSITION_CLOSED] == len(run.core.engine.tape.rows("trips"))
    assert count[Topic.ORDER_CANCELLED] > 0  # of two protective orders one ends with the other
    prices = [notice.values["price"] for notice in heard if notice.topic is Topic.ORDER_FILLED]
    assert prices == fills["price"].tolist()


def test_a_listener_that_fails_is_told_of_and_disturbs_nobody(tmp_path: Path) -> None:
    heard: list[Notice] = []

    def fails(notice: Notice) -> None:
        raise ValueError("no pen")

    run = listening(tmp_path, CANDLE_COMPLETED=fails, ORDER_FILLED=heard.append)
    serve(run)
    assert run.phase is Phase.COMPLETED
    assert len(heard) == len(run.core.engine.tape.rows("fills"))
    assert {row.kind for row in run.alerts} == {"HANDLER_FAILED"}


def test_a_listener_of_fills_that_fails_stops_trading(tmp_path: Path) -> None:
    def fails(notice: Notice) -> None:
        raise ValueError("books not kept")

    run = listening(tmp_path, ORDER_FILLED=fails)
    with pytest.raises(FillNotHandled, match="books not kept"):
        serve(run)
    assert run.phase is Phase.ERROR
    assert len(run.core.engine.tape.rows("fills")) == 1


def test_a_run_started_again_tells_nothing_twice(tmp_path: Path) -> None:
    first: list[Notice] = []
    run = listening(tmp_path, ORDER_FILLED=first.append)
    run.bus.subscribe(Topic.CANDLE_COMPLETED, lambda _notice: run.stop() if len(first) == 5 else None)
    serve(run, state=Phase.STOPPED)
    run.parts.store.close()
    second: list[Notice] = []
    again = listening(tmp_path, ORDER_FILLED=second.append)
    serve(again)
    whole = again.core.engine.tape.rows("fills")["price"].tolist()
    assert [notice.values["price"] for notice in (*first, *second)] == whole
    assert len(first) >= 5


class Leaving(ReplayFeed):
    """A replay whose connection is said to be away for long, and in a second part of its life to be back."""

    returns = False

    async def stream(self, symbols: Sequence[str], sink: MarketSink) -> None:
        sink.link(False, "ten attempts failed", "SAFE_MODE")
        if self.returns:
            sink.link(True, "back")
        await super().stream(symbols, sink)


class Returning(ReplayFeed):
    """A replay whose connection is lost for long, and comes back."""

    async def stream(self, symbols: Sequence[str], sink: MarketSink) -> None:
        sink.link(False, "cut")
        sink.link(False, "ten attempts failed", "SAFE_MODE")
        sink.link(True, "back")
        await super().stream(symbols, sink)


@pytest.mark.parametrize("returns", [False, True])
def test_in_safe_mode_nothing_is_entered(tmp_path: Path, returns: bool) -> None:
    job = CASE.job()
    feed = Leaving(ReplayData(job.bars), SystemClock())
    feed.returns = returns
    run = build_run(job, tmp_path, feed=feed)
    heard: list[Notice] = []
    run.bus.subscribe(Topic.SAFE_MODE_ENTERED, heard.append)
    serve(run)
    assert [notice.values["text"] for notice in heard] == ["ten attempts failed"]
    assert [row.kind for row in run.alerts][:1] == ["SAFE_MODE"]
    assert (len(run.core.engine.tape.rows("fills")) > 0) == returns
    if not returns:
        refusals = run.core.engine.tape.rows("refusals")
        assert len(refusals) + len(run.book.by_client) > 0


def test_every_kind_of_notice_has_a_source_in_a_run(tmp_path: Path) -> None:
    """Kinds told by one case after another, until all fourteen were heard; each said where it came from."""
    heard: dict[Topic, Notice] = {}

    def keep(notice: Notice) -> None:
        heard.setdefault(notice.topic, notice)

    for number, case in enumerate(random_cases(400)):
        job = case.job()
        feed = Returning(ReplayData(job.bars, trades=_trades(job.bars[0])), SystemClock())
        run = build_run(job, tmp_path / str(number), feed=feed, limits=LOSING)
        run.bus.subscribe(None, keep)
        serve(run)
        run.parts.store.close()
        assert [notice.at_ns for notice in run.bus.history]
        if len(heard) == len(Topic):
            break
    assert set(heard) == set(Topic), set(Topic) - set(heard)
    assert heard[Topic.SETUP_INVALIDATED].values["why"]
    assert heard[Topic.CIRCUIT_BREAKER_TRIGGERED].values["reason"]
    assert heard[Topic.TICK_RECEIVED].values["price"] > 0.0


def _trades(bars: BarTable) -> dict[str, Any]:
    """One trade in the middle of the first bar."""
    rows = np.zeros(1, [("ts_ns", np.int64), ("price", np.float64), ("size", np.float64)])
    rows["ts_ns"], rows["price"], rows["size"] = bars.ts[0] + bars.duration_ns // 2, bars.close[0], 1.0
    return {bars.symbol: rows}
