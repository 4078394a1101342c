"""Feeds without an end: pushed bars and a simulated market, stopped, gone on with, and ended by schedule."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tidemill.adapters.feeds import PushedFeed
from tidemill.model.agent import AgentSpec, FeedSpec, Schedule
from tidemill.model.bars import MINUTE_NS
from tidemill.model.errors import ConfigError
from tidemill.model.heard import HeardBar
from tidemill.runtime.clock import SystemClock
from tidemill.services.agents import uses_of
from tidemill.services.entries import StrategyRequest
from tidemill.services.home import find_home
from tidemill.services.live import LiveRun, open_run
from tidemill.services.live_parts import RunRequest
from tidemill.services.live_view import LiveView

USES = uses_of([StrategyRequest("moving_average_crossover", {"fast_window": 2, "slow_window": 3})])
PUSHED = AgentSpec("pushed", USES, ("AIG",), "1min", feed=FeedSpec("push"))


def bars(count: int) -> list[HeardBar]:
    """Bars of the last minutes, the newest over just now."""
    end = SystemClock().now_ns() // MINUTE_NS * MINUTE_NS
    starts = [end - (count - number) * MINUTE_NS for number in range(count)]
    return [HeardBar("AIG", start, MINUTE_NS, 10.0, 11.0, 9.0, 10.0 + at % 2, 100.0) for at, start in enumerate(starts)]


async def served(request: RunRequest, pushed: list[HeardBar]) -> LiveView:
    """Run an agent, push bars once it listens, and stop it when it has taken them."""
    live: LiveRun = await open_run(request)
    waiting, looks = list(pushed), 0

    def watch(view: LiveView) -> None:
        nonlocal looks
        looks += 1
        feed = live.market.feed
        if looks > 1 and waiting and isinstance(feed, PushedFeed):  # at the first look nobody may listen yet
            feed.push_bars(waiting)
            waiting.clear()
        elif looks > 1 and view.bars >= min(len(pushed), 5):
            live.stop()

    live.request.watch, live.request.every_s = watch, 0.01
    try:
        return await asyncio.wait_for(live.serve(), 30)
    finally:
        await live.close()


def test_pushed_bars_are_traded_and_kept(tmp_path: Path) -> None:
    request = RunRequest(PUSHED, find_home(tmp_path), "r")
    view = asyncio.run(served(request, bars(5)))
    assert (view.state, view.feed, view.bars, view.bars_total) == ("STOPPED", "pushed", 5, 0)
    again = asyncio.run(served(RunRequest(PUSHED, find_home(tmp_path), "r"), []))
    assert (again.state, again.seq) == ("STOPPED", view.seq)
    assert (again.events, again.orders, again.market_ns) == (view.events, view.orders, view.market_ns)


def test_a_bar_from_the_future_is_set_aside_and_disturbs_nothing(tmp_path: Path) -> None:
    good = bars(5)
    bad = [
        replace(good[0], start_ns=good[-1].start_ns + 60 * MINUTE_NS),
        replace(good[0], close=float("nan")),
        replace(good[0], low=-1.0),
    ]
    view = asyncio.run(served(RunRequest(PUSHED, find_home(tmp_path), "r"), [*bad[1:], *good, bad[0]]))
    assert (view.state, view.bars) == ("STOPPED", 5)
    assert {key.rpartition(" ")[2]: count for key, count in view.refused.items() if "set aside" in key} == {
        "NOT_A_NUMBER": 1,
        "NOT_POSITIVE": 1,
        "FUTURE_STAMP": 1,
    }


def test_before_the_first_event_there_is_no_market_time(tmp_path: Path) -> None:
    view = asyncio.run(served(RunRequest(PUSHED, find_home(tmp_path), "r"), []))
    assert (view.state, view.events, view.market_ns) == ("STOPPED", 0, 0)


def test_a_schedule_ends_a_feed_that_would_not(tmp_path: Path) -> None:
    over = AgentSpec("over", USES, ("AIG",), "1min", feed=FeedSpec("push"), schedule=Schedule(end="2024-01-01"))

    async def run() -> LiveView:
        live = await open_run(RunRequest(over, find_home(tmp_path), "r"))
        try:
            return await asyncio.wait_for(live.serve(), 30)
        finally:
            await live.close()

    assert asyncio.run(run()).state == "COMPLETED"


def test_a_simulated_market_goes_on_until_it_is_stopped(tmp_path: Path) -> None:
    spec = AgentSpec("endless", USES, ("SIMA",), feed=FeedSpec("synthetic", sessions=0))
    seen: list[int] = []

    async def run(least: int) -> LiveView:
        live = await open_run(RunRequest(spec, find_home(tmp_path), "r"))

        def watch(view: LiveView) -> None:
            seen.append(view.bars)
            if view.bars > least:
                live.stop()

        live.request.watch, live.request.every_s = watch, 0.0
        try:
            return await asyncio.wait_for(live.serve(), 60)
        finally:
            await live.close()

    first = asyncio.run(run(500))
    assert (first.state, first.feed, first.bars_total) == ("STOPPED", "SIMULATED", 0)
    second = asyncio.run(run(1_500))
    assert second.market_ns > first.market_ns
    assert second.seq > first.seq > 500


def test_a_run_that_cannot_be_put_together_leaves_the_database_free(tmp_path: Path) -> None:
    broken = AgentSpec("broken", USES, ("AIG",), "1min", feed=FeedSpec("replay", (str(tmp_path / "missing.csv"),)))
    request = RunRequest(broken, find_home(tmp_path), "r")
    for _ in range(2):
        with pytest.raises(Exception, match=r"missing\.csv"):
            asyncio.run(open_run(request))
    with pytest.raises(ConfigError, match="run's id"):
        asyncio.run(open_run(RunRequest(PUSHED, find_home(tmp_path), "a/b")))
