"""Pushed trades fill orders as they come; the record of such a run explains itself, and may be asked otherwise."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tidemill.adapters.feeds import PushedFeed
from tidemill.adapters.sql.opening import open_store
from tidemill.cli.agent_file import agent_of_tables
from tidemill.model.agent import AgentSpec, FeedSpec, PaperSpec
from tidemill.model.errors import ConfigError, LinkDown, UnknownName
from tidemill.model.journal import FillEntry
from tidemill.services.agents import uses_of
from tidemill.services.entries import StrategyRequest
from tidemill.services.home import Home, find_home
from tidemill.services.live import open_run
from tidemill.services.live_parts import RunRequest
from tidemill.services.operating import Answer, ask_order
from tidemill.services.parity import parity_of
from tidemill.services.recorded import blueprint_of, read_recorded

USES = uses_of([StrategyRequest("buy_and_hold")])


def agent(fill_on: str = "") -> AgentSpec:
    return AgentSpec(
        "ticks",
        USES,
        ("AIG",),
        "1h",
        feed=FeedSpec("push"),
        paper=PaperSpec(fill_on),
        instrument={"calendar": "24/7"},
    )


async def traded(home: Home, fill_on: str) -> tuple[Answer, list[FillEntry]]:
    """Push a trade, buy by hand, push another trade; return the answer and the fills."""
    live = await open_run(RunRequest(agent(fill_on), home, "r"))
    feed, run = live.market.feed, live.run
    assert isinstance(feed, PushedFeed)

    async def work() -> Answer:
        while True:
            try:
                feed.push_trade("AIG", 100.0, 50.0)
                break
            except LinkDown:  # it does not listen yet
                await asyncio.sleep(0.01)
        while run.journal.next_seq < 2:  # noqa: ASYNC110 - the run has no bell for tests
            await asyncio.sleep(0.01)
        order = {"side": "buy", "symbol": "AIG", "quantity": 3.0}
        answer = await asyncio.to_thread(ask_order, home, order, run_id="r", user="ann")
        feed.push_trade("AIG", 101.5, 50.0)
        before = run.journal.next_seq
        while run.journal.next_seq == before:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
        live.stop()
        return answer

    try:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(work())
            await asyncio.wait_for(live.serve(), 30)
    finally:
        await live.close()
    store = open_store(home.url)
    try:
        return task.result(), store.fills("r")
    finally:
        store.close()


def test_a_market_order_fills_at_the_next_trade_and_its_record_adds_up(tmp_path: Path) -> None:
    home = find_home(tmp_path)
    answer, fills = asyncio.run(traded(home, ""))
    assert (answer.state, answer.text) == ("DONE", answer.text)
    assert [(fill.side, fill.quantity, fill.price) for fill in fills] == [("BUY", "3", "101.5")]
    store = open_store(home.url)
    recorded = read_recorded(store, home.runs, "r")
    store.close()
    report = parity_of(recorded, blueprint_of(recorded))
    assert report.decisions.percent == 100.0
    assert report.fills is None or report.fills.percent == 100.0


def test_an_agent_may_ask_for_fills_on_bars(tmp_path: Path) -> None:
    _, fills = asyncio.run(traded(find_home(tmp_path), "bars"))
    assert fills == []


def test_the_file_of_an_agent_says_how_its_paper_account_fills() -> None:
    head = {"schema": 1, "strategy": "buy_and_hold", "feed": {"kind": "sample"}}
    spec = agent_of_tables({**head, "paper": {"fill_on": "trades", "check_buying_power": True}})
    assert spec.paper == PaperSpec("trades", check_buying_power=True)
    assert spec.fills_on_trades
    assert agent().fills_on_trades
    assert not agent_of_tables(head).fills_on_trades
    with pytest.raises(UnknownName, match="fill_on"):
        agent_of_tables({**head, "paper": {"fill_on": "ticks"}})
    with pytest.raises(ConfigError, match="true or false"):
        agent_of_tables({**head, "paper": {"check_buying_power": 1}})
