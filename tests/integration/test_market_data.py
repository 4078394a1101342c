"""The way of market data through a live run: feed, inbox, border, candles, store."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from live_market import ManualClock
from tidemill.adapters.bars import BarStore, TickStore
from tidemill.adapters.calendars import get_calendar
from tidemill.adapters.feeds import ReplayData, ReplayFeed, SyntheticFeed
from tidemill.model.bars import MINUTE_NS, BarTable
from tidemill.model.enums import EventKind
from tidemill.model.errors import ConfigError
from tidemill.ports.feed import Feed, MarketSink
from tidemill.runtime.inbox import Inbox
from tidemill.runtime.lanes import Lane
from tidemill.runtime.market.candles import Candles
from tidemill.services.simulated import simulated_market

COLUMNS = ("open", "high", "low", "close", "volume")
CALENDARS = {name: get_calendar(name) for name in ("XNYS", "CME")}


def listen(feed: Feed, inbox: Inbox, symbols: list[str]) -> list[tuple[Lane, Any]]:
    """Run a feed to its end and return everything the inbox hands out, copied."""
    heard: list[tuple[Lane, Any]] = []

    async def play() -> None:
        await feed.stream(symbols, inbox)
        inbox.operator("end")

    async def loop() -> None:
        ended = False
        while not ended or not inbox.is_empty:
            await inbox.wait() if not ended else None
            while (item := inbox.take()) is not None:
                ended = ended or item[0] is Lane.OPERATOR
                if item[0] is not Lane.OPERATOR:
                    heard.append((item[0], item[1].copy()))

    async def both() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(play())
            group.create_task(loop())

    asyncio.run(both())
    return heard


def same(found: Any, table: BarTable) -> None:
    assert found["ts_ns"].tolist() == table.ts.tolist()
    for name in COLUMNS:
        assert found[name].tolist() == getattr(table, name).tolist(), name


def test_an_inbox_is_a_market_sink() -> None:
    sink: MarketSink = Inbox([], ManualClock())
    assert sink.link(is_up=True, text="") is None


def test_replayed_bars_arrive_whole_in_their_groups_and_are_stored(tmp_path: Path) -> None:
    market = simulated_market(["SIMA", "SIMB", "SIMQ"], sessions=2)
    data = market.draw(0)
    symbols = [item.symbol for item in market.instruments]
    inbox = Inbox(market.instruments, ManualClock(), is_replay=True)
    heard = listen(ReplayFeed(data, ManualClock()), inbox, symbols)
    groups = [rows for lane, rows in heard if int(rows[0]["kind"]) == EventKind.BAR]
    assert all(len(set(rows["now_ns"].tolist())) == 1 for rows in groups)
    ends = [int(rows[0]["now_ns"]) for rows in groups]
    assert ends == sorted(set(ends))
    whole = np.concatenate(groups)
    store = BarStore(tmp_path)
    store.append(symbols, whole, 1)
    for number, table in enumerate(data.bars):
        same(whole[whole["instrument"] == number], table)
        kept = store.recent(table.symbol, MINUTE_NS, len(table) + 5)
        assert kept.ts.tolist() == table.ts.tolist()
        assert kept.close.tolist() == table.close.tolist()
    store.close()
    assert inbox.counts().quarantined == 0


def test_simulated_trades_become_the_market_s_own_bars_and_ticks_are_stored(tmp_path: Path) -> None:
    symbols = ["SIMA", "SIMQ"]
    ticking = simulated_market(symbols, sessions=1, with_ticks=True)
    barred = simulated_market(symbols, sessions=1)
    clock = ManualClock()
    feed = SyntheticFeed(lambda number: ticking.draw(number) if number < 2 else None, clock, speed=1000.0)
    inbox = Inbox(ticking.instruments, clock, is_replay=True)
    candles = Candles(ticking.instruments, [(MINUTE_NS,)] * 2, CALENDARS, max_gap_ns=0)
    store = TickStore(tmp_path)
    made, quotes = [], 0
    for lane, rows in listen(feed, inbox, symbols):
        made.append(candles.take(rows))
        store.append(symbols, rows)
        quotes += len(rows) if lane is Lane.QUOTE else 0
    made.append(candles.tick(2**62))
    found = np.concatenate(made)
    for number, symbol in enumerate(symbols):
        tables = [barred.draw(piece).bars[number] for piece in range(2)]
        rows = found[found["instrument"] == number]
        columns = (np.concatenate([getattr(table, name) for table in tables]) for name in ("ts", *COLUMNS))
        same(rows, BarTable(symbol, MINUTE_NS, MINUTE_NS, *columns))
    sent = [ticking.draw(piece) for piece in range(2)]
    assert quotes == sum(len(rows) for piece in sent for rows in piece.quotes.values())
    assert inbox.counts().replaced == 0
    kept = store.between("SIMA", 0, 2**62)
    assert kept["price"].tolist() == [price for piece in sent for price in piece.trades["SIMA"]["price"].tolist()]
    store.close()
    again = ReplayData(trades={"SIMA": kept})
    assert len(listen(ReplayFeed(again, clock), Inbox(ticking.instruments[:1], clock, is_replay=True), ["SIMA"])) > 0


def test_pieces_of_a_simulated_market_follow_each_other_and_are_the_same_each_time() -> None:
    market = simulated_market(["SIMA"], sessions=3, seed=5, start="2024-11-27")
    pieces = [market.draw(number).bars[0] for number in (0, 1, 0)]
    assert pieces[0].ts.tobytes() == pieces[2].ts.tobytes()
    assert pieces[0].close.tobytes() == pieces[2].close.tobytes()
    days = sorted({int(ts) // (1440 * MINUTE_NS) for piece in pieces[:2] for ts in piece.ts})
    sessions = CALENDARS["XNYS"].sessions(days[0], days[0] + 20)
    assert days == sessions.day[:6].tolist()
    closes = sessions.close_ns[1]
    assert int(pieces[0].ts[pieces[0].ts < closes + MINUTE_NS].max()) < closes  # the day after Thanksgiving ends early


def test_a_start_that_is_no_day_is_refused() -> None:
    with pytest.raises(ConfigError, match="YYYY-MM-DD"):
        simulated_market(["SIMA"], start="soon").draw(0)
