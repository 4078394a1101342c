"""Soaks on a true stream over the loopback: up, connected and complete, or the sentence that says what was not."""

from __future__ import annotations

import asyncio
import itertools
import json
from pathlib import Path

import pytest
from cli_runs import tidemill
from websockets.asyncio.server import ServerConnection

from stream_server import Play, StreamServer, stream_server
from tidemill.model.errors import ConfigError
from tidemill.runtime.clock import SystemClock
from tidemill.services.home import find_home
from tidemill.services.live_parts import RunRequest
from tidemill.services.soak import Soak, soak

AGENT = """
schema = 1
name = "soaked"
strategy = "buy_and_hold"
[data]
symbols = ["AIG"]
interval = "1s"
[instrument]
calendar = "24/7"
[feed]
kind = "stream"
url = "ws://127.0.0.1:1/nobody"
"""


async def trades(server: StreamServer, socket: ServerConnection) -> None:
    """Say a trade every twentieth of a second until the client goes."""
    for number in itertools.count():
        price = 10.0 + number % 7 / 100.0
        trade = {"type": "trade", "symbol": "AIG", "time": SystemClock().now_ns(), "price": price, "size": 5}
        await server.say(socket, trade)
        await asyncio.sleep(0.05)


async def breaks_off(server: StreamServer, socket: ServerConnection) -> None:
    """Say one trade and be gone."""
    await server.say(
        socket, {"type": "trade", "symbol": "AIG", "time": SystemClock().now_ns(), "price": 10.0, "size": 5}
    )
    await asyncio.sleep(0.3)
    socket.transport.abort()


def seen_of(folder: Path, *plays: Play) -> Soak:
    from tidemill.cli.agent_file import read_agent

    (folder / "a.toml").write_text(AGENT, encoding="utf-8")

    async def go() -> Soak:
        async with stream_server(*plays) as server:
            spec = read_agent(folder / "a.toml", f"stream:{server.url}")
            return await asyncio.to_thread(soak, RunRequest(spec, find_home(folder), speed=1.0), 0.07)

    return asyncio.run(go())


def test_what_holds_out_passes(tmp_path: Path) -> None:
    seen = seen_of(tmp_path, trades)
    assert seen.faults() == []
    assert (seen.uptime_pct, seen.links_lost) == (100.0, 0)
    assert seen.ticks > seen.candles == seen.stored_candles > 0
    assert seen.fills == 1


def test_a_lost_connection_is_told(tmp_path: Path) -> None:
    seen = seen_of(tmp_path, breaks_off, trades)
    assert "The feed's connection was lost 1 times." in seen.faults()


def test_a_feed_that_says_nothing_fails_and_the_exit_code_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(AGENT, encoding="utf-8")
    words = ("--feed", "push", "--minutes", "0.02", "--data-dir", tmp_path / "home", "--json")
    outcome = tidemill("soak", tmp_path / "a.toml", *words)
    told = json.loads(outcome.out)
    assert (outcome.code, told["ticks"], told["candles"]) == (1, 0, 0)
    assert "Not one tick or bar came from the feed." in told["faults"]


@pytest.mark.parametrize("minutes", [0.0, -1.0, float("nan"), 1e9])
def test_a_soak_has_an_end(tmp_path: Path, minutes: float) -> None:
    from tidemill.cli.agent_file import read_agent

    (tmp_path / "a.toml").write_text(AGENT, encoding="utf-8")
    with pytest.raises(ConfigError, match="lasts between"):
        soak(RunRequest(read_agent(tmp_path / "a.toml", "push"), find_home(tmp_path)), minutes)
