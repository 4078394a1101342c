"""Runs on a true stream over the loopback: a server that drops, stalls, repeats itself and talks nonsense."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from live_market import Heard
from stream_server import Play, StreamServer, stream_server
from tidemill.adapters.feeds import PlainDialect, StreamedFeed, StreamTerms
from tidemill.model.bars import MINUTE_NS
from tidemill.model.errors import ConfigError, LinkDown, NotAuthorised
from tidemill.runtime.bus import Notice, Topic
from tidemill.runtime.clock import SystemClock
from tidemill.runtime.market.faults import Fault
from tidemill.services.home import find_home, read_store
from tidemill.services.live import open_run
from tidemill.services.live_parts import RunRequest
from tidemill.services.live_view import LiveView
from tidemill.testing.seams import SeededRng
from tidemill.wire.sockets import SocketNet

AGENT = """
schema = 1
name = "streamed"
strategy = "moving_average_crossover"
[params]
fast_window = 1
slow_window = 2
[data]
symbols = ["AIG"]
interval = "1min"
[instrument]
calendar = "24/7"
[feed]
kind = "stream"
url = "ws://127.0.0.1:1/nobody"
"""
BEAT = {"type": "beat"}


def minute() -> int:
    """The start of the minute that runs now."""
    return SystemClock().now_ns() // MINUTE_NS * MINUTE_NS


def bar(start: int, close: float, *, missed: bool = False) -> dict[str, Any]:
    prices = {"open": close, "high": close, "low": close, "close": close, "volume": 100}
    return {"type": "bar", "symbol": "AIG", "time": start, "interval": "1min", "missed": missed, **prices}


async def quiet(_server: StreamServer, socket: ServerConnection) -> None:
    await StreamServer.say(socket, BEAT)
    await socket.wait_closed()


def spec_of(folder: Path, url: str) -> Any:
    from tidemill.cli.agent_file import read_agent

    (folder / "a.toml").write_text(AGENT, encoding="utf-8")
    return read_agent(folder / "a.toml", f"stream:{url}")


def test_a_run_survives_a_server_that_drops_repeats_and_babbles(tmp_path: Path) -> None:
    first = minute() - 4 * MINUTE_NS
    old, new = bar(first, 10.0), bar(first + MINUTE_NS, 11.0)
    told: list[Notice] = []

    async def fails(server: StreamServer, socket: ServerConnection) -> None:
        unknown = {"type": "trade", "symbol": "ZZZ", "time": first, "price": 1.0}
        spike = bar(first + MINUTE_NS, 900.0)
        await server.say(socket, BEAT, old, old, "{nonsense", "\x00", unknown, spike, {**new, "low": 99.0})
        socket.transport.abort()

    async def recovers(server: StreamServer, socket: ServerConnection) -> None:
        await server.say(socket, BEAT)
        asked = await server.hear(socket)
        assert asked["type"] == "missed"
        late = [bar(first, 10.0, missed=True), {**new, "missed": True}, bar(first + 2 * MINUTE_NS, 9.0, missed=True)]
        await server.say(socket, late)
        await socket.wait_closed()

    async def go() -> tuple[LiveView, Any]:
        async with stream_server(fails, recovers) as server:
            live = await open_run(RunRequest(spec_of(tmp_path, server.url), find_home(tmp_path), "r"))
            live.run.bus.subscribe(None, told.append)
            live.request.watch = lambda view: live.stop() if view.bars >= 3 else None
            live.request.every_s = 0.01
            try:
                view = await asyncio.wait_for(live.serve(), 30)
            finally:
                await live.close()
            return view, live.run.parts.inbox.border

    view, border = asyncio.run(go())
    assert (view.state, view.feed, view.bars) == ("STOPPED", "stream", 3)
    assert {fault: count for fault, count in border.counts.items() if count} == {
        Fault.DUPLICATE: 2,  # one repeated, one asked for again
        Fault.UNKNOWN_SYMBOL: 1,
        Fault.SPIKE: 1,
        Fault.HIGH_BELOW_LOW: 1,
    }
    assert view.refused["market data set aside: SPIKE"] == 1
    with read_store(find_home(tmp_path)) as store:
        notes = [json.loads(row.body) for row in store.tape("r") if row.kind == "SET_ASIDE"]
    assert sum((Counter(note) for note in notes), Counter()) == {
        "DUPLICATE": 2,
        "UNKNOWN_SYMBOL": 1,
        "SPIKE": 1,
        "HIGH_BELOW_LOW": 1,
    }
    topics = [notice.topic for notice in told]
    connected, lost = Topic.WEBSOCKET_CONNECTED, Topic.WEBSOCKET_DISCONNECTED
    assert [topic for topic in topics if topic in {connected, lost}] == [connected, lost, connected]


def feed_to(url: str, silence_s: float = 0.2) -> StreamedFeed:
    terms = StreamTerms(connect_s=2.0, silence_s=silence_s)
    return StreamedFeed(
        url, PlainDialect([MINUTE_NS]), SocketNet(), SystemClock(), SeededRng(1), name="stream", terms=terms
    )


async def hear(feed: StreamedFeed, sink: Heard, lines: int) -> None:
    """Listen until so many lines were heard."""

    async def enough() -> None:
        while len(sink.lines) < lines:  # noqa: ASYNC110 - the sink is a plain list
            await asyncio.sleep(0.01)

    task = asyncio.ensure_future(feed.stream(["AIG"], sink))
    done, _ = await asyncio.wait({task, asyncio.ensure_future(enough())}, timeout=20, return_when="FIRST_COMPLETED")
    assert done
    if task in done:
        task.result()
    task.cancel()


def test_a_server_that_stalls_is_left_and_found_again() -> None:
    sink = Heard()

    async def go() -> int:
        async with stream_server(quiet, quiet) as server:
            await hear(feed_to(server.url), sink, 3)
            return server.connections

    assert asyncio.run(go()) == 2
    assert [line[1] for line in sink.lines] == [True, False, True]
    assert sink.lines[1][2].endswith("said nothing for 0.2 s.")


@pytest.mark.parametrize(("code", "error"), [("NOT_AUTHORISED", NotAuthorised), ("UNKNOWN_SYMBOL", ConfigError)])
def test_a_server_that_refuses_ends_a_run_that_has_not_begun(code: str, error: type[Exception]) -> None:
    async def refuses(_server: StreamServer, socket: ServerConnection) -> None:
        await socket.send(json.dumps({"type": "denied", "code": code, "text": "not for you"}))
        await socket.wait_closed()

    async def go(play: Play) -> None:
        async with stream_server(play) as server:
            await hear(feed_to(server.url, 5.0), Heard(), 3)

    with pytest.raises(error, match="not for you"):
        asyncio.run(go(refuses))


def test_sockets_say_what_is_wrong() -> None:
    async def connect(url: str) -> None:
        await SocketNet().connect(url)

    async def http(answer: bytes) -> None:
        async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            writer.close()

        async with await asyncio.start_server(reply, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            await connect(f"ws://127.0.0.1:{port}/")

    with pytest.raises(LinkDown, match="does not answer"):
        asyncio.run(connect("ws://127.0.0.1:1/"))
    with pytest.raises(NotAuthorised, match="401"):
        asyncio.run(http(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"))
    with pytest.raises(LinkDown, match="503"):
        asyncio.run(http(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"))
    with pytest.raises(LinkDown, match="does not answer"):
        asyncio.run(http(b"220 mail.example ready\r\n\r\n"))
    with pytest.raises(ConfigError, match="no address"):
        asyncio.run(connect("http://127.0.0.1/"))
