"""A run tells what happens on its bus; a listener that fails hurts nobody, unless it fails on a fill."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from live_rig import build_run, serve
from parity.cases import random_cases
from tidemill.adapters.feeds import ReplayData, ReplayFeed
from tidemill.ports.feed import MarketSink
from tidemill.runtime.bus import FillNotHandled, Notice, Topic
from tidemill.runtime.clock import SystemClock
from tidemill.runtime.life.terms import Phase

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
        refused = [order.text for order in run.book.by_client.values()]
        assert refused
        assert all("stale" in text for text in refused)
